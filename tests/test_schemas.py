"""The schemas by themselves; real documents are checked against them wherever a test has one."""

import copy

import pytest
from jsonschema import Draft202012Validator, ValidationError

from convexnn.cli.parser import COMMANDS
from convexnn.exchange.files import DATA, SCALING, TERMS
from convexnn.exchange.headers import HEADER_ENTRIES, NAME_ENTRIES, PREPARATION_ENTRY
from convexnn.exchange.preparation import PREPARATION_ENTRIES, READING_ENTRIES

from .schemas import NAMES, check_document, schema, validator

HEAD = {"exit_code": 0, "warnings": [], "notes": []}
FAILURE = {"exit_code": 2, "warnings": [], "notes": [], "error": {"type": "InvalidInputError", "message": "no"}}
BENCH = HEAD | {
    "command": "bench",
    "n_samples": 10,
    "n_features": 3,
    "beta": 1.0,
    "competitors": [{"name": "a", "seconds": 1.0, "ratio": 1.0, "objective": None, "excess": 0.0, "note": ""}],
    "certificate": {
        "primal": 1.0,
        "dual": 1.0,
        "gap": 0.0,
        "relative_gap": 0.0,
        "proof": "exact",
        "heuristic_gap": 0.0,
        "status": "optimal",
    },
}


def references(entry):
    """All references in a schema."""
    if isinstance(entry, dict):
        own = [entry["$ref"]] if "$ref" in entry else []
        return own + [found for value in entry.values() for found in references(value)]
    return [found for value in entry for found in references(value)] if isinstance(entry, list) else []


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_and_refer_to_what_is_there(name):
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == Draft202012Validator.META_SCHEMA["$id"] and schema(name)["title"]
    for reference in references(schema(name)):
        file, _, place = reference.partition("#/$defs/")
        assert place in schema(file.removesuffix(".json") or name)["$defs"], reference


def test_every_command_has_a_schema():
    assert set(NAMES) == {*COMMANDS, "common", "network_header"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_may_fail(name):
    check_document(FAILURE | {"command": name})
    with pytest.raises(AssertionError):
        check_document(FAILURE | {"command": name, "exit_code": 0})
    with pytest.raises(AssertionError):
        check_document(FAILURE | {"command": "other"}, name)


def altered(document, *path, value=None):
    """A copy of a document with another value at a place, or without the entry."""
    found = copy.deepcopy(document)
    at = found
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return found


WRONG = [
    altered(BENCH, "beta"),
    altered(BENCH, "warnings"),
    altered(BENCH, "surplus", value=1),
    altered(BENCH, "certificate", "surplus", value=1),
    altered(BENCH, "certificate", "proof", value="surely"),
    altered(BENCH, "certificate", "dual"),
    altered(BENCH, "competitors", 0, "objective", value="1.0"),
    altered(BENCH, "n_samples", value=-1),
    altered(BENCH, "exit_code", value=7),
]


@pytest.mark.parametrize("document", WRONG, ids=range(len(WRONG)))
def test_documents_of_another_kind_are_refused(document):
    check_document(BENCH)
    with pytest.raises(ValidationError):
        validator("bench").validate(document)


def test_schema_of_headers_names_the_entries_of_headers():
    header = schema("network_header")
    assert set(header["properties"]) == HEADER_ENTRIES | NAME_ENTRIES | {PREPARATION_ENTRY}
    assert set(header["required"]) == HEADER_ENTRIES | NAME_ENTRIES
    arrays = header["properties"]["arrays"]["propertyNames"]["enum"]
    assert set(arrays) == {*TERMS, *DATA, "dual_point", *SCALING}
    preparation = schema("common")["$defs"]["preparation"]
    assert set(preparation["required"]) == PREPARATION_ENTRIES
    assert set(preparation["properties"]["reading"]["properties"]) == READING_ENTRIES
