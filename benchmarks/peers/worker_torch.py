"""Adam in torch: many seeds in one tensor on all rows at once, or on minibatches; the step decays.

settings: `width`, `seeds`, `rate` (largest step), `steps`, `schedule` (cosine or one-cycle), `batch` (None: all rows).
Single precision, as such training is usually done; the judge evaluates the weights in double precision.
"""

import numpy as np
import torch
from serving import serve

torch.set_num_threads(1)


def solve(problem, settings):
    """Return the best network over the seeds, compared on all rows."""
    torch.manual_seed(0)
    X, y = torch.tensor(problem.X, dtype=torch.float32), torch.tensor(problem.y, dtype=torch.float32)
    n, d = X.shape
    seeds, width, batch = settings["seeds"], settings["width"], settings["batch"] or n
    neurons = torch.randn(seeds, d, width) / np.sqrt(d + width)
    outputs = torch.randn(seeds, width, 1) / np.sqrt(width)
    weights = [neurons.requires_grad_(), outputs.requires_grad_()]
    optimiser = torch.optim.Adam(weights, lr=settings["rate"])
    schedule = scheduler(optimiser, settings)
    order, place = torch.randperm(n), 0
    for _ in range(settings["steps"]):
        if place + batch > n:
            order, place = torch.randperm(n), 0
        rows = order[place : place + batch] if batch < n else slice(None)
        place += batch
        optimiser.zero_grad()
        objectives(X[rows], y[rows], weights, problem.beta, n / batch).sum().backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        best = int(torch.argmin(objectives(X, y, weights, problem.beta, 1.0)))
    return {"neurons": neurons[best].detach().numpy().T, "outputs": outputs[best, :, 0].detach().numpy()}


def objectives(X, y, weights, beta, share):
    """Return the objective of every seed, of shape (seeds,); the loss counts `share` times."""
    fits = torch.relu(X @ weights[0]) @ weights[1]
    losses = 0.5 * share * ((fits[:, :, 0] - y) ** 2).sum(dim=1)
    return losses + 0.5 * beta * sum((values**2).sum(dim=(1, 2)) for values in weights)


def scheduler(optimiser, settings):
    """Return the schedule of the step."""
    if settings["schedule"] == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings["steps"])
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, settings["rate"], total_steps=settings["steps"])


if __name__ == "__main__":
    serve(solve)
