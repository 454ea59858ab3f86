"""The problem as given and in units of one, and the sub-networks on their way back from the latter."""

from dataclasses import dataclass

import numpy as np

from .._utils.norms import norms
from .._utils.validation import check_design, check_positive, check_vector
from .network import ThreeLayerReLU


@dataclass(frozen=True, eq=False)
class UnitProblem:
    """The nonzero rows in an orthonormal basis, scaled: the longest row and the targets have norm 1."""

    X: np.ndarray
    y: np.ndarray
    beta: float
    x_scale: float
    y_scale: float

    @property
    def is_zero_optimal(self):
        """Whether ``beta >= sum_i |y_i| ||x_i||``, a bound on the price of the targets."""
        return self.beta >= np.abs(self.y) @ norms(self.X)


@dataclass(frozen=True, eq=False)
class Part:
    """A sub-network of mass one: vectors v_j with ``sum_j ||v_j|| = 1``, their signs, the output's sign, its fit."""

    neurons: np.ndarray
    signs: np.ndarray
    output_sign: float
    fit: np.ndarray

    def with_output(self, sign):
        """Return the sub-network of a positive output with this sign of the output."""
        return Part(self.neurons, self.signs, sign, sign * self.fit)


@dataclass(frozen=True, eq=False)
class Problem:
    """Checked data; `basis` (n_features, r) has orthonormal columns and spans the rows of X."""

    X: np.ndarray
    y: np.ndarray
    beta: float
    basis: np.ndarray

    @classmethod
    def checked(cls, X, y, beta, name="y"):
        """Check the data; many columns are rotated to as many as there are rows."""
        X = check_design(X)
        n_samples, n_features = X.shape
        # Networks see X only through its rows: n coordinates of their span are enough.
        basis = np.linalg.qr(X.T)[0] if n_features > n_samples else np.eye(n_features)
        return cls(X, check_vector(y, n_samples, name), check_positive(beta, "beta"), basis)

    @property
    def rows(self):
        """The rows that are not zero; on the others every network is 0."""
        return np.any(self.X != 0, axis=1)

    def unit(self):
        """Return the `UnitProblem`; None where X or y is zero (on the nonzero rows of X)."""
        # X -> X / s_x, y -> y / s_y, beta -> beta / (s_x s_y): the masses are in units of s_y / s_x.
        x_scale = norms(self.X).max()
        y_scale = norms(self.y[None, self.rows])[0]
        if x_scale == 0.0 or y_scale == 0.0:
            return None
        X, y = (self.X[self.rows] / x_scale) @ self.basis, self.y[self.rows] / y_scale
        return UnitProblem(X, y, self.beta / x_scale / y_scale, x_scale, y_scale)

    def residual(self, unit, nu):
        """Return a dual point of the `UnitProblem` as one of the problem; on rows of zeros it is y."""
        # The residual is -grad L. On rows of zeros every network is 0, so that it is y there.
        full = self.y.copy()
        full[self.rows] = unit.y_scale * nu
        return full

    def in_unit_terms(self, objective, unit):
        """Return an objective in the units of the `UnitProblem`, without the part of the rows of zeros."""
        unfitted = self.y[~self.rows]
        return (objective - 0.5 * float(unfitted @ unfitted)) / unit.y_scale / unit.y_scale

    def zero_network(self):
        """Return the network without sub-networks."""
        return ThreeLayerReLU(np.zeros((0, 1, self.X.shape[1])), np.zeros((0, 1)), np.zeros(0))

    def lift(self, parts, masses):
        """Return the balanced network of some `Part` of the unit problem, with these masses, zero ones left out."""
        used = [(part, mass) for part, mass in zip(parts, masses, strict=True) if mass > 0]
        if not used:
            return self.zero_network()
        width = max(len(part.neurons) for part, _ in used)
        first, second = np.zeros((len(used), width, self.X.shape[1])), np.zeros((len(used), width))
        for k, (part, mass) in enumerate(used):
            # Mass goes into the first layer; `balanced` spreads it over the three.
            first[k, : len(part.neurons)] = mass * part.neurons @ self.basis.T
            second[k, : len(part.neurons)] = part.signs
        return ThreeLayerReLU(first, second, [part.output_sign for part, _ in used]).balanced()


def best_scaling(y, nu, limit):
    """Return the best dual value ``t nu^T y - t^2 ||nu||^2 / 2`` over t in [0, limit], and t."""
    square = float(nu @ nu)
    scale = float(np.clip(nu @ y / square, 0.0, limit)) if square > 0 else 0.0
    return scale * float(nu @ y) - 0.5 * scale**2 * square, scale
