"""What is printed of the scores, and the fragment of the documentation that shows them."""

from dataclasses import dataclass

import numpy as np

EQUAL = 1e-3  # skills that are nearer than this have the same rank


@dataclass(frozen=True)
class Cell:
    """One model on one table: means over the seeds.

    Attributes
    ----------
    skill : float
        Below 0 and failed fits count as 0.
    seconds : float
        A failed fit counts with the limit.
    is_whole : bool
        Whether no fit failed.
    n_rows, n_columns : int
    """

    skill: float
    seconds: float
    is_whole: bool
    n_rows: int
    n_columns: int


def cell_of(scores, limit):
    """Return the `Cell` of some scores."""
    failed = np.array([np.isnan(score.skill) for score in scores])
    skills = [0.0 if is_failed else max(0.0, score.skill) for score, is_failed in zip(scores, failed, strict=True)]
    seconds = [limit if is_failed else score.seconds for score, is_failed in zip(scores, failed, strict=True)]
    shape = (max(getattr(score, name) for score in scores) for name in ("n_rows", "n_columns"))
    return Cell(float(np.mean(skills)), float(np.mean(seconds)), not failed.any(), *shape)


def names_in(results):
    """Return the tables and the models of results, in order."""
    return (list(dict.fromkeys(key[k] for key in results)) for k in (0, 1))


def grid_of(results, limit):
    """Return {table: {model: `Cell`}}."""
    tables, models = names_in(results)
    return {table: {model: cell_of(results[table, model], limit) for model in models} for table in tables}


def summary(grid):
    """Return {model: (mean rank, mean skill, total seconds)}; a rank is 1 plus the number of better models."""
    models = list(next(iter(grid.values())))
    skills = np.array([[cell.skill for cell in row.values()] for row in grid.values()])
    seconds = np.array([[cell.seconds for cell in row.values()] for row in grid.values()])
    ranks = 1 + np.sum(skills[:, None, :] > skills[:, :, None] + EQUAL, axis=2)
    means = zip(ranks.mean(axis=0), skills.mean(axis=0), seconds.sum(axis=0), strict=True)
    return {model: tuple(map(float, found)) for model, found in zip(models, means, strict=True)}


def line_of(table, row):
    """Return what is printed of a table."""
    n_rows, n_columns = (max(getattr(cell, name) for cell in row.values()) for name in ("n_rows", "n_columns"))
    cells = [f"{model} {shown(cell)} ({cell.seconds:.1f} s)" for model, cell in row.items()]
    return f"{table:<16}{n_rows:>6} x {n_columns:<3}  " + "   ".join(cells)


def shown(cell):
    """Return the skill as text, in brackets where a fit failed."""
    return f"{cell.skill:.3f}" if cell.is_whole else f"({cell.skill:.3f})"


def summary_lines(grid):
    """Yield what is printed at the end."""
    yield f"{'':12}{'mean rank':>10}{'mean skill':>12}{'seconds':>10}"
    for model, (rank, skill, seconds) in summary(grid).items():
        yield f"{model:<12}{rank:>10.2f}{skill:>12.3f}{seconds:>10.0f}"


def fragment(grid, n_seeds, limit, version):
    """Return the tables of the documentation as reStructuredText."""
    models, best = list(next(iter(grid.values()))), {}
    for table, row in grid.items():
        best[table] = max(cell.skill for cell in row.values())
    lines = [f"Written by ``python -m benchmarks.quality --write`` with convexnn {version}; {means_of(n_seeds)},"]
    lines += [f"at most {limit:.0f} seconds a fit. The best skill, and what is within {EQUAL} of it, is bold.", ""]
    lines += csv_table("Skill on held-out rows", ["table", "rows", "columns", *models])
    for table, row in grid.items():
        n_rows, n_columns = (max(getattr(cell, name) for cell in row.values()) for name in ("n_rows", "n_columns"))
        cells = [bold(shown(cell), cell.skill >= best[table] - EQUAL) for cell in row.values()]
        lines.append("   " + ", ".join([table, str(n_rows), str(n_columns), *cells]))
    found = summary(grid)
    lines += ["", *csv_table("Over all tables", ["", *models])]
    lines.append("   " + ", ".join(["mean rank", *(f"{rank:.2f}" for rank, _, _ in found.values())]))
    lines.append("   " + ", ".join(["mean skill", *(f"{skill:.3f}" for _, skill, _ in found.values())]))
    lines.append("   " + ", ".join(["seconds of all fits", *(f"{seconds:.0f}" for _, _, seconds in found.values())]))
    return "\n".join(lines) + "\n"


def means_of(n_seeds):
    """Return how often every table was split, in words."""
    return "one split" if n_seeds == 1 else f"means of {n_seeds} splits"


def csv_table(title, header):
    """Return the first lines of a table."""
    quoted = ", ".join(f'"{name}"' for name in header)
    return [f".. csv-table:: {title}", f"   :header: {quoted}", ""]


def bold(text, is_best):
    """Return the text in bold, or as it is."""
    return f"**{text}**" if is_best else text
