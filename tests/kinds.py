"""The same rows as arrays of every kind: sparse ones, and those of other libraries and on other devices."""

import os
import warnings
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context

SPARSE = {
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "csr matrix": sparse.csr_matrix,
    "csc matrix": sparse.csc_matrix,
}


def strict(values, device="CPU_DEVICE"):
    library = pytest.importorskip("array_api_strict")
    return library.asarray(values, device=library.Device(device))


def strict_elsewhere(values):
    return strict(values, "device1")


def torch(values):
    return pytest.importorskip("torch").asarray(values)


LIBRARIES = {"strict": strict, "strict elsewhere": strict_elsewhere, "torch": torch}
every_sparse = pytest.mark.parametrize("sparse_as", SPARSE.values(), ids=SPARSE)
every_library = pytest.mark.parametrize("array_as", LIBRARIES.values(), ids=LIBRARIES)


def rows_with_zeros(n, d, seed=0, filled=0.4):
    """Return rows of which a part is zero, and the first one wholly."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < filled)
    X[0] = 0.0
    return X


def untidy(X):
    """Return X in CSR form with entries out of order, in two parts each, and with zeros that are stored."""
    rows, columns = map(np.ravel, np.indices(X.shape))
    order = np.argsort(rows, kind="stable")[::-1].reshape(X.shape)[::-1].ravel()  # every row from its last column on
    columns, values = np.repeat(columns[order], 2), np.repeat(0.5 * X.ravel()[order], 2)
    starts = np.arange(0, 2 * X.size + 1, 2 * X.shape[1])
    return sparse.csr_array((values, columns, starts), shape=X.shape)


@contextmanager
def dispatching():
    """A context in which scikit-learn leaves arrays of other libraries as they are."""
    with patch.dict(os.environ, {"SCIPY_ARRAY_API": "1"}):
        try:
            context = config_context(array_api_dispatch=True)
            with context:
                pass
        except ImportError as error:  # SciPy is too old
            pytest.skip(str(error))
        with config_context(array_api_dispatch=True), warnings.catch_warnings():
            yield


def is_beside(values, X):
    """Whether an array is of the library, on the device and in the precision of X."""
    return type(values) is type(X) and values.device == X.device and values.dtype == X.dtype
