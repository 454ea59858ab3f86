"""
How far from optimal is a network, while it is being trained?
=============================================================

MLPRegressor of scikit-learn is trained on the diabetes data, epoch by epoch, and certified after each epoch. Every
certificate has a lower bound on the objective of all networks of any width, and therefore shows when training is
finished without knowledge of the optimum. A large part of the gap is an imbalance of the layers: a network with the
same function and ``||u_j|| = |alpha_j|`` has a smaller penalty. The gap at the end is small. It is not zero, because
MLPRegressor does not penalise hidden biases, which are a part of ``u_j`` here, and therefore converges to another
network.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, certify, load_network, save_network
from convexnn.exchange import equivalent_beta, from_sklearn_mlp

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:, [2, 3, 8]]), scale(y)  # body mass index, blood pressure, triglycerides
mlp = MLPRegressor(hidden_layer_sizes=50, alpha=10.0, batch_size=len(y), learning_rate_init=0.01, random_state=0)
beta = equivalent_beta(mlp, len(y))

epochs = np.unique(np.geomspace(1, 2000, 16).astype(int))
certificates, balanced = [], []
for epoch in range(1, epochs[-1] + 1):
    mlp.partial_fit(X, y)
    if epoch in epochs:
        network = from_sklearn_mlp(mlp)
        certificates.append(certify(network, X, y, beta))
        balanced.append(network.balanced().objective(X, y, beta))
objectives = np.array([c.primal for c in certificates])
bounds = np.maximum.accumulate([c.dual for c in certificates])  # once proven, a bound stays proven
best = ConvexReLURegressor(beta=beta).fit(X, y).certificate_
for epoch, certificate, objective in zip(epochs, certificates, balanced, strict=True):
    gap, rest = certificate.relative_gap, 1 - max(0.0, certificate.dual) / objective
    print(f"epoch {epoch:4d}: at most {gap:5.1%} above the optimum, {rest:5.1%} when balanced")

# %%
# The objective comes down, the proven bound comes up, and the optimum is always in the grey area between the two.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
ax.fill_between(epochs, bounds, objectives, color="#e3e7ee")
ax.plot(epochs, objectives, "o-", color="#d55e00")
ax.plot(epochs, bounds, "s-", color="#0072b2")
ax.axhline(best.primal, color="black", linestyle="--", linewidth=1)
ax.text(5, 190, "the MLP's objective", color="#b34e00")
ax.text(7, 82, "what is proven to be out of reach", color="#0072b2")
ax.text(1, best.primal + 4, "optimum (ConvexReLURegressor)")
ax.set(xscale="log", xlabel="epochs", ylabel="objective", ylim=(50, 265))
plt.show()

# %%
# The same gap as a share: balancing the layers (squares) removes three quarters of what is left at the end.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for values, style, colour in ((objectives, "o-", "#d55e00"), (balanced, "s-", "#0072b2")):
    ax.plot(epochs, 1 - bounds / values, style, color=colour)
ax.text(300, 0.105, "as it was trained", color="#b34e00")
ax.text(270, 0.033, "its layers balanced", color="#0072b2")
ax.set(xscale="log", yscale="log", xlabel="epochs", ylabel="proven relative gap")
ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0])
ax.yaxis.set(major_formatter=PercentFormatter(1), minor_formatter="")
plt.show()

path = Path(tempfile.mkdtemp()) / "network.npz"
save_network(path, network.balanced(), X=X, y=y, beta=beta, feature_names=["bmi", "bp", "s5"])
print(load_network(path).certificate)  # proven again from the data in the file
