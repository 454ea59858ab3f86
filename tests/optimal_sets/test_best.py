"""The best optimal network by a criterion, against brute force over the vertices and programs in their weights."""

from functools import cache
from itertools import product

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import linprog

from convexnn import InvalidInputError, MinNormReLUInterpolator, OptimalSet, TwoLayerReLU, optimal_set
from convexnn.optimal_sets import best as choosing
from convexnn.optimal_sets.member_functions import MemberFunctions, slope_bounds_in_box
from convexnn.optimal_sets.transport import transport_distance

from .reference import data_sets, polygon

CUBE = np.array(list(product([-1.0, 1.0], repeat=3)))
HEXAGON = (polygon(6), (-1.0) ** np.arange(6), 0.1)
PARITY = (CUBE, CUBE.prod(axis=1), 0.1)
ALL_TERMS = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}
PLAIN = ("three_rows", "polygon 5", "octahedron", "tetrahedron", "tied triangle", "tied octahedron", "repeated rows")
FORMS = {
    **{name: (*data_sets()[name], {}) for name in PLAIN},
    "shifted square": (polygon(4) + 3.0, [1.0, -1.0, 1.0, -1.0], 0.1, {"fit_intercept": True, "hidden_bias": True}),
    "square, all terms": (polygon(4), [1.0, -1.0, 1.0, -1.0], 0.1, ALL_TERMS),
    "hexagon, bias": (*HEXAGON, {"hidden_bias": True}),
    "hexagon, all terms": (*HEXAGON, ALL_TERMS),
    "pentagon, scaled": (1e3 * polygon(5), np.full(5, 1e-2), 1.0, {}),
    "hexagon, weights": (*HEXAGON, {"hidden_bias": True, "sample_weight": [2, 2, 2, 2, 2, 2]}),
    "hexagon, logistic": (*HEXAGON, {"hidden_bias": True, "fit_intercept": True, "loss": "logistic"}),
    "parity, bias": (*PARITY, {"hidden_bias": True, "fit_intercept": True}),
    "parity, logistic": (*PARITY, ALL_TERMS | {"loss": "logistic"}),
}
MANY = list(FORMS)


@cache
def solved(name):
    X, y, beta, options = FORMS[name]
    return optimal_set(X, y, beta, **options)


def other_rows(found, seed=0, n_rows=12):
    """Return new rows, their targets or labels, weights and groups."""
    rng = np.random.default_rng(seed)
    known = found.problem.features
    X = known.mean(axis=0) + 1.5 * np.ptp(known, axis=0).max() * rng.normal(size=(n_rows, known.shape[1]))
    y = np.where(rng.random(n_rows) < 0.5, -1.0, 1.0)
    if not found.problem.loss.labels:
        y = np.abs(found.problem.y).max() * rng.normal(size=n_rows)
    return X, y, rng.uniform(0.5, 2.0, n_rows), np.arange(n_rows) % 3


def vertex_values(found, X):
    """Return the values (n_rows, V) of the networks at the vertices: all others are their means."""
    return np.column_stack([found.network(masses).predict(X) for masses in found.vertices])


def over_weights(found, make_objective):
    """Return the minimum of a convex objective over the weights of the vertices."""
    weights = cp.Variable(len(found.vertices), nonneg=True)
    program = cp.Problem(cp.Minimize(make_objective(weights)), [cp.sum(weights) == 1])
    return program.solve(solver="CLARABEL")


def mean_loss(found, y, weight, fit):
    """Return the mean loss of a cvxpy expression."""
    if found.problem.loss.name == "squared":
        return 0.5 * cp.sum(cp.multiply(weight, cp.square(y - fit))) / weight.sum()
    return cp.sum(cp.multiply(weight, cp.logistic(-cp.multiply(y, fit)))) / weight.sum()


def check(found, best, reference=None, scale=None):
    """Check that a record is consistent, and its value that of a reference."""
    assert found.contains(best.network, 1e-8)
    assert found.network(best.masses).predict(found.problem.features) == pytest.approx(
        best.network.predict(found.problem.features)
    )
    assert best.proof == "polytope" and best.network.width == np.count_nonzero(best.masses)
    if reference is not None:
        scale = max(abs(reference), 1e-3) if scale is None else scale
        assert best.value == pytest.approx(reference, abs=1e-5 * scale)
        assert best.bound == pytest.approx(reference, abs=1e-5 * scale)


