"""Training to a proof: time, peak memory and gap, against the convex program in cvxpy and against sampled patterns.

Run ``python benchmarks/bench_training.py``. Every case runs in a process of its own, after a small fit that compiles,
so that the peak memory is the case's (with the libraries, given apart). Gaussian cases: ``rng = default_rng(7)``,
``y = relu(X W) @ (1, -1, 1) + noise``, no bias, no intercept. Diabetes: X and y standardised, also without both.
Seconds are processor time.
"""

import resource
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, count_patterns

PLAIN = {"hidden_bias": False, "fit_intercept": False}


def gaussian(n, d):
    """Return the issue's random problem."""
    rng = np.random.default_rng(7)
    X, W = rng.standard_normal((n, d)), rng.standard_normal((d, 3))
    return X, np.maximum(X @ W, 0) @ np.array([1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(n)


def diabetes():
    """Return the diabetes data, X and y standardised."""
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def peak_memory():
    """Return the peak resident memory of this process in MiB."""
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def fit_case(data, size, beta, options):
    """Fit one case and return its figures; runs in its own process."""
    warnings.simplefilter("ignore")
    X, y = gaussian(12, 3)
    ConvexReLURegressor(beta=0.5, **PLAIN).fit(X, y)
    X, y = data(*size)
    before, start = peak_memory(), process_time()
    model = ConvexReLURegressor(beta=beta, **PLAIN, **options).fit(X, y)
    seconds, certificate = process_time() - start, model.certificate_
    return {
        "seconds": seconds,
        "MiB": peak_memory(),
        "MiB before": before,
        "objective": certificate.primal,
        "gap": certificate.relative_gap,
        "visible": certificate.heuristic_gap,
        "proof": certificate.proof,
        "width": model.network_.width,
    }


def run(data, size, beta, **options):
    """Run `fit_case` in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(fit_case, data, size, beta, options).result()


def line(name, figures):
    """Print one row of the table."""
    print(
        f"{name:<34}{figures['seconds']:>9.2f}{figures['MiB']:>8.0f} ({figures['MiB before']:.0f})"
        f"{figures['objective']:>16.9g}{figures['gap']:>10.1e}{figures['visible']:>10.1e}  {figures['proof']:<10}"
        f"{figures['width']:>5}",
        flush=True,
    )


def main():
    print(
        f"{'case':<34}{'seconds':>9}{'MiB (before)':>14}{'objective':>16}{'gap':>10}{'visible':>10}  {'proof':<10}"
        f"{'width':>5}"
    )
    small = None
    for n, d, beta in ((50, 5, 1.0), (100, 5, 2.0)):
        figures = run(gaussian, (n, d), beta)
        small = small or figures
        line(f"n={n} d={d}, {count_patterns(gaussian(n, d)[0])} cells", figures)
        if not (figures["gap"] <= 1e-6 and figures["proof"] == "exact"):
            print("    NOT PROVEN to 1e-6")
    for beta, reference in ((29.65547509, 131.665164), (5.931095018, 100.187514)):
        figures = run(diabetes, (), beta)
        line(f"diabetes 442 x 10, beta={beta:.4g}", figures)
        print(f"    relative to the reference {reference}: {figures['objective'] / reference - 1:+.1e}")

    ours, reference = run(gaussian, (20, 3), 1.0), run(gaussian, (20, 3), 1.0, solver="cvxpy", patterns="exact")
    line("n=20 d=3, column generation", ours)
    line("n=20 d=3, cvxpy on all patterns", reference)
    print(
        f"    cvxpy takes {reference['seconds'] / ours['seconds']:.1f} times as long; its objective differs by "
        f"{reference['objective'] - ours['objective']:+.1e}"
    )
    sampled = run(gaussian, (50, 5), 1.0, solver="cvxpy", patterns="sampled", n_patterns=50)
    line("n=50 d=5, cvxpy, 50 sampled", sampled)
    print(f"    {sampled['objective'] / small['objective'] - 1:.1%} above the proven optimum")


if __name__ == "__main__":
    main()
