"""What has moved is still where it was, for one release."""

import importlib

import pytest

from convexnn._moved import MODULES, NAMES


@pytest.mark.parametrize("old", sorted(MODULES))
def test_old_modules_have_the_names_of_new_ones(old):
    with pytest.warns(DeprecationWarning, match="has moved to"):
        found = importlib.reload(importlib.import_module(old))
    new = importlib.import_module(MODULES[old])
    public = [name for name in vars(new) if not name.startswith("_")]
    assert public and all(getattr(found, name) is getattr(new, name) for name in public)
    assert new.__spec__.name == new.__name__ == MODULES[old]


@pytest.mark.parametrize("package", sorted(NAMES))
def test_old_names_are_the_new_objects(package):
    for name, new in NAMES[package].items():
        assert getattr(importlib.import_module(package), name) is getattr(importlib.import_module(new), name)
