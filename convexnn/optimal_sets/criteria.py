"""What an optimal network may be chosen by: how a network is judged, and the program over all of them where it is one.

A criterion has a name, the words of its figure (`measure`), `value(network)`, and `sign`: -1 where larger is better.
`program(found, functions)` is a program of `choice_programs` whose minimum is the best `sign * value`, or None.
`grows_with_support` says that the figure never falls when a network uses more directions: the best is then a vertex.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.arrays import to_numpy
from .._utils.validation import check_choice, check_design, check_vector, check_weights
from ..exceptions import InvalidInputError
from ..losses import make_loss
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network
from .choice_programs import LargestLoss, LargestOf, LeastSlope, MeanLoss
from .member_functions import slope_bounds_in_box
from .transport import LeastTransport, transport_distance

# What every criterion needs, and what it may be given.
ARGUMENTS = {
    "neurons": ((), ()),
    "weights": ((), ()),
    "features": ((), ()),
    "validation": (("X", "y"), ("sample_weight",)),
    "lipschitz": ((), ("X",)),
    "margin": (("X", "y"), ()),
    "closest": (("network",), ("X", "sample_weight")),
    "fairest": (("X", "groups"), ("y", "sample_weight")),
}
# An entry of a neuron below 1e-9 of its norm is rounding, and no input weight.
MIN_WEIGHT_SHARE = 1e-9


class Criterion:
    """Base: no program, smaller is better."""

    name, measure, sign, grows_with_support = "", "", 1.0, False

    def value(self, network):
        """Return the figure of a network."""
        raise NotImplementedError

    def program(self, found, functions):
        """Return the program whose minimum is the best figure, times `sign`; None where there is none."""
        return None


@dataclass(frozen=True)
class Counted(Criterion):
    """Neurons, input weights or features in use: as many as the directions in use have."""

    name: str
    grows_with_support = True

    @property
    def measure(self):
        """What is counted."""
        return {"neurons": "neurons", "weights": "hidden weights that are not zero", "features": "features in use"}[
            self.name
        ]

    def value(self, network):
        """Return the count."""
        neurons = network.merged().directions
        if self.name == "neurons":
            return float(np.count_nonzero(np.any(neurons != 0.0, axis=1)))
        used = np.abs(neurons[:, : network.n_inputs]) > MIN_WEIGHT_SHARE
        return float(used.sum() if self.name == "weights" else used.any(axis=0).sum())


@dataclass(frozen=True)
class Judged(Criterion):
    """What the caller's function says of a network."""

    function: object

    @property
    def name(self):
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def measure(self):
        """The same: nothing else is known of it."""
        return self.name

    def value(self, network):
        """Return the number that the function gives."""
        value = np.asarray(self.function(network))
        if value.shape != () or value.dtype.kind not in "fiub" or np.isnan(value):
            raise InvalidInputError(f"criterion must return a number for a network; got {value!r}.")
        return float(value)


@dataclass(frozen=True)
class Validated(Criterion):
    """The mean training loss on other rows."""

    loss: object
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    name = "validation"

    @property
    def measure(self):
        """The loss and the number of rows."""
        return f"mean {self.loss.name} loss on {len(self.y)} rows"

    def value(self, network):
        """Return the mean loss."""
        return self.loss.value(self.y, network.predict(self.X), self.weight)

    def program(self, found, functions):
        """Return a quadratic program for the squared loss, a smooth convex one for the logistic loss."""
        return LargestLoss([MeanLoss(self.loss, self.y, self.weight, *functions.values(self.X))])


@dataclass(frozen=True)
class Sloped(Criterion):
    """A Lipschitz bound over a box: the Euclidean norm of the bounds on the slope along every feature."""

    low: np.ndarray
    high: np.ndarray
    name, measure = "lipschitz", "bound on the slope over the box of the data"

    def value(self, network):
        """Return the bound."""
        return float(np.linalg.norm(slope_bounds_in_box(network, self.low, self.high)))

    def program(self, found, functions):
        """Return a quadratic program."""
        return LeastSlope(functions.slopes(self.low, self.high))


