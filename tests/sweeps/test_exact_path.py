"""Exact paths: closed forms, exact fits, degenerate data, honest words, and proofs that fail where they must."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from convexnn import InvalidInputError, beta_max, certify, optimal_set, regularization_path
from convexnn.sweeps import ExactPath
from convexnn.sweeps import exact_path as followers
from tests.sweeps.exact_fits import compare_with_exact_fits, strengths
from tests.zoo import degenerate_designs, identity, line, random_problem, three_rows, two_rows

FLAGS = [
    {},
    {"hidden_bias": True},
    {"hidden_bias": True, "fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True, "skip_connection": True},
]


def follow(X, y, **options):
    return regularization_path(X, y, exact=True, **options)


def betas_of(path):
    return [event.beta for event in path.events]


def test_neurons_of_the_identity_join_where_they_must():
    y = np.array([3.0, 4.0, -2.0])
    path = follow(np.eye(3), y)
    assert isinstance(path, ExactPath) and path.complete and path.proven_share == 1.0
    assert [event.kind for event in path.events] == ["enters", "enters"]
    np.testing.assert_allclose(betas_of(path), [5.0, 2.0], rtol=1e-12)
    np.testing.assert_allclose(path.events[0].direction, [0.6, 0.8, 0.0], atol=1e-12)
    for beta in strengths(path, 9):
        known = identity(y, beta)
        assert path.at(beta).value == pytest.approx(known.value, rel=1e-12)
        assert path.at(beta).network.width == known.m_star


def test_the_line_has_two_events_and_linear_masses():
    known = line()
    path = follow(known.X, known.y)
    # u = 1 is worth 1 + 4 at y, u = -1 is worth -1 + 3; the rows that each is on have squared norms 5 and 10.
    np.testing.assert_allclose(betas_of(path), [5.0, 2.0], rtol=1e-12)
    point = path.at(0.5)
    np.testing.assert_allclose(point.masses, [0.9, 0.15], rtol=1e-12)
    assert point.value == pytest.approx(known.value, rel=1e-12)
    assert path.proven_share == 1.0


def test_two_rows_have_one_interval_with_two_vertices():
    path = follow(two_rows().X, two_rows().y)
    assert [event.kind for event in path.events] == ["enters"] * 3 and len(path) == 1
    np.testing.assert_allclose(betas_of(path), 2.0, rtol=1e-12)
    record = path.records[0]
    assert (record.m_star, record.M_star, record.is_unique, record.followed) == (1, 2, False, "proven")
    assert record.components == (1, 3, 1) and record.connected_from == 3
    for beta in strengths(path, 5):
        assert path.at(beta).value == pytest.approx(beta - beta**2 / 4, rel=1e-12)
        np.testing.assert_allclose(path.at(beta).dual_point, beta / 2, rtol=1e-11)


def test_three_rows_have_the_known_pieces_all_along():
    path = follow(three_rows().X, three_rows().y)
    assert len(path) == 1 and path.proven_share == 1.0
    record = path.records[0]
    assert (record.m_star, record.M_star, record.n_directions) == (2, 3, 6)
    assert record.components == (6, 15, 1)
    assert record.upper == pytest.approx(1.0, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n_sides", [4, 5])
def test_the_polygon_has_the_set_of_every_strength(n_sides):
    angles = 2 * np.pi * np.arange(n_sides) / n_sides
    X, y = np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(n_sides)
    path = follow(X, y, eps=0.1)
    assert compare_with_exact_fits(path, X, y, strengths(path, 3)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("flags", FLAGS)
def test_a_path_is_that_of_exact_fits(flags):
    X, y = random_problem(7, 2, seed=1)
    path = follow(X, y, eps=0.05, **flags)
    assert path.proven_share == 1.0
    assert path.records[0].upper == pytest.approx(beta_max(X, y, **flags), rel=1e-9)
    assert compare_with_exact_fits(path, X, y, strengths(path, 6), **flags) >= 5


def test_intervals_and_events_fit_together():
    X, y = random_problem(8, 2, seed=1)
    path = follow(X, y, eps=0.1)
    records = path.records
    assert [record.lower for record in records[:-1]] == [record.upper for record in records[1:]]
    assert records[-1].lower == pytest.approx(0.1 * records[0].upper)
    np.testing.assert_allclose(path.breakpoints, [record.upper for record in records], rtol=1e-12)
    assert {event.kind for event in path.events} >= {"enters", "kink reached", "kink left"}
    for event in path.events:
        touched = X[list(event.rows)] @ event.direction if event.kind.startswith("kink") else np.zeros(1)
        assert np.abs(touched).max(initial=np.inf if not len(touched) else 0.0) < 1e-9


def test_events_are_known_to_ten_digits():
    X, y = random_problem(8, 2, seed=1)
    path = follow(X, y, eps=0.2)
    for event in path.events[1:]:
        # What the event is about is there to rounding, a billionth beside it on one side only.
        above, below = path.at(event.beta * (1 + 1e-10)), path.at(event.beta * (1 - 1e-10))
        for point in (above, below):
            assert certify(point.network, X, y, point.beta).relative_gap < 1e-7
        if event.kind == "enters":
            assert len(below.masses) == len(above.masses) + 1 and below.masses.min() < 1e-8 * below.masses.sum()
        elif event.kind != "set changes":
            height = (
                np.abs(X[list(event.rows)] @ above.directions.T).min(),
                np.abs(X[list(event.rows)] @ below.directions.T).min(),
            )
            assert max(height) < 1e-8


def test_scaled_targets_scale_the_path():
    X, y = random_problem(7, 2, seed=4)
    path, scaled = follow(X, y, eps=0.3), follow(X, 1e3 * y, eps=0.3)
    np.testing.assert_allclose(betas_of(scaled), 1e3 * np.array(betas_of(path)), rtol=1e-10)
    assert [event.kind for event in scaled.events] == [event.kind for event in path.events]


def test_duplicate_rows_are_weights():
    X, y = random_problem(6, 2, seed=2)
    twice = follow(np.vstack([X, X[:3]]), np.append(y, y[:3]), eps=0.1)
    weighted = follow(X, y, eps=0.1, sample_weight=[2, 2, 2, 1, 1, 1])
    np.testing.assert_allclose(betas_of(twice), betas_of(weighted), rtol=1e-10)
    assert twice.proven_share == weighted.proven_share == 1.0


# On tied binary data the list of all optimal directions, with which a path begins again, may take minutes.
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*degenerate_designs()} - {"binary column"}))
def test_degenerate_data_have_right_answers_or_honest_words(name):
    X = np.asarray(degenerate_designs()[name], dtype=float)[:10]
    if not X.any():
        pytest.skip("zero data have no path")
    y = np.random.default_rng(0).standard_normal(len(X))
    path = follow(X, y, eps=0.2)
    for beta in strengths(path, 4):
        point = path.at(beta)
        assert certify(point.network, X, y, beta, proof="auto").relative_gap < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_event_is_missed_on_random_problems(seed):
    rng = np.random.default_rng(seed)
    X, y = random_problem(int(rng.integers(5, 10)), int(rng.integers(1, 4)), seed=seed)
    flags = FLAGS[seed % len(FLAGS)]
    path = follow(X, y, eps=0.05, **flags)
    assert path.proven_share == 1.0
    assert compare_with_exact_fits(path, X, y, strengths(path, 12, rng), **flags) >= 8


def test_no_proof_without_the_direction_that_enters(monkeypatch):
    """A walk that sees no violators must not call its path proven: the bound on what is outside speaks."""
    X, y = random_problem(8, 2, seed=1)
    monkeypatch.setattr(followers._Walk, "_others", lambda self, nu, more=(): (np.zeros((0, 2)), np.zeros(0)))
    path = follow(X, y, eps=0.4)
    assert path.proven_share < 1.0
    wrong = [r for r in path.records if r.relative_gap > 1e-6]
    assert wrong and all(record.followed != "proven" for record in wrong)


def test_where_nothing_leads_on_the_interval_says_so(monkeypatch):
    monkeypatch.setattr(followers._Walk, "_pieces_up", lambda self, *arguments: None)
    X = two_rows().X
    path = follow(X, [1.0, 1.0], eps=0.5)  # three directions enter at once: the walk has to solve below
    assert path.records[0].followed == "not followed" and path.events[0].kind == "unknown"
    record = path.records[0]
    assert record.upper / record.lower < 1.2 and record.components is None
    assert path.at(record.beta).value == pytest.approx(record.beta - record.beta**2 / 4, rel=1e-8)
    assert path.at(record.beta).followed == "not followed"


def test_the_minimum_norm_network_is_returned():
    path = follow(two_rows().X, two_rows().y, eps=0.1)
    found = optimal_set(two_rows().X, two_rows().y, 0.7)
    assert np.sum(path.at(0.7).masses ** 2) == pytest.approx(np.sum(found.minimum_norm_masses**2), rel=1e-8)


def test_zero_network_above_the_path_and_refusal_below():
    path = follow(np.eye(2), [3.0, 4.0], eps=0.1)
    assert path.at(7.0).network.width == 0 and path.at(7.0).value == pytest.approx(12.5)
    with pytest.raises(InvalidInputError, match="beta must be at least 0.5"):
        path.at(0.4)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"betas": [1.0]}, "betas"),
        ({"refine": 0.1}, "refine"),
        ({"checkpoint": "here.jsonl"}, "checkpoint"),
        ({"certify": False}, "certify"),
        ({"n_betas": 3}, "n_betas has no place"),
        ({"proof": "exact"}, "proof has no place"),
        ({"vertex_limit": 5}, "vertex_limit has no place"),
        ({"loss": "logistic"}, "loss"),
    ],
)
def test_what_has_no_place_beside_exact_is_refused(options, name):
    with pytest.raises(InvalidInputError, match=name):
        follow(np.eye(2), [1.0, -1.0], **options)


def test_data_without_a_path_are_refused():
    with pytest.raises(InvalidInputError, match="needs a path"):
        follow(np.eye(2), [0.0, 0.0])
    with pytest.raises(InvalidInputError, match="one output|shape"):
        follow(np.eye(2), np.eye(2))


def test_a_path_says_in_english_what_it_is():
    assert repr(follow(np.eye(2), [3.0, 0.0], eps=0.5)) == (
        "ExactPath(1 event between beta 3 and 1.5, all of this range proven)"
    )
    path = follow(np.eye(3), [3, 4, -2])
    assert repr(path).startswith("ExactPath(2 events between beta 5 and 0.05, all")
    # A hair less than all is not all: nothing is rounded up.
    records = [replace(path.records[0], upper=5.0, lower=4.999999, followed="not excluded"), path.records[1]]
    assert "99.99 % of this range proven" in repr(replace(path, records=records))


def test_a_frame_has_a_row_for_every_interval():
    pytest.importorskip("pandas")
    frame = follow(np.eye(3), [3, 4, -2]).to_frame()
    assert list(frame["followed"]) == ["proven", "proven"]
    np.testing.assert_allclose(frame[["upper", "lower"]], [[5, 2], [2, 0.05]])


def test_time_that_ends_is_said():
    path = follow(*random_problem(8, 2, seed=1), time_limit=1e-9)
    assert not path.complete and "not complete" in repr(path)


@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_an_interrupt_keeps_the_path_that_was_followed(monkeypatch, n_steps):
    """The steps before it are those of the whole path, the first of them cut short is left out."""
    X, y = random_problem(6, 2, seed=1)
    whole, step, left = follow(X, y), followers._Walk._step, iter(range(n_steps))

    def interrupted(walk):
        if next(left, None) is None:
            raise KeyboardInterrupt
        step(walk)

    monkeypatch.setattr(followers._Walk, "_step", interrupted)
    if n_steps == 0:
        with pytest.raises(KeyboardInterrupt):
            follow(X, y)
        return
    with pytest.warns(ConvergenceWarning, match="interrupted: the path is followed, and returned, down to beta="):
        part = follow(X, y)
    assert not part.complete and len(whole.records) > len(part.records) == n_steps
    for record, known in zip(part.records[:-1], whole.records, strict=False):
        assert (record.upper, record.lower, record.optimal_value) == (known.upper, known.lower, known.optimal_value)
    beta = part.records[-1].lower
    assert part.at(beta).value == pytest.approx(whole.at(beta).value, rel=1e-10)
    with pytest.raises(InvalidInputError, match="where the path ends"):
        part.at(0.9 * beta)
