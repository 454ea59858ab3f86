"""The checker of proof files: it stands alone, and nothing that is changed passes for a proof of something false."""

import ast
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.exchange import save_network
from convexnn.proofs import ProofError, checker, write_proof

from ..checks import brute_force, plain_objective
from ..zoo import random_problem

SOURCE = Path(checker.__file__)


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """A proof of a small problem with all free terms: path, X, y and p* as the brute force knows it."""
    X, y = random_problem(7, 2, seed=5)
    model = ConvexReLURegressor(beta=0.2, skip_connection=True).fit(X, y)
    path = tmp_path_factory.mktemp("proof") / "proof.npz"
    write_proof(path, model.network_, X, y, 0.2)
    reference = brute_force(X, y, 0.2, hidden_bias=True, fit_intercept=True, skip_connection=True)
    return path, X, y, reference.value


def parts_of(path):
    """A fresh copy of what is in a proof file."""
    header, arrays = checker.read_proof(path)
    return json.loads(json.dumps(header)), {name: array.copy() for name, array in arrays.items()}


def verdict_of(header, arrays, X, y):
    """What is checked of changed contents, under a hash that goes with them: as an enemy would write it."""
    return checker.check(header, arrays, X, y, np.ones(len(y)))


def test_checker_imports_numpy_and_the_standard_library():
    tree = ast.parse(SOURCE.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
    assert names - {"numpy"} <= set(sys.stdlib_module_names)


def test_checker_runs_alone(proven, tmp_path):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    header["table"] = {
        "inputs": [["a", None], ["b", None]],
        "targets": [["y", None]],
        "weight": None,
        "center": [0.0, 0.0],
        "scale": [1.0, 1.0],
    }
    header["contents"] = checker.digest(header, arrays)
    np.savez(tmp_path / "proof.npz", header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    rows = [["y", "b", "a"], *([t, *row[::-1]] for t, row in zip(y.tolist(), X.tolist(), strict=True))]
    (tmp_path / "data.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    (tmp_path / "checker.py").write_text(SOURCE.read_text())
    # In isolated mode the folder of the script is the only one besides those of the libraries.
    blocked = "import sys; sys.modules['convexnn'] = None; import runpy; sys.argv = sys.argv[1:]; "
    command = [sys.executable, "-c", blocked + "runpy.run_path(sys.argv[0], run_name='__main__')", "checker.py"]
    done = subprocess.run([*command, "proof.npz", "data.csv"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("every network of any width has objective at least")
    rows[1][0] += 1e-9
    (tmp_path / "data.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    done = subprocess.run([*command, "proof.npz", "data.csv"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, checker.OTHER_DATA + "\n")


def test_torn_files_are_refused(proven, tmp_path):
    whole = proven[0].read_bytes()
    torn = tmp_path / "torn.npz"
    for size in np.linspace(0, len(whole) - 1, 60).astype(int).tolist():
        torn.write_bytes(whole[:size])
        with pytest.raises(ProofError):
            checker.read_proof(torn)


def test_changed_bytes_are_refused(proven, tmp_path):
    path, X, y, _ = proven
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    changed, before = tmp_path / "changed.npz", checker.read_proof(path)
    for place in rng.integers(0, len(whole), 1000).tolist():
        copy = bytearray(whole)
        copy[place] ^= 1 << int(rng.integers(8))
        changed.write_bytes(bytes(copy))
        try:
            header, arrays = checker.read_proof(changed)
        except ProofError:
            continue
        # A byte that zip does not read, such as a date: the contents are as they were.
        assert header == before[0]
        assert all(np.array_equal(arrays[name], before[1][name]) for name in before[1])


def changed_value(rng, value):
    """Another number: near, far, of the other sign, zero, or not a number."""
    ways = (value * (1 + 1e-9), value * 1.5, -value, 0.0, value + 1e-3, np.nan, np.inf, value * 1e300, 1e-320)
    return ways[rng.integers(len(ways))]


def change(rng, header, arrays):
    """Change one thing of a proof in place."""
    names = [*arrays, "header"]
    name = names[rng.integers(len(names))]
    if name == "header":
        entry = list(header)[rng.integers(len(header))]
        value = header[entry]
        if isinstance(value, bool):
            header[entry] = not value
        elif isinstance(value, float):
            header[entry] = changed_value(rng, value)
        elif isinstance(value, list) and value:
            chosen = value[rng.integers(len(value))]
            place = int(rng.integers(len(chosen)))
            chosen[place] = [str(int(rng.integers(-9, 9))), "1/0", "", 1, None][rng.integers(5)]
        else:
            header[entry] = [None, "", 0, [], {}, "absolute", "logistic"][rng.integers(7)]
        return
    array = arrays[name]
    way = rng.integers(4)
    if way == 0 or array.size == 0:
        arrays[name] = array[:-1] if array.ndim else array.reshape(1)
    elif way == 1:
        arrays[name] = np.concatenate([array, array[-1:]]) if array.ndim else np.array([array, array])
    elif array.dtype.kind == "f":
        array.flat[rng.integers(array.size)] = changed_value(rng, array.flat[rng.integers(array.size)])
    else:
        limits = np.iinfo(array.dtype)
        value = [0, 1, limits.min, limits.max, int(rng.integers(-3, 4))][rng.integers(5)]
        array.flat[rng.integers(array.size)] = np.clip(value, limits.min, limits.max)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 9))])
def test_changed_contents_prove_nothing_false(seed, proven):
    path, X, y, value = proven
    rng, refused = np.random.default_rng(seed), 0
    for _ in range(400):
        header, arrays = parts_of(path)
        for _ in range(rng.integers(1, 4)):
            change(rng, header, arrays)
        try:
            verdict = verdict_of(header, arrays, X, y)
        except ProofError:
            refused += 1
            continue
        # What still passes may be about another network, or another problem, which the header names; a bound for the
        # problem that it was is at most its optimum, and the objective is that of the network.
        assert verdict.lower_bound <= verdict.objective
        if header["loss"] == "squared" and verdict.objective < 10**200:
            network = TwoLayerReLU(**{name: arrays[name] for name in checker.TERMS if name in arrays})
            expected = plain_objective(network, X, y, header["beta"])
            assert float(verdict.objective) == pytest.approx(expected, rel=1e-9)
        same = ("beta", "loss", "hidden_bias", "fit_intercept", "skip_connection")
        if all(header[name] == parts_of(path)[0][name] for name in same):
            assert float(verdict.lower_bound) <= value * (1 + 1e-9)
    assert refused > 200


def test_what_is_wrong_is_named(proven):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    arrays["slopes"][3] *= 0.9
    with pytest.raises(ProofError, match="the slope of leaf 4 is below what is needed"):
        verdict_of(header, arrays, X, y)
    header, arrays = parts_of(path)
    header["tau"] *= 0.999999
    header["scale"] *= 0.999999
    with pytest.raises(ProofError, match="the slope of leaf .* is above tau"):
        verdict_of(header, arrays, X, y)
    header, arrays = parts_of(path)
    header["corrections"] = []
    with pytest.raises(ProofError, match="not orthogonal to the free terms"):
        verdict_of(header, arrays, X, y)
    header, arrays = parts_of(path)
    header["basis"][1] = header["basis"][0]
    with pytest.raises(ProofError, match="the basis does not span the rows"):
        verdict_of(header, arrays, X, y)
    header, arrays = parts_of(path)
    arrays["splits"] = arrays["splits"][1:]
    with pytest.raises(ProofError):
        verdict_of(header, arrays, X, y)


def recipe(**changes):
    """How the table of these tests becomes the data, with changes."""
    plain = {"inputs": [["a", None], ["b", None]], "targets": [["y", None]], "weight": None}
    return plain | {"center": [0.0, 0.0], "scale": [1.0, 1.0]} | changes


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("intercept", (7, 1)),
        ("intercept", (1,)),
        ("hidden_bias", ()),
        ("hidden_bias", (7, 1)),
        ("skip_weights", (2, 1)),
        ("output_weights", (1, 5)),
    ],
)
def test_shapes_that_no_network_has_are_refused(name, shape, proven):
    # An intercept for every row would fit any targets.
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    arrays[name] = np.zeros(shape)
    with pytest.raises(ProofError, match=name):
        verdict_of(header, arrays, X, y)


