"""The way of a fit to its proof."""

import numpy as np
from matplotlib.lines import Line2D

from .._utils.validation import check_choice, check_count
from ..exceptions import InvalidInputError
from ._estimators import fitted
from ._style import ACCENT, INK, PALE, Display, below, logarithmic, short_gap, styled, tint, verdict

# Gaps below 1e-16 are drawn there: a logarithmic axis has no zero.
MIN_GAP_DRAWN = 1e-16
CERTIFICATE_KINDS = ("gap", "bounds")
# Estimates below 1e-10 are rounding: the axis does not go down to them.
MIN_ESTIMATE_DRAWN = 1e-10
# Times that differ by a factor of 8 get a logarithmic axis: most is gained at the beginning.
MIN_RATIO_OF_LOG_TIMES = 8.0
# Bounds closer than 5e-3 of the objective cannot be told apart: the axis is widened.
MIN_VISIBLE_ROOM = 5e-3


class CertificateDisplay(Display):
    """How the objective of a fit comes down on the proven lower bound, over the seconds of the fit.

    What is proven is proven at the end: the lower bound is one number. The gap that the solver sees on its way, by
    local ascents, is drawn as what it is, an estimate (for gated models it is proven at every step). Most is gained at
    the beginning: where the seconds differ much, their axis is logarithmic.

    Parameters
    ----------
    seconds : ndarray of shape (n_records,)
    objectives : ndarray of shape (n_records,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the best network so far.
    certificate : Certificate
        Certificate of the network that was returned.
    visible_gaps : ndarray of shape (n_records,), optional
        Relative gaps that the solver saw on its way.
    proven_on_the_way : bool
        Whether these are proven.

    Attributes
    ----------
    ax_, figure_, line_
        After `plot`: the axes, their figure, and the line of the objective.
    visible_, bound_
        The line of the gaps (or the lower bounds) seen on the way, None where there are none; the line of the proof.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import ConvexReLURegressor
    >>> from convexnn.plotting import CertificateDisplay
    >>> X = np.linspace(-1, 1, 9)[:, None]
    >>> model = ConvexReLURegressor(beta=0.1).fit(X, X[:, 0] ** 2)
    >>> display = CertificateDisplay.from_estimator(model).plot(kind="bounds")
    >>> display.ax_.get_ylabel()
    'objective'
    """

    def __init__(self, seconds, objectives, certificate, visible_gaps=None, *, proven_on_the_way=False):
        self.seconds = np.asarray(seconds, dtype=float)
        self.objectives = np.asarray(objectives, dtype=float)
        self.certificate, self.proven_on_the_way = certificate, proven_on_the_way
        missing = np.full(len(self.seconds), np.nan)
        self.visible_gaps = missing if visible_gaps is None else np.asarray(visible_gaps, dtype=float)

    @classmethod
    def from_estimator(cls, estimator, *, output=None):
        """Make the display of a fitted estimator, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : estimator of convexnn or Pipeline
        output : int, optional
            Which of the problems, for an estimator that solved several: a class against the rest, or a target.

        Raises
        ------
        ValueError
            When the estimator was trained on several problems and `output` names none of them.
        NotFittedError
            When the estimator is not fitted.
        """
        model = fitted(estimator, "drawn on its way to a proof", "history_")
        history, certificate = _one_of_several(model, output)
        seen = "visible_gap" if not history or "visible_gap" in history[0] else "relative_gap"
        return cls(
            *([record[name] for record in history] for name in ("seconds", "objective")),
            certificate,
            [record[seen] for record in history],
            proven_on_the_way=seen == "relative_gap",
        )

    def plot(self, ax=None, *, kind="gap", **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        kind : {"gap", "bounds"}
            The objective above the proven lower bound, relative, on a logarithmic axis; or both bounds as they are.
        **kwargs
            Properties of the line of the objective.
        """
        check_choice(kind, "kind", CERTIFICATE_KINDS)
        ax = self._start(ax)
        self.visible_ = None
        draw = self._plot_gap if kind == "gap" else self._plot_bounds
        draw(ax, styled(Line2D, kwargs, color=INK, drawstyle="steps-post", marker="o", ms=5, mfc="white"))
        _time_axis(ax, self.seconds)
        ax.set_title(verdict(self.certificate), fontsize="medium")
        return self

    @property
    def _over(self):
        return "model on its gates" if hasattr(self.certificate, "n_gates") else "width"

    @property
    def _on_the_way(self):
        return "gap proven on the way" if self.proven_on_the_way else "gap seen on the way (local ascents, no proof)"

    def _with_end(self, values, last):
        """Return the seconds and the values with those of the network that was returned behind them."""
        return np.append(self.seconds, self.seconds[-1:] if len(self.seconds) else 0.0), np.append(values, last)

    def _plot_gap(self, ax, style):
        bound, primal = self.certificate.dual, self.certificate.primal
        size = primal if primal > 0 else 1.0
        seconds, above = self._with_end(self.objectives, primal)
        above = np.maximum((above - bound) / size, MIN_GAP_DRAWN)
        above[~np.isfinite(above)] = np.nan
        proven = max(self.certificate.relative_gap, MIN_GAP_DRAWN)
        ax.set_yscale("log")
        # The strip below the proven gap is where the optimum is; it goes down to the smallest estimate.
        seen = self.visible_gaps
        low = np.nanmin(np.append(seen[seen > MIN_ESTIMATE_DRAWN], proven)) / 30
        ax.axhspan(low, proven, facecolor="#e9edf2", edgecolor="#b7c0cc", hatch="//", linewidth=0)
        if np.any(np.isfinite(seen)):
            shown = np.where(seen > low, seen, np.nan)
            self.visible_ = ax.plot(self.seconds, shown, color=PALE, ls=":", marker="x", ms=5, label=self._on_the_way)[
                0
            ]
        self.bound_ = ax.axhline(proven, color=ACCENT, linewidth=1.5)
        (self.line_,) = ax.plot(seconds, above, label="objective above the proven bound", **style)
        top = np.nanmax(np.append(above, seen[np.isfinite(seen)]))
        ax.set_ylim(low, max(3 * top, 10 * proven))
        proof = getattr(self.certificate, "proof", "over its gates")
        margin = f"gap {short_gap(self.certificate.relative_gap)} ({proof})"
        ax.annotate(
            f"the optimum is in this strip: {margin}",
            (0.03, np.sqrt(30) * low),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
        )
        ax.set_ylabel("relative gap")
        below(ax, 1)

    def _plot_bounds(self, ax, style):
        bound, primal = self.certificate.dual, self.certificate.primal
        seconds, upper = self._with_end(self.objectives, primal)
        upper = np.where(np.isfinite(upper), upper, np.nan)
        # On the way, objective (1 - gap) is the bound that the gap of that moment stands for.
        lower = np.maximum(self.objectives * (1.0 - self.visible_gaps), 0.0)
        if np.any(np.isfinite(lower)):
            label = "lower bound " + self._on_the_way.removeprefix("gap ")
            (self.visible_,) = ax.plot(self.seconds, lower, color=PALE, ls=":", marker="x", ms=5, label=label)
        self.bound_ = ax.axhline(bound, color=ACCENT, ls="--", label=f"proven lower bound, of every {self._over}")
        (self.line_,) = ax.plot(seconds, upper, label="objective (upper bound)", **style)
        ax.fill_between(seconds, bound, upper, step="post", color=tint(ACCENT, 0.15), linewidth=0, zorder=0)
        if np.nanmax(upper) - min(bound, np.nanmin(upper)) < MIN_VISIBLE_ROOM * abs(primal):
            ax.set_ylim(primal * (1 - MIN_VISIBLE_ROOM), primal * (1 + MIN_VISIBLE_ROOM))
        ax.set_ylabel("objective")
        below(ax, 1)


def _time_axis(ax, seconds):
    """Label the axis of the seconds; it is logarithmic where they differ much."""
    ax.set_xlabel("time (seconds)")
    if len(seconds) and seconds[-1] > MIN_RATIO_OF_LOG_TIMES * seconds[0] > 0.0:
        logarithmic(ax, seconds)


def _one_of_several(model, output):
    """Return the history and the certificate of the one problem of a model, or of the one that `output` names."""
    parts = getattr(model, "_parts_", None)
    if parts is None:
        if output is not None:
            raise InvalidInputError(f"output must be None for a model of one problem; got {output!r}.")
        return model.history_, model.certificate_
    if output is None or check_count(output, "output", minimum=0) >= len(parts):
        raise InvalidInputError(
            f"output must name one of the {len(parts)} problems that were solved, from 0 to {len(parts) - 1}: one "
            f"class against the rest each, or one target; got {output!r}."
        )
    return parts[output]
