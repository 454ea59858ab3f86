"""Products with rows of every kind, against those of NumPy in double precision."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from convexnn._utils import arrays
from convexnn.exceptions import InvalidInputError

from ..kinds import LIBRARIES, SPARSE, rows_with_zeros, untidy

X = rows_with_zeros(40, 6)
RNG = np.random.default_rng(1)
NEURONS, OUTPUTS = RNG.standard_normal((5, 7)), RNG.standard_normal((5, 3))
NU, WEIGHT = RNG.standard_normal((40, 3)), RNG.random(40)
KINDS = {"numpy": np.asarray, "fortran": np.asfortranarray, "untidy": untidy} | SPARSE | LIBRARIES
DENSE_OR_SPARSE = (np.asarray, sparse.csr_array)
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
every_bias = pytest.mark.parametrize("bias", [False, True])


def same(found, wanted, tol=1e-12):
    assert isinstance(found, np.ndarray) and found.dtype == np.float64 and found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tol, atol=tol)


@every_bias
@every_kind
@pytest.mark.parametrize("dtype, tol", [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_hidden_layers(kind, bias, dtype, tol):
    inputs = np.column_stack([X, np.ones(40)]) if bias else X
    neurons = NEURONS if bias else NEURONS[:, :6]
    hidden = np.maximum(inputs @ neurons.T, 0.0)
    gates = 1.0 * (hidden > 0)
    layer = arrays.hidden_layer(kind(X.astype(dtype)), neurons, bias)
    assert arrays.to_numpy(layer.values).dtype == dtype
    same(layer.outputs(OUTPUTS), hidden @ OUTPUTS, tol)
    same(layer.transposed_product(NU), hidden.T @ NU, tol)
    same(layer.squares(WEIGHT), WEIGHT @ hidden**2, tol)
    same(layer.pull(NU, OUTPUTS), (gates * (NU @ OUTPUTS.T)).T @ inputs, tol)
    same(layer.matrices(NU), np.einsum("ij,ik,il->jkl", gates, NU, inputs), tol)


@every_kind
def test_products_sums_and_parts(kind):
    rows = kind(X)
    same(arrays.product(rows, NEURONS[:, :6]), X @ NEURONS[:, :6].T)
    same(arrays.transposed_product(rows, NU), X.T @ NU)
    for found, power in zip(arrays.moments(rows, WEIGHT), (1, 2), strict=True):
        same(found, WEIGHT @ X**power)
    if kind not in (SPARSE["coo"],):
        same(arrays.in_double(arrays.rows_of(rows, np.array([3, 0, 7]))), X[[3, 0, 7]])
        same(arrays.in_double(arrays.rows_between(rows, 35, 99)), X[35:])


def test_moments_of_single_precision_are_in_double():
    far = (1000.0 + X).astype(np.float32)
    _, squares = arrays.moments(far, np.ones(40))
    np.testing.assert_allclose(squares, (far.astype(float) ** 2).sum(axis=0), rtol=1e-14)


@pytest.mark.parametrize(
    "kind, dtype", [*product(DENSE_OR_SPARSE, [np.int8, np.int64, bool]), (np.asarray, np.float16)]
)
def test_other_numbers_become_double(kind, dtype):
    counts = np.arange(12).reshape(4, 3).astype(dtype)
    same(arrays.product(kind(counts), np.full((2, 3), 0.5)), counts.astype(float) @ np.full((3, 2), 0.5))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@every_kind
def test_rows_that_are_not_finite(kind, bad):
    arrays.check_rows(kind(X))
    spoilt = X.copy()
    spoilt[4, 2] = bad
    if kind is untidy:
        spoilt[4] = bad
    with pytest.raises(InvalidInputError, match="finite"):
        arrays.check_rows(kind(spoilt))


def test_blocks_have_stored_entries_and_not_too_many_zeros():
    dense = np.zeros((10, 50))
    assert arrays.rows_per_block(dense, 1000) == 20
    thin = sparse.csr_array((np.ones(10), (np.arange(10), np.arange(10))), shape=(10, 50))
    assert arrays.rows_per_block(thin, 1000) == 1000
    n_features = arrays.MAX_DENSE_FEATURES // 2
    wide = sparse.csr_array((np.ones(10), (np.arange(10), np.arange(10))), shape=(10, n_features))
    assert arrays.rows_per_block(wide, 10**7) == arrays.SPARSE_ENTRIES // n_features
    for n_features in (arrays.MAX_DENSE_FEATURES, 2 * arrays.SPARSE_ENTRIES):
        most = arrays.rows_per_block(sparse.csr_array((3, n_features)), 10**9)
        assert most == arrays.SPARSE_ENTRIES // arrays.MAX_DENSE_FEATURES


def test_rows_of_csr_share_memory_and_are_the_slices():
    whole = sparse.csr_array(RNG.random((9, 5)) * (RNG.random((9, 5)) < 0.4))
    part = arrays.rows_between(whole, 2, 20)
    assert np.shares_memory(part.data, whole.data) and part.format == "csr"
    np.testing.assert_array_equal(part.toarray(), whole.toarray()[2:])


@pytest.mark.parametrize("size", [1e-300, 1e-165, 1.0, 1e165])
def test_norms_of_sparse_rows_are_those_of_dense_ones(size):
    rows = np.array([[1.0, 0.0, 2.0], [3.0 * size, 0.0, 4.0 * size], [0.0, 0.0, 0.0]])
    for ones in (False, True):
        found = arrays.row_norms(sparse.csr_array(rows), ones)
        np.testing.assert_allclose(found, arrays.row_norms(rows, ones), rtol=1e-15)
