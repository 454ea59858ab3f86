"""
A small gradient is no small gap
================================

Many runs of gradient descent with fixed steps on one small problem. For every hundredth network on the way the picture
has the norm of the gradient and the true gap to the proven optimum. Near the saddle at 0 the gradient is small and the
gap is large. At the end, where neurons are on kinks, the gap is smaller and the gradient is not small. The gradient
does not show how good a network is; a certificate does. Noise on the gradient and a kick change where the runs end.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import certify, optimal_set
from convexnn.landscape import gradient_descent

rng = np.random.default_rng(0)
X, y, beta = rng.normal(size=(8, 2)), rng.normal(size=8), 0.1
p_star = optimal_set(X, y, beta).optimal_value
options = {"n_runs": 40, "learning_rate": 0.01, "max_iter": 6000, "tol": 1e-300, "init_scale": 0.02, "trace": 100}
variants = {"plain": {}, "noise": {"noise": 0.5}, "kick": {"kick": 0.5, "kick_after": 3000}}

found = {name: gradient_descent(X, y, 4, beta, random_state=0, **options, **extra) for name, extra in variants.items()}
for name, runs in found.items():
    excess = runs.objectives / p_star - 1
    near = np.sum(excess < 1e-2)
    print(f"{name:5s}: {near:2d} of 40 runs end within 1 % of p*, median excess {np.median(excess):.2%}")

# %%
# Each dot is a network on the way of a plain run, from yellow at the start to dark at the end. If a small gradient
# meant a small gap, the dots would lie on a line from top right to bottom left; the flattest are the worst.
plain = found["plain"]
gaps = np.concatenate([trace.objectives for trace in plain.traces]) - p_star
slopes = np.concatenate([trace.gradient_norms for trace in plain.traces])
steps = np.concatenate([trace.steps for trace in plain.traces])
figure, ax = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
dots = ax.scatter(slopes, gaps, c=steps, s=8, cmap="cividis_r", rasterized=True)
ax.set(xscale="log", yscale="log", xlabel="norm of the gradient", ylabel="objective above p*")
figure.colorbar(dots, label="steps")
plt.show()

# %%
# The median of forty runs: plain descent stays where it is caught; noise and a kick lead on, to another end.
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for name, colour, dashes in (("plain", "#0072b2", "-"), ("noise", "#b07800", "--"), ("kick", "#1f2a44", ":")):
    middle = np.median([trace.objectives for trace in found[name].traces], axis=0) - p_star
    ax.semilogy(found[name].traces[0].steps[: len(middle)], middle, dashes, color=colour, lw=2)
    ax.text(6050, middle[-1], name, color=colour, va="center")
ax.set(xlabel="steps", ylabel="median of the objective above p*", xlim=(-100, 6700))
plt.show()

flattest = np.argmin(slopes)
print(f"smallest gradient {slopes[flattest]:.2g}, with a gap of {gaps[flattest]:.3g} to p* = {p_star:.6g}")
print(
    f"of the networks with a gradient below 0.01, {np.mean(gaps[slopes < 1e-2] > 0.1 * p_star):.0%} are over 10 % above"
)
print(certify(plain.networks[int(np.argmin(plain.objectives))], X, y, beta))
