"""The geometry of an optimum: the dual function over the circle, and the face of the rectified ellipsoid."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from scipy.spatial import ConvexHull

from ..exceptions import InvalidInputError
from ._style import ACCENT, INK, PALE, Display, below, proven_suffix, styled

# Corners whose second extent is at most 1e-9 of the first are on one line.
MIN_EXTENT_SHARE = 1e-9


class DualFunctionDisplay(Display):
    """``g(u) = nu^T (X u)_+`` over the directions of the plane; at the optimum it touches beta or -beta.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
        With a last column of ones where there is a hidden bias.
    nu : array-like of shape (n_samples,)
        A dual point, minus the gradient of the loss at the fit.
    beta : float
    directions : array-like of shape (K, 2), optional
        Directions to mark: those of the optimal networks.
    proven : bool
        Whether these are proven to be all; the title says so. `OptimalSet` is made with a proof only.

    Attributes
    ----------
    ax_, figure_, curve_, marks_
        After `plot`: the axes and their figure, the curve and the marked directions.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.plotting import DualFunctionDisplay
    >>> found = optimal_set([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1], 0.1)
    >>> display = DualFunctionDisplay.from_set(found).plot()
    >>> display.marks_.get_ydata().round(6).tolist()
    [0.1, 0.1, 0.1]
    """

    def __init__(self, X, nu, beta, directions=(), *, proven=False):
        self.proven = proven
        self.X, self.nu, self.beta = np.asarray(X, dtype=float), np.asarray(nu, dtype=float), float(beta)
        if self.X.ndim != 2 or self.X.shape[1] != 2:
            raise InvalidInputError(
                f"X must have two columns (the hidden bias counts as one) to be drawn over the circle; got shape "
                f"{self.X.shape}."
            )
        self.directions = np.asarray(directions, dtype=float).reshape(-1, 2)

    @classmethod
    def from_set(cls, found):
        """Make the display of an `OptimalSet` with two inputs, the hidden bias counted."""
        problem = found.problem
        return cls(problem.design, found.dual_point[problem.rows], problem.beta, found.directions, proven=True)

    def values(self, directions):
        """Return g at the rows of `directions` (K, 2)."""
        return self.nu @ np.maximum(self.X @ directions.T, 0.0)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the curve."""
        ax = self._start(ax)
        # g has kinks where u is orthogonal to a row: (x, y) turned by 90 degrees, both ways.
        kinks = _degrees(np.vstack([self.X, -self.X])[:, ::-1] * [1.0, -1.0])
        angles = np.unique(np.concatenate([np.linspace(0.0, 360.0, 1441), kinks]))
        radians = np.deg2rad(angles)
        values = self.values(np.column_stack([np.cos(radians), np.sin(radians)]))
        (self.curve_,) = ax.plot(angles, values, **styled(Line2D, kwargs, color=INK, linewidth=2.0))
        for level, name in ((self.beta, "β"), (-self.beta, "−β")):
            ax.axhline(level, color=ACCENT, linewidth=1.2, linestyle="--")
            ax.annotate(
                name,
                (1.025, level),
                xycoords=("axes fraction", "data"),
                va="center",
                color=ACCENT,
                annotation_clip=False,
            )
        for kink in np.unique(kinks):
            ax.axvline(kink, color=PALE, linewidth=0.6, alpha=0.6, zorder=0)
        (self.marks_,) = ax.plot(
            _degrees(self.directions), self.values(self.directions), "o", color=ACCENT, mec="white", ms=9, clip_on=False
        )
        ax.set_xlim(0.0, 360.0)
        ax.set_xticks(range(0, 361, 60))
        ax.set_xlabel("direction u (degrees)")
        ax.set_ylabel("dual function g(u) = ν*ᵀ(Xu)₊")
        if len(self.directions):
            ax.set_title(
                f"touches ±β at the optimal directions: {len(self.directions)}{proven_suffix(self.proven)}",
                fontsize="medium",
            )
        return self


