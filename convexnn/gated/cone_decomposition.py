"""From gated ReLU blocks to a ReLU network of the same fit: every block is a difference of two vectors of its cone.

The cone of a gate is ``K = {u : (2 D - I) X u >= 0}``, on which ``D X u = (X u)_+``. With ``z = (u + v) / 2`` the split
``w = u - v`` of least ``||u|| + ||v||`` is

    min ||z + w/2|| + ||z - w/2||  subject to  (2 D - I) X z >= |X w| / 2

which has a point wherever K has an interior. With several outputs every pair of singular vectors of a block is split:
``s u a^T = (p - q) a^T`` becomes the two neurons with outputs a and -a. Source: Mishkin, Sahiner, Pilanci, *Fast convex
optimization for two-layer ReLU networks*, ICML 2022, section 3.
"""

import numpy as np
from scipy import sparse
from scipy.optimize import nnls

from .._utils.norms import norms, unit_rows
from ..arrangements._gates import largest_margin_point
from ..exceptions import InvalidInputError
from ..programs.solution_map import ConvexSolution, to_network
from ..solvers.base import assemble
from .joint_newton import factored
from .program import gated_fit, in_use

# A unit block lies in its cone when no unit row is violated by more than 1e-13.
MAX_CONE_VIOLATION = 1e-13
# A cone has an interior when some unit vector has a margin above 1e-12 to all of its unit rows.
MIN_CONE_MARGIN = 1e-12


def relu_network(problem, masks, blocks):
    """Return the balanced `TwoLayerReLU` that has the values of gated blocks on the rows of the problem.

    Raises
    ------
    InvalidInputError
        When the cone of a used mask has no interior.
    """
    patterns, merged = _merge_equal_masks(masks, blocks)
    if merged.ndim == 3:
        return _network_of_outputs(problem, patterns, merged)
    positive, negative = cone_decomposition(problem.design, patterns, merged)
    return to_network(
        ConvexSolution(
            patterns,
            positive.T,
            negative.T,
            problem.free_coefficients(gated_fit(problem.design, patterns, merged)),
            hidden_bias=problem.hidden_bias,
            fit_intercept=problem.fit_intercept,
            skip_connection=problem.skip_connection,
        )
    )


def _network_of_outputs(problem, patterns, blocks):
    """Return the balanced network of blocks (n_gates, n_inputs, n_outputs)."""
    gates, neurons, outputs = factored(blocks)
    sides = cone_decomposition(problem.design, patterns[gates], neurons)
    neurons, outputs = np.vstack(sides), np.vstack([outputs, -outputs])
    used = np.any(neurons != 0, axis=1)
    free = problem.free_coefficients(gated_fit(problem.design, patterns, blocks))
    return assemble(problem, neurons[used], outputs[used], free).balanced()


def cone_decomposition(design, masks, blocks):
    """Return u and v, each of the shape of `blocks`, in the cones of their masks, with ``u - v = blocks``.

    Their summed norm is at least that of the blocks and, block by block, as small as it can be.
    """
    rows, _ = unit_rows(design)
    # Rows of zeros lie on every hyperplane: they restrict no cone.
    rows = rows[np.any(rows != 0, axis=1)]
    sides = np.where(masks[:, np.any(design != 0, axis=1)], 1.0, -1.0)
    positive, negative = np.zeros_like(blocks), np.zeros_like(blocks)
    for p, side in enumerate(sides):
        positive[p], negative[p] = split_block(side[:, None] * rows, blocks[p], p)
    return positive, negative


