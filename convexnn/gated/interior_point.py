"""Group lassos on masked copies of one design, by an interior-point method that never forms these copies.

The program of `Groups` and its dual are, with ``nu`` the residual,

    nu = target - sum_p D_p X w_p,  ||w_p|| <= t_p,  ||X' D_p nu|| <= beta,  t_p beta = w_p . X' D_p nu

and a step of the primal-dual method on these second-order cones solves ``dnu + sum_p D_p X dw_p = rest`` and
``dw_p = blocks_p + B_p X' D_p dnu`` with ``B_p = (I + 2 b_p b_p') / eta_p^2`` from the scaling of the cones.

See `second_order` for the names. The algebra is that of Vandenberghe, The CVXOPT linear and quadratic cone program
solvers (2010), sections 4 and 5.
"""

import numpy as np

from .second_order import complete, corrected, inner_product, longest_step, scale, scaling_point, unscale
from .systems import BlockSystem, IterativeSystem, SampleSystem

# The method starts at 0.9 of the way from zero to the border of the feasible dual points.
START_SHARE_OF_BORDER = 0.9
# A step goes 0.99 of the way to the border of the cones, so that the iterate stays inside.
SHARE_OF_LONGEST_STEP = 0.99
# Systems of up to 4000 equations are solved by Cholesky, larger ones by conjugate gradients.
MAX_DENSE_EQUATIONS = 4000
# A group is dropped when its relative size is at most 0.01 of its relative slack, see `in_use`.
IDLE_SIZE_OVER_SLACK = 1e-2
# Groups are dropped when that leaves at most 0.8 of them: copying the systems has to pay.
MAX_SHARE_KEPT = 0.8


def _system(groups, stop):
    """Return the cheapest kind of Newton system for these groups."""
    n_samples, n_coefficients = len(groups.target), groups.masks.shape[0] * groups.design.shape[1]
    if min(n_samples, n_coefficients) > MAX_DENSE_EQUATIONS:
        return IterativeSystem(groups, stop)
    return SampleSystem(groups) if n_samples <= n_coefficients else BlockSystem(groups)


class InteriorPoint:
    """Mehrotra's predictor-corrector method; every iterate is strictly inside the cones."""

    def __init__(self, groups, stop):
        self.system, self.index = _system(groups, stop), np.arange(len(groups.masks))
        # nu = shrink * target is strictly feasible: ||X' D_p nu|| <= 0.9 beta for every group.
        slopes = groups.correlate(groups.target)
        shrink = min(1.0, START_SHARE_OF_BORDER * groups.beta / np.linalg.norm(slopes, axis=1).max())
        n_groups, d = groups.shape
        # s_p = (beta, -X' D_p nu) and z_p = (t_p, w_p); t is spread evenly, so that s . z is about the objective at 0.
        self.s = np.column_stack([np.full(n_groups, groups.beta), -shrink * slopes])
        self.z = np.zeros((n_groups, 1 + d))
        self.z[:, 0] = 0.5 * (groups.target @ groups.target) / groups.beta / n_groups
        self.nu, self.rest = shrink * groups.target, (1.0 - shrink) * groups.target

    @property
    def groups(self):
        """The groups that are left; `index` says which of those given they are."""
        return self.system.groups

    @property
    def blocks(self):
        """The w_p of the iterate."""
        return self.z[:, 1:]

    @property
    def complementarity(self):
        """The sum of ``s . z``, which the method drives to zero."""
        return inner_product(self.s, self.z)

    def gap(self):
        """Return an estimate of the relative gap, which is right when `rest` is zero."""
        # dual value = nu . target - ||nu||^2 / 2, and primal - dual = sum_p s_p . z_p when `rest` is zero.
        dual = self.nu @ self.groups.target - 0.5 * (self.nu @ self.nu)
        return self.complementarity / (self.complementarity + max(0.0, dual))

    def in_use(self, share):
        """Return which groups are in use: their size beside the largest exceeds a share of their slack."""
        # At the optimum either w_p = 0 or ||X' D_p nu|| = beta: size and slack are never both above zero.
        slack = 1.0 - np.linalg.norm(self.s[:, 1:], axis=1) / self.groups.beta
        return np.linalg.norm(self.blocks, axis=1) > share * slack * self.z[:, 0].mean()

    def drop_idle(self):
        """Leave out the groups that are clearly not in use, if that is worth it."""
        keep = np.flatnonzero(self.in_use(IDLE_SIZE_OVER_SLACK))
        if 0 < len(keep) <= MAX_SHARE_KEPT * len(self.index):
            self.system.take(keep)
            self.index, self.s, self.z = self.index[keep], self.s[keep], self.z[keep]
            self._set_rest()

    def _set_rest(self):
        self.rest = self.groups.target - self.nu - self.groups.fit(self.blocks)

    def prepare(self):
        """Factor the system at the iterate; False at the limit of what rounding allows."""
        self.eta, self.bar = scaling_point(self.s, self.z)
        if not (np.all(np.isfinite(self.bar)) and np.all(self.eta > 0)):
            return False
        try:
            self.system.factor(self.eta, self.bar, np.sqrt(self.complementarity))
        except np.linalg.LinAlgError:
            return False
        return True

    def sparse_blocks(self):
        """Return the blocks of the groups in use, moved by a Newton step to where they fit what all of them fitted."""
        # Setting the idle blocks to zero changes the fit a little; one Newton step of the others makes up for it.
        used = self.in_use(1.0)[:, None]
        blocks = np.where(used, self.blocks, 0.0)
        rest = self.groups.target - self.nu - self.groups.fit(blocks)
        _, moves, _ = self.system.solve(rest, np.zeros_like(blocks), np.zeros_like(blocks))
        return np.where(used, blocks + moves, 0.0)

    def step(self):
        """Take one predictor-corrector step and return its length."""
        eta, bar, level = self.eta, self.bar, self.complementarity
        # Predictor: the affine direction, which aims at s . z = 0.
        point = scale(eta, bar, self.z)
        _, ds, dz = self._direction(-point)
        length = self._longest(ds, dz)
        reached = inner_product(self.s + length * ds, self.z + length * dz)
        # Mehrotra: the centring is the cube of the share of complementarity that the predictor would leave.
        aim = min(1.0, max(0.0, reached / level)) ** 3 * level / len(self.s)
        # Corrector: centre, and take off the second-order term of the predictor.
        u = corrected(point, unscale(eta, bar, ds), scale(eta, bar, dz), aim)
        # The blocks of the predictor are a good guess for the iterative system.
        dnu, ds, dz = self._direction(u, dz[:, 1:])
        length = SHARE_OF_LONGEST_STEP * self._longest(ds, dz)
        self.nu, self.s, self.z = self.nu + length * dnu, self.s + length * ds, self.z + length * dz
        self._set_rest()  # (1 - length) rest but for rounding, which the next step mends
        return length

    def _longest(self, ds, dz):
        """Return the part of a step up to which both points stay in their cones."""
        return min(1.0, longest_step(self.s, ds), longest_step(self.z, dz))

    def _direction(self, u, guess=None):
        """Return (dnu, ds, dz) with ``W dz + W^-1 ds = u`` and no `rest` left after it; dw is about `guess`."""
        blocks = unscale(self.eta, self.bar, u)[:, 1:]
        dnu, dw, slopes = self.system.solve(self.rest, blocks, blocks if guess is None else guess)
        ds = np.column_stack([np.zeros(len(slopes)), -slopes])
        return dnu, ds, complete(self.eta, self.bar, u, ds, dw)
