"""Pictures of stored results: how many times our seconds other packages took, one mark for each problem."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.ticker import StrMethodFormatter

RESULTS = Path(__file__).parents[1] / "_results"
# Colour and marker of the first, second, ... of several packages: each alone tells them apart.
KINDS = (("#0072b2", "o"), ("#e69f00", "s"), ("#1f2a44", "^"), ("#d55e00", "D"))


def load(name):
    """Return the document of stored results."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def draw_ratios(program, peers, loose_from):
    """Draw the ratios of a program by problem; return the axes.

    A mark without filling has an answer whose gap is above `loose_from`; an arrow stands for no answer within the
    limit, at the ratio that the limit alone would be.
    """
    found = load("peers")
    rows = [row for row in found["rows"] if row["program"] == program and row["our_seconds"] is not None]
    problems = sorted({(row["n"], -row["fraction"], row["d"]) for row in rows}, reverse=True)
    figure, ax = plt.subplots(figsize=(6.5, 1.6 + 0.42 * len(problems)), layout="constrained")
    for peer, (colour, marker) in zip(peers, KINDS, strict=False):
        ax.plot([], [], marker, color=colour, ls="", ms=8, label=peer)
        for row in [row for row in rows if row["peer"] == peer]:
            draw_mark(ax, row, problems.index((row["n"], -row["fraction"], row["d"])), colour, marker, loose_from)
    ax.axvline(1, color="black", linewidth=1)
    ax.set(xscale="log", ylim=(-0.6, len(problems) - 0.4), xlabel="processor time, as a multiple of convexnn's")
    ax.set_yticks(range(len(problems)), [f"n = {n}, d = {d}, beta {-share:g}" for n, share, d in problems])
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
    figure.legend(
        loc="outside upper center",
        ncols=4 if len(" ".join(peers)) < 50 else 2,
        frameon=False,
        columnspacing=1,
        handletextpad=0.2,
    )
    return ax


def draw_mark(ax, row, place, colour, marker, loose_from):
    """Draw the mark of one answer, or an arrow where there is none within the limit."""
    if row["seconds"] is not None:
        fill = "white" if row["gap"] > loose_from else colour
        ax.plot(row["seconds"] / row["our_seconds"], place, marker, color=colour, mfc=fill, ms=8)
    elif "did not finish in" in row["note"]:
        ax.plot(row["limit"] / row["our_seconds"], place, marker=">", color=colour, mfc="none", ms=8)