def split_block(signed, block, number=0):
    """Return u and v with ``u - v = block``, ``signed u >= 0`` and ``signed v >= 0``, of least summed norm.

    `signed` holds the unit rows with the signs of the gate; `number` names the gate in the error.
    """
    size = float(norms(block[None])[0])
    if size == 0.0:
        return np.zeros_like(block), np.zeros_like(block)
    unit = block / size
    values = signed @ unit
    # A block inside the cone, or inside its mirror image, is its own shortest split.
    if values.min(initial=0.0) >= -MAX_CONE_VIOLATION:
        return block, np.zeros_like(block)
    if values.max(initial=0.0) <= MAX_CONE_VIOLATION:
        return np.zeros_like(block), -block
    # Solvers end a little outside of the cone: this interior point is what they are moved towards.
    inner = largest_margin_point(signed)
    depth = (signed @ inner).min() / np.linalg.norm(inner)
    if not depth > MIN_CONE_MARGIN:
        raise InvalidInputError(
            f"gate {number} (of those in use) has no ReLU cone with an interior: a training row lies on it, so that "
            f"its block need not be a difference of two vectors of the cone. Move the gate a little."
        )
    needed = 0.5 * np.abs(values)
    # u = z + w/2 and v = z - w/2 lie in the cone exactly when signed z >= |signed w| / 2.
    found = [_move_inside(signed, needed, z, inner) for z in _candidate_middles(signed, unit, needed)]
    middle = min(found, key=lambda z: _split_length(z, unit))
    return size * (middle + 0.5 * unit), size * (middle - 0.5 * unit)


def _split_length(middle, unit):
    return np.linalg.norm(middle + 0.5 * unit) + np.linalg.norm(middle - 0.5 * unit)


def _candidate_middles(signed, unit, needed):
    """Yield two nearly feasible z: the one of least norm, and the one of the shortest split if Clarabel finds it."""
    # Farkas: the residual of nonnegative least squares on [signed'; needed'] y = (0, 1) is, scaled, the z of least norm
    # with signed z >= needed.
    height = needed.max()
    stack = np.vstack([signed.T, needed / height])
    wanted = np.append(np.zeros(len(unit)), 1.0)
    rest = stack @ nnls(stack, wanted, maxiter=100 * len(signed))[0] - wanted
    yield -rest[:-1] / rest[-1] * height
    best = _best_middle(signed, unit, needed)
    if best is not None:
        yield best


def _best_middle(signed, unit, needed):
    """Return the z of the shortest split by Clarabel, None where it returns no finite numbers.

    Variables (z, s, t): minimise s + t with ``||z + w/2|| <= s``, ``||z - w/2|| <= t``, ``signed z >= needed``.
    """
    n, d = signed.shape
    rows = sparse.csc_matrix(signed)
    column = sparse.csc_matrix(np.ones((1, 1)))
    import clarabel  # late: few problems need it

    eye = sparse.identity(d, format="csc")
    matrix = sparse.bmat(
        [[rows, None, None], [None, column, None], [eye, None, None], [None, None, column], [eye, None, None]],
        format="csc",
    )
    right = np.concatenate([-needed, [0.0], 0.5 * unit, [0.0], -0.5 * unit])
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    cones = [clarabel.NonnegativeConeT(n), clarabel.SecondOrderConeT(1 + d), clarabel.SecondOrderConeT(1 + d)]
    cost, no_curvature = np.append(np.zeros(d), [1.0, 1.0]), sparse.csc_matrix((d + 2, d + 2))
    answer = np.array(clarabel.DefaultSolver(no_curvature, cost, -matrix, right, cones, settings).solve().x)
    return answer[:d] if np.all(np.isfinite(answer)) else None


def _move_inside(signed, needed, middle, inner):
    """Move the point inwards until every row has the margin that it needs, and return it."""
    lack = needed - signed @ middle
    reach = signed @ inner
    return middle + inner * max(0.0, (lack / reach).max())


def _merge_equal_masks(masks, blocks):
    """Return the distinct masks with a block, and the sums of their blocks."""
    used = in_use(blocks)
    patterns, inverse = np.unique(masks[used], axis=0, return_inverse=True)
    merged = np.zeros((len(patterns), *blocks.shape[1:]))
    np.add.at(merged, inverse.reshape(-1), blocks[used])
    return patterns, merged
