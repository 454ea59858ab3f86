"""What training costs, predicted beside measured: passes over blocks of rows, fits, exact proofs, and runs of a sweep.

Run ``python benchmarks/bench_costs.py`` (some minutes on one core). Three rates of this machine are measured on small
data: seconds for an operation of a matrix product, for an entry of the hidden layer, and for an entry of X. With them
the passes of larger fits are predicted from n, d and the width alone. Seconds are those of the processor, so that
other programs matter little. ``docs/costs.rst`` explains the table.
"""

import pickle
from collections import defaultdict
from functools import partial
from time import process_time

import numpy as np
from scipy.optimize import nnls

from convexnn import price
from convexnn._utils.threads import one_blas_thread
from convexnn.blocks import ArrayBlocks
from convexnn.blocks.sums import sum_over, survey
from convexnn.blocks.training import train_on_blocks
from convexnn.blocks.weights import Terms, Weights, price_matrices, value_and_slopes
from convexnn.landscape import gradient_descent
from convexnn.losses import make_loss

TERMS = Terms(True, True, False, make_loss("squared"))
CALIBRATION_ROWS, CALIBRATION_SHAPES = 20_000, ((10, 4), (10, 64), (100, 4), (100, 64), (500, 64))
FITS = ((200_000, 20), (100_000, 100), (400_000, 50))
PROOFS = ((1000, 4), (3000, 4), (10_000, 4))
SWEEPS = ((1000, 5, 4), (2000, 10, 8), (4000, 20, 8))
KINDS = {"value_and_slopes": "gradients", "price_matrices": "ascents", "_sums_of": "rows", "_rows_of": "rows"}
# Of the certificate: scales of the dual point that are tried, with four entries of a row each.
N_SCALES, ENTRIES_OF_A_SCALE = 64, 4
# The training that is predicted: a billion rows in single precision, and its passes, as the fits above have them.
FAR_ROWS, FAR_COLUMNS, FAR_WIDTH, N_STARTS = 10**9, 100, 50, 64
FAR_PASSES = {"value_and_slopes": 100, "price_matrices": 14, "_free_sums": 13, "_on_dual": 5, "_dual_values": 2}
FAR_WORKERS, FAR_DISK = (1, 16, 100, 1000), 2e9  # cores, and bytes a second of a disk
STRENGTH_SHARE = 0.05  # of the slope at zero of the columns: networks of some tens of neurons


