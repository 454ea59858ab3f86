"""The set of all optimal masses as what it is: a polytope."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from scipy.spatial import ConvexHull

from .._utils.display import counted
from ..exceptions import InvalidInputError
from ._estimators import fitted
from ._style import ACCENT, BLUE, INK, Display, below, proven_suffix, styled, tint

# A neuron with less than 1e-9 of the total mass has none.
MIN_MASS_DRAWN = 1e-9
# Two facets of the hull are in one plane when their equations differ by at most 1e-6, for points of size one.
MAX_PLANE_DIFFERENCE = 1e-6
MARKER_SHAPES = ("o", "s", "^", "D", "v", "P", "X")
# A picture has three dimensions at most.
MAX_DIMENSION_DRAWN = 3


class OptimalPolytopeDisplay(Display):
    """The polytope of optimal masses, in an orthonormal basis of its affine hull.

    Every point is an optimal network up to permuting and splitting neurons, every vertex one that cannot be pruned.
    Distances are those between the vectors of masses.

    Parameters
    ----------
    vertices : ndarray of shape (n_vertices, n_directions)
        Masses ``||u_j|| |alpha_j|``.
    least_norm : ndarray of shape (n_directions,), optional
        The optimal masses of least Euclidean norm.
    shadow : bool
        Whether a polytope of more than three dimensions is drawn as its orthogonal projection onto the three in which
        its vertices spread most.
    proven : bool
        Whether these are proven to be all; the title says so. `OptimalSet` is made with a proof only.

    Attributes
    ----------
    coordinates : ndarray of shape (n_vertices, min(dimension, 3))
        What is drawn.
    dimension : int
        Dimension of the polytope itself.
    n_neurons : ndarray of shape (n_vertices,)
        Neurons with mass at every vertex.
    ax_, figure_, points_, body_, least_norm_
        After `plot`: the axes and their figure, the vertices by their number of neurons, the edge, polygon or facets
        between them (None for a point), and the marked masses of least norm (None without).

    Raises
    ------
    ValueError
        When the polytope has more than three dimensions and `shadow` is False.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.plotting import OptimalPolytopeDisplay
    >>> angles = np.deg2rad([0, 120, 240])
    >>> X = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> found = optimal_set(X, np.ones(3), beta=0.1)
    >>> display = OptimalPolytopeDisplay.from_set(found)
    >>> display.dimension, sorted(display.n_neurons.tolist())
    (3, [2, 2, 2, 3, 3])
    """

    def __init__(self, vertices, least_norm=None, *, shadow=False, proven=False):
        vertices = np.atleast_2d(np.asarray(vertices, dtype=float))
        total = max(float(vertices[0].sum()), np.finfo(float).tiny)
        self.vertices, self.least_norm, self.proven = vertices, least_norm, proven
        self.n_neurons = np.count_nonzero(vertices > MIN_MASS_DRAWN * total, axis=1)
        centre, axes = _affine_hull(vertices, total)
        self.dimension = len(axes)
        if self.dimension > MAX_DIMENSION_DRAWN and not shadow:
            raise InvalidInputError(
                f"the polytope of optimal masses has dimension {self.dimension}, and a picture three at most. "
                f"shadow=True draws its projection onto the three dimensions in which it is widest; StaircaseDisplay "
                f"shows a set of any dimension."
            )
        self._centre, self._axes = centre, axes[:MAX_DIMENSION_DRAWN]
        self.coordinates = (vertices - centre) @ self._axes.T

    @classmethod
    def from_set(cls, found, *, shadow=False):
        """Make the display of an `OptimalSet`.

        Raises
        ------
        VertexLimitError
            When the vertices are too many to list.
        ValueError
            When the polytope has more than three dimensions and `shadow` is False.
        """
        return cls(found.vertices, found.minimum_norm_masses, shadow=shadow, proven=True)

    @classmethod
    def from_estimator(cls, estimator, *, shadow=False, time_limit=None):
        """Make the display of the optimal set of a fitted estimator, or of a pipeline that ends in one.

        `time_limit`, in seconds, is for finding the set. See `from_set`, and the estimator's `optimal_set`.
        """
        model = fitted(estimator, "drawn by its optimal set", "optimal_set")
        return cls.from_set(model.optimal_set(time_limit=time_limit), shadow=shadow)

    def plot(self, ax=None, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default. For a polytope of three dimensions or more they have ``projection="3d"``.
        **kwargs
            Properties of the markers of all vertices.
        """
        n_axes = self.coordinates.shape[1]
        ax = self._start(ax, "3d" if n_axes == 3 else None)
        draw_body = (None, self._plot_edge, self._plot_polygon, self._plot_solid)[n_axes]
        self.body_ = None if draw_body is None else draw_body(ax)
        self._mark(ax, kwargs)
        self._dress(ax, n_axes)
        return self

    def _placed(self, masses):
        """Return the places (n, 2) or (n, 3) at which masses (n, K) are drawn."""
        at = (masses - self._centre) @ self._axes.T
        return np.pad(at, ((0, 0), (0, max(0, 2 - at.shape[1]))))

    def _plot_edge(self, ax):
        ends = np.sort(self.coordinates[:, 0])[[0, -1]]
        return ax.plot(ends, [0.0, 0.0], color=INK, linewidth=3, solid_capstyle="round", zorder=1)[0]

    def _plot_polygon(self, ax):
        rim = self.coordinates[ConvexHull(self.coordinates).vertices]
        return ax.fill(*rim.T, facecolor=tint(BLUE, 0.15), edgecolor=INK, linewidth=1.2, zorder=1)[0]

    def _plot_solid(self, ax):
        facets = [self.coordinates[facet] for facet in _facets(self.coordinates)]
        body = Poly3DCollection(facets, facecolor=(*to_rgb(BLUE), 0.1), edgecolor=(*to_rgb(INK), 0.8), linewidth=1.2)
        ax.add_collection3d(body)
        ax.auto_scale_xyz(*self.coordinates.T)
        return body

    def _mark(self, ax, kwargs):
        """Draw the vertices, those with equally many neurons alike, and the masses of least norm."""
        self.points_, sizes = {}, np.unique(self.n_neurons)
        for place, size in enumerate(sizes):
            colour = ACCENT if place == 0 else INK
            marker = MARKER_SHAPES[place % len(MARKER_SHAPES)]
            style = styled(Line2D, kwargs, ls="", marker=marker, color=colour, mec="white", ms=9, zorder=5)
            chosen = self._placed(self.vertices[self.n_neurons == size])
            label = f"{len(chosen)} {'vertex' if len(chosen) == 1 else 'vertices'} of {counted(size, 'neuron')}"
            names = [name for name, at in (("m*", sizes[0]), ("M*", sizes[-1])) if at == size]
            label += f" ({' = '.join(names)})" if names else ""
            (self.points_[int(size)],) = ax.plot(*chosen.T, label=label, **style)
        self.least_norm_ = None
        if self.least_norm is not None and self.dimension:
            here = self._placed(np.asarray(self.least_norm)[None])
            style = {"ls": "", "marker": "*", "ms": 13, "mfc": "white", "mec": INK, "zorder": 6}
            (self.least_norm_,) = ax.plot(*here.T, label="masses of least norm", **style)

    def _dress(self, ax, n_axes):
        """Label the axes, in three dimensions with few figures, and say what is drawn."""
        (self._dress_space if n_axes == 3 else self._dress_plane)(ax, n_axes)
        shape = ("one point", "a segment", "a polygon", "a polytope")[min(self.dimension, 3)]
        of = f" of dimension {self.dimension}" if self.dimension > 2 else ""
        hidden = f"\nits shadow in the {n_axes} widest dimensions" if self.dimension > n_axes else ""
        ax.set_title(f"All optimal masses{proven_suffix(self.proven)}: {shape}{of}{hidden}", fontsize="medium")
        below(ax, distance=0.0 if n_axes == 3 else 0.14)

    def _dress_plane(self, ax, n_axes):
        ax.set_xlabel("axis 1 of the affine hull (mass)")
        if n_axes == 2:
            ax.set_ylabel("axis 2 of the affine hull (mass)")
            ax.set_aspect("equal", adjustable="datalim")
            ax.margins(0.1)
        else:
            ax.set_yticks([])
            ax.spines[["left", "right", "top"]].set_visible(False)
            ax.margins(0.1)
            ax.set_ylim(-1, 1)
        if n_axes == 0:
            ax.set_xlim(-1, 1)

    def _dress_space(self, ax, n_axes):
        # Coordinates of the hull mean nothing by themselves: a bar says how long a mass is.
        ax.set_axis_off()
        ax.set_box_aspect(np.ptp([ax.get_xlim(), ax.get_ylim(), ax.get_zlim()], axis=1), zoom=1.6)
        ax.view_init(22, -62)
        low, length = self.coordinates.min(axis=0), _round_length(np.ptp(self.coordinates[:, 0]) / 3)
        start = low - [0.0, 0.0, 0.3 * np.ptp(self.coordinates[:, 2])]
        ax.plot(*(start + np.outer([0.0, length], [1.0, 0.0, 0.0])).T, color=INK, linewidth=3)
        ax.text(*start, f"\nmass {length:g}", ha="center", va="top", fontsize="small")
        # The solid fills the figure: what leaves the square of the axes is neither cut off nor makes them smaller.
        for artist in (*ax.collections, *ax.lines, *ax.texts):
            artist.set(clip_on=False, in_layout=False)