@pytest.mark.parametrize("name", FORMS)
def test_functions_are_affine_in_the_point(name):
    found = solved(name)
    functions, X = MemberFunctions(found), other_rows(found)[0]
    offset, slopes = functions.values(X)
    low, high = X.min(axis=0), X.max(axis=0)
    ends = functions.slopes(low, high)
    for masses in [*found.vertices[:6], *found.random_masses(3, random_state=0)]:
        network, polytope = found.network(masses), found._polytope
        z = polytope.edges.T @ (masses[polytope.free] / found.total_mass - polytope.inner)
        size = np.abs(network.predict(X)).max()
        assert offset + slopes @ z == pytest.approx(network.predict(X), abs=1e-6 * size)
        wanted = slope_bounds_in_box(network, low, high)
        bounds = np.maximum(np.abs(ends.high + ends.highs @ z), np.abs(ends.low + ends.lows @ z))
        assert bounds == pytest.approx(wanted, rel=1e-6, abs=1e-6 * wanted.max())


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("criterion", ["neurons", "weights", "features"])
def test_fewest_is_that_of_the_vertices(name, criterion):
    found = solved(name)
    counts = []
    for masses in found.vertices:
        used = np.abs(found.directions[masses > 0][:, : found.problem.features.shape[1]]) > 1e-9
        counts.append({"neurons": len(used), "weights": used.sum(), "features": used.any(axis=0).sum()}[criterion])
    best = found.best(criterion)
    check(found, best)
    assert best.value == best.bound == min(counts)
    assert criterion != "neurons" or best.value == best.network.width == found.m_star


@pytest.mark.parametrize("name", FORMS)
def test_smallest_validation_error(name):
    found = solved(name)
    X, y, weight, _ = other_rows(found)
    values = vertex_values(found, X)
    reference = over_weights(found, lambda share: mean_loss(found, y, weight, values @ share))
    best = found.best("validation", X=X, y=y, sample_weight=weight)
    check(found, best, reference, scale=float(np.average(found.problem.loss.terms(y, values[:, 0]), weights=weight)))
    assert best.value == pytest.approx(np.average(found.problem.loss.terms(y, best.network.predict(X)), weights=weight))


@pytest.mark.parametrize("name", FORMS)
def test_smallest_slope_bound(name):
    found = solved(name)
    X = found.problem.features
    low, high = X.min(axis=0), X.max(axis=0)
    corners = np.array(list(product(*zip(low, high, strict=True))))
    ends = []
    for masses in found.vertices:
        network = found.network(masses)
        inputs = np.column_stack([corners, np.ones(len(corners))]) if found.problem.hidden_bias else corners
        # A neuron is on in the whole box, or in a part of it, where it is at all or at some of the corners.
        on = inputs @ network.neurons.T
        pulls = network.output_weights[:, None] * network.hidden_weights
        always, never = np.all(on >= 0, axis=0), np.all(on <= 0, axis=0)
        fixed = pulls[always].sum(axis=0) + (0.0 if network.skip_weights is None else network.skip_weights)
        parts = pulls[~always & ~never]
        ends.append((fixed + np.maximum(parts, 0).sum(axis=0), fixed + np.minimum(parts, 0).sum(axis=0)))
    highs, lows = (np.array([pair[k] for pair in ends]).T for k in (0, 1))
    reference = over_weights(found, lambda share: cp.norm(cp.maximum(highs @ share, -lows @ share)))
    check(found, found.best("lipschitz"), reference)


def test_slope_bound_is_one_of_the_slopes():
    found = solved("hexagon, all terms")
    best, rng = found.best("lipschitz", X=3.0 * polygon(6)), np.random.default_rng(0)
    X = rng.uniform(-3.0, 3.0, size=(500, 2)) * np.abs(polygon(6)).max(axis=0)
    steps = 1e-6 * rng.normal(size=X.shape)
    moves = np.abs(best.network.predict(X + steps) - best.network.predict(X))
    assert np.all(moves <= best.value * np.linalg.norm(steps, axis=1) * (1 + 1e-6))
    assert best.value >= found.best("lipschitz").value - 1e-9


