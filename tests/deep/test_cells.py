"""Patterns of patterns: none is missing, none is empty, and too many are refused before they are made."""

import numpy as np
import pytest

from convexnn import PatternLimitError
from convexnn.deep import train_three_layer
from convexnn.deep.cells import make_cells
from tests.arrangements.reference import has_interior

GRID = np.column_stack([[-2.0, -1.0, 0.5, 1.0, 2.0], np.ones(5)])
DATA = {
    "random": np.random.default_rng(0).standard_normal((4, 2)),
    "three columns": np.random.default_rng(1).standard_normal((3, 3)),
    "line with bias": GRID,
    "equal and opposite rows": np.array([[1.0, 2.0], [1.0, 2.0], [-2.0, -4.0], [1.0, -1.0]]),
    "one column": np.array([[1.0], [2.0], [-1.0]]),
}


def split(cells):
    """The cells as (gates, signs, mask)."""
    for c, mask in enumerate(cells.masks):
        slots = cells.owner == c
        yield cells.gates[slots], cells.signs[slots], mask


@pytest.mark.parametrize("name", DATA)
def test_two_neurons_at_random_are_in_a_cell(name):
    X, rng = DATA[name], np.random.default_rng(0)
    known = {(gates.tobytes(), mask.tobytes()) for gates, _, mask in split(make_cells(X, 2, 10**6))}
    V = rng.standard_normal((20_000, 2, X.shape[1])) * np.exp(2 * rng.standard_normal((20_000, 2, 1)))
    before = V @ X.T
    z = np.maximum(before[:, 0], 0) - np.maximum(before[:, 1], 0)
    met = set()
    for gates, values in zip(before > 0, z, strict=True):
        if not gates[0].any() or not gates[1].any() or np.all(values <= 0):
            continue
        mask = (values > 0) | (values == 0) & gates[0]  # rows on which nothing is active are known to be off
        met.add((gates.tobytes(), mask.tobytes()))
    assert len(met) >= 2 and met <= known


@pytest.mark.parametrize("name", DATA)
def test_wide_subnetworks_at_random_are_in_a_cell(name):
    X, rng = DATA[name], np.random.default_rng(0)
    known = {mask.tobytes() for mask in make_cells(X, None, 10**6).masks}
    met = set()
    for _ in range(5_000):
        hidden = np.maximum(X @ rng.standard_normal((X.shape[1], 8)), 0)
        z = hidden @ (rng.standard_normal(8) * np.exp(2 * rng.standard_normal(8)))
        met |= {(z > 0).tobytes()} if np.any(z > 0) and np.all(z != 0) else set()
    assert len(met) >= 3 and met <= known


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("n_hidden", [1, 2])
def test_every_cell_has_an_interior(name, n_hidden):
    X = DATA[name]
    for gates, signs, mask in split(make_cells(X, n_hidden, 10**6)):
        n, d = X.shape
        first = np.zeros((n_hidden * n, n_hidden * d))
        for j, gate in enumerate(gates):
            first[j * n : (j + 1) * n, j * d : (j + 1) * d] = np.where(gate, 1, -1)[:, None] * X
        second = np.hstack([s * gate[:, None] * X for s, gate in zip(signs, gates, strict=True)])
        second = np.where(mask, 1, -1)[:, None] * second
        assert has_interior(np.vstack([first, second[np.any(second != 0, axis=1)]]))


def test_no_cell_comes_twice_and_both_signs_occur():
    cells = list(split(make_cells(DATA["random"], 2, 10**6)))
    assert len({(gates.tobytes(), mask.tobytes()) for gates, _, mask in cells}) == len(cells)
    assert all(signs.tolist() == [1, -1] for _, signs, _ in cells)


def test_as_many_neurons_as_rows_are_any_number():
    X = DATA["random"]
    assert make_cells(X, 4, 10**6).n_cells == make_cells(X, None, 10**6).n_cells == 2**4 - 1


@pytest.mark.parametrize(("shape", "n_hidden"), [((60, 3), None), ((60, 3), 2), ((400, 40), 3), ((12, 2), 5)])
def test_too_many_cells_are_refused_before_they_are_made(shape, n_hidden, monkeypatch):
    monkeypatch.setattr("convexnn.deep.cells.list_cells", None)
    X = np.random.default_rng(0).standard_normal(shape)
    with pytest.raises(PatternLimitError, match=r"\d+ blocks .*\d+ patterns of patterns.* max_blocks=30000"):
        train_three_layer(X, np.ones(shape[0]), 0.1, n_hidden=n_hidden, solver="enumeration")


def test_the_limit_can_be_moved():
    X, y = DATA["random"], np.arange(4.0)
    with pytest.raises(PatternLimitError, match="max_blocks=100"):
        train_three_layer(X, y, 0.1, solver="enumeration", max_blocks=100)
    assert train_three_layer(X, y, 0.1, max_blocks=1000).certificate.status == "optimal"