@dataclass(frozen=True)
class Margined(Criterion):
    """The smallest ``y f(x)`` over rows: the larger the better."""

    X: np.ndarray
    y: np.ndarray
    name, sign = "margin", -1.0

    @property
    def measure(self):
        """The number of rows."""
        return f"smallest y f(x) over {len(self.y)} rows"

    def value(self, network):
        """Return the margin."""
        return float(np.min(self.y * network.predict(self.X)))

    def program(self, found, functions):
        """Return a linear program."""
        offset, slopes = functions.values(self.X)
        return LargestOf(-self.y * offset, -self.y[:, None] * slopes)


@dataclass(frozen=True)
class NearInValues(Criterion):
    """The root mean square of the difference from a given network at rows."""

    network: TwoLayerReLU
    X: np.ndarray
    weight: np.ndarray
    name = "closest"

    @property
    def measure(self):
        """The number of rows."""
        return f"root mean square difference of the values on {len(self.X)} rows"

    def value(self, network):
        """Return the distance."""
        moves = network.predict(self.X) - self.network.predict(self.X)
        return float(np.sqrt(self.weight @ moves**2))

    def program(self, found, functions):
        """Return a quadratic program."""
        given = MeanLoss(make_loss("squared"), self.network.predict(self.X), self.weight, *functions.values(self.X))
        return RootOf(LargestLoss([given]))


@dataclass(frozen=True)
class RootOf:
    """The minimum of half a mean square, as that of its root."""

    program: LargestLoss

    def solve(self, polytope):
        """Return z near the minimum, and a bound below the minimum."""
        point, bound = self.program.solve(polytope)
        return point, float(np.sqrt(2.0 * max(bound, 0.0)))

    def held(self):
        """Return the rows (n, dimension) whose values on z are to stay."""
        return self.program.held()


@dataclass(frozen=True)
class NearInMasses(Criterion):
    """The distance in mass space from a given network; see `transport`."""

    network: TwoLayerReLU
    name, measure = "closest", "mass to be moved (times its way), made or removed"

    def value(self, network):
        """Return the distance."""
        return transport_distance(network, self.network)

    def program(self, found, functions):
        """Return a linear program."""
        signs = found.signs[functions.polytope.free]
        return LeastTransport(functions.directions, signs, found.total_mass, self.network)


@dataclass(frozen=True)
class EvenInLosses(Criterion):
    """The largest mean training loss of a group."""

    loss: object
    X: np.ndarray
    y: np.ndarray
    shares: np.ndarray  # (n_groups, n_rows), of sum one
    name = "fairest"

    @property
    def measure(self):
        """The loss and the number of groups."""
        return f"largest mean {self.loss.name} loss of {len(self.shares)} groups"

    def value(self, network):
        """Return the largest of the mean losses."""
        return float((self.shares @ self.loss.terms(self.y, network.predict(self.X))).max())

    def program(self, found, functions):
        """Return a convex program with a piece for every group."""
        offset, slopes = functions.values(self.X)
        groups = [(share, share > 0.0) for share in self.shares]
        return LargestLoss(
            [MeanLoss(self.loss, self.y[its], share[its], offset[its], slopes[its]) for share, its in groups]
        )


@dataclass(frozen=True)
class EvenInValues(Criterion):
    """The largest difference of the mean predictions of two groups."""

    X: np.ndarray
    shares: np.ndarray
    name = "fairest"

    @property
    def measure(self):
        """The number of groups."""
        return f"largest difference of the mean predictions of {len(self.shares)} groups"

    def value(self, network):
        """Return the difference."""
        return float(np.ptp(self.shares @ network.predict(self.X)))

    def program(self, found, functions):
        """Return a linear program: twice the largest distance of a group from a common level, which is free."""
        offset, slopes = (self.shares @ part for part in functions.values(self.X))
        level = np.ones((len(offset), 1))
        both = [2.0 * np.concatenate(pair) for pair in ((offset, -offset), (slopes, -slopes), (-level, level))]
        return LargestOf(*both)


