"""
Sharpness at the edge of stability
==================================

Gradient descent with step eta is stable in a quadratic of curvatures below 2 / eta. The largest eigenvalue of the
Hessian, the sharpness, first grows in training, and then stays near 2 / eta, while the objective falls on though not in
every step (Cohen, Kaur, Li, Kolter and Talwalkar, 2021). A step so small that 2 / eta is never reached ends at a
sharpness of its own, here 402. None of these figures tells how far a network is from the optimum; its certificate does.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import certify
from convexnn.landscape import gradient_descent

rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 5)), 3 * rng.normal(size=20)
thresholds, traces, best = [500, 350, 300, 200], {}, None
options = {"max_iter": 4000, "tol": 1e-300, "init_scale": 0.3, "random_state": 0}
for threshold in thresholds:
    found = gradient_descent(X, y, 30, 1e-3, learning_rate=2 / threshold, trace=20, sharpness=True, **options)
    every = gradient_descent(X, y, 30, 1e-3, learning_rate=2 / threshold, trace=1, **options).traces[0]
    traces[threshold], best = found.traces[0], found.networks[0]
    late, rises = np.median(found.traces[0].sharpness[100:]), np.mean(np.diff(every.objectives) > 0)
    print(f"2/step {threshold}: sharpness {late:.1f} at the end, the objective rises in {rises:.0%} of the steps")

# %%
# Each curve is one step size, its dashed line 2 / step. The run of 2 / step = 200 starts above its line and is driven
# down to it; that of 500 never meets its line.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for (threshold, trace), colour in zip(traces.items(), ("#1f2a44", "#0072b2", "#b07800", "#d55e00"), strict=True):
    ax.axhline(threshold, color=colour, ls="--", lw=1)
    ax.plot(trace.steps, trace.sharpness, color=colour, lw=2)
    ax.text(3950, threshold + 8, f"2 / step = {threshold}", color=colour, ha="right")
ax.set(xlabel="steps", ylabel="sharpness", xlim=(0, 4000), ylim=(150, 530))
plt.show()
print(certify(best, X, y, 1e-3))
