"""The staircase of an optimal set: into which pieces the optimal networks of every width fall."""

from decimal import Decimal

import numpy as np
from matplotlib.patches import Ellipse

from ._estimators import fitted
from ._style import ACCENT, INK, PALE, Display, proven_suffix

REGIMES = {
    "empty": "no optimal\nnetwork",
    "finite": "isolated\npoints",
    "mixed": "points and\ncontinua",
    "continua": "several\ncontinua",
    "connected": "connected",
}
# A step has at most 24 dots or 9 areas; above 8 widths its label is short.
MAX_DOTS, MAX_AREAS = 24, 9
MAX_LONG_LABELS = 8
# The golden angle, by which the seeds of a sunflower are turned.
GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


class StaircaseDisplay(Display):
    """All optimal networks of every width: isolated points as dots, continua as areas.

    Parameters
    ----------
    steps : list of dict
        Rows of `OptimalSet.staircase`: ``width``, ``n_components``, ``n_isolated``, ``regime``.
    marks : dict of str to int
        Widths to mark, by their labels.
    proven : bool
        Whether the counts are proven; the title says so. `OptimalSet` is made with a proof only.

    Attributes
    ----------
    ax_, figure_, dots_, areas_, texts_
        After `plot`: the axes, their figure and, for every width that is drawn, the dots (None where there are none),
        the list of areas and the text with the exact count. Where there are too many pieces to draw, some dozens stand
        for all.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.plotting import StaircaseDisplay
    >>> found = optimal_set([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1], 0.1)
    >>> display = StaircaseDisplay.from_set(found).plot()
    >>> {width: text.get_text() for width, text in display.texts_.items()}
    {0: '', 1: 'one point', 2: '2 points\\none piece', 3: 'one piece', 4: 'one piece'}
    """

    def __init__(self, steps, marks, *, proven=False):
        self.steps, self.marks, self.proven = list(steps), dict(marks), proven

    @classmethod
    def from_set(cls, found, max_width=None):
        """Make the display of an `OptimalSet`, up to `max_width` or a little beyond the last change.

        Raises
        ------
        VertexLimitError
            When the vertices of the optimal set are too many to list, so that its pieces cannot be counted.
        """
        steps = found.staircase(max_width)
        marks = {"m*": found.m_star, "M*": found.M_star, "connected from": found.connected_from}
        return cls(steps, {**marks, "theorem's bound": found.theorem_bound}, proven=True)

    @classmethod
    def from_estimator(cls, estimator, max_width=None, *, time_limit=None):
        """Make the display of the optimal set of a fitted estimator, or of a pipeline that ends in one.

        `time_limit`, in seconds, is for finding the set. See `from_set`, and the estimator's `optimal_set`.
        """
        model = fitted(estimator, "drawn by its optimal set", "optimal_set")
        return cls.from_set(model.optimal_set(time_limit=time_limit), max_width)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the dots."""
        ax, self._dot_style = self._start(ax), kwargs
        steps = self._drawn()
        levels = [regime for regime in REGIMES if any(_level(step) == regime for step in steps)]
        self.dots_, self.areas_, self.texts_ = {}, {}, {}
        for step in steps:
            self._draw(step, levels.index(_level(step)), short=len(steps) > MAX_LONG_LABELS)
        widths = [step["width"] for step in steps]
        edges = np.append(widths, widths[-1] + 1) - 0.5
        ax.stairs([levels.index(_level(step)) - 0.5 for step in steps], edges, color=INK, baseline=None)
        ax.set_yticks(range(len(levels)), [REGIMES[regime] for regime in levels])
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.75, len(levels) - 0.25)
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xticks(widths if len(widths) <= 20 else widths[:: len(widths) // 10])
        ax.set_xlabel("width (hidden neurons)")
        n_names = self._mark(widths)
        ax.set_title(
            f"All optimal networks, by width{proven_suffix(self.proven)}", fontsize="medium", pad=8 + 13 * n_names
        )
        ax.spines[["top", "right", "left"]].set_visible(False)
        return self

    def _drawn(self):
        """The steps from the last empty one on: below it there is nothing to see."""
        n_empty = sum(step["regime"] == "empty" for step in self.steps)
        return self.steps[max(0, n_empty - 1) :]

    def _draw(self, step, level, short):
        width, isolated = step["width"], step["n_isolated"]
        continua = step["n_components"] - isolated
        # Points on the left and areas on the right, where a width has both.
        halves = 2 if isolated and continua else 1
        at, size = (width - 0.21 if halves == 2 else width, level + 0.19), (0.8 / halves, 0.5)
        self.dots_[width] = self._dots(isolated, at, size)
        at = (width + 0.21 if halves == 2 else width, level + 0.19)
        self.areas_[width] = [self.ax_.add_patch(area) for area in _areas(continua, at, size)]
        self.texts_[width] = self.ax_.text(
            width, level - 0.46, _caption(step, short), ha="center", va="bottom", fontsize="small", color=INK
        )

    def _dots(self, number, at, size):
        """Points in a sunflower around `at`, the whole of it within `size`."""
        if number == 0:
            return None
        order = np.arange(min(number, MAX_DOTS)) + (0.5 if number > 1 else 0.0)
        # A sunflower: equal angles of the golden section and roots of the order spread dots evenly.
        radius, angle = 0.47 * np.sqrt(order / max(len(order), 4)), GOLDEN_ANGLE * order
        x, y = at[0] + size[0] * radius * np.cos(angle), at[1] + size[1] * radius * np.sin(angle)
        return self.ax_.scatter(x, y, **{"s": 16, "color": ACCENT, "linewidth": 0, "zorder": 3} | self._dot_style)

    def _mark(self, widths):
        """Draw dotted lines left of the marked widths, labels above; return the most labels that stand together."""
        most = 0
        for width in sorted(set(self.marks.values())):
            if widths[0] <= width <= widths[-1]:
                names = [name for name, value in self.marks.items() if value == width]
                most = max(most, len(names))
                self.ax_.axvline(width - 0.5, color=PALE, linestyle=":", zorder=0)
                self.ax_.annotate(
                    "\n".join(names),
                    (width - 0.47, 1.0),
                    xycoords=("data", "axes fraction"),
                    va="bottom",
                    fontsize="small",
                    color="#4a5568",
                )
        return most


def _level(step):
    """The regime by which a step is placed: one isolated point is connected, and yet a point."""
    return "finite" if step["n_components"] == step["n_isolated"] > 0 else step["regime"]


def _areas(number, at, size):
    """Ellipses side by side, one large one if it is alone."""
    shown = min(number, MAX_AREAS)
    columns = int(np.ceil(np.sqrt(shown)))
    rows = -(-shown // max(columns, 1))
    for k in range(shown):
        row, column = divmod(k, columns)
        x = at[0] + size[0] * ((column + 0.5) / columns - 0.5)
        y = at[1] + size[1] * ((row + 0.5) / rows - 0.5)
        yield Ellipse((x, y), 0.85 * size[0] / columns, 0.8 * size[1] / rows, facecolor=INK, alpha=0.85, linewidth=0)


def _caption(step, short):
    """The exact counts, in words where the columns are wide enough for words."""
    isolated = step["n_isolated"]
    continua = step["n_components"] - isolated
    counts = [(number, noun) for number, noun in ((isolated, "point"), (continua, "piece")) if number]
    return " + ".join(_number(number) for number, _ in counts) if short else "\n".join(_counted(*one) for one in counts)


def _counted(number, noun):
    return f"one {noun}" if number == 1 else f"{_number(number)} {noun}s"


def _number(number):
    """In full up to nine digits, then to three."""
    return f"{number:,}".replace(",", "\N{THIN SPACE}") if number < 10**9 else f"{Decimal(number):.2e}"
