"""skglm: the group lasso on the dense design ``[D_1 X .. D_P X]``, built within the time.

Its loss is ``1/(2 n) ||.||^2``, so its strength is ``beta / n``; it stops when every group's distance to its
subdifferential is at most `tol`.
"""

import numpy as np
from serving import gated_design, serve
from skglm import GroupLasso


def solve(problem, settings):
    """Return the weights of shape (d, P)."""
    n, d = problem.X.shape
    options = {"fit_intercept": False, "max_iter": 1000, "tol": settings["tol"]}
    model = GroupLasso(groups=d, alpha=problem.beta / n, weights=np.ones(len(problem.masks)), **options)
    model.fit(gated_design(problem), problem.y)
    return {"weights": model.coef_.reshape(-1, d).T}


if __name__ == "__main__":
    serve(solve)
