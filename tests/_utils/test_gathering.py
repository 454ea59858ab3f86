"""Dask collections that ordinary estimators are handed: gathered, with their names, and not in silence."""

import warnings

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, GatheringWarning

array = pytest.importorskip("dask.array", reason="the extra `dask` is needed: pip install 'convexnn[dask]'")
dataframe = pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")


def table():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 2))
    return pandas.DataFrame({"width": X[:, 0], "height": X[:, 1], "y": np.abs(X[:, 0]) + 0.1 * X[:, 1]})


def test_an_array_is_gathered_and_its_size_named():
    frame = table()
    X, y = frame[["width", "height"]].to_numpy(), frame["y"].to_numpy()
    here = ConvexReLURegressor(0.1).fit(X, y)
    with pytest.warns(GatheringWarning) as caught:
        there = ConvexReLURegressor(0.1).fit(array.from_array(X, chunks=(10, 2)), array.from_array(y, chunks=10))
    said = [str(warning.message) for warning in caught]
    assert [message.split()[0] for message in said] == ["X", "y"]
    assert "less than 0.1 MB" in said[0] and "convexnn.dask.DaskConvexReLURegressor" in said[0]
    assert all(warning.filename == __file__ for warning in caught)
    np.testing.assert_array_equal(here.predict(X), there.predict(X))
    with pytest.warns(GatheringWarning, match="48.0 MB") as caught:
        there.predict(array.zeros((3_000_000, 2), chunks=(1_000_000, 2)))
    assert caught[0].filename == __file__


def test_a_frame_keeps_the_names_of_its_columns():
    frame = dataframe.from_pandas(table(), npartitions=3)
    X, y = frame[["width", "height"]], frame["y"]
    with pytest.warns(GatheringWarning, match="3 partitions of unknown size"):
        model = ConvexReLURegressor(0.1).fit(X, y, sample_weight=y + 1.0)
    assert model.feature_names_in_.tolist() == ["width", "height"]
    in_memory = table()
    weight = in_memory["y"] + 1.0
    here = ConvexReLURegressor(0.1).fit(in_memory[["width", "height"]], in_memory["y"], sample_weight=weight)
    assert here.certificate_.primal == model.certificate_.primal


def test_labels_in_a_series_are_gathered():
    frame = table()
    frame["label"] = np.where(frame["y"] > 0.7, "far", "near")
    there = dataframe.from_pandas(frame, npartitions=2)
    with pytest.warns(GatheringWarning, match="^[Xy] is"):
        model = ConvexReLUClassifier(1.0).fit(there[["width", "height"]], there["label"])
    assert model.classes_.tolist() == ["far", "near"]


def test_data_in_memory_are_gathered_in_silence():
    frame = table()
    with warnings.catch_warnings():
        warnings.simplefilter("error", GatheringWarning)
        ConvexReLURegressor(1.0).fit(frame[["width", "height"]], frame["y"]).predict(frame[["width", "height"]])
