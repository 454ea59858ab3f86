"""scikit-learn's MLPRegressor, its biases held at zero, so that it minimises exactly the network objective.

Its loss is ``1/(2 n) ||f - y||^2 + alpha/(2 n) (||U||^2 + ||a||^2)``: alpha is beta. Biases, which it does not
penalise, start at zero and get no gradient here. The seeds are tried one after the other, and all are in the time.
"""

import warnings
from pathlib import Path
from runpy import run_path

import numpy as np
from serving import serve

# By its path, because convexnn is not installed here: this environment has scikit-learn alone.
UnbiasedMLP = run_path(Path(__file__).parents[2] / "convexnn" / "cli" / "unbiased_mlp.py")["UnbiasedMLP"]


def solve(problem, settings):
    """Return the best network over the seeds."""
    options = {"alpha": problem.beta, "max_fun": 10**9, "n_iter_no_change": 50, **settings["options"]}
    answers = [train(problem, UnbiasedMLP(random_state=seed, **options)) for seed in range(settings["seeds"])]
    return min(answers, key=lambda answer: answer.pop("objective"))


def train(problem, model):
    """Return the network of one fit with its objective."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(problem.X, problem.y)
    neurons, outputs = model.coefs_[0].T, model.coefs_[1][:, 0]
    loss = 0.5 * np.sum((np.maximum(problem.X @ neurons.T, 0.0) @ outputs - problem.y) ** 2)
    penalty = 0.5 * problem.beta * (np.sum(neurons**2) + np.sum(outputs**2))
    return {"neurons": neurons, "outputs": outputs, "objective": loss + penalty, "note": f"{model.n_iter_} iterations"}


if __name__ == "__main__":
    serve(solve)