@pytest.mark.parametrize("name", FORMS)
def test_largest_margin(name):
    found = solved(name)
    X, y, *_ = other_rows(found, 1)
    values = np.sign(y)[:, None] * vertex_values(found, X)
    # max t subject to values share >= t: a linear program in the weights of the vertices.
    n = values.shape[1]
    answer = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack([-values, np.ones((len(values), 1))]),
        b_ub=np.zeros(len(values)),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )
    best = found.best("margin", X=X, y=np.sign(y))
    check(found, best, -answer.fun, scale=np.abs(values).max())
    assert best.value == pytest.approx(np.min(np.sign(y) * best.network.predict(X)))


def test_margin_on_the_training_rows_is_one():
    found = solved("hexagon, logistic")
    X, y = found.problem.features, found.problem.y
    margins = (y[:, None] * vertex_values(found, X)).min(axis=0)
    assert margins == pytest.approx(np.full(len(margins), found.best("margin", X=X, y=y).value))


@pytest.mark.parametrize("name", FORMS)
def test_closest_in_values(name):
    found = solved(name)
    X, y, weight, _ = other_rows(found, 2)
    given = found.network(found.vertices[-1])
    other = TwoLayerReLU(
        1.3 * given.hidden_weights,
        given.output_weights,
        hidden_bias=given.hidden_bias,
        intercept=given.intercept,
        skip_weights=given.skip_weights,
    )
    target, values = other.predict(X), vertex_values(found, X)
    reference = over_weights(
        found, lambda share: cp.norm(cp.multiply(np.sqrt(weight / weight.sum()), values @ share - target))
    )
    check(found, found.best("closest", network=other, X=X, sample_weight=weight), reference, np.abs(target).max())
    itself = found.best("closest", network=given, X=X)
    assert itself.value == pytest.approx(0.0, abs=1e-6 * np.abs(target).max()) and itself.bound <= itself.value


@pytest.mark.parametrize("name", MANY)
def test_closest_in_masses(name):
    found = solved(name)
    rng = np.random.default_rng(0)
    given = found.network(found.vertices[0])
    moved = TwoLayerReLU(
        given.hidden_weights + 0.2 * rng.normal(size=given.hidden_weights.shape),
        0.9 * given.output_weights,
        hidden_bias=given.hidden_bias,
        intercept=given.intercept,
        skip_weights=given.skip_weights,
    )
    best = found.best("closest", network=moved)
    check(found, best)
    assert best.value == pytest.approx(best.bound, abs=1e-6 * found.total_mass)
    assert best.value == pytest.approx(transport_distance(best.network, moved), abs=1e-9 * found.total_mass)
    others = [*found.vertices, *found.random_masses(20, random_state=0)]
    distances = [transport_distance(found.network(masses), moved) for masses in others]
    assert best.value <= min(distances) + 1e-7 * found.total_mass
    assert found.best("closest", network=given).value == pytest.approx(0.0, abs=1e-6 * found.total_mass)


def test_distance_in_masses_of_single_neurons():
    def neuron(angle, mass, sign=1.0):
        return TwoLayerReLU([[mass * np.cos(angle), mass * np.sin(angle)]], [sign])

    first = neuron(0.0, 2.0)
    # A way of 2 sin(a / 2) for the mass that both have, and 1 for what one of them has more.
    assert transport_distance(first, neuron(0.5, 3.0)) == pytest.approx(2.0 * 2.0 * np.sin(0.25) + 1.0)
    assert transport_distance(first, neuron(0.0, 2.0, -1.0)) == pytest.approx(4.0)
    assert transport_distance(first, neuron(np.pi, 1.0)) == pytest.approx(3.0)
    assert transport_distance(first, TwoLayerReLU(np.zeros((0, 2)), np.zeros(0))) == pytest.approx(2.0)
    assert transport_distance(first, first.split(0, [0.3, 0.7])) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", FORMS)