@pytest.mark.parametrize(
    "changes",
    [
        {"center": [[0.0, 0.0]] * 7},
        {"center": [0.0]},
        {"scale": [1.0, 0.0]},
        {"scale": [1.0, True]},
        {"inputs": [["a", None], ["y", None]]},
        {"inputs": 3},
        {"targets": [["y", 5]]},
        {"targets": [["y", "nowhere"]]},
        {"targets": [["z", None]]},
        {"weight": "a"},
    ],
    ids=str,
)
def test_recipes_that_make_other_data_are_refused(changes, tmp_path):
    (tmp_path / "data.csv").write_text("a,b,y\n1,2,3\n4,5,6\n")
    X, y, weight = checker.read_table(tmp_path / "data.csv", {"table": recipe()})
    assert (X.tolist(), y.tolist(), weight.tolist()) == ([[1, 2], [4, 5]], [3, 6], [1, 1])
    with pytest.raises(ProofError):
        checker.read_table(tmp_path / "data.csv", {"table": recipe(**changes)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n1,2\n", "has no column 'b', which the proof is about"),
        ("a,a,b,y\n1,1,2,3\n", "has 2 columns 'a'"),
        ("a,b,y\n1,2\n", "row 1 of .* has another number of cells than its header, which has 3"),
        ("a,b,y\n1,2,x\n", "cannot be read as the table .*: could not convert"),
    ],
)
def test_messages_say_what_is_wrong_with_a_table(text, message, tmp_path):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ProofError, match=message):
        checker.read_table(tmp_path / "data.csv", {"table": recipe()})


