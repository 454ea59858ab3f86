r"""A two-layer ReLU network on paper: as text, in LaTeX, for SymPy, and as a table.

The formula is the network as it stands: neurons in their order, each with its own scaling of u_j against alpha_j
(`TwoLayerReLU.balanced` makes them of a size, `TwoLayerReLU.merged` leaves fewer of them). Terms without influence are
left out: weights that are zero, and neurons without mass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ._utils.libraries import require
from ._utils.validation import check_count
from .exceptions import InvalidInputError
from .neurons import Neurons
from .pieces import LinearPieces, pieces_of

if TYPE_CHECKING:
    from pandas import DataFrame

# Figures are shown with four digits unless others are asked for.
DIGITS = 4
# What stands for characters that LaTeX reads as commands, in a name set upright.
ESCAPES = {character: f"\\{character}" for character in "#$%&_{} "} | {
    "\\": r"\backslash ",
    "^": r"\hat{\ }",
    "~": r"\sim ",
}


class Formulas(Neurons):
    """The formula of a `TwoLayerReLU`, with the names of its inputs."""

    def to_text(self, feature_names: Iterable[str] | None = None, *, digits: int | None = DIGITS) -> str:
        """Return the formula as text, a line for every neuron and one for the free terms.

        Parameters
        ----------
        feature_names : sequence of str, optional
            One name for every input, such as ``feature_names_in_`` of an estimator; ``x0``, ``x1``, ... by default.
        digits : int or None
            Digits of every number; None writes all that there are. Where names are those of Python variables, the
            text to the right of ``=`` is then an expression in Python with the network's values.

        Returns
        -------
        str
            ``f = ...``; with several outputs ``f0 = ...``, ``f1 = ...`` and so on.

        Examples
        --------
        >>> from convexnn import TwoLayerReLU
        >>> network = TwoLayerReLU([[2.0, -0.5], [0.0, 1.0]], [1.5, -1.0], hidden_bias=[0.0, 3.0], intercept=7.0)
        >>> print(network.to_text(["age", "bmi"]))
        f = 1.5 * max(0, 2 * age - 0.5 * bmi)
          - max(0, bmi + 3)
          + 7
        """
        return self._written(_Plain(digits), input_names(feature_names, self.n_inputs), "f", "")

    def to_latex(self, feature_names: Iterable[str] | None = None, *, digits: int | None = DIGITS) -> str:
        r"""Return the formula in LaTeX, for math mode; it needs amsmath, and MathJax has all of it.

        Parameters
        ----------
        feature_names, digits
            As in `to_text`. Names are set upright, with what LaTeX would read as a command escaped.

        Returns
        -------
        str
            An ``aligned`` environment, a line for every neuron and one for the free terms.

        Examples
        --------
        >>> from convexnn import TwoLayerReLU
        >>> print(TwoLayerReLU([[2.0, -0.5]], [1.5], intercept=7.0).to_latex())
        \begin{aligned}
        f ={}& 1.5\,(2\,x_{0} - 0.5\,x_{1})_+ \\
          &{}+ 7
        \end{aligned}
        """
        names = [f"x_{{{k}}}" for k in range(self.n_inputs)]
        if feature_names is not None:
            names = [upright(name) for name in input_names(feature_names, self.n_inputs)]
        written = self._written(_Latex(digits), names, "f", "_")
        return f"\\begin{{aligned}}\n{written}\n\\end{{aligned}}"

    def to_sympy(self, feature_names: Iterable[str] | None = None) -> Any:
        """Return the formula as an expression of SymPy, with the weights as they are in double precision.

        Parameters
        ----------
        feature_names : sequence of str, optional
            Names of the (real) symbols; ``x0``, ``x1``, ... by default.

        Returns
        -------
        sympy.Expr, or sympy.Matrix of shape (n_outputs, 1) where `output_weights` has a column for every output

        Raises
        ------
        MissingLibraryError
            Without SymPy, which the extra `symbolic` installs.

        Examples
        --------
        >>> from convexnn import TwoLayerReLU
        >>> formula = TwoLayerReLU([[2.0]], [1.5], intercept=7.0).to_sympy(["age"])  # doctest: +SKIP
        >>> formula  # doctest: +SKIP
        1.5*Max(0, 2.0*age) + 7.0
        """
        sympy = require("sympy", "symbolic")
        symbols = [sympy.Symbol(name, real=True) for name in input_names(feature_names, self.n_inputs)]

        def line(weights, constant):
            terms = [sympy.Float(w) * x for w, x in zip(weights, symbols, strict=True) if w != 0.0]
            return sympy.Add(*terms, sympy.Float(constant) if constant != 0.0 else 0)

        lines = [line(weights, bias) for weights, bias in zip(self.hidden_weights, self._biases, strict=True)]
        values = [sympy.Max(0, argument) for argument in lines]
        found = []
        for outputs, skip, intercept in zip(self._outputs.T, *self._free_terms, strict=True):
            terms = [
                sympy.Float(output) * value for output, value in zip(outputs, values, strict=True) if output != 0.0
            ]
            found.append(sympy.Add(*terms, line(skip, intercept)))
        return found[0] if self.output_weights.ndim == 1 else sympy.Matrix(found)

    def to_frame(self, feature_names: Iterable[str] | None = None) -> DataFrame:
        """Return a pandas DataFrame with a row for every neuron, and one for the free terms of every output.

        A row has the weights of the inputs, under their names, then ``bias`` and ``output`` (``output 0``, ``output 1``
        and so on for several outputs): a neuron is ``max(0, weights . x + bias)`` times its output weights, free terms
        are ``weights . x + bias`` in the output whose weight is 1. The network is the sum of the rows. What is absent
        from the network is NaN, where the table has a column for it.

        Parameters
        ----------
        feature_names : sequence of str, optional
            As in `to_text`.

        Raises
        ------
        InvalidInputError
            For names that are those of other columns, or not one for every input.
        MissingLibraryError
            Without pandas, which the extra `frame` installs.

        Examples
        --------
        >>> from convexnn import TwoLayerReLU
        >>> TwoLayerReLU([[2.0, -0.5]], [1.5], intercept=7.0).to_frame(["age", "bmi"])
                    age  bmi  bias  output
        neuron 0    2.0 -0.5   NaN     1.5
        free terms  NaN  NaN   7.0     1.0
        """
        names, n_outputs = input_names(feature_names, self.n_inputs), self._outputs.shape[1]
        is_single = self.output_weights.ndim == 1
        own = ["output"] if is_single else [f"output {k}" for k in range(n_outputs)]
        clash = sorted({"bias", *own} & set(names))
        if clash:
            raise InvalidInputError(f"feature_names must leave out {clash[0]!r}, which names another column here.")
        columns = np.column_stack([self.hidden_weights, _or_nan(self.hidden_bias, self.width), self._outputs])
        index = [f"neuron {j}" for j in range(self.width)]
        if self.skip_weights is not None or self.intercept is not None:
            skip = _or_nan(self.skip_weights, (self.n_inputs, n_outputs))
            free = np.column_stack([skip.T, _or_nan(self.intercept, n_outputs), np.eye(n_outputs)])
            columns = np.vstack([columns, free])
            index += ["free terms"] if is_single else [f"free terms {k}" for k in range(n_outputs)]
        frame = require("pandas", "frame").DataFrame(columns, index, [*names, "bias", *own])
        is_biased = self.hidden_bias is not None or self.intercept is not None
        return frame if is_biased else frame.drop(columns="bias")

    def kinks(self) -> LinearPieces:
        """Return the kinks and slopes of a network of one input, as a table.

        Returns
        -------
        LinearPieces
            `kinks`, `slopes` and `intercepts` of the lines in between; ``to_frame()``, and printed as a table. Neurons
            with the same kink are one, and kinks whose changes of slope cancel are left out.

        Raises
        ------
        InvalidInputError
            For more than one input.
        """
        if self.n_inputs != 1:
            raise InvalidInputError(
                f"kinks needs a network of one input; this one has {self.n_inputs}, and bends along hyperplanes: see "
                f"to_frame, which has one for every neuron."
            )
        skip, intercept = (part.reshape(self._outputs.shape[1]) for part in self._free_terms)
        found = pieces_of(self.hidden_weights[:, 0], self._biases, self._outputs, skip, intercept)
        if self.output_weights.ndim == 2:
            return found
        return LinearPieces(found.kinks, found.slopes[:, 0], found.intercepts[:, 0])

    @property
    def _biases(self):
        """The hidden biases of shape (width,), zeros where there are none."""
        return np.zeros(self.width) if self.hidden_bias is None else self.hidden_bias

    @property
    def _free_terms(self):
        """Skip weights (n_outputs, n_inputs) and intercepts (n_outputs,), zeros where there are none."""
        n_outputs = self._outputs.shape[1]
        skip = np.zeros((n_outputs, self.n_inputs))
        if self.skip_weights is not None:
            skip = self.skip_weights.reshape(self.n_inputs, n_outputs).T
        return skip, np.zeros(n_outputs) if self.intercept is None else np.reshape(self.intercept, n_outputs)

    def _written(self, style, names, function, joint):
        """Return the formulas of all outputs, in lines."""
        found = []
        for k, (outputs, skip, intercept) in enumerate(zip(self._outputs.T, *self._free_terms, strict=True)):
            terms = []
            for weights, bias, output in zip(self.hidden_weights, self._biases, outputs, strict=True):
                argument = style.joined(style.line(names, weights, bias))
                if output != 0.0 and argument != "0":
                    terms.append(style.product(output, style.positive(argument)))
            free = style.line(names, skip, intercept)
            name = function if self.output_weights.ndim == 1 else f"{function}{joint}{k}"
            found.append(style.equation(name, terms, free))
        return style.between.join(found)


class _Plain:
    """How a formula is written as text: terms are pairs of a sign and what it is before."""

    times, between = " * ", "\n"

    def __init__(self, digits):
        self.digits = None if digits is None else check_count(digits, "digits")

    def number(self, value):
        """Return a number above 0 as text."""
        return repr(float(value)) if self.digits is None else f"{value:.{self.digits}g}"

    def product(self, value, factor):
        """Return the term of a number times a factor; the number 1 is not written."""
        number = self.number(abs(value))
        return "-" if value < 0 else "+", factor if number in ("1", "1.0") else f"{number}{self.times}{factor}"

    def line(self, names, weights, constant):
        """Return the terms of a linear function."""
        terms = [self.product(w, name) for w, name in zip(weights, names, strict=True) if w != 0.0]
        return terms if constant == 0.0 else [*terms, ("-" if constant < 0 else "+", self.number(abs(constant)))]

    def joined(self, terms):
        """Return the sum of terms, which begins with a minus where the first is subtracted."""
        if not terms:
            return "0"
        (sign, first), *others = terms
        return " ".join([f"{'-' if sign == '-' else ''}{first}", *(f"{sign} {term}" for sign, term in others)])

    def positive(self, argument):
        """Return the positive part."""
        return f"max(0, {argument})"

    def equation(self, name, terms, free):
        """Return a function as a line for every term and one for the free terms."""
        lines = [*([term] for term in terms), *([free] if free else [])]
        if not lines:
            return f"{name} = 0"
        indent = " " * len(name)
        rest = [f"{indent} {one[0][0]} {self.joined([('+', one[0][1]), *one[1:]])}" for one in lines[1:]]
        return "\n".join([f"{name} = {self.joined(lines[0])}", *rest])


class _Latex(_Plain):
    """How a formula is written in LaTeX."""

    times, between = r"\,", " \\\\\n"

    def number(self, value):
        mantissa, _, exponent = super().number(value).partition("e")
        return mantissa if not exponent else rf"{mantissa} \cdot 10^{{{int(exponent)}}}"

    def positive(self, argument):
        return f"({argument})_+"

    def equation(self, name, terms, free):
        first, *rest = super().equation(name, terms, free).split("\n")
        first = first.replace(f"{name} = ", f"{name} ={{}}& ", 1)
        return " \\\\\n".join([first, *(f"  &{{}}{line.strip()}" for line in rest)])


def input_names(feature_names: Iterable[str] | None, n_inputs: int) -> list[str]:
    """Return the names of the inputs after checking them, ``x0``, ``x1`` and so on for None."""
    if feature_names is None:
        return [f"x{k}" for k in range(n_inputs)]
    names = [feature_names] if isinstance(feature_names, str) else list(feature_names)
    strange = next((name for name in names if not isinstance(name, str) or not name), None)
    if strange is not None:
        raise InvalidInputError(f"feature_names must be strings that are not empty; got {strange!r}.")
    if len(names) != n_inputs or len(set(names)) < n_inputs:
        raise InvalidInputError(f"feature_names must be {n_inputs} different names, one per input; got {names!r}.")
    return [str(name) for name in names]


def upright(name: str) -> str:
    """Return a name for the math mode of LaTeX, in upright letters."""
    return rf"\mathrm{{{''.join(ESCAPES.get(character, character) for character in name)}}}"


def _or_nan(values, shape):
    """Return an array of this shape, NaN for None."""
    return np.full(shape, np.nan) if values is None else np.reshape(values, shape)
