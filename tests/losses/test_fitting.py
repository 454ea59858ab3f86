"""Least squares of several columns at once."""

import numpy as np
import pytest

from convexnn.losses import minimum_norm_fit


@pytest.mark.parametrize("dependent", [False, True])
def test_columns_fitted_together_have_the_bits_they_have_alone(dependent):
    rng = np.random.default_rng(0)
    columns, targets = rng.standard_normal((30, 6)), rng.standard_normal((30, 4))
    if dependent:
        columns[:, 5] = columns[:, 0] - 2.0 * columns[:, 1]
    together = minimum_norm_fit(columns, targets)
    for found, target in zip(together.T, targets.T, strict=True):
        np.testing.assert_array_equal(found, minimum_norm_fit(columns, target))
    np.testing.assert_allclose(together, np.linalg.lstsq(columns, targets, rcond=None)[0], atol=1e-12)