def test_file_of_a_network_is_named_as_such(tmp_path):
    save_network(tmp_path / "network.npz", TwoLayerReLU(np.ones((1, 2)), np.ones(1)))
    with pytest.raises(ProofError, match=r"network.npz holds a network and no proof: give a file that convexnn prove"):
        checker.read_proof(tmp_path / "network.npz")
    np.savez(tmp_path / "arrays.npz", a=np.ones(2))
    with pytest.raises(ProofError, match="arrays.npz has no entry 'header', so it is no proof file"):
        checker.read_proof(tmp_path / "arrays.npz")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "2 inputs as they are (a, b), target y, no column of weights"),
        ({"center": [0.5, -2.0]}, "2 inputs centred (a - 0.5, b + 2.0), target y, no column of weights"),
        (
            {"center": [0.5, 0.0], "scale": [4.0, 0.1]},
            "2 inputs centred and scaled ((a - 0.5) / 4.0, (b) / 0.1), target y",
        ),
        ({"scale": [0.3 - 0.1, 1.0]}, "2 inputs scaled ((a) / 0.19999999999999998, b), target y"),
        ({"inputs": [["a", None], ["b", "red"]]}, "2 inputs as they are (a, b='red'), target y"),
        ({"targets": [["y", "yes"]]}, "(a, b), target y (1 for 'yes', else -1), no column"),
        ({"weight": "w"}, "(a, b), target y, weights w"),
    ],
    ids=str,
)
def test_problem_names_all_that_the_recipe_does(changes, text, proven):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    header["table"] = recipe(**changes)
    assert text in verdict_of(header, arrays, X, y).problem


@pytest.mark.parametrize("text", ["", "a,b,y\n1,2\n", "a,b,y\n1,2,x\n", "a,a,b,y\n1,1,2,3\n", "a,b,y\n1,2,3,4\n"])
def test_tables_of_another_form_are_refused(text, tmp_path):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ProofError):
        checker.read_table(tmp_path / "data.csv", {"table": recipe()})


@pytest.mark.parametrize(
    "change",
    [
        lambda h, a: h.update(tau="1e999999999"),
        lambda h, a: h.update(beta="1e-99999999"),
        lambda h, a: h.update(corrections=[[0, 0, "1e-99999999"]]),
        lambda h, a: h.update(basis=[["1" if i == j else "0" for j in range(30)] for i in range(30)]),
        lambda h, a: a.update(splits=np.full((1_000_000, 4), -1, np.int8)),
    ],
)
def test_small_files_do_not_hang_the_checker(change, proven):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    change(header, arrays)
    with pytest.raises(ProofError):
        verdict_of(header, arrays, X, y)


