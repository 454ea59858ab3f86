"""Adam in torch on batches of rows, for several classes and a limit of time; the step falls along a cosine.

Called with the path of a table (X and y), which the weights replace, and settings: `beta`, `limit` (seconds), `step`
(the longest), `width`, `batch`.
"""

import json
import sys
from time import perf_counter

import numpy as np
import torch

torch.set_num_threads(1)
MIN_STEP_SHARE = 0.01


def train(X, y, *, beta, limit, step, width, batch):
    """Return the two layers and the seconds that they took."""
    torch.manual_seed(0)
    n, started = len(y), perf_counter()
    first, second = torch.nn.Linear(X.shape[1], width), torch.nn.Linear(width, int(y.max()) + 1)
    optimiser = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=step)
    while perf_counter() - started < limit:
        share = (perf_counter() - started) / limit
        for group in optimiser.param_groups:
            group["lr"] = step * max(MIN_STEP_SHARE, 0.5 + 0.5 * np.cos(np.pi * share))
        for rows in torch.randperm(n).split(batch):
            fits = second(torch.relu(first(X[rows])))
            loss = torch.nn.functional.cross_entropy(fits, y[rows], reduction="sum") * (n / len(rows))
            decay = sum((weights**2).sum() for weights in (first.weight, first.bias, second.weight))
            optimiser.zero_grad()
            (loss + 0.5 * beta * decay).backward()
            optimiser.step()
            if perf_counter() - started >= limit:
                break
    return first, second, perf_counter() - started


if __name__ == "__main__":
    path, settings = sys.argv[1], json.loads(sys.argv[2])
    table = np.load(path)
    first, second, seconds = train(torch.tensor(table["X"]), torch.tensor(table["y"]), **settings)
    weights = {
        "neurons": first.weight,
        "bias": first.bias,
        "outputs": second.weight.T,
        "intercept": second.bias,
    }
    np.savez(path, seconds=seconds, **{name: part.detach().numpy().astype(float) for name, part in weights.items()})
