"""
Every event of a path
=====================

On twelve patients of the diabetes data, with one feature, the optimum is followed from the largest strength down. Along
the way neurons enter and leave, and their kinks stop at data points and go on from them; in between everything moves
smoothly. The strength of every event is known to ten digits, and it is proven that there are no others.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import certify, regularization_path

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:12, [2]]), scale(y[:12])  # body mass index

path = regularization_path(X, y, exact=True, eps=0.02, hidden_bias=True, fit_intercept=True)
print(path)
for event in path.events[:8]:
    where = f" (rows {', '.join(map(str, event.rows))})" if event.rows else ""
    print(f"  beta {event.beta:.10f}  {event.kind}{where}")

# %%
# Below, the mass of every direction that is optimal. Triangles say where directions enter or leave, squares where a
# neuron's kink reaches a data point or leaves it.
path.plot(plt.subplots(figsize=(8, 5), layout="constrained")[1])
plt.show()

# %%
# The network at any strength comes from the path itself.
ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1]
line = np.linspace(X.min() - 0.3, X.max() + 0.3, 400)[:, None]
for share, style in ((0.5, ":"), (0.1, "--"), (0.03, "-")):
    beta = share * path.breakpoints[0]
    ax.plot(line, path.at(beta).network.predict(line), style, color="#1f2a44", label=f"beta {beta:.3g}")
ax.plot(X, y, "o", color="#d55e00", label="patients")
ax.set_xlabel("body mass index, standardised")
ax.set_ylabel("progression, standardised")
ax.legend(frameon=False)
plt.show()
print(certify(path.at(beta).network, X, y, beta))
