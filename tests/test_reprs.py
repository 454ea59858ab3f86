"""Every public record says in a line, and in a table of a notebook, what a person wants to know first."""

import dataclasses
import inspect
import pkgutil
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import convexnn
from convexnn import activations, deep, landscape, optimal_sets, sweeps
from convexnn._utils.display import MAX_TABLE_ROWS, Shown, html_table
from convexnn.duality import records as duality_records
from convexnn.gated.solver import solve_gated
from convexnn.programs import make_problem
from convexnn.programs.problem import Problem
from convexnn.solvers.base import Solution
from convexnn.solvers.restricted import solve_over_patterns
from convexnn.solvers.restricted_outputs import solve_outputs_over_patterns

X = np.array([[np.cos(a), np.sin(a)] for a in np.deg2rad([0, 120, 240])])
Y, BETA = np.ones(3), 0.1
LONGEST = 240
NO_PROOF = re.compile(r"exact\b(?<!not exact)")


def make_landscape():
    """Return records of `convexnn.landscape`, by name."""
    first, second = (landscape.gradient_descent(X, Y, 4, BETA, n_runs=2, random_state=k) for k in (0, 1))
    a, b = first.networks[0], second.networks[0]
    traced = landscape.gradient_descent(X, Y, 3, BETA, n_runs=1, random_state=0, max_iter=50, trace=10)
    networks = [a.padded(5), b.padded(5)]
    objectives = traced.traces[0].objectives
    unfinished = landscape.gradient_descent(X, Y, 3, BETA, n_runs=1, random_state=0, max_iter=3).networks[0]
    factors = landscape.MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], 1)
    smooth = landscape.lazy_network(2, 6, random_state=0)
    moving = landscape.classify(unfinished, X, Y, BETA)
    linear = landscape.LinearNetworkLoss(X, Y, [2])
    return {
        "Descents": first,
        "DescentTrace": traced.traces[0],
        "Barrier": landscape.loss_barrier(a, b, X, Y, BETA),
        "Matching": landscape.match_neurons(a, b),
        "UnregularizedPath": landscape.unregularized_path(a.padded(4), b.padded(4), X),
        "SublevelComponents": landscape.sublevel_components([[1.0], [-1.0]], [1.0, 1.0], 2),
        "PermutationPath": landscape.permutation_path(networks[0], [4, 3, 2, 1, 0]),
        "PermutationDetour": landscape.permutation_detour(a, [1, 0, 2, 3], X, Y, BETA),
        "PermutationSaddle": landscape.permutation_saddle(
            landscape.PopulationLoss(np.eye(2), 2), [1.0, 0.0, 0.0, 1.0], [0, 1], [2, 3], n_steps=2
        ),
        "LayerMatching": landscape.match_layers(*[([np.ones((2, 3)), np.ones((3, 1))], [np.ones(3), [0.0]])] * 2),
        "HeuristicCurve": landscape.bezier_path(*networks, X, Y, BETA, max_iter=5),
        "PlaneGrid": landscape.plane_grid([a, b, unfinished.padded(4)], X, Y, BETA, n_points=5),
        "Flow": landscape.gradient_flow(unfinished, X, Y, BETA, [0.0, 0.1]),
        "Label": moving,
        "StationaryValues": landscape.stationary_values(X, Y, BETA, max_width=1),
        "Step": moving.step,
        "LinearCriticalPoint": landscape.classify_linear(linear, np.zeros(6)),
        "LinearCriticalPoints": landscape.linear_critical_points(linear, n_starts=2, random_state=0),
        "SecondOrderPoint": landscape.second_order_point([0.1, 0.0], np.eye(2), 1e-3, 1e-3),
        "RegularityConstants": landscape.function_regularity(np.sum, np.ones_like, [[1.0, 2.0]], [0.0, 0.0]),
        "RegularityBounds": landscape.PopulationGLM([1.0], "sigmoid").regularity_bounds(2.0),
        "GLMFit": landscape.glmtron(X, Y, "sigmoid"),
        "SecondOrderPoints": landscape.second_order_points(factors, n_starts=2, random_state=0),
        "Improvement": landscape.improving_direction(factors, [0.5, -0.5]),
        "PLStar": landscape.pl_star(smooth, X, Y),
        "SmoothNetwork": landscape.smooth_network(2, [6], random_state=0),
        "PLStarBall": landscape.pl_star_ball(landscape.smooth_network(2, [6], random_state=0), X, Y),
        "RateCheck": landscape.check_rate(objectives, mu=1e-6, smoothness=1.0),
    }


