"""pyscnn: its augmented Lagrangian on the ReLU program, on the numpy backend that it takes on a CPU.

Its loss is ``1/(2 n) ||.||^2``, and by default it divides the columns of X by their norms, which for standardised X are
all sqrt(n) (and penalises the weights on those columns): its strength is ``beta / n^1.5``. `tol` bounds the *squared*
norm of the gradient and `constraint_tol` the squared violation. Patterns are handed over as their gates; it sorts
them, and the order is read back from its own gates.
"""

import numpy as np
from scnn.metrics import Metrics
from scnn.models import ConvexReLU
from scnn.optimize import optimize_model
from scnn.regularizers import NeuronGL1
from scnn.solvers import AL
from serving import serve

QUIET = Metrics(metric_freq=10**9, objective=False, grad_norm=False, time=False)


def solve(problem, settings):
    """Return the blocks in the order of the masks."""
    X, y = problem.X, problem.y
    model = ConvexReLU(problem.gates.T.copy())
    tolerances = {"tol": settings["tol"], "constraint_tol": settings["tol"]}
    solver = AL(model, max_primal_iters=10**6, max_dual_iters=10**5, **tolerances)
    penalty = NeuronGL1(problem.beta / len(y) / column_norm(X))
    model, _ = optimize_model(model, solver, QUIET, X, y, regularizer=penalty, return_convex=True, dtype="float64")
    places = where_masks(problem.masks, (X @ model.G > 0).T)
    blocks = [np.zeros((X.shape[1], len(problem.masks))) for _ in range(2)]
    for block, values in zip(blocks, model.parameters, strict=True):
        block[:, places] = values[0].T
    return {"positive": blocks[0], "negative": blocks[1]}


def column_norm(X):
    """Return the norm that all columns of X have."""
    norms = np.linalg.norm(X, axis=0)
    if np.ptp(norms) > 1e-9 * norms.max():
        raise ValueError("pyscnn's unitized problem is ours only where all columns of X have one norm")
    return norms.mean()


def where_masks(masks, found):
    """Return the index in `masks` of each row of `found`."""
    index = {mask.tobytes(): p for p, mask in enumerate(masks)}
    return [index[mask.tobytes()] for mask in found]


if __name__ == "__main__":
    serve(solve)
