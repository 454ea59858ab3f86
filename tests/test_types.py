"""Every public function, method, property and field says what it takes and what it returns."""

import builtins
import dataclasses
import functools
import importlib
import inspect
import re
import typing

import pytest

import convexnn
from convexnn._utils import aliases as _typing
from convexnn.duality.records import PROOFS
from convexnn.estimators._watch import with_callbacks
from convexnn.losses import LOSSES
from convexnn.solvers.solve import PATTERNS, SOLVERS

PUBLIC = (
    "convexnn",
    "convexnn.arrangements",
    "convexnn.dask",
    "convexnn.datasets",
    "convexnn.deep",
    "convexnn.duality",
    "convexnn.estimators",
    "convexnn.exchange",
    "convexnn.gated",
    "convexnn.interpolation",
    "convexnn.landscape",
    "convexnn.optimal_sets",
    "convexnn.programs",
    "convexnn.responses",
    "convexnn.solvers",
    "convexnn.sweeps",
)


def public_objects():
    """Return the public functions and classes by the place where they are defined."""
    found = {}
    for name in PUBLIC:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", [key for key in vars(module) if not key.startswith("_")]):
            value = getattr(module, public)
            if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith("convexnn."):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def members(cls):
    """Return the class's public methods and properties that the package itself wrote, with its constructor."""
    for name, value in inspect.getmembers_static(cls):
        if name.startswith("_") and name not in ("__init__", "__call__", "__len__", "__iter__", "__getitem__"):
            continue
        if name == "__init__" and dataclasses.is_dataclass(cls) and "__create_fn__" in value.__qualname__:
            continue
        if isinstance(value, property):
            value = value.fget
        elif isinstance(value, functools.cached_property):
            value = value.func
        elif isinstance(value, staticmethod | classmethod):
            value = value.__func__
        elif hasattr(value, "attribute_name") and hasattr(value, "fn"):  # scikit-learn's available_if
            value = value.fn
        if inspect.isfunction(value) and value.__module__.startswith("convexnn."):
            yield value


def missing(function):
    """Return the names of the arguments, and `return`, that have no annotation."""
    signature = inspect.signature(function)
    entries = {name: entry.annotation for name, entry in signature.parameters.items()}
    if next(iter(entries), "") in ("self", "cls"):
        del entries[next(iter(entries))]
    entries["return"] = signature.return_annotation
    return [name for name, annotation in entries.items() if annotation is inspect.Signature.empty]


class Known(dict):
    """The names of a module; what is imported for type checkers only may be anything."""

    def __missing__(self, name):
        return getattr(builtins, name, typing.Any)


def resolved(annotation, module):
    """Return the type behind an annotation, which may be its text."""
    names = Known(vars(importlib.import_module(module)))
    return eval(annotation, {}, names) if isinstance(annotation, str) else annotation


PUBLIC_OBJECTS = public_objects()


@pytest.mark.parametrize("name", sorted(PUBLIC_OBJECTS))
def test_public_names_are_annotated(name):
    value = PUBLIC_OBJECTS[name]
    functions = list(members(value)) if inspect.isclass(value) else [value]
    bare = {function.__qualname__: gone for function in functions if (gone := missing(function))}
    assert not bare
    if dataclasses.is_dataclass(value):
        types = {field.name: resolved(field.type, value.__module__) for field in dataclasses.fields(value)}
        vague = [field for field, kind in types.items() if kind in (object, list, tuple, dict)]
        assert not vague


@pytest.mark.parametrize(
    ("alias", "known"),
    [
        (_typing.Proof, PROOFS),
        (_typing.Solver, SOLVERS),
        (_typing.Patterns, PATTERNS),
        (_typing.LossName, (*LOSSES, "multinomial")),
        (_typing.RegressionLoss, convexnn.ConvexReLURegressor._losses),
        (_typing.ClassificationLoss, convexnn.ConvexReLUClassifier._losses),
    ],
)
def test_the_words_of_the_types_are_those_that_are_accepted(alias, known):
    assert set(typing.get_args(alias)) == set(known)


@pytest.mark.parametrize("estimator", [convexnn.GatedReLURegressor, convexnn.GatedReLUClassifier])
def test_the_losses_of_gated_estimators_are_those_of_their_type(estimator):
    annotation = inspect.get_annotations(estimator.__init__)["loss"]
    assert typing.get_args(resolved(annotation, estimator.__module__)) == estimator._losses


@pytest.mark.parametrize("name", sorted(key for key, value in PUBLIC_OBJECTS.items() if inspect.isfunction(value)))
def test_arguments_that_may_be_none_say_so(name):
    function = PUBLIC_OBJECTS[name]
    for argument in inspect.signature(function).parameters.values():
        if argument.default is None and argument.annotation is not inspect.Signature.empty:
            kind = resolved(argument.annotation, function.__module__)
            assert kind is typing.Any or re.search(r"None|Optional|RandomState\b|Any\b", str(kind)), argument


@pytest.mark.parametrize("name", sorted(PUBLIC_OBJECTS))
def test_signatures_are_short_enough_to_be_read(name):
    """Evaluated, ArrayLike is seven unions long in every help text."""
    value = PUBLIC_OBJECTS[name]
    for function in members(value) if inspect.isclass(value) else [value]:
        for argument in inspect.signature(function).parameters.values():
            assert len(str(argument)) < 130, argument


ESTIMATORS = [value for value in PUBLIC_OBJECTS.values() if inspect.isclass(value) and hasattr(value, "get_params")]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_fitted_attributes_have_types(estimator):
    """`feature_names_in_` is scikit-learn's, and there only for tables."""
    section = inspect.getdoc(estimator).split("Attributes\n----------\n")[1].split("\n\n")[0]
    documented = set(re.findall(r"\b[a-z]\w*_\b", re.sub(r"^ .*$", "", section, flags=re.MULTILINE)))
    annotated = set().union(*(inspect.get_annotations(cls) for cls in estimator.__mro__))
    assert len(documented) > 5
    assert {name for name in documented - {"feature_names_in_"} if not hasattr(estimator, name)} <= annotated


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_fit_returns_the_estimator_for_type_checkers(estimator):
    assert "Self" in str(inspect.signature(estimator.fit).return_annotation)
    assert typing.get_type_hints(with_callbacks)["return"] is typing.get_type_hints(with_callbacks)["fit"]
