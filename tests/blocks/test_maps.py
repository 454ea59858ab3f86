"""Blocks of rows from memory maps: the rows of the array, and no more memory than a block."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from convexnn.blocks import array_blocks
from convexnn.exceptions import InvalidInputError

READ_ALL = """
import resource, sys
from convexnn.blocks import array_blocks
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = array_blocks(sys.argv[1], sys.argv[2])
before, total = used(), 0.0
for X, y in (block for _ in range(2) for block in source()):
    assert str(X.dtype) == "float32"
    total += float(X[:, 0].sum())
print(used() - before, total)
"""

FIT = """
import resource, sys, warnings
from convexnn import ConvexReLURegressor
from convexnn.blocks import array_blocks
warnings.simplefilter("ignore")
used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source = array_blocks(sys.argv[1], sys.argv[2])
before = used()
model = ConvexReLURegressor(beta=2e4, max_iter=1).fit_blocks(source)
print(used() - before, model.network_.width)
"""


def joined(source):
    """Return the blocks of one pass as whole arrays."""
    return [np.concatenate(parts) for parts in zip(*source(), strict=True)]


@pytest.fixture
def stored(tmp_path):
    """Arrays of single precision, and the folder of their files."""
    rng = np.random.default_rng(0)
    arrays = {"X": rng.standard_normal((50, 3), dtype=np.float32), "y": rng.standard_normal((50, 2))}
    arrays["w"] = rng.random(50)
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path, arrays


@pytest.mark.parametrize("kind", ["array", "map", "path"])
def test_every_pass_has_the_rows_of_the_arrays(stored, kind):
    folder, arrays = stored
    paths = [folder / f"{name}.npy" for name in arrays]
    given = {
        "array": list(arrays.values()),
        "map": [np.load(path, mmap_mode="r") for path in paths],
        "path": paths,
    }[kind]
    source = array_blocks(*given, rows=7)
    for again in (source, source, pickle.loads(pickle.dumps(source))):
        for got, wanted in zip(joined(again), arrays.values(), strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)
    assert [len(y) for _, y, _ in source()] == [7] * 7 + [1]


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_map_keeps_what_was_written_to_it(stored, mode):
    folder, arrays = stored
    X = np.load(folder / "X.npy", mmap_mode=mode)
    if mode != "r":
        X[:] += 1
    found, _ = joined(array_blocks(X[5:45], arrays["y"][5:45], rows=7))
    np.testing.assert_array_equal(found, X[5:45])
    np.testing.assert_array_equal(X, arrays["X"] + np.float32(mode != "r"))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are handed back on Linux")
def test_a_pass_takes_the_memory_of_a_block(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(4_000_000, 20))
    X[:, 0], X[:, 5] = 1.0, 2.0  # 320 MB
    np.save(tmp_path / "y.npy", np.zeros(len(X)))
    command = [sys.executable, "-c", READ_ALL, tmp_path / "X.npy", tmp_path / "y.npy"]
    kilobytes, total = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert float(total) == 2 * len(X)
    assert int(kilobytes) < 40_000


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are handed back on Linux")
def test_a_fit_on_blocks_takes_less_memory_than_the_data(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(1_000_000, 80))
    rng = np.random.default_rng(0)
    for start in range(0, len(X), 100_000):
        X[start : start + 100_000] = rng.standard_normal((100_000, 80), dtype=np.float32)
    np.save(tmp_path / "y.npy", np.maximum(X[:, 0], 0.0))
    command = [sys.executable, "-c", FIT, tmp_path / "X.npy", tmp_path / "y.npy"]
    kilobytes, width = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(width) >= 1
    assert int(kilobytes) < 0.8 * X.nbytes / 1024  # 320 MB


@pytest.mark.parametrize(
    "arrays, message",
    [
        ((np.zeros(3), np.zeros(3)), r"X must have shape .* got \(3,\)"),
        ((np.zeros((3, 0)), np.zeros(3)), "X must have shape"),
        ((np.zeros((3, 1)), np.zeros(4)), "y must have one entry per row of X, 3; got shape"),
        ((np.zeros((3, 1)), np.zeros(3), np.zeros((3, 1))), "weight must have one entry per row"),
    ],
)
def test_arrays_of_other_shapes_are_refused(arrays, message):
    with pytest.raises(InvalidInputError, match=message):
        array_blocks(*arrays)