class RectifiedEllipsoidDisplay(Display):
    """The fits ``(X u)_+`` of all neurons of mass one, their hull with its mirror image, and the face of the optimum.

    The hull of these fits and their negatives is the unit ball of the convex problem's norm. The dual optimum is the
    normal of the face on which the optimal fit, divided by the total mass, lies; the corners of this face are the fits
    of the optimal directions.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_inputs)
        Two or three rows; with a last column of ones where there is a hidden bias.
    fits : array-like of shape (n_samples, K)
        Signed fits of the optimal directions.
    optimum : array-like of shape (n_samples,)
        The optimal fit over the total mass.
    proven : bool
        Whether the face is proven to be the optimal one; the title says so. `OptimalSet` is made with a proof only.

    Attributes
    ----------
    ax_, figure_, hull_, face_, corners_, optimum_
        After `plot`: the axes and their figure, the hull (a `scipy.spatial.ConvexHull`), the face, its marked corners
        and the marked optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.plotting import RectifiedEllipsoidDisplay
    >>> found = optimal_set([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1], 0.1)
    >>> display = RectifiedEllipsoidDisplay.from_set(found).plot()
    >>> len(display.corners_.get_xdata())
    3
    """

    def __init__(self, X, fits, optimum, *, proven=False):
        self.proven = proven
        self.X, self.fits = np.asarray(X, dtype=float), np.asarray(fits, dtype=float)
        self.optimum = np.asarray(optimum, dtype=float)
        if self.X.ndim != 2 or self.X.shape[0] not in (2, 3):
            raise InvalidInputError(
                f"X must have two or three rows, the axes of the picture; got shape {self.X.shape}."
            )

    @classmethod
    def from_set(cls, found):
        """Make the display of an `OptimalSet` over two or three rows, without free terms and with some neuron."""
        if found.problem.free.shape[1]:
            raise InvalidInputError(
                "found must be of a problem without an intercept and a skip connection: with them fits are the same "
                "when they differ by a free term, and the ellipsoid is not what is divided."
            )
        if found.total_mass == 0:
            raise InvalidInputError(
                "found must have an optimal network with neurons; here the zero network is optimal."
            )
        return cls(found.problem.design, found.fits, found.optimal_fit / found.total_mass, proven=True)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` and return the display.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default; for three rows with ``projection="3d"``.
        **kwargs
            Properties of the markers of the optimal directions.

        Raises
        ------
        ValueError
            When the fits do not span the picture.
        """
        in_space, rank = len(self.X) == 3, np.linalg.matrix_rank(self.X)
        rectified = np.maximum(_image(self.X, _mesh(rank, interior=in_space)), 0.0)
        self.hull_ = _hull(rectified.reshape(-1, len(self.X)))
        ax = self._start(ax, "3d" if in_space else None)
        defaults = {"ls": "", "marker": "o", "color": ACCENT, "mec": "white", "ms": 9, "zorder": 10}
        style = styled(Line2D, kwargs, label="optimal directions", **defaults)
        (self._plot_space if in_space else self._plot_plane)(ax, rectified, style)
        return self

    def _plot_plane(self, ax, rectified, style):
        # The ellipse Xu, its rectified part, and the hull of that and its negative: the unit ball of the norm.
        rim = _image(self.X, _mesh(np.linalg.matrix_rank(self.X), interior=False))
        outline = self.hull_.points[np.append(self.hull_.vertices, self.hull_.vertices[0])]
        ax.fill(*outline.T, facecolor=INK, alpha=0.08)
        ax.plot(*outline.T, color=INK, linewidth=1.0, label="unit ball of the norm")
        ax.plot(*rim.T, color=PALE, linewidth=1.2, linestyle=":", label="ellipse Xu, ‖u‖ = 1")
        ax.plot(*rectified.T, color=INK, linewidth=2.5, label="rectified: (Xu)₊")
        (self.face_,) = ax.plot(*self._polygon().T, color=ACCENT, linewidth=4, label="optimal face", zorder=3)
        (self.corners_,) = ax.plot(*self.fits, **style)
        self.optimum_ = self._star(ax)
        ax.axhline(0.0, color=PALE, linewidth=0.5, zorder=0)
        ax.axvline(0.0, color=PALE, linewidth=0.5, zorder=0)
        ax.set_aspect("equal")
        ax.set(xlabel="fit on row 1", ylabel="fit on row 2")
        ax.set_title(f"{self._counted()} on the optimal face{proven_suffix(self.proven)}", fontsize="medium")
        below(ax)

    def _plot_space(self, ax, rectified, style):
        faces = self.hull_.points[self.hull_.simplices]
        ax.add_collection3d(Poly3DCollection(faces, facecolor=INK, alpha=0.05, linewidth=0))
        ax.plot_surface(*np.moveaxis(rectified, -1, 0), color=INK, alpha=0.5, linewidth=0, rcount=80, ccount=80)
        self.face_ = Poly3DCollection([self._polygon()], facecolor=ACCENT, alpha=0.45, edgecolor=ACCENT, linewidth=2)
        ax.add_collection3d(self.face_)
        (self.corners_,) = ax.plot(*self.fits, **style)
        self.optimum_ = self._star(ax)
        ax.set(xlabel="fit on row 1", ylabel="fit on row 2", zlabel="fit on row 3")
        ax.set_box_aspect((1, 1, 1), zoom=0.9)
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_major_locator(MaxNLocator(3))
            axis.labelpad = 8  # clear of the numbers
        ax.view_init(*_view(self._polygon().mean(axis=0)))
        ax.set_title(f"{self._counted()} on the optimal face{proven_suffix(self.proven)}", fontsize="medium")
        patches = {"unit ball of the norm": (INK, 0.12), "rectified: (Xu)₊": (INK, 0.6), "optimal face": (ACCENT, 0.45)}
        handles = [Patch(facecolor=colour, alpha=alpha, label=name) for name, (colour, alpha) in patches.items()]
        handles += [self.corners_, self.optimum_]
        below(ax, 3, 0.02, handles=handles)

    def _counted(self):
        number = self.fits.shape[1]
        return "one optimal direction" if number == 1 else f"{number} optimal directions"

    def _star(self, ax):
        """Mark the optimal fit over the total mass."""
        style = {"ls": "", "marker": "*", "color": "white", "mec": INK, "ms": 14, "zorder": 11}
        return ax.plot(*self.optimum[:, None], label="optimal fit / total mass", **style)[0]

    def _polygon(self):
        """The corners of the optimal face in order, (n_corners, n_samples): the hull of the fits in their own plane."""
        corners = self.fits.T
        _, sizes, axes = np.linalg.svd(corners - corners.mean(axis=0))
        # In the two coordinates of its own plane the hull gives the corners in order.
        flat = (corners - corners.mean(axis=0)) @ axes[:2].T
        if len(corners) > 2 and sizes[1] > MIN_EXTENT_SHARE * sizes[0]:
            return corners[ConvexHull(flat).vertices]
        return corners[[np.argmin(flat[:, 0]), np.argmax(flat[:, 0])]]


def _degrees(directions):
    """Angles of the rows in degrees, from 0 to 360."""
    return np.rad2deg(np.arctan2(directions[:, 1], directions[:, 0])) % 360.0


def _mesh(rank, interior):
    """Points of the unit ball of R^rank: its surface and, on request in the plane, also its interior."""
    angle = np.linspace(0.0, 2.0 * np.pi, 361)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    if rank == 1:
        return np.linspace(-1.0, 1.0, 41)[:, None] * (np.ones((2, 1, 1)) if interior else np.ones((1, 1)))
    if rank == 2:
        return np.linspace(0.0, 1.0, 41)[:, None, None] * circle if interior else circle
    height = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 181)[:, None]
    return np.stack([np.cos(height) * circle[:, 0], np.cos(height) * circle[:, 1], np.sin(height) + 0 * angle], axis=-1)


def _image(X, ball):
    """The points ``X u`` for points of the unit ball in coordinates of the row space of X."""
    left, sizes, _ = np.linalg.svd(X, full_matrices=False)
    return ball @ (left * sizes)[:, : ball.shape[-1]].T


def _hull(points):
    """The hull of points and their negatives."""
    both = np.vstack([points, -points])
    if np.linalg.matrix_rank(both, tol=MIN_EXTENT_SHARE * np.abs(both).max()) < both.shape[1]:
        raise InvalidInputError("X must have fits that span the picture; those of X lie on a line or in a plane.")
    return ConvexHull(both)


def _view(towards):
    """Elevation and azimuth, in degrees, of a camera that sees the face at `towards` a little from the side."""
    x, y, z = towards
    return np.rad2deg(np.arctan2(z, np.hypot(x, y))) - 18.0, np.rad2deg(np.arctan2(y, x)) + 22.0
