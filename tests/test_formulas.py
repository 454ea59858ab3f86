"""Formulas of networks: they have the network's values, whatever they are written in."""

import re

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.exceptions import InvalidInputError

from .test_network import kinds, outputs, random_network

NAMES = ["age", "bmi", "bp"]
ROWS = np.random.default_rng(9).standard_normal((20, 3))


def odd_network():
    """Weights of 0, 1 and -1, of many sizes, neurons without mass, and one that ignores its inputs."""
    return TwoLayerReLU(
        [[1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1e-9, 2e8, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [-1.0, 2.0, 1e-3, 0.0, 3.0],
        hidden_bias=[0.0, 0.5, -1.0, 2.0, -0.5],
        skip_weights=[0.0, -1.0, 1.0 / 3.0],
    )


def values_of_text(network, X, names):
    """The values of the formulas, as Python reads them."""
    text = "\n" + network.to_text(names, digits=None)
    formulas = [" ".join(part.split()) for part in re.split(r"\n *f\d* =", text)[1:]]
    found = [[eval(one, {"max": max}, dict(zip(names, row, strict=True))) for one in formulas] for row in X]
    return np.reshape(found, np.shape(network.predict(X)))


@kinds
@outputs
@pytest.mark.parametrize("width", [0, 1, 6])
def test_text_has_the_values_of_the_network(kind, n_outputs, width):
    network = random_network(width, 3, kind, n_outputs)
    np.testing.assert_allclose(values_of_text(network, ROWS, NAMES), network.predict(ROWS), rtol=1e-12, atol=1e-12)


def test_text_of_odd_weights():
    network = odd_network()
    np.testing.assert_allclose(values_of_text(network, ROWS, NAMES), network.predict(ROWS), rtol=1e-12)
    text = network.to_text(NAMES)
    assert text.splitlines() == [
        "f = -max(0, age - bp)",
        "  + 2 * max(0, 0.5)",
        "  + 0.001 * max(0, 1e-09 * age + 2e+08 * bmi - 1)",
        "  + 3 * max(0, -0.5)",
        "  - bmi + 0.3333 * bp",
    ]


def test_the_text_of_no_network_is_zero():
    assert TwoLayerReLU(np.zeros((0, 2)), []).to_text() == "f = 0"
    assert TwoLayerReLU(np.zeros((0, 2)), [], intercept=-2.5).to_text() == "f = -2.5"
    assert TwoLayerReLU(np.zeros((0, 2)), np.zeros((0, 2)), intercept=[1, 2]).to_text() == "f0 = 1\nf1 = 2"


def test_digits_are_those_asked_for():
    network = TwoLayerReLU([[1.0 / 3.0]], [1.0], intercept=0.999996)
    assert network.to_text(digits=2) == "f = max(0, 0.33 * x0)\n  + 1"
    assert f"{1 / 3!r} * x0" in network.to_text(digits=None)
    for digits in (0, 2.5, "4"):
        with pytest.raises(InvalidInputError, match="digits must be an integer"):
            network.to_text(digits=digits)


def test_latex_names_are_escaped_and_upright():
    latex = odd_network().to_latex(["sepal length (cm)", "a_b", "50%"])
    assert r"\mathrm{sepal\ length\ (cm)} - \mathrm{50\%}" in latex and r"\mathrm{a\_b}" in latex
    assert r"1 \cdot 10^{-9}" in latex and r"2 \cdot 10^{8}" in latex
    assert latex.startswith("\\begin{aligned}\nf ={}& -(") and latex.endswith("\n\\end{aligned}")
    assert "x_{0}" in odd_network().to_latex() and "max" not in latex


@outputs
def test_latex_is_the_text_in_other_signs(n_outputs):
    """The same numbers in the same order, a line for each line."""
    network = random_network(4, 3, "all", n_outputs)
    latex, text = network.to_latex(), network.to_text()
    assert len(latex.splitlines()) == len(text.splitlines()) + 2
    written = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", re.sub(r"[fx]_\{?\d+\}?", "", latex))
    plain = re.sub(r"max\(0, ", "(", re.sub(r"\b[fx]\d+", "", text))
    number = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
    assert [float(n) for n in number.findall(written)] == [float(n) for n in number.findall(plain)]
    assert latex.count("{") == latex.count("}")


@kinds
@outputs
def test_sympy_has_the_values_and_slopes(kind, n_outputs):
    sympy = pytest.importorskip("sympy")
    network = random_network(4, 3, kind, n_outputs)
    formula = network.to_sympy(NAMES)
    symbols = [sympy.Symbol(name, real=True) for name in NAMES]
    each = sympy.Matrix([formula])
    assert each.shape == (network.output_weights.reshape(4, -1).shape[1], 1)
    assert isinstance(formula, sympy.Expr) == (n_outputs is None)
    row, at = ROWS[0], dict(zip(symbols, ROWS[0], strict=True))
    values = np.ravel(np.array(each.subs(at), float))
    np.testing.assert_allclose(values, np.ravel(network.predict(row[None])), rtol=1e-12)
    slopes = np.array(each.jacobian(symbols).subs(at).doit().evalf(), float)
    step = 1e-6
    for k, name in enumerate(NAMES):
        ahead, behind = (network.predict((row + s * np.eye(3)[k])[None]) for s in (step, -step))
        np.testing.assert_allclose(slopes[:, k], np.ravel(ahead - behind) / (2 * step), rtol=1e-6, err_msg=name)


def test_sympy_of_odd_weights():
    sympy = pytest.importorskip("sympy")
    network = odd_network()
    formula = sympy.lambdify(sympy.symbols(NAMES, real=True), network.to_sympy(NAMES))
    np.testing.assert_allclose([formula(*row) for row in ROWS], network.predict(ROWS), rtol=1e-12)
    assert TwoLayerReLU(np.zeros((0, 2)), []).to_sympy() == 0


def test_sympy_that_is_missing_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sympy", None)
    with pytest.raises(ImportError, match=r"sympy is not installed; .* pip install 'convexnn\[symbolic\]'"):
        odd_network().to_sympy()


@kinds
@outputs
@pytest.mark.parametrize("width", [0, 5])
def test_the_rows_of_the_frame_add_up_to_the_network(kind, n_outputs, width):
    pytest.importorskip("pandas")
    network = random_network(width, 3, kind, n_outputs)
    frame = network.to_frame(NAMES).fillna(0.0)
    biases = frame["bias"] if "bias" in frame else 0.0
    lines = ROWS @ frame[NAMES].to_numpy().T + np.asarray(biases)
    is_neuron = np.array([name.startswith("neuron") for name in frame.index], bool)
    own = frame.filter(regex="^output").to_numpy()
    values = np.where(is_neuron, np.maximum(lines, 0.0), lines) @ own
    np.testing.assert_allclose(values.reshape(network.predict(ROWS).shape), network.predict(ROWS), atol=1e-12)
    assert is_neuron.sum() == width


def test_the_frame_says_what_is_absent():
    pytest.importorskip("pandas")
    plain = TwoLayerReLU([[2.0, 1.0]], [3.0])
    assert list(plain.to_frame().columns) == ["x0", "x1", "output"] and len(plain.to_frame()) == 1
    frame = TwoLayerReLU([[2.0, 1.0]], [3.0], intercept=0.0).to_frame()
    assert frame["bias"].isna().tolist() == [True, False] and frame.loc["free terms", ["x0", "x1"]].isna().all()


def test_names_of_an_estimator_are_taken():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(ROWS, columns=NAMES)
    model = ConvexReLURegressor(0.5).fit(X, np.abs(ROWS[:, 0]))
    frame = model.network_.to_frame(model.feature_names_in_)
    assert list(frame.columns) == [*NAMES, "bias", "output"]
    assert "age" in model.network_.to_text(model.feature_names_in_)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "must be 3 different names"),
        (["a", "b", "a"], "must be 3 different names"),
        ("abc", "must be 3 different names"),
        (["a", "b", 3], "must be strings that are not empty; got 3"),
        (["a", "b", ""], "must be strings that are not empty; got ''"),
    ],
    ids=["few", "twice", "one", "number", "empty"],
)
def test_bad_names_are_refused(names, message):
    network = odd_network()
    for call in (network.to_text, network.to_latex, network.to_frame):
        with pytest.raises(InvalidInputError, match=f"feature_names {message}"):
            call(names)


def test_names_of_other_columns_are_refused():
    pytest.importorskip("pandas")
    for name in ("bias", "output"):
        with pytest.raises(InvalidInputError, match=f"must leave out '{name}'"):
            odd_network().to_frame(["a", "b", name])
