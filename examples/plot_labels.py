"""
What gradient descent ends in, by width
=======================================

Forty runs of gradient descent at every width, on eight random points. Each end is polished until it is stationary to
rounding, and labelled by the dual constraint value (the *price*) of its own dual point. The label does not depend on
eigenvalues of a Hessian, which does not exist on a kink; it is a theorem. *Global* ends are as good as any network of
any width. *Strict* ends are strict local minima. From an *escapable* end a path at constant objective leads to a
*saddle*, from which the objective falls.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor, width_sweep

rng = np.random.default_rng(0)
X, y = rng.standard_normal((8, 2)), rng.standard_normal(8)

# %%
# Every weight starts from N(0, (0.5 sigma)^2), in which sigma measures the data; other starts give other counts.
started = time.perf_counter()
widths = [2, 3, 4, 6, 9, 16]
sweep = width_sweep(X, y, 0.1, widths, n_runs=40, init_scale=0.5, labels=True, random_state=0)
first = sweep.records[0]
print(f"p* = {first.optimal_value:.10f} ({first.proof}), m* = {first.m_star}, M* = {first.M_star}")
for record in sweep.records:
    print(
        f"width {record.width:2d}: {record.n_global:2d} global, {record.n_strict:2d} strict, "
        f"{record.n_escapable:2d} escapable, {record.n_saddle:2d} saddles, {record.n_not_stationary} not stationary"
    )
print(f"{time.perf_counter() - started:.1f} s")

# %%
# From n + 1 = 9 neurons on no local minimum is strict: all of them can be left without a rise. Runs of fewer neurons
# may be caught for good.
sweep.plot(plt.subplots(figsize=(6.5, 4.8), layout="constrained")[1], kind="labels")
plt.show()

# %%
# The optimum that the global ends share, proven.
print(ConvexReLURegressor(0.1, hidden_bias=False, fit_intercept=False).fit(X, y).certificate_)
