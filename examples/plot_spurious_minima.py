"""
Minima that are not global, on population
=========================================

A student network of n ReLU neurons learns a teacher of k orthonormal neurons from Gaussian inputs. The loss is the
expectation, in closed form, without a sample and without noise. From k = 6 on there are local minima above 0, and
gradient descent with a fixed step of 0.1 ends there more and more often.

At the end is the same task from a sample: 20 inputs, the outputs of the teacher, and a little weight decay. There the
convex program finds the global minimum and proves it. It lies below the objective of the teacher itself; the minimum of
the population loss lies far above.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.landscape import population_hessian, population_loss, spurious_table, symmetric_minimum

SIZES = [*range(6, 13), (8, 9), (10, 11)]

table = spurious_table(SIZES, n_runs=100, random_state=0)
print(table)

# %%
# The share of such ends among a hundred runs for each size, with one standard error, beside the shares that Safran and
# Shamir (arXiv 1712.08968) published from a thousand runs. One student neuron more makes such ends rare.
table.plot(plt.subplots(figsize=(6.5, 4.6), layout="constrained")[1])
plt.show()

# %%
# The simplest minimum of this kind, one row for each student neuron: all but the last are near a teacher neuron each,
# and the last points away from the remaining one.
W = symmetric_minimum(6)
loss = population_loss(W, np.eye(6))
smallest = np.linalg.eigvalsh(population_hessian(W, np.eye(6)))[0]
print(f"loss {loss:.4f}, smallest eigenvalue {smallest:.4f}")
figure, ax = plt.subplots(figsize=(6.5, 4.8), layout="constrained")
image = ax.imshow(W, cmap="RdBu_r", vmin=-1, vmax=1)
for (row, column), value in np.ndenumerate(W):
    ax.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
ax.set(xlabel="input", ylabel="student's neuron")
figure.colorbar(image, label="weight")
plt.show()

X = np.random.default_rng(0).standard_normal((20, 6))
y = np.maximum(X, 0).sum(axis=1)
model = ConvexReLURegressor(beta=0.01, hidden_bias=False, fit_intercept=False).fit(X, y)
for name, weights in {"the teacher": np.eye(6), "the population's spurious minimum": W}.items():
    print(f"on the sample, {name}: {TwoLayerReLU(weights, np.ones(6)).balanced().objective(X, y, 0.01):.6f}")
print(model.certificate_)