def make_data(n, d, dtype=np.float64):
    """Return X and targets of a teacher with five neurons and noise."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n, d), dtype=dtype)
    hidden = np.maximum(X @ (rng.standard_normal((d, 5)) / np.sqrt(d)).astype(dtype), 0.0)
    return X, hidden @ np.array([1.0, -1.0, 1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(n)


def random_weights(d, m):
    """Return weights of m neurons."""
    rng = np.random.default_rng(0)
    return Weights(rng.standard_normal((m, d + 1)), rng.standard_normal((m, 1)), np.zeros((1, 1)), TERMS)


class Counted:
    """A source that keeps, of every pass, its function, its sizes and its seconds."""

    def __init__(self, source, n, d):
        self.source, self.n, self.d, self.passes = source, n, d, []

    def each(self, function, *arguments, own=None):
        """Yield what the source yields."""
        seconds, stream = 0.0, self.source.each(function, *arguments, own=own)
        while True:
            start = process_time()
            answer = next(stream, self)
            seconds += process_time() - start
            if answer is self:
                break
            yield answer
        if isinstance(function, partial):
            function, arguments = function.func, (*function.args, *arguments)
        name = function.__name__
        self.passes.append((name, self._widths(name, arguments), seconds))

    def _widths(self, name, arguments):
        """Return how many neurons are multiplied with all rows, and how many of them back."""
        if name == "value_and_slopes":
            m = len(arguments[0].neurons)
            return m, m
        if name == "price_matrices":
            m, k = len(arguments[0].neurons), len(arguments[1])
            return m + k, k
        # Passes of proofs see the network; all others only look at the rows.
        points = [one for one in arguments if hasattr(one, "weights")]
        return (len(points[0].weights.neurons) if points else 0), 0


def work_of(name, n, d, forward, back):
    """Return the operations of the products, and the entries of hidden layers and of X, of a pass."""
    work = np.array([2.0 * n * d * (forward + back), n * (forward + back), n * d])
    if name == "_on_dual":  # the bound on the price: two matrices of the inputs, and the rows as doubles twice
        return work + [4.0 * n * (d + 1) ** 2, 0.0, 2.0 * n * d]
    if name == "_dual_values":
        return work + [0.0, ENTRIES_OF_A_SCALE * N_SCALES * n, 0.0]
    return work


def measured_rates():
    """Return the seconds for one of each kind of work."""
    rows, seconds = [], []
    for d, m in CALIBRATION_SHAPES:
        X, y = make_data(CALIBRATION_ROWS, d)
        source = Counted(ArrayBlocks(X, y, np.ones(len(y))), CALIBRATION_ROWS, d)
        for _ in range(4):
            sum_over(source.each(value_and_slopes, random_weights(d, m)))
            sum_over(source.each(price_matrices, random_weights(d, 1), random_weights(d, m).neurons))
        for name in ("value_and_slopes", "price_matrices"):
            own = [one for one in source.passes if one[0] == name]
            rows.append(work_of(name, CALIBRATION_ROWS, d, *own[0][1]))
            seconds.append(min(one[2] for one in own))
    # Relative errors count: the short passes say what an entry costs.
    scale = 1.0 / np.array(seconds)
    return nnls(np.array(rows) * scale[:, None], np.ones(len(scale)))[0]


def fits(rates):
    """Print passes of fits: predicted from the sizes, and measured."""
    print(f"{'n':>8}{'d':>5}  {'passes':<12}{'count':>6}{'predicted':>12}{'measured':>12}{'ratio':>8}")
    for n, d in FITS:
        X, y = make_data(n, d)
        source = Counted(ArrayBlocks(X, y, np.ones(n)), n, d)
        beta = STRENGTH_SHARE * float(np.linalg.norm(X.T @ (y - y.mean()))) / 2
        start = process_time()
        solution = train_on_blocks(source, TERMS, beta=beta, rows=survey(source), rng=np.random.default_rng(0))
        total = process_time() - start
        sums = defaultdict(lambda: [0, 0.0, 0.0])
        for name, widths, seconds in source.passes:
            one = sums[KINDS.get(name, "certificate")]
            one[:] = one[0] + 1, one[1] + float(rates @ work_of(name, n, d, *widths)), one[2] + seconds
        rest = total - sum(one[2] for one in sums.values())
        sums["all passes"] = np.sum(list(sums.values()), axis=0)
        for kind, (count, guess, found) in sums.items():
            print(f"{n:>8}{d:>5}  {kind:<12}{int(count):>6}{guess:>11.2f}s{found:>11.2f}s{found / guess:>8.2f}")
        print(f"{n:>8}{d:>5}  {'samples in memory':<30}{rest:>11.2f}s")
        width, n_passes = solution.network.width, len(source.passes)
        read = n_passes * X.nbytes / 1e9
        print(
            f"{n:>8}{d:>5}  {n_passes} passes, {read:.1f} GB read, {width} neurons, {solution.status.name}\n",
            flush=True,
        )


def far(rates):
    """Print what training on a billion rows takes by the same formulas."""
    n, d, m, bytes_of_x = FAR_ROWS, FAR_COLUMNS, FAR_WIDTH, 4.0 * FAR_ROWS * FAR_COLUMNS
    print(f"{n:.0e} rows x {d} columns, {m} neurons, {bytes_of_x / 1e9:.0f} GB in single precision")
    widths = {"value_and_slopes": (m, m), "price_matrices": (m + N_STARTS, N_STARTS)}
    hours = {}
    for name, count in FAR_PASSES.items():
        work = count * work_of(name, n, d, *widths.get(name, (m, 0)))
        hours[name] = float(rates @ work) / 3600
        print(f"  {name:<18}{count:>5} passes {work[0]:>10.1e} flops {hours[name]:>8.1f} core hours")
    n_passes, message = sum(FAR_PASSES.values()), 8 * m * (d + 2)
    disk = n_passes * bytes_of_x / FAR_DISK / 3600
    print(f"  {n_passes} passes from a disk of {FAR_DISK / 1e9:.0f} GB/s: {disk:.1f} h")
    print(f"{'cores':>8}{'hours':>10}{'GB each':>10}{'messages':>10}{'GB sent':>10}")
    for workers in FAR_WORKERS:
        spent, share = sum(hours.values()) / workers, bytes_of_x / workers / 1e9
        # The weights go out, and sums come back in twice the digits.
        sent = n_passes * workers * 3 * message / 1e9
        print(f"{workers:>8}{spent:>10.2f}{share:>10.1f}{2 * n_passes * workers:>10}{sent:>10.2f}")
    print()


def messages():
    """Print the bytes that a pass sends and gets, predicted and as they are pickled."""
    print(f"{'d':>8}{'m':>5}  {'message':<24}{'predicted':>12}{'measured':>12}{'ratio':>8}")
    for d, m in ((20, 10), (100, 50), (1000, 200)):
        weights, X = random_weights(d, m), np.zeros((2, d))
        answer = next(ArrayBlocks(X, np.zeros(2), np.ones(2)).each(value_and_slopes, weights))
        predicted = 8 * m * (d + 2)
        for name, sent in (("weights", (value_and_slopes, (weights,))), ("sums of a block", answer)):
            size = len(pickle.dumps(sent, protocol=pickle.HIGHEST_PROTOCOL))
            print(f"{d:>8}{m:>5}  {name:<24}{predicted:>12}{size:>12}{size / predicted:>8.2f}")
    print()


def proofs():
    """Print exact proofs: predicted from the first size by n^1.5, and measured."""
    print(f"{'n':>8}{'d':>5}  {'cones':>8}{'predicted':>12}{'measured':>12}{'ratio':>8}")
    rng, rate = np.random.default_rng(0), None
    price(rng.standard_normal((20, 3)), rng.standard_normal(20), proof="exact", n_jobs=1)
    for n, d in PROOFS:
        X, nu = rng.standard_normal((n, d)), rng.standard_normal(n)
        start = process_time()
        found = price(X, nu, proof="exact", n_jobs=1)
        seconds = process_time() - start
        rate = seconds / n**1.5 if rate is None else rate
        print(
            f"{n:>8}{d:>5}  {found.n_nodes:>8}{rate * n**1.5:>11.2f}s{seconds:>11.2f}s{seconds / (rate * n**1.5):>8.2f}"
        )
    print()


def sweeps():
    """Print runs of gradient descent: predicted from the first size by steps, n, d and the width, and measured."""
    print(f"{'n':>8}{'d':>5}{'m':>4}  {'steps':>8}{'predicted':>12}{'measured':>12}{'ratio':>8}")
    rate = None
    gradient_descent(*make_data(20, 2), 2, 1.0, n_runs=2, random_state=0)
    for n, d, m in SWEEPS:
        X, y = make_data(n, d)
        start = process_time()
        found = gradient_descent(X, y, m, 0.01 * n, n_runs=5, random_state=0, n_jobs=1)
        seconds, steps = process_time() - start, int(found.n_iter.sum())
        work = 4.0 * steps * n * d * m
        rate = seconds / work if rate is None else rate
        print(f"{n:>8}{d:>5}{m:>4}  {steps:>8}{rate * work:>11.2f}s{seconds:>11.2f}s{seconds / (rate * work):>8.2f}")


def main():
    """Print all tables."""
    with one_blas_thread():
        rates = measured_rates()
        words = ("of a product", "an entry of the hidden layer", "an entry of X")
        print("nanoseconds: " + ", ".join(f"{1e9 * rate:.3g} {word}" for rate, word in zip(rates, words, strict=True)))
        print()
        fits(rates)
        far(rates)
        messages()
        proofs()
        sweeps()


if __name__ == "__main__":
    main()
