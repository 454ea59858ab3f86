"""The marks in numbers: what a file with other marks needs, the same numbers after that, and no silent choice."""

import shlex

import numpy as np
import pandas as pd
import pytest

from convexnn.cli.columns import choose_columns
from convexnn.cli.marks import Marks, fitting
from convexnn.cli.problems import TableError
from convexnn.cli.tabular import Reading, inspect_frame

from .helpers import fails, make_frame, run_json

RNG = np.random.default_rng(1)
SHARES, SIZES = RNG.uniform(0.1, 0.9, 30).round(3), RNG.uniform(1, 9, 30).round(3)
MILLIONS = (1e6 * SIZES).round()
QUICK = ("--target", "y", "--proof", "heuristic", "--tol", "0.1")


def written(values, decimals, marks):
    """Return numbers as text, with a mark before the decimals and one between thousands."""
    return [f"{v:,.{decimals}f}".translate({46: marks.decimal, 44: marks.thousands or ""}) for v in values]


def refusal(path, reading=None, **roles):
    """Return the problems of a file, the line of options that solve them and the `TableError`."""
    reading = reading or Reading()
    frame, problems = inspect_frame(str(path), reading)
    with pytest.raises(TableError) as caught:
        choose_columns(frame, "y", reading=reading, problems=problems, **roles)
    return "\n".join(caught.value.lines()), caught.value.options()


def reading_with(options):
    """Return the `Reading` of a line of options."""
    parts = iter(shlex.split(options))
    return Reading(**{part.removeprefix("--"): next(parts) for part in parts})


COMMA, GERMAN, NARROW = Marks(","), Marks(",", "."), Marks(",", "\u202f")


@pytest.mark.parametrize(
    "columns, options",
    [
        ({"a": (SHARES, 3, COMMA), "b": (SIZES, 3, COMMA)}, "--separator ';' --decimal ','"),
        ({"a": (SHARES, 2, COMMA), "b": (MILLIONS, 0, GERMAN)}, "--separator ';' --decimal ',' --thousands '.'"),
        ({"a": (SHARES, 2, COMMA), "b": (1e3 * SIZES, 0, GERMAN)}, "--separator ';' --decimal ',' --thousands '.'"),
        ({"a": (SHARES, 2, COMMA), "b": (1e4 * SIZES, 2, NARROW)}, "--separator ';' --decimal ',' --thousands ' '"),
        (
            {"a": (SHARES, 2, COMMA), "b": (1e4 * SIZES, 0, Marks(",", "\u00a0"))},
            "--separator ';' --decimal ',' --thousands ' '",
        ),
        ({"a": (SHARES, 2, Marks()), "b": (1e4 * SIZES, 2, Marks(".", "'"))}, "--separator ';' --thousands \"'\""),
        ({"a": (SHARES, 2, Marks()), "b": (1e4 * SIZES, 1, Marks(".", "\u2019"))}, "--separator ';' --thousands \"'\""),
        ({"a": (SHARES, 2, Marks()), "b": (1e3 * SIZES, 0, Marks(".", ","))}, "--separator ';' --thousands ','"),
        (
            {"a": (MILLIONS, 0, Marks(".", ",")), "b": (1e3 * SIZES, 0, Marks(".", ","))},
            "--separator ';' --thousands ','",
        ),
    ],
)
def test_the_options_of_the_message_give_the_right_numbers(tmp_path, columns, options):
    table = {name: written(*column) for name, column in columns.items()} | {"y": range(5, 35)}
    pd.DataFrame(table).to_csv(tmp_path / "raw.csv", sep=";", index=False)
    text, found = refusal(tmp_path / "raw.csv")
    assert found == options, text
    frame, problems = inspect_frame(str(tmp_path / "raw.csv"), reading_with(found))
    assert problems == []
    data = choose_columns(frame, "y")
    for k, (values, decimals, _) in enumerate(columns.values()):
        np.testing.assert_allclose(data.X[:, k], values, atol=0.5 * 10.0**-decimals + 1e-9)


def test_all_columns_that_are_read_in_another_way_are_named(tmp_path):
    table = {"a": written(SHARES, 2, COMMA), "rev": written(1e3 * SIZES, 0, GERMAN), "y": written(SIZES, 2, COMMA)}
    pd.DataFrame(table).to_csv(tmp_path / "raw.csv", sep=";", index=False)
    text, _ = refusal(tmp_path / "raw.csv", Reading(separator=";"))
    assert (
        f"'rev' (row 1: '{table['rev'][0]}'): numbers, when the file is read with --decimal ',' --thousands '.'" in text
    )


@pytest.mark.parametrize("separator", [";", ","])
def test_number_with_two_readings_is_asked_about(tmp_path, capsys, separator):
    table = {"a": ["12,345", *written(1e4 * SIZES[1:], 0, Marks(".", ","))], "city": ["u", "v"] * 15, "y": range(30)}
    pd.DataFrame(table).to_csv(tmp_path / "raw.csv", sep=separator, index=False)
    reading = Reading(separator=separator)
    text, options = refusal(tmp_path / "raw.csv", reading)
    assert "With --thousands ',' '12,345' is 12345, with --decimal ',' it is 12.345." in text
    assert options == "--encode, and --thousands ',' or --decimal ','"
    for choice, value in (({"thousands": ","}, 12345), ({"decimal": ","}, 12.345)):
        frame, _ = inspect_frame(str(tmp_path / "raw.csv"), Reading(separator=separator, **choice))
        assert choose_columns(frame, "y", drop=["city"]).X[0, 0] == value
    path = str(tmp_path / "raw.csv")
    _, document = run_json(capsys, "fit", path, "--separator", separator, *QUICK)
    assert document["error"]["problems"][1]["choices"] == [["--thousands ','"], ["--decimal ','"]]