def test_fairest_by_losses(name):
    found = solved(name)
    X, y, weight, groups = other_rows(found, 3)
    values = vertex_values(found, X)

    def largest(share):
        those = [groups == group for group in range(3)]
        return cp.maximum(*(mean_loss(found, y[its], weight[its], values[its] @ share) for its in those))

    best = found.best("fairest", X=X, y=y, groups=np.array(["a", "b", "c"])[groups], sample_weight=weight)
    check(found, best, over_weights(found, largest))


@pytest.mark.parametrize("name", FORMS)
def test_fairest_by_predictions(name):
    found = solved(name)
    X, _, weight, groups = other_rows(found, 4)
    values = vertex_values(found, X)
    means = np.array([np.average(values[groups == k], axis=0, weights=weight[groups == k]) for k in range(3)])
    reference = over_weights(found, lambda share: cp.max(means @ share) - cp.min(means @ share))
    best = found.best("fairest", X=X, groups=groups, sample_weight=weight)
    check(found, best, reference, scale=np.abs(means).max())


@pytest.mark.parametrize("name", ["tied triangle", "hexagon, all terms", "parity, logistic"])
def test_no_random_member_is_better(name):
    found = solved(name)
    X, y, *_ = other_rows(found, 5)
    members = [found.network(masses) for masses in found.random_masses(50, random_state=1)]
    bests = [found.best("validation", X=X, y=y), found.best("lipschitz"), found.best("fairest", X=X, groups=y > 0)]
    low, high = found.problem.features.min(axis=0), found.problem.features.max(axis=0)
    judges = [
        lambda network: found.problem.loss.terms(y, network.predict(X)).mean(),
        lambda network: np.linalg.norm(slope_bounds_in_box(network, low, high)),
        lambda network: abs(network.predict(X)[y > 0].mean() - network.predict(X)[y <= 0].mean()),
    ]
    for best, judge in zip(bests, judges, strict=True):
        assert best.value == pytest.approx(judge(best.network), abs=1e-12)
        assert min(map(judge, members)) >= best.bound - 1e-7 * max(map(judge, members))


def test_a_function_takes_the_best_vertex():
    found = solved("three_rows")

    def farthest(network):
        return -float(network.predict([[3.0, 1.0]])[0])

    best = found.best(farthest)
    assert best.proof == "vertices" and best.bound is None and best.criterion == "farthest"
    assert best.value == min(farthest(found.network(masses)) for masses in found.vertices)


def test_one_optimum_has_nothing_to_choose():
    found = optimal_set([[1.0], [2.0], [-1.0], [-3.0]], [1.0, 2.0, -1.0, 1.0], 0.5)
    for criterion, given in (("neurons", {}), ("validation", {"X": [[1.0]], "y": [2.0]}), ("lipschitz", {})):
        best = found.best(criterion, **given)
        assert best.proof == "polytope" and best.value == best.bound
        assert best.masses == pytest.approx(found.vertices[0])
    zero = optimal_set(np.eye(2), [1.0, 1.0], 100.0).best("validation", X=np.eye(2), y=[1.0, 3.0])
    assert zero.network.width == 0 and zero.value == zero.bound == 2.5


def test_too_many_vertices_leave_what_was_met():
    found = optimal_set(polygon(5), np.ones(5), 0.1, vertex_limit=3)
    whole = solved("polygon 5")
    fewest = found.best("neurons")
    assert fewest.proof == "polytope" and fewest.value == fewest.bound == whole.m_star
    best = found.best(lambda network: network.predict([[3.0, 1.0]])[0])
    assert best.proof == "heuristic" and best.bound is None and "was found" in best._repr_html_()
    X, y, *_ = other_rows(whole)
    assert found.best("validation", X=X, y=y).value == pytest.approx(whole.best("validation", X=X, y=y).value)


def test_a_gap_is_no_proof(monkeypatch):
    monkeypatch.setattr(choosing, "MAX_RELATIVE_GAP", -1.0)
    assert solved("three_rows").best("lipschitz").proof == "heuristic"


def test_interpolants_are_chosen_from_too():
    X, y = polygon(3), np.ones(3)
    found = MinNormReLUInterpolator(hidden_bias=False).fit(X, y).optimal_set()
    points = np.array([[1.0, 1.0], [0.2, -1.0]])
    values = vertex_values(found, points)
    best = found.best("validation", X=points, y=[1.0, 0.5])
    reference = over_weights(found, lambda share: 0.25 * cp.sum_squares(values @ share - np.array([1.0, 0.5])))
    assert best.proof == "polytope" and best.value == pytest.approx(reference, abs=1e-8)
    assert best.network.predict(X) == pytest.approx(y)