def make_criterion(criterion, problem, given):
    """Check a criterion and what it is given, a dict by name; return the `Criterion`.

    Raises
    ------
    ValueError
        For an unknown criterion, for what it needs and has not got, and for what it cannot use.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if callable(criterion):
        _check_given("a function", (), (), given)
        return Judged(criterion)
    name = check_choice(criterion, "criterion", tuple(ARGUMENTS))
    _check_given(repr(name), *ARGUMENTS[name], given)
    n_features = problem.features.shape[1]
    if "X" in given:
        given["X"] = check_design(given["X"])
        if given["X"].shape[1] != n_features:
            raise InvalidInputError(f"X must have {n_features} columns, as in training; got shape {given['X'].shape}.")
    if "network" in given:
        check_is_network(given["network"], "network")
        problem.check_terms(given["network"])
    return _MAKERS[name](name, problem, given)


def _check_given(criterion, needed, optional, given):
    missing = [name for name in needed if name not in given]
    if missing:
        raise InvalidInputError(f"criterion {criterion} needs {' and '.join(missing)}.")
    spare = [name for name in given if name not in (*needed, *optional)]
    if spare:
        raise InvalidInputError(f"criterion {criterion} takes no {' and no '.join(spare)}; leave it out.")


def _weights(given):
    """Return the weights of the rows, of sum one."""
    weight = check_weights(given.get("sample_weight"), len(given["X"]))
    return weight / weight.sum()


def _targets(given, loss):
    """Return the targets of the rows, those that the loss can take."""
    y = check_vector(given["y"], len(given["X"]), "y")
    loss.check_targets(y)
    return y


def _counted(name, problem, given):
    return Counted(name)


def _validated(name, problem, given):
    return Validated(problem.loss, given["X"], _targets(given, problem.loss), _weights(given))


def _sloped(name, problem, given):
    X = given.get("X", problem.features)
    return Sloped(X.min(axis=0).astype(float), X.max(axis=0).astype(float))


def _margined(name, problem, given):
    return Margined(given["X"], _targets(given, make_loss("logistic")))


def _near(name, problem, given):
    if "X" in given:
        return NearInValues(given["network"], given["X"], _weights(given))
    if "sample_weight" in given:
        raise InvalidInputError("criterion 'closest' takes sample_weight beside X only: they are the weights of rows.")
    return NearInMasses(given["network"])


def _even(name, problem, given):
    X, weight = given["X"], _weights(given)
    groups = np.asarray(to_numpy(given["groups"]))
    if groups.shape != (len(X),):
        raise InvalidInputError(f"groups must have shape ({len(X)},), a label per row of X; got shape {groups.shape}.")
    try:
        labels, place = np.unique(groups, return_inverse=True)
    except TypeError:
        kinds = " and ".join(sorted({type(label).__name__ for label in groups.tolist()}))
        raise InvalidInputError(
            f"groups must hold labels of one kind, all text or all numbers; got {kinds}. Give rows without a group a "
            f"label of their own, or leave them out."
        ) from None
    totals = np.bincount(place, weight, len(labels))
    counted = totals > 0.0
    if counted.sum() < 2:
        raise InvalidInputError(
            f"groups must have two labels or more among the rows of positive weight; got {counted.sum()}."
        )
    members = place == np.flatnonzero(counted)[:, None]
    shares = members * weight / totals[counted, None]
    if "y" in given:
        return EvenInLosses(problem.loss, X, _targets(given, problem.loss), shares)
    return EvenInValues(X, shares)


_MAKERS = {
    "neurons": _counted,
    "weights": _counted,
    "features": _counted,
    "validation": _validated,
    "lipschitz": _sloped,
    "margin": _margined,
    "closest": _near,
    "fairest": _even,
}
