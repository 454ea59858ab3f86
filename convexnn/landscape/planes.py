"""The objective on a plane of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Seed
from .._utils.display import Shown
from .._utils.norms import nonzero, norms
from .._utils.validation import check_count, check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network, problem_of, refuse_outputs
from ._weight_space import WeightSpace, common_space
from .descent import spawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import LandscapeDisplay


# Three networks span a plane when the shorter side of their triangle is above 1e-8 of the longest entry.
MIN_TRIANGLE_SHARE = 1e-8


@dataclass(frozen=True, repr=False)
class PlaneGrid(Shown):
    """The objective on a grid of a plane in the space of the weights.

    Attributes
    ----------
    first, second : ndarrays of shape (n_points,)
        Coordinates of the grid along the two directions.
    values : ndarray of shape (n_points, n_points)
        ``values[i, j]`` is the objective at ``(first[j], second[i])``.
    points : ndarray of shape (n_networks, 2)
        Coordinates of the networks that the plane was laid through.
    axes : ndarray of shape (2, n_parameters)
        The two directions.
    """

    first: np.ndarray
    second: np.ndarray
    values: np.ndarray
    points: np.ndarray
    axes: np.ndarray
    _space: WeightSpace
    _origin: np.ndarray

    def network(self, first: float, second: float) -> TwoLayerReLU:
        """Return the network at a point of the plane."""
        return self._space.network(self._origin + np.array([first, second], dtype=float) @ self.axes)

    def plot(
        self, ax: Axes | None = None, *, kind: str = "contour", n_levels: int = 30, **kwargs: Any
    ) -> LandscapeDisplay:
        """Draw the logarithm of the objective and return its `convexnn.plotting.LandscapeDisplay`.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default; for a surface with ``projection="3d"``.
        kind : {"contour", "surface"}
        n_levels : int
            Number of contour levels.
        **kwargs
            Properties of the filled contours or of the surface.
        """
        from ..plotting import LandscapeDisplay

        return LandscapeDisplay.from_grid(self).plot(ax, kind=kind, n_levels=n_levels, **kwargs)

    def __repr__(self):
        return (
            f"PlaneGrid({len(self.second)} x {len(self.first)} points through "
            f"{'one network' if len(self.points) == 1 else 'three networks'}, "
            f"objective from {self.values.min():.6g} to {self.values.max():.6g})"
        )

    def _shown(self):
        return "PlaneGrid", [
            ("points", f"{len(self.second)} x {len(self.first)}"),
            ("networks", str(len(self.points))),
            ("objective", f"{self.values.min():.6g} to {self.values.max():.6g}"),
        ]


def plane_grid(
    networks: TwoLayerReLU | Sequence[TwoLayerReLU],
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_points: int = 61,
    margin: float = 0.25,
    reach: float = 1.0,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
    random_state: Seed = None,
) -> PlaneGrid:
    """Evaluate the objective on a plane through three networks, or along two random directions from one.

    Parameters
    ----------
    networks : TwoLayerReLU or sequence of three
        Three of one width and the same terms, as they are: the plane through them [1]_, in Euclidean lengths, the
        first at the origin and the second on the first axis. One network: it is balanced, and the plane has two random
        directions whose parts ``(u_j, alpha_j)`` have the lengths of the network's own [2]_; they leave the free terms.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    n_points : int
        Points of the grid along each direction.
    margin : float
        How far the grid goes beyond three networks, relative to their extent.
    reach : float
        How far it goes from one network, in lengths of the random directions.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
    huber_delta, quantile : float
    random_state : int, numpy Generator, SeedSequence or None
        Source of the random directions.

    Returns
    -------
    PlaneGrid

    Raises
    ------
    ValueError
        For bad input, and for three networks on a straight line.

    References
    ----------
    .. [1] T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov, A. G. Wilson, "Loss surfaces, mode connectivity, and
       fast ensembling of DNNs", NeurIPS 2018, appendix.
    .. [2] H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the loss landscape of neural nets",
       NeurIPS 2018, section 4.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import plane_grid
    >>> network = TwoLayerReLU([[1, 0], [0, 1]], [1, 1])
    >>> grid = plane_grid(network, [[1, 0], [0, 1]], [1, 1], 0.1, n_points=5, random_state=0)
    >>> round(float(grid.values[2, 2]), 12)  # the network itself
    0.2
    """
    networks = [networks] if isinstance(networks, TwoLayerReLU) else _as_list(networks)
    check_is_network(networks[0], "networks[0]")
    options = {"sample_weight": sample_weight, "loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    refuse_outputs(y)
    problem = problem_of(networks[0], X, y, beta, **options)
    space = common_space(problem, networks, [f"networks[{k}]" for k in range(len(networks))])
    n_points = check_count(n_points, "n_points", minimum=2)
    if len(networks) == 1:
        # One network: two random directions, in lengths of its own neurons.
        origin = space.point(networks[0].balanced())
        axes, points = _random_axes(space, origin, spawn(random_state)(2)), np.zeros((1, 2))
        first = second = np.linspace(-1.0, 1.0, n_points) * check_positive(reach, "reach")
    else:
        # Three networks: the plane through them, with a margin around their extent.
        corners = np.stack([space.point(network) for network in networks])
        origin, axes, points = _plane(corners)
        first, second = (_range(values, check_positive(margin, "margin"), n_points) for values in points.T)
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    values = space.objectives(origin + grid @ axes).reshape(n_points, n_points)
    return PlaneGrid(first, second, values, points, axes, space, origin)


def _as_list(networks):
    try:
        networks = list(networks)
    except TypeError as error:
        raise TypeError(f"networks must be one TwoLayerReLU or three; got {type(networks).__name__}.") from error
    if len(networks) not in (1, 3):
        raise InvalidInputError(f"networks must be one TwoLayerReLU or three; got {len(networks)}.")
    return networks


def _plane(corners):
    """Return the first corner, orthonormal axes of the plane through three, and the coordinates of the three."""
    moves = corners[1:] - corners[0]
    axes, triangle = np.linalg.qr(moves.T)
    if np.abs(np.diag(triangle)).min() <= MIN_TRIANGLE_SHARE * np.abs(triangle).max():
        raise InvalidInputError("networks must not lie on a straight line in the weights: then there is no one plane.")
    # QR leaves the signs of the axes open: the second network is on the positive first axis.
    signs = np.sign(np.diag(triangle))
    return corners[0], (axes * signs).T, np.vstack([np.zeros(2), (triangle * signs[:, None]).T])


def _range(values, margin, n_points):
    low, high = values.min(), values.max()
    return np.linspace(low - margin * (high - low), high + margin * (high - low), n_points)


def _random_axes(space, origin, children):
    """Return two random directions whose parts at every neuron are as long as the neuron."""
    shape = space.width, space.problem.design.shape[1] + 1
    lengths = norms(origin[: space.n_weights].reshape(shape))
    axes = np.zeros((2, len(origin)))
    for axis, rng in zip(axes, children, strict=True):
        parts = rng.standard_normal(shape)
        axis[: space.n_weights] = (parts * (lengths / nonzero(norms(parts)))[:, None]).ravel()
    return axes