def _affine_hull(vertices, total):
    """Return a point of the affine hull of the vertices and an orthonormal basis, widest spread first."""
    centre = vertices.mean(axis=0)
    _, sizes, axes = np.linalg.svd(vertices - centre, full_matrices=False)
    # Axes of rounding are none: the dimension is the rank of the vertices around their mean.
    axes = axes[sizes > MIN_MASS_DRAWN * total * np.sqrt(len(vertices))]
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] if len(axes) else np.zeros(0)
    return centre, axes * np.sign(largest)[:, None]


def _round_length(length):
    """Return the largest of 1, 2 and 5 times a power of ten that is at most `length`."""
    power = 10.0 ** np.floor(np.log10(length))
    return power * max(factor for factor in (1, 2, 5) if factor * power <= length)


def _facets(points):
    """Return the corners of every facet of the hull of points in space, in order around it."""
    hull = ConvexHull(points / np.abs(points).max())
    left = list(range(len(hull.simplices)))
    while left:
        # The hull is cut into triangles; those in one plane are one facet.
        one = [k for k in left if np.abs(hull.equations[k] - hull.equations[left[0]]).max() < MAX_PLANE_DIFFERENCE]
        left = [k for k in left if k not in one]
        corners = np.unique(hull.simplices[one])
        flat = points[corners] - points[corners].mean(axis=0)
        _, _, axes = np.linalg.svd(flat)
        yield corners[np.argsort(np.arctan2(flat @ axes[1], flat @ axes[0]))]
