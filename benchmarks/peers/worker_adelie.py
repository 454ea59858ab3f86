"""adelie: block coordinate descent on its own convex ReLU matrix, with linear constraints or (gated) without.

Its loss is ``1/2 sum_i w_i (.)^2`` with weights 1/n, so its strength is ``beta / n``; every group has penalty 1.
`tol` stops the coordinate descent. A path of one strength makes it solve at its own largest strength first.
"""

import adelie as ad
import numpy as np
from serving import serve


def solve(problem, settings):
    """Return the blocks, or with ``settings["gated"]`` the gated weights, of shape (d, P)."""
    (n, d), gated = problem.X.shape, settings.get("gated", False)
    design = ad.matrix.convex_relu(np.asfortranarray(problem.X), np.asfortranarray(problem.masks.T), gated=gated)
    constraints = None if gated else [cone(problem.X, mask, settings) for mask in np.tile(problem.masks, (2, 1))]
    groups = np.arange(0, design.cols(), d)
    state = ad.grpnet(
        design,
        ad.glm.gaussian(problem.y),
        constraints=constraints,
        groups=groups,
        penalty=np.ones(len(groups)),
        lmda_path=[problem.beta / n],
        intercept=False,
        early_exit=False,
        progress_bar=False,
        tol=settings["tol"],
        max_iters=10**7,
        **settings.get("options", {}),
    )
    if len(state.lmdas) == 0:
        raise RuntimeError("no solution on the path")
    blocks = state.betas[-1].toarray().reshape(len(groups), d).T
    if gated:
        return {"weights": blocks}
    return {"positive": blocks[:, : len(problem.masks)], "negative": blocks[:, len(problem.masks) :]}


def cone(X, mask, settings):
    """Return the constraint ``(2 D - I) X u >= 0``, each a fresh object since it carries its own multipliers."""
    rows = np.asfortranarray(np.where(mask, 1.0, -1.0)[:, None] * X)
    zeros = np.zeros(len(X))
    return ad.constraint.linear(rows, zeros, np.full(len(X), np.inf), configs=settings.get("cone"))


if __name__ == "__main__":
    serve(solve)