def test_what_an_option_says_decides(tmp_path):
    table = {"a": ["5.128"] * 29 + ["6.200"], "b": written(SIZES, 3, COMMA), "y": range(30)}
    pd.DataFrame(table).to_csv(tmp_path / "raw.csv", sep=";", index=False)
    text, options = refusal(tmp_path / "raw.csv", Reading(separator=";", decimal=","))
    assert (
        options == "--thousands '.'"
        and "'a' (row 1: '5.128'): numbers, when the file is read with --thousands '.'." in text
    )


def test_options_that_a_file_does_not_need_are_taken_back(tmp_path):
    path = tmp_path / "raw.csv"
    pd.DataFrame({"a": SHARES, "b": SIZES, "y": SIZES + SHARES}).to_csv(path, index=False)
    text, options = refusal(path, Reading(decimal=","))
    assert "'b' (row 1: '" in text and "with --decimal '.' in place of --decimal ','." in text
    assert options == "--decimal '.'"
    pd.DataFrame({"a": written(SHARES, 3, COMMA), "b": np.arange(30) ** 2, "y": range(30)}).to_csv(path, index=False)
    text, _ = refusal(path, Reading(thousands=","))
    assert "with --decimal ',' --thousands '.' in place of --thousands ','." in text


def test_columns_written_in_two_ways_are_dropped_or_rewritten(tmp_path):
    path = tmp_path / "raw.csv"
    table = {"a": SHARES, "rev": written(MILLIONS, 0, GERMAN), "both": ["1,5", "2.5", "3"] * 10, "y": SIZES}
    pd.DataFrame(table).to_csv(path, sep=";", index=False)
    text, options = refusal(path)
    assert "'both' (row 1: '1,5'): numbers that are written in another way than others of the file. Write all" in text
    assert options == "--separator ';' --drop rev,both"


def test_dropped_column_does_not_change_the_others(tmp_path):
    path = tmp_path / "raw.csv"
    table = {"a": written(SHARES, 3, COMMA), "b": SIZES, "c": SIZES, "d": SIZES, "y": range(30)}
    pd.DataFrame(table).to_csv(path, sep=";", index=False)
    reading = Reading(separator=";")
    assert refusal(path, reading)[1] == "--drop a" and "in another way than others" in refusal(path, reading)[0]
    assert "with --decimal ','" in refusal(path, reading, drop=["b", "c", "d"])[0]


def test_marks_beside_marks_of_missing_values(tmp_path):
    path = tmp_path / "raw.csv"
    cells = ["?" if k % 4 == 0 else cell for k, cell in enumerate(written(SHARES, 3, COMMA))]
    pd.DataFrame({"a": cells, "b": written(SIZES, 3, COMMA), "y": range(30)}).to_csv(path, sep=";", index=False)
    text, options = refusal(path)
    assert options == "--separator ';' --decimal ',' --impute median --na-values '?'"
    text, _ = refusal(path, Reading(";", ","))
    assert "'a' (row 1: '?'): networks need numbers, as most cells are" in text and "--decimal" not in text


def test_the_minus_of_typographers_is_one(tmp_path):
    path = tmp_path / "raw.csv"
    path.write_text("a;b;y\n\u22120,25;1;2\n\u22121.234,5;2;3\n7;3;5\n", encoding="utf-8")
    frame, _ = inspect_frame(str(path), Reading(";", ",", "."))
    assert frame["a"].tolist() == [-0.25, -1234.5, 7.0]


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u202f", "\u2009"])
def test_blanks_of_every_kind_are_one_mark(tmp_path, mark):
    path = tmp_path / "raw.csv"
    path.write_text("a;y\n1 234;1\n2\u00a0345;2\n3\u202f456\u00a0789;3\n", encoding="utf-8")
    frame, _ = inspect_frame(str(path), Reading(";", None, mark))
    assert frame["a"].tolist() == [1234, 2345, 3456789]


def test_one_mark_has_one_meaning(tmp_path, capsys):
    path = tmp_path / "raw.csv"
    make_frame().to_csv(path, index=False)
    message = fails(capsys, "fit", str(path), *QUICK, "--decimal", ",", "--thousands", ",")
    assert "--decimal and --thousands must be two marks; got ',' twice." in message
    path.write_text("a;y\n1.234;1\n0.5;2\n", encoding="utf-8")
    frame, _ = inspect_frame(str(path), Reading(";", None, "."))  # points between thousands are not before decimals
    assert frame["a"].tolist() == ["1.234", "0.5"]


@pytest.mark.parametrize(
    "cells, ways",
    [
        (("0,509", "5,129"), {Marks(","), Marks(",", "."), Marks(",", " "), Marks(",", "'")}),
        (("-0,509",), {Marks(","), Marks(",", "."), Marks(",", " "), Marks(",", "'")}),
        (("012,345",), {Marks(","), Marks(",", "."), Marks(",", " "), Marks(",", "'")}),
        (("1,234,567",), {Marks(".", ",")}),
        (("5.128.548", "12"), {Marks(",", ".")}),
        (("1.234,5",), {Marks(",", ".")}),
        (("1,5", "2.5"), set()),
    ],
)
def test_with_which_marks_numbers_can_be_read(cells, ways):
    assert set(fitting(list(cells))) == ways