def test_endless_generators_are_refused(proven):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    n_cuts, n_roots = 400, 1 << (len(header["basis"]) + 1)
    n_leaves = n_roots + n_cuts
    # One root is cut at the same edge, with the largest shift, time and again.
    arrays["splits"] = np.array([[0, 0, 1, 127]] * n_cuts + [[-1, 0, 0, 0]] * n_leaves, np.int8)
    arrays["slopes"] = np.full((n_leaves, 1, arrays["slopes"].shape[2]), 1e3)
    arrays["n_shares"] = np.zeros(n_leaves, np.int32)
    arrays["lines"], arrays["shares"] = np.zeros(0, np.int32), np.zeros(0, np.uint32)
    with pytest.raises(ProofError, match="have entries of more than 32768 bits"):
        verdict_of(header, arrays, X, y)


@pytest.mark.parametrize("seed", range(3))
def test_printed_numbers_are_on_the_safe_side(seed):
    rng = np.random.default_rng(seed)
    for exponent in rng.integers(-40, 40, 300).tolist():
        value = Fraction(float(rng.uniform(-1, 1))) * Fraction(10) ** exponent
        for digits in (3, 12):
            low, high = (
                Fraction(checker.shown(value, rounding, digits)) for rounding in ("ROUND_FLOOR", "ROUND_CEILING")
            )
            assert low <= value <= high and high - low <= abs(value) * Fraction(10) ** (1 - digits)


def test_command_says_what_is_wrong(proven, tmp_path, capsys):
    assert checker.main([]) == 2
    assert checker.main([str(proven[0]), str(tmp_path / "none.csv")]) == 1
    assert "does not say how a CSV file becomes its data" in capsys.readouterr().out


def test_basis_of_a_subspace_is_no_basis(proven):
    path, X, y, _ = proven
    header, arrays = parts_of(path)
    header["basis"] = header["basis"][:2]
    with pytest.raises(ProofError, match="the basis does not span the rows"):
        verdict_of(header, arrays, X, y)


def test_integers_are_the_floats_exactly():
    values = np.array([[0.0, -0.1, 3.0], [1e-300, 5e-324, -1e20]])
    whole, exponent = checker.integers(values)
    assert all(
        Fraction(m, 1) / 2**exponent == Fraction(v) for m, v in zip(whole.ravel(), values.ravel().tolist(), strict=True)
    )
    assert checker.integers(np.zeros(3))[0].tolist() == [0, 0, 0]


def test_lines_make_the_function_of_the_rows():
    rng = np.random.default_rng(0)
    X = np.array(rng.integers(-2, 3, (12, 3)).tolist() + [[2, -4, 6], [-1, 2, -3], [0, 0, 0]], dtype=object)
    nu = np.array(rng.integers(-5, 6, (15, 2)).tolist(), dtype=object)
    lines, coefficients, linear = checker.lines_of(X, nu)
    assert len({tuple(abs(x) for x in line) for line in lines.tolist()}) <= len(lines) < 15
    for u in np.array(rng.integers(-9, 10, (50, 3)).tolist(), dtype=object):
        expected = np.maximum(X @ u, 0) @ nu
        assert np.array_equal(np.maximum(lines @ u, 0) @ coefficients + linear @ u, expected)


@pytest.mark.parametrize(
    ("gram", "limit", "holds"),
    [
        ([[4]], 4, True),
        ([[4]], 3, False),
        ([[2, 1], [1, 2]], 3, True),
        ([[2, 1], [1, 2]], Fraction(299, 100), False),
        ([[3, 0], [0, 3]], 3, True),
        ([[3, 1], [1, 2]], 3, False),
    ],
)
def test_largest_eigenvalue_is_judged_exactly(gram, limit, holds):
    assert checker.is_below(np.array(gram, dtype=object), limit) is holds


@pytest.mark.parametrize("margin", [0, Fraction(1, 7), -3, 40, -40, 2000, -2000, 10**7, -(10**7)])
def test_logarithms_are_on_the_safe_side(margin):
    above = checker.logistic(Fraction(1), Fraction(margin), {})
    exact = max(-float(margin), 0.0) + np.log1p(np.exp(-abs(float(margin))))
    assert above >= max(-Fraction(margin), 0) and float(above) == pytest.approx(exact, rel=1e-14, abs=1e-40)
    share = Fraction(3, 10)
    below = float(checker.entropy(Fraction(1), share, {}))
    assert below == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7), rel=1e-14)
    assert checker.entropy(Fraction(-1), Fraction(-1), {}) == 0 == checker.entropy(Fraction(1), Fraction(0), {})
