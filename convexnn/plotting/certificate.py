"""The way of a fit to its proof."""

import numpy as np

from ._estimators import last_step
from ._style import ACCENT, INK, axes_or_new

FLOOR = 1e-16


class CertificateDisplay:
    """How far the objective is above the proven lower bound, over the seconds of a fit.

    Parameters
    ----------
    seconds : ndarray of shape (n_records,)
    objectives : ndarray of shape (n_records,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the best network so far.
    certificate : Certificate
        Of the network that was returned.

    Attributes
    ----------
    ax_, line_
        After `plot`: the axes and the line.
    """

    def __init__(self, seconds, objectives, certificate):
        self.seconds = np.asarray(seconds, dtype=float)
        self.objectives = np.asarray(objectives, dtype=float)
        self.certificate = certificate

    @classmethod
    def from_estimator(cls, estimator):
        """Make the display of a fitted estimator, or of a pipeline that ends in one."""
        model = last_step(estimator)
        return cls(
            [record["seconds"] for record in model.history_],
            [record["objective"] for record in model.history_],
            model.certificate_,
        )

    def plot(self, ax=None):
        """Draw on `ax` (new axes by default) and return the display."""
        ax = axes_or_new(ax)
        bound, primal = self.certificate.dual, self.certificate.primal
        size = primal if primal > 0 else 1.0
        above = np.maximum((np.append(self.objectives, primal) - bound) / size, FLOOR)
        seconds = np.append(self.seconds, self.seconds[-1:] if len(self.seconds) else 0.0)
        proven = max(self.certificate.relative_gap, FLOOR)
        (self.line_,) = ax.plot(seconds, above, color=INK, drawstyle="steps-post", marker="o", ms=5, mfc="white")
        ax.set_yscale("log")
        ax.set_ylim(proven / 30, max(3 * above.max(), 10 * proven))
        ax.axhspan(proven / 30, proven, facecolor="#e9edf2", edgecolor="#b7c0cc", hatch="//", linewidth=0)
        ax.axhline(proven, color=ACCENT, linewidth=1.5)
        ax.annotate(
            f"the optimum is in this strip: gap {self.certificate.relative_gap:.1e} ({self.certificate.proof})",
            (0.03, np.sqrt(1 / 30) * proven),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
        )
        ax.set_xlabel("time (seconds)")
        ax.set_ylabel("objective above the lower bound (relative)")
        self.ax_ = ax
        return self