def test_the_choice_follows_the_order_and_scale_of_the_data():
    X, y, beta, options = FORMS["hexagon, bias"]
    points, order = np.array([[2.0, 1.0], [0.3, -1.5]]), [3, 1, 5, 0, 2, 4]
    first = solved("hexagon, bias").best("validation", X=points, y=[1.0, -2.0])
    second = optimal_set(X[order], 4.0 * y[order], 4.0 * beta, **options).best("validation", X=points, y=[4.0, -8.0])
    assert second.value == pytest.approx(16.0 * first.value)
    assert second.network.predict(points) == pytest.approx(4.0 * first.network.predict(points), rel=1e-5)


@pytest.mark.parametrize(("rows", "targets"), [(1.0, 1e-150), (1.0, 1e140), (1e-60, 1.0), (1e60, 1e-20)])
def test_magnitudes_change_no_choice(rows, targets):
    found = solved("polygon 5")
    scaled = optimal_set(rows * polygon(5), np.full(5, targets), 0.1 * targets * rows)
    X, y, weight, groups = other_rows(found)
    cases = [
        ("validation", targets**2, {"X": X, "y": y, "sample_weight": weight}),
        ("lipschitz", targets / rows, {}),
        ("fairest", targets**2, {"X": X, "y": y, "groups": groups}),
        ("fairest", targets, {"X": X, "groups": groups}),
        ("closest", targets / rows, {"network": found.network(found.vertices[0])}),
    ]
    units = {"X": rows, "y": targets}
    for criterion, size, given in cases:
        moved = {name: units.get(name, 1.0) * value for name, value in given.items() if name != "network"}
        if "network" in given:
            # A neuron of the same direction and half of the mass that it has among the scaled ones.
            first = given["network"].balanced()
            root = np.sqrt(0.5 * targets / rows)
            given = {"network": TwoLayerReLU(np.sqrt(0.5) * first.hidden_weights, np.sqrt(0.5) * first.output_weights)}
            moved = {"network": TwoLayerReLU(root * first.hidden_weights, root * first.output_weights)}
        wanted, best = found.best(criterion, **given), scaled.best(criterion, **moved)
        assert best.proof == "polytope"
        assert best.value / size == pytest.approx(wanted.value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("criterion", "given", "message"),
    [
        ("fewest", {}, "criterion must be one of 'neurons'"),
        ("neurons", {"X": np.eye(2)}, "takes no X"),
        ("validation", {"X": np.eye(2)}, "needs y"),
        ("validation", {}, "needs X and y"),
        ("validation", {"X": np.eye(3), "y": np.ones(3)}, "X must have 2 columns"),
        ("validation", {"X": np.eye(2), "y": np.ones(3)}, r"y must have shape \(2,\)"),
        ("margin", {"X": np.eye(2), "y": [0.0, 1.0]}, "labels -1 and 1"),
        ("closest", {}, "needs network"),
        ("closest", {"network": TwoLayerReLU([[1.0, 1.0]], [1.0], intercept=0.0)}, "must not have intercept"),
        ("closest", {"network": TwoLayerReLU([[1.0, 1.0]], [1.0]), "sample_weight": [1.0]}, "beside X only"),
        ("fairest", {"X": np.eye(2), "groups": [1, 1]}, "two labels or more"),
        ("fairest", {"X": np.eye(2), "groups": [1, 2, 3]}, r"groups must have shape \(2,\)"),
        (lambda network: "good", {}, "must return a number"),
        (lambda network: 1.0, {"groups": [1]}, "takes no groups"),
    ],
)
def test_bad_criteria_are_refused(criterion, given, message):
    with pytest.raises(InvalidInputError, match=message):
        solved("three_rows").best(criterion, **given)


def test_a_network_of_the_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="network must be a TwoLayerReLU"):
        solved("three_rows").best("closest", network=3)
    assert isinstance(solved("three_rows"), OptimalSet)