def from_a_file(network):
    """Return a network as it comes from a file."""
    with TemporaryDirectory() as folder:
        convexnn.save_network(Path(folder) / "model.npz", network, X=X, y=Y, beta=BETA)
        return convexnn.load_network(Path(folder) / "model.npz")


def make_others():
    """Return the other public records, by name."""
    found = convexnn.optimal_set(X, Y, BETA)
    network = found.minimal_network()
    patterns = convexnn.enumerate_patterns(X)
    padded = network.padded(7)
    problem = found.problem
    gated = convexnn.GatedReLURegressor(n_gates=5).fit(X, [1.0, 2.0, 0.5])
    interpolator = convexnn.MinNormReLUInterpolator(fit_intercept=True, skip_connection=True)
    interpolator.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 0.0, 1.0, 3.0])
    trained = convexnn.train_activation(X, Y, BETA)
    three = deep.train_three_layer([[1.0], [2.0], [-1.0], [-3.0]], [1.0, 2.0, -1.0, 1.0], beta=0.5)
    path = convexnn.regularization_path(np.eye(3), [3, 4, -2], [6, 3, 1])
    exact = convexnn.regularization_path(np.eye(3), [3, 4, -2], exact=True)
    sweep = convexnn.width_sweep(X, Y, BETA, [1, 2], n_runs=40, labels=True, random_state=0)
    table = landscape.spurious_table([(2, 2)], n_runs=5, random_state=0)
    return {
        "Certificate": convexnn.certify(network, X, Y, BETA),
        "BetaPath": convexnn.ConvexReLURegressor(proof="heuristic")
        .fit(np.arange(20.0)[:, None], np.abs(np.arange(20.0) - 9.0))
        .beta_path_,
        "LeaveOneOut": convexnn.ConvexReLURegressor(BETA).fit(X, [1.0, 2.0, 0.0]).leave_one_out(),
        "Influence": convexnn.ConvexReLURegressor(BETA).fit(X, [1.0, 2.0, 0.0]).influence([0], method="refit"),
        "Price": convexnn.price(X, Y),
        "TwoLayerReLU": network,
        "LinearPieces": convexnn.TwoLayerReLU([[1.0], [-2.0]], [1.0, 1.0], hidden_bias=[0.0, 1.0]).kinks(),
        "SavedNetwork": from_a_file(network),
        "OptimalSet": found,
        "BestNetwork": found.best("lipschitz"),
        "VectorOptimalSet": convexnn.optimal_set(X, np.column_stack([Y, Y[::-1]]), BETA),
        "NetworkPath": found.path(padded, padded.permuted(np.arange(7)[::-1])),
        "ActivationPatterns": patterns,
        "ConvexSolution": convexnn.to_convex(network, X),
        "MinimalPruning": convexnn.minimal_pruning(padded, X),
        "ApproximatePruning": convexnn.approximate_pruning(network, X, Y, BETA, width=1),
        "Problem": problem,
        "RestrictedSolution": solve_over_patterns(problem, patterns),
        "RestrictedOutputs": solve_outputs_over_patterns(make_problem(X, np.eye(len(X)), BETA), patterns),
        "GatedSolution": solve_gated(problem, patterns.masks),
        "GatedCertificate": gated.certificate_,
        "GatedOptimalSet": gated.optimal_set(),
        "InterpolationCertificate": interpolator.certificate_,
        "InterpolationSet": convexnn.MinNormReLUInterpolator().fit(X, [1.0, 2.0, 0.0]).optimal_set(),
        "Solution": trained,
        "ActivatedNetwork": trained.network,
        "ThreeLayerSolution": three,
        "ThreeLayerReLU": three.network,
        "ThreeLayerCertificate": three.certificate,
        "ThreeLayerPrice": deep.price_three_layer([[1.0], [2.0]], [1.0, -1.0]),
        "RegularizationPath": path,
        "PathRecord": path.records[0],
        "ExactPath": exact,
        "IntervalRecord": exact.records[0],
        "PathEvent": exact.events[0],
        "PathPoint": exact.at(1.0),
        "Change": path.changes[0],
        "WidthSweep": sweep,
        "WidthRecord": sweep.records[0],
        "SpuriousTable": table,
        "SpuriousRecord": table.records[0],
    }


@pytest.fixture(scope="module")
def records():
    return make_landscape() | make_others()


