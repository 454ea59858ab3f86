"""The JSON Schemas that go with the package, and the check of a document against its own."""

import json
from functools import cache
from importlib import resources

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = resources.files("convexnn") / "schemas"
NAMES = sorted(entry.name.removesuffix(".json") for entry in FOLDER.iterdir() if entry.name.endswith(".json"))


@cache
def schema(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


@cache
def validator(name):
    """The validator of a schema, which may refer to the one of what documents have in common."""
    registry = Registry().with_resource("common.json", Resource.from_contents(schema("common")))
    return Draft202012Validator(schema(name), registry=registry)


def check_document(document, name=None):
    """Fail where a document is not what its schema says: that of its command, or the named one."""
    found = [explained(error) for error in validator(name or document["command"]).iter_errors(document)]
    assert not found, "\n".join(found)


def explained(error):
    """Return where an error is, those of the alternatives included."""
    lines = [f"{error.json_path}: {error.message[:300]}"]
    return "\n".join([*lines, *(explained(cause) for cause in error.context or ())])
