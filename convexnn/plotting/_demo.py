"""The picture of the demo."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ._style import ACCENT, INK
from .certificate import CertificateDisplay
from .network import NetworkDisplay

DEMO_STYLE = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
TARGET_LABEL = "progression after one year"
AXIS_LABELS = ["body mass index (kg/m²)", "log serum triglycerides", TARGET_LABEL]


def demo_figure(small, X, y, scores):
    """Return the figure: the proven optimum at three blood pressures, the way to its proof, and the scores.

    Parameters
    ----------
    small : Pipeline
        Fitted on X and y.
    X : ndarray of shape (n_samples, 3)
        Body mass index, triglycerides, blood pressure.
    y : ndarray of shape (n_samples,)
    scores : dict
        From the name of a model to its R2 on the folds.
    """
    with rc_context(DEMO_STYLE):
        figure = Figure(figsize=(15, 9.5), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=[1.15, 1])
        title = "The proven optimum: no two-layer ReLU network of any width has a smaller training objective"
        top.suptitle(title, fontsize=15)
        _draw_network(top, small, X, y)
        left, right = bottom.subplots(1, 2, width_ratios=[1.25, 1])
        CertificateDisplay.from_estimator(small).plot(left)
        left.set_title("The way to the proof")
        _draw_scores(right, scores)
    return figure


def _draw_network(figure, small, X, y):
    limits = (50.0, 300.0)
    edges = np.percentile(X[:, 2], [0, 100 / 3, 200 / 3, 100])
    axes = figure.subplots(1, 3, sharey=True)
    for k, (ax, level) in enumerate(zip(axes, ("low", "medium", "high"), strict=True)):
        group = (edges[k] <= X[:, 2]) & (X[:, 2] <= edges[k + 1])
        middle = np.median(X[group], axis=0)
        display = NetworkDisplay.from_estimator(small, X, y, at=middle, labels=AXIS_LABELS)
        display.points, display.targets = X[group][:, :2], y[group]
        display.plot(ax, limits=limits)
        ax.set_title(f"{level} blood pressure: at {middle[2]:.0f} mmHg")
        ax.label_outer()
    axes[0].plot([], [], "--", color=ACCENT, linewidth=2, label="where a neuron switches on")
    axes[0].legend(loc="upper right", fontsize="small")
    label = f"{TARGET_LABEL}\n(area: network, points: patients)"
    figure.colorbar(display.surface_, ax=axes, label=label, pad=0.01, ticks=range(50, 301, 50))


def _draw_scores(ax, scores):
    for row, (name, values) in enumerate(reversed(scores.items())):
        colour = ACCENT if name.startswith("Convex") else INK
        ax.plot(values, [row] * len(values), "o", color=colour, alpha=0.45, markeredgewidth=0, markersize=8)
        ax.plot(np.mean(values), row, "|", color=colour, markersize=30, markeredgewidth=3)
    ax.set_yticks(range(len(scores)), list(reversed(scores)))
    ax.set_ylim(-0.6, len(scores) - 0.4)
    ax.grid(axis="x", color="#e3e7ee")
    ax.set_axisbelow(True)
    ax.set_xlabel("R² on held-out patients (dots: folds, bar: mean)")
    ax.set_title("Ten measurements, five folds")
