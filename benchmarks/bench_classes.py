"""Many classes within a limit of time: the objective that training reaches, beside batched Adam in torch.

Run ``python benchmarks/bench_classes.py``, with the names of tables to run only those, such as ``10000x50``. A teacher
of ReLU neurons labels the rows, with Gumbel noise. Both sides lower the objective of `TwoLayerReLU.objective` (sums of
cross-entropies, weight decay on hidden weights, hidden biases and output weights) and get the same seconds on one core.
Adam has 100 neurons, batches of 200 rows and a cosine schedule over its time, once for every step length; the best of
these runs counts, although each had all of the time.
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from peers.environments import NotAvailable, python_of

from convexnn import ConvexReLUClassifier, TwoLayerReLU

LIMIT = 60.0  # seconds
WORKER = Path(__file__).parent / "peers" / "worker_torch_classes.py"
# Name: rows, columns, classes, neurons of the teacher, strength.
TABLES = {"10000x50": (10_000, 50, 8, 20, 20.0), "60000x784": (60_000, 784, 10, 30, 30.0)}
STEPS = (3e-3, 1e-2)  # longest steps of Adam


def table(n, d, n_classes, n_neurons):
    """Return rows and the classes that a noisy teacher gives them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    hidden = np.maximum(X @ (rng.standard_normal((n_neurons, d)) / np.sqrt(d)).T, 0.0)
    values = 3.0 * hidden @ rng.standard_normal((n_neurons, n_classes))
    values -= values.mean(axis=0)
    return X, (values + 0.5 * rng.gumbel(size=values.shape)).argmax(axis=1)


def ours(X, y, beta):
    """Return the objective and the seconds of training."""
    ConvexReLUClassifier(beta=5.0, time_limit=2.0).fit(X[:300, :5], y[:300])  # compiles
    started = perf_counter()
    model = ConvexReLUClassifier(beta=beta, time_limit=LIMIT, proof="heuristic").fit(X, y)
    return model.certificate_.primal, perf_counter() - started


def adam(X, y, beta, python, step):
    """Return the objective of the network that Adam has at the end of its time, and the seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.npz"
        np.savez(path, X=X.astype(np.float32), y=y)
        settings = json.dumps({"beta": beta, "limit": LIMIT, "step": step, "width": 100, "batch": 200})
        subprocess.run([python, WORKER, path, settings], check=True)
        found = np.load(path)
        network = TwoLayerReLU(
            found["neurons"], found["outputs"], hidden_bias=found["bias"], intercept=found["intercept"]
        )
        return network.objective(X, np.eye(y.max() + 1)[y], beta, loss="multinomial"), float(found["seconds"])


def main(names):
    python = python_of("torch")
    for name in names or TABLES:
        *sizes, beta = TABLES[name]
        X, y = table(*sizes)
        value, seconds = ours(X, y, beta)
        print(f"{name:10s} convexnn          objective {value:10.1f}  {seconds:5.1f} s", flush=True)
        ends = []
        for step in STEPS:
            ends.append(adam(X, y, beta, python, step))
            print(f"{name:10s} Adam, step {step:5.3f}  objective {ends[-1][0]:10.1f}  {ends[-1][1]:5.1f} s", flush=True)
        print(f"{name:10s} best of Adam / convexnn: {min(end[0] for end in ends) / value:.3f}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # limits are reached on purpose
    try:
        main(sys.argv[1:])
    except NotAvailable as error:
        print(f"torch cannot be had here: {error}")
