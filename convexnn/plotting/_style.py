"""Style of all pictures: colours that differ in grey and for colour-blind eyes, axes, words for proofs."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.colors import to_rgb
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from .._utils.display import percent_above, share_above
from ..duality.records import LARGEST_OPTIMAL_GAP
from ..exceptions import InvalidInputError

INK, ACCENT, PALE, COLOURS = "#1f2a44", "#d55e00", "#8a94a6", "cividis"
# Colours of Okabe and Ito, as is ACCENT; there is no green beside red.
BLUE, SKY, ORANGE, PURPLE = "#0072b2", "#56b4e9", "#e69f00", "#cc79a7"
# Logarithmic axes over less than a factor of 300 have plain numbers at 1, 2 and 5 times the powers of ten.
MAX_RATIO_OF_PLAIN_NUMBERS = 300.0
# The golden ratio spreads points evenly, however many there are.
GOLDEN_RATIO = (5**0.5 - 1) / 2
SHADES = {"empty": "#ffffff", "finite": "#e9edf2", "mixed": "#d9dfe7", "continua": "#c9d1dc", "connected": "#f6ead9"}
# Colour, marker and hatch of the first, second, ... of several series: each alone tells them apart.
SERIES_KINDS = (
    (BLUE, "o", ""),
    (ORANGE, "s", "//"),
    (INK, "^", ".."),
    (SKY, "D", "\\\\"),
    (ACCENT, "v", "xx"),
    (PURPLE, "P", "--"),
    (PALE, "X", "oo"),
    ("#f0e442", "*", "||"),
)


class Display:
    """Base of all displays: `plot` draws on given axes or new ones and leaves `ax_` and `figure_`."""

    def _start(self, ax, projection=None):
        """Set `ax_` and `figure_` to the axes that are drawn on, and return the axes."""
        self.ax_ = axes_or_new(ax, projection)
        self.figure_ = self.ax_.figure
        return self.ax_


def axes_or_new(ax, projection=None):
    """Return `ax`, or the axes of a new figure when it is None, after checking that they have the projection."""
    if ax is None:
        return plt.subplots(layout="constrained", subplot_kw={"projection": projection})[1]
    if not isinstance(ax, Axes):
        raise InvalidInputError(f"ax must be matplotlib axes or None; got {type(ax).__name__}.")
    if (ax.name == "3d") != (projection == "3d"):
        wanted = 'made with projection="3d"' if projection == "3d" else "with two dimensions"
        raise InvalidInputError(f"ax must be axes {wanted} for this picture; got {ax.name!r} axes.")
    return ax


def styled(artist, kwargs, **defaults):
    """Return the properties of an artist: the defaults, and over them the caller's, whatever alias they go by."""
    # "lw" and "linewidth" are one property: names are normalised before the caller's go over ours.
    return {**normalize_kwargs(defaults, artist), **normalize_kwargs(kwargs, artist)}


def tint(colour, share):
    """Return the colour, mixed with white; `share` is the colour's."""
    return tuple(share * part + 1.0 - share for part in to_rgb(colour))


def logarithmic(ax, values):
    """Make the x axis logarithmic, with plain numbers where the values span no more than two decades or so."""
    ax.set_xscale("log")
    if max(values) < MAX_RATIO_OF_PLAIN_NUMBERS * min(values):
        ax.xaxis.set(major_locator=LogLocator(subs=(1.0, 2.0, 5.0)), minor_locator=NullLocator())
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def kind_of(place):
    """Return colour, marker and hatch of the kind at this place, counted from 0."""
    return SERIES_KINDS[place % len(SERIES_KINDS)]


def verdict(certificate):
    """Return in a few words what a certificate proves."""
    gap = certificate.relative_gap
    gates = getattr(certificate, "n_gates", None)
    over = "" if gates is None else f" over its {gates} gates"
    if gap <= LARGEST_OPTIMAL_GAP:
        return f"globally optimal{over}, proven (relative gap {share_above(gap, digits=2)})"
    proof = getattr(certificate, "proof", None)
    if proof == "heuristic":
        seen = short_gap(certificate.heuristic_gap)
        return f"optimality not proven (heuristic): gap seen {seen}, at most {short_gap(gap)}"
    kind = "" if proof is None else f" ({proof})"
    return f"optimality not proven{over}: relative gap at most {short_gap(gap)}{kind}"


def proven_suffix(proven):
    """Return the end of a title that says that a set is proven, or nothing."""
    return " (proven)" if proven else ""


def below(ax, n_columns=2, distance=0.14, **kwargs):
    """Put the legend below the axes, where it covers nothing, and return it.

    A figure without a layout engine makes no room there: in such a one the legend is where it covers least.
    """
    # Without a layout engine a legend below the axes would be cut off.
    if ax.figure.get_layout_engine() is None:
        return ax.legend(loc="best", fontsize="small", **kwargs)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -distance)}
    return ax.legend(**place, ncols=n_columns, frameon=False, fontsize="small", **kwargs)


def short_gap(gap):
    """Return a relative gap as text, rounded up, in per cent where it is not small."""
    return percent_above(gap) if gap >= 1e-3 else share_above(gap, digits=2)
