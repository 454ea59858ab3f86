"""Averages of weights and of masses, against the values of the networks themselves."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import average_masses, average_weights

TERMS = pytest.mark.parametrize("terms", [False, True])


def draw(rng, width=5, outputs=(), terms=False):
    return TwoLayerReLU(
        rng.standard_normal((width, 3)),
        rng.standard_normal((width, *outputs)),
        hidden_bias=rng.standard_normal(width) if terms else None,
        intercept=rng.standard_normal(outputs) if terms else None,
        skip_weights=rng.standard_normal((3, *outputs)) if terms else None,
    )


@TERMS
@pytest.mark.parametrize("outputs", [(), (2,)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_average_of_masses_is_the_ensemble(share, outputs, terms):
    rng = np.random.default_rng(0)
    a, b, X = draw(rng, 5, outputs, terms), draw(rng, 2, outputs, terms), rng.standard_normal((20, 3))
    average = average_masses(a, b, share)
    assert np.allclose(average.predict(X), (1 - share) * a.predict(X) + share * b.predict(X), atol=1e-13)
    assert average.masses.sum() == pytest.approx((1 - share) * a.masses.sum() + share * b.masses.sum())
    assert average.width == {0.0: 5, 0.3: 7, 1.0: 2}[share]


@pytest.mark.parametrize("seed", range(10))
def test_average_of_masses_is_no_worse_on_any_data(seed):
    rng = np.random.default_rng(seed)
    a, b = draw(rng).balanced(), draw(rng, 7).balanced()
    X, y = rng.standard_normal((20, 3)), np.sign(rng.standard_normal(20))
    for loss in ("squared", "logistic", "absolute"):
        value, first, last = (n.objective(X, y, 0.3, loss=loss) for n in (average_masses(a, b, 0.4), a, b))
        assert value <= (0.6 * first + 0.4 * last) * (1 + 1e-12)


@TERMS
def test_average_of_weights_is_that_of_every_weight(terms):
    rng = np.random.default_rng(1)
    a, b = draw(rng, terms=terms), draw(rng, terms=terms)
    average = average_weights(a, b, 0.25)
    for name in ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights"):
        if getattr(a, name) is not None:
            assert np.allclose(getattr(average, name), 0.75 * getattr(a, name) + 0.25 * getattr(b, name))
    assert average_weights(a, b, 0.0).predict(np.eye(3)) == pytest.approx(a.predict(np.eye(3)))


@pytest.mark.parametrize("average", [average_masses, average_weights])
@pytest.mark.parametrize(
    ("b", "share", "message"),
    [
        (draw(np.random.default_rng(0), terms=True), 0.5, "same terms|same width, inputs, outputs and bias"),
        (draw(np.random.default_rng(0), outputs=(2,)), 0.5, "a and b must have the same"),
        (draw(np.random.default_rng(0)), 1.5, "share must be a number between 0 and 1; got 1.5"),
    ],
)
def test_bad_input(average, b, share, message):
    with pytest.raises(ValueError, match=message):
        average(draw(np.random.default_rng(0)), b, share)
