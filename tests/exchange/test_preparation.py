"""What a file keeps of the preparation of raw tables: it comes back as it was, and is refused where it was forged."""

import numpy as np
import pandas as pd
import pytest

from convexnn.exceptions import FileFormatError, InvalidInputError
from convexnn.exchange import Column, Preparation, archives, load_network, save_network

from .networks import random_network

NETWORK = random_network(3, (), (True, True, False))  # of two inputs
COLOR = Column("color", "text", "red", ("blue", "red"))
FULL = Preparation(
    (COLOR,),
    missing="median",
    drop_missing_target=True,
    left_out={"Unnamed: 0": "counts the rows"},
    reading={"separator": ";", "decimal": ",", "na_values": ["?"], "keep_na": True},
)
PLAIN = Preparation((Column("a"), Column("b")))


def header_of(path):
    header, arrays = archives.read_archive(path, 2**20)
    return {name: value for name, value in header.items() if name not in ("arrays", "sha256")}, arrays


@pytest.mark.parametrize(
    "preparation",
    [FULL, PLAIN, Preparation((Column("flag", "boolean", 1.0), Column("a", "number", -0.5)), missing="median")],
)
def test_it_comes_back_from_a_file(tmp_path, preparation):
    path = tmp_path / "network.npz"
    save_network(path, NETWORK, preparation=preparation)
    assert load_network(path).preparation == preparation
    assert header_of(path)[0]["version"] == 2


def test_files_without_it_are_those_of_earlier_versions(tmp_path):
    path = tmp_path / "network.npz"
    save_network(path, NETWORK)
    header, _ = header_of(path)
    assert header["version"] == 1 and "preparation" not in header
    assert load_network(path).preparation is None


def test_a_raw_table_is_predicted(tmp_path):
    path = tmp_path / "network.npz"
    save_network(path, NETWORK, preparation=FULL, center=[0.5, 0.5])
    saved = load_network(path)
    X = saved.preparation.apply(pd.DataFrame({"other": range(4), "color": ["red", "blue", None, "green"]}))
    np.testing.assert_array_equal(X, [[0, 1], [1, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(saved.predict(X), NETWORK.predict(X - 0.5))


def test_cells_that_are_no_numbers_are_named():
    with pytest.raises(InvalidInputError, match=r"column 'b' \(row 2: 'x'\) must hold numbers"):
        PLAIN.apply(pd.DataFrame({"a": [1, 2], "b": ["1.5", "x"]}))
    with pytest.raises(InvalidInputError, match=r"column 'f' \(row 1: .*2.*\) must hold booleans"):
        Preparation((Column("f", "boolean"),)).apply(pd.DataFrame({"f": [2, 1]}))
    with pytest.raises(InvalidInputError, match="has no column 'a', 'b'"):
        PLAIN.apply(pd.DataFrame({"c": [1]}))


def test_booleans_are_read_from_whatever_a_table_makes_of_them():
    flags = Preparation((Column("f", "boolean"),))
    for cells in ([True, None, False], ["TRUE", None, "false"], [1.0, None, 0.0], pd.array([True, None, False])):
        np.testing.assert_array_equal(flags.apply(pd.DataFrame({"f": cells})), [[1.0], [np.nan], [0.0]])


def forged(change):
    entry = FULL.to_json()
    change(entry)
    return entry


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.pop("missing"),
        lambda entry: entry.update(code="import os"),
        lambda entry: entry.update(missing="guess"),
        lambda entry: entry.update(missing=["median"]),
        lambda entry: entry.update(missing="refuse"),  # and yet the column is filled
        lambda entry: entry.update(drop_missing_target=1),
        lambda entry: entry.update(left_out={"a": 1}),
        lambda entry: entry.update(left_out=["a"]),
        lambda entry: entry.update(reading={"engine": "python"}),
        lambda entry: entry.update(reading={"decimal": 1}),
        lambda entry: entry.update(reading={"na_values": "?"}),
        lambda entry: entry.update(reading={"keep_na": "yes"}),
        lambda entry: entry.update(columns=[]),
        lambda entry: entry.update(columns={"name": "a"}),
        lambda entry: entry.update(columns=entry["columns"] * 2),
        lambda entry: entry["columns"][0].update(name=1),
        lambda entry: entry["columns"][0].update(kind="date"),
        lambda entry: entry["columns"][0].update(kind=["text"]),
        lambda entry: entry["columns"][0].update(kind="number"),
        lambda entry: entry["columns"][0].update(fill="green"),
        lambda entry: entry["columns"][0].update(fill=1.0),
        lambda entry: entry["columns"][0].update(categories=[]),
        lambda entry: entry["columns"][0].update(categories=["red", "blue"]),
        lambda entry: entry["columns"][0].update(categories=["blue", "blue", "red"]),
        lambda entry: entry["columns"][0].update(categories=["blue", 1]),
        lambda entry: entry["columns"][0].update(categories="ab"),
        lambda entry: entry["columns"][0].update(kind="number", categories=[], fill=10**400),
        lambda entry: entry["columns"][0].update(kind="number", categories=[], fill=True),
        lambda entry: entry["columns"].append({"name": "color=red", "kind": "number", "fill": 0.0, "categories": []}),
    ],
)
def test_forged_entries_are_refused(tmp_path, change):
    path = tmp_path / "network.npz"
    save_network(path, NETWORK, preparation=FULL)
    header, arrays = header_of(path)
    archives.write_archive(path, header | {"preparation": forged(change)}, arrays)
    with pytest.raises(FileFormatError, match="is refused: its header has an entry preparation that cannot be"):
        load_network(path)


def test_another_number_of_inputs_is_refused_on_both_ways(tmp_path):
    path = tmp_path / "network.npz"
    with pytest.raises(InvalidInputError, match="preparation must have 2 inputs, as the network has; got 1"):
        save_network(path, NETWORK, preparation=Preparation((Column("a"),)))
    with pytest.raises(InvalidInputError, match="must be a Preparation; got dict"):
        save_network(path, NETWORK, preparation=FULL.to_json())
    with pytest.raises(InvalidInputError, match="preparation cannot be saved"):
        save_network(path, NETWORK, preparation=Preparation((Column("a"), Column("a"))))
    assert not list(tmp_path.iterdir())
    save_network(path, NETWORK, preparation=PLAIN)
    header, arrays = header_of(path)
    archives.write_archive(path, header | {"preparation": Preparation((Column("a"),)).to_json()}, arrays)
    with pytest.raises(FileFormatError, match="preparation must have 2 inputs"):
        load_network(path)
