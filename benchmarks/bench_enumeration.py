"""Cells per second: the enumeration against a tree of linear programs and against sampling until nothing is new.

Run ``python benchmarks/bench_enumeration.py``. One thread everywhere; each row's methods get the same data in the
same run, and time is processor time, so that a busy machine changes little. The linear-programming tree runs where
it can finish; sampling stops when 20 000 directions in a row bring nothing new, and says what share it found.
"""

from time import process_time

import numpy as np
from scipy.optimize import linprog

from convexnn.arrangements import enumerate_patterns

SIZES = [(14, 3), (10, 4), (30, 3), (20, 5), (65, 5), (100, 5)]
LARGEST_TREE, LARGEST_SAMPLING = 400, 20_000


def timed(function, *arguments):
    """Return the seconds of processor time that a call took, and its answer."""
    start = process_time()
    answer = function(*arguments)
    return process_time() - start, answer


def tree_of_linear_programs(X):
    """Add the rows one by one and keep each sign that leaves a cell of positive margin; return the cells' number."""
    cells = [np.ones((0, 1))]
    for i in range(len(X)):
        longer = [np.vstack([signs, [[sign]]]) for signs in cells for sign in (1.0, -1.0)]
        cells = [signs for signs in longer if margin(signs * X[: i + 1]) > 1e-9]
    return len(cells)


def margin(rows):
    """Return the largest t with ``rows @ h >= t`` for some h in the unit box."""
    n, d = rows.shape
    bounds = [(-1, 1)] * d + [(0, 1)]
    lhs = np.hstack([-rows, np.ones((n, 1))])
    return linprog(-np.eye(d + 1)[-1], A_ub=lhs, b_ub=np.zeros(n), bounds=bounds, method="highs").x[-1]


def sampling_until_nothing_new(X, batch=20_000):
    """Draw Gaussian directions until a whole batch brings no new pattern; return the number of patterns seen."""
    rng, seen, before = np.random.default_rng(0), set(), -1
    while len(seen) > before:
        before = len(seen)
        masks = np.packbits(rng.standard_normal((batch, X.shape[1])) @ X.T >= 0, axis=1)
        seen.update(map(bytes, masks))
    return len(seen)


def report_row(n, d):
    """Time the three methods on one Gaussian matrix and print a line of the table."""
    X = np.random.default_rng(0).standard_normal((n, d))
    seconds, cells = min((timed(lambda: len(enumerate_patterns(X, n_jobs=1))) for _ in range(3)), key=lambda t: t[0])
    line = f"{n:>4} {d:>2} {cells:>9} {seconds:>10.4f} {cells / seconds:>12.3g}"
    line += peer(tree_of_linear_programs, X, cells, cells / seconds, LARGEST_TREE)
    line += peer(sampling_until_nothing_new, X, cells, cells / seconds, LARGEST_SAMPLING)
    print(line, flush=True)


def peer(method, X, cells, rate, largest):
    """Return the columns of a peer: cells per second, our rate over its rate, the share of the cells it found."""
    if cells > largest:
        return f" | {'-':>9} {'-':>8} {'-':>6}"
    seconds, found = timed(method, X)
    return f" | {found / seconds:>9.3g} {rate * seconds / found:>7.0f}x {found / cells:>6.1%}"


def main():
    enumerate_patterns(np.eye(3))
    print("cells per second and core; ratio = convexnn's rate over the peer's")
    print(
        f"{'n':>4} {'d':>2} {'cells':>9} {'seconds':>10} {'convexnn':>12} | {'LP tree':>9} {'ratio':>8} {'found':>6}",
        end="",
    )
    print(f" | {'sampling':>9} {'ratio':>8} {'found':>6}")
    for n, d in SIZES:
        report_row(n, d)


if __name__ == "__main__":
    main()
