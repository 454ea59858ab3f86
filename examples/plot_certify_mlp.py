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

best = ConvexReLURegressor(beta=beta).fit(X, y).certificate_
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.plot(epochs, [c.primal for c in certificates], "o-", color="#d55e00", label="the network's objective")
left.plot(epochs, [c.dual for c in certificates], "o-", color="#0072b2", label="what is proven to be out of reach")
left.axhline(best.primal, color="#8a94a6", linestyle="--", label="the optimum, by ConvexReLURegressor")
left.set(xscale="log", xlabel="epochs", ylabel="objective", ylim=(0, 1.3 * certificates[0].primal))
left.legend(frameon=False, loc="upper right")
bounds = np.maximum.accumulate([c.dual for c in certificates])
for values, marker, colour, label in (
    ([c.primal for c in certificates], "o-", "#d55e00", "as it was trained"),
    (balanced, "s-", "#009e73", "its layers balanced"),
):
    right.plot(epochs, 1 - bounds / values, marker, color=colour, label=label)
right.set(xscale="log", yscale="log", xlabel="epochs", ylabel="proven relative gap")
right.yaxis.set(major_formatter=PercentFormatter(1), minor_formatter=PercentFormatter(1))
right.legend(frameon=False)
figure.suptitle("MLPRegressor with 50 neurons, certified along its training")
plt.show()

for epoch, certificate, objective in zip(epochs, certificates, balanced, strict=True):
    gap, rest = certificate.relative_gap, 1 - max(0.0, certificate.dual) / objective
    print(f"epoch {epoch:4d}: at most {gap:5.1%} above the optimum, {rest:5.1%} when balanced")

path = Path(tempfile.mkdtemp()) / "network.npz"
save_network(path, network.balanced(), X=X, y=y, beta=beta, feature_names=["bmi", "bp", "s5"])
print(load_network(path).certificate)  # proven again from the data in the file