class Checker(HTMLParser):
    """Collects tags and text, and checks that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def test_every_record_has_a_short_line(records):
    for name, record in records.items():
        line = repr(record)
        assert line.startswith(f"{name}(") and line.endswith(")"), line
        assert "\n" not in line and len(line) <= LONGEST, line
        assert "array(" not in line and "[[" not in line and "0x" not in line, line
        assert not re.search(r"\d\.\d{11}", line), line


def test_every_record_has_a_table(records):
    for name, record in records.items():
        html = record._repr_html_()
        checked = Checker(html)
        assert {"table", "caption", "tbody"} <= checked.tags <= {
            "table", "caption", "b", "tbody", "thead", "tr", "th", "td",
        }, name  # fmt: skip
        assert "array(" not in html and "http" not in html and "script" not in html and "color:#" not in html
        assert len(html) < 8000, name


def test_no_public_record_is_forgotten(records):
    """Every public dataclass of the package, and every class that shows itself, was made above."""
    modules = [convexnn, landscape, deep, optimal_sets, sweeps, activations]
    public = {
        value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value) and not name.startswith("_") and value.__module__.startswith("convexnn")
    }
    expected = {value for value in public - {Shown} if dataclasses.is_dataclass(value) or issubclass(value, Shown)}
    expected |= {duality_records.Price, Problem, Solution}
    missing = {value.__name__ for value in expected} - set(records) - {"ActivatedProblem", "ProximalLoss"}
    assert missing <= {"Record", "Records"}, missing


def test_no_dataclass_of_the_package_dumps_arrays_in_public():
    for module in pkgutil.walk_packages(convexnn.__path__, "convexnn."):
        if any(part.startswith("_") for part in module.name.split(".")[1:]) or module.name == "convexnn.cli":
            continue
        for name, value in vars(import_module(module.name)).items():
            if inspect.isclass(value) and issubclass(value, Shown) and value.__module__ == module.name:
                assert not value.__repr__.__qualname__.startswith("__create_fn__"), name
                generated = "_recursive_repr" in repr(value.__repr__) or value.__repr__.__module__ == "reprlib"
                assert not generated, name


@pytest.mark.parametrize("proof", ["exact", "heuristic"])
def test_tables_are_honest_about_the_proof(proof):
    network = convexnn.optimal_set(X, Y, BETA).minimal_network()
    found = convexnn.certify(network, X, Y, BETA, proof=proof)
    for text in (repr(found), Checker(found._repr_html_()).text, Checker(found.price._repr_html_()).text):
        assert bool(NO_PROOF.search(text)) is (proof == "exact"), text
    assert ("globally optimal" in found._repr_html_()) is (proof == "exact")


def test_a_sweep_without_a_proof_says_so():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    sweep = convexnn.width_sweep(X, y, 0.5, [2], n_runs=2, proof="heuristic", random_state=0)
    for text in (repr(sweep.records[0]), Checker(sweep._repr_html_()).text):
        assert "at most" in text and "at least" in text and "(heuristic)" in text and "exact" not in text


def test_a_label_without_a_proof_says_so(records):
    network = records["OptimalSet"].minimal_network()
    text = repr(landscape.classify(network, X, Y, BETA, proof="heuristic"))
    assert "heuristic" in text and "not proven" in text


def test_what_takes_long_is_not_found_for_a_table():
    found = convexnn.optimal_set(X, Y, BETA)
    assert "first asked for" in found._repr_html_() and "_listed" not in vars(found)
    assert found.m_star == 2
    table = Checker(found._repr_html_()).text.split()
    assert table[table.index("m*") + 1] == "2" and table[table.index("M*") + 1] == "3"


def test_tables_are_escaped_and_bounded():
    html = html_table("<b>&", [(str(k), "<script>") for k in range(MAX_TABLE_ROWS + 5)], ("a", "b"))
    checked = Checker(html)
    assert "script" not in checked.tags and "<script>" in checked.text and "<b>&" in checked.text
    assert "and 5 more" in checked.text and checked.text.count("<script>") == MAX_TABLE_ROWS


def test_networks_without_neurons_or_with_outputs_are_shown():
    empty = convexnn.TwoLayerReLU(np.zeros((0, 2)), np.zeros(0))
    assert "neither bias nor free terms" in empty._repr_html_()
    assert "0 neurons" in repr(empty)
    several = convexnn.TwoLayerReLU(np.ones((2, 2)), np.ones((2, 3)), hidden_bias=np.zeros(2))
    assert "hidden bias" in several._repr_html_()


def test_estimators_keep_the_display_of_scikit_learn():
    html = convexnn.ConvexReLURegressor()._repr_html_()
    assert "sk-top-container" in html and "ConvexReLURegressor" in html
