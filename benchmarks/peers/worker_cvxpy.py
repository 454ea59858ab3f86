"""cvxpy: the cone-constrained program, posed with sparse matrices, solved by Clarabel or SCS.

settings: ``solver`` and its ``options``. The time holds cvxpy's own translation of the program.
"""

import warnings

import cvxpy as cp
import numpy as np
import scipy.sparse as sp
from serving import gated_design, serve


def solve(problem, settings):
    """Return the blocks; the columns of `positive` and `negative` are the patterns."""
    shape = (problem.X.shape[1], len(problem.masks))
    design = sp.csr_array(gated_design(problem))
    cones = sp.block_diag([np.where(mask, 1.0, -1.0)[:, None] * problem.X for mask in problem.masks], format="csr")
    blocks = [cp.Variable(shape), cp.Variable(shape)]
    vectors = [cp.vec(block, order="F") for block in blocks]
    loss = 0.5 * cp.sum_squares(design @ (vectors[0] - vectors[1]) - problem.y)
    penalty = sum(cp.sum(cp.norm(block, 2, axis=0)) for block in blocks)
    program = cp.Problem(cp.Minimize(loss + problem.beta * penalty), [cones @ vector >= 0 for vector in vectors])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program.solve(solver=settings["solver"], **settings["options"])
    note = f"{program.status}, {program.solver_stats.solve_time:.2f} s in the solver"
    return {"positive": blocks[0].value, "negative": blocks[1].value, "note": note}


if __name__ == "__main__":
    serve(solve)
