"""Dictionary learning on the sphere: what is found are the atoms of data with a known dictionary."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import SphericalDictionary, improving_direction, second_order_points


def sparse_codes(n_samples, n_atoms, share, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_atoms)) * (rng.random((n_samples, n_atoms)) < share)


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_every_minimum_that_is_found_is_near_an_atom(share):
    atoms = rotation(6)
    function = SphericalDictionary(sparse_codes(3000, 6, share) @ atoms, 0.05)
    found = second_order_points(function, n_starts=25, random_state=0)
    assert found.is_second_order.all() and found.all_global is None
    closeness = np.abs(found.points @ atoms.T)
    assert closeness.max(axis=1).min() > 0.999
    assert set(closeness.argmax(axis=1)) == set(range(6))


def test_whitened_data_have_the_atoms_of_a_rotation():
    codes, mixed = sparse_codes(4000, 5, 0.2), np.random.default_rng(1).normal(size=(5, 5))
    function = SphericalDictionary(codes @ mixed, 0.05, whiten=True)
    np.testing.assert_allclose(function.Y.T @ function.Y / 4000, np.eye(5), atol=1e-10)
    # The codes of all samples along the points that are found: one column of the codes each.
    found = second_order_points(function, n_starts=15, random_state=0)
    along = np.abs(np.corrcoef((function.Y @ found.points.T).T, codes.T)[:15, 15:])
    assert along.max(axis=1).min() > 0.99
    assert set(along.argmax(axis=1)) == set(range(5))


def test_dense_codes_leave_no_atoms():
    # With every code used nothing is sparse: the moments of normal data are those of every rotation.
    atoms = rotation(5)
    function = SphericalDictionary(sparse_codes(3000, 5, 2.0) @ atoms, 0.05)
    found = second_order_points(function, n_starts=10, random_state=0)
    assert np.abs(found.points @ atoms.T).max(axis=1).min() < 0.99


def test_towards_an_atom_the_function_falls():
    atoms, rng = rotation(4), np.random.default_rng(2)
    function = SphericalDictionary(sparse_codes(5000, 4, 0.3) @ atoms, 0.05)
    for _ in range(20):
        point = function.random_start(rng)
        nearest = atoms[np.abs(atoms @ point).argmax()]
        assert improving_direction(function, point, nearest)


def test_the_value_is_a_smooth_mean_of_absolute_values():
    Y, point = np.random.default_rng(0).normal(size=(20, 3)), np.array([0.6, 0.0, 0.8])
    rough = np.mean(np.abs(Y @ point))
    assert SphericalDictionary(Y, 1e-9).value(point) == pytest.approx(rough, rel=1e-8)
    assert SphericalDictionary(Y, 0.3).value(point) == pytest.approx(np.mean(0.3 * np.log(np.cosh(Y @ point / 0.3))))
    # Data and width on another scale scale the value.
    assert SphericalDictionary(1e200 * Y, 3e199).value(point) == pytest.approx(
        1e200 * SphericalDictionary(Y, 0.3).value(point)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SphericalDictionary([1.0, 2.0]), "Y must have shape"),
        (lambda: SphericalDictionary(np.ones((4, 2)), 0), "mu must be finite and above 0"),
        (lambda: SphericalDictionary(np.ones((4, 2)), whiten=True), "Y must have rank 2 to be whitened"),
    ],
)
def test_bad_data_of_a_dictionary_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
