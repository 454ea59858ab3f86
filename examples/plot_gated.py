"""
Gated ReLU: fast, proven, and a start for the ReLU network
==========================================================

In a gated ReLU model fixed gates decide on which rows a linear piece counts. Training is a convex group lasso, whose
optimum over the gates is found and proven in any dimension. The breast cancer data (569 rows, 30 features), with half
of the rows for training: over seeds (of the gates and of the starting weights) the model is compared with MLPClassifier
and logistic regression. Then every piece is split into two vectors of its ReLU cone, which gives a ReLU network with
the same values on the training rows. This network is certified.

Only the gates are random; the optimum over them is proven. The ReLU network that is made of the model is far from
optimal: its penalty is many times as large.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from convexnn import GatedReLUClassifier, certify

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)
beta, seeds = 1.0, range(4)


def measure(model):
    started = time.process_time()
    seconds = model.fit(X, y) and time.process_time() - started
    return seconds, log_loss(y_test, model.predict_proba(X_test)), model.score(X_test, y_test)


def gated_model(n_gates, seed):
    return GatedReLUClassifier(beta, n_gates=n_gates, random_state=seed)


measure(gated_model(30, 0))  # compile first
counts = (1, 3, 10, 30, 100)
results = {f"gated ReLU, {count} gates": [measure(gated_model(count, seed)) for seed in seeds] for count in counts}
results["logistic regression"] = [measure(LogisticRegression(C=1.0))]
options = {"hidden_layer_sizes": [30], "alpha": beta, "max_iter": 1000}
results["MLPClassifier, Adam"] = [measure(MLPClassifier(**options, random_state=seed)) for seed in seeds]
results = {name: np.array(found) for name, found in results.items()}
for name, found in results.items():
    print(f"{name}: {np.median(found[:, 0]):.2f} s, test log loss {found[:, 1].min():.3f} to {found[:, 1].max():.3f}")

# %%
# Every dot is one draw of the gates: with more gates chance matters less, and a hundred come close to the other two.
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
losses = np.array([results[f"gated ReLU, {count} gates"][:, 1] for count in counts])
ax.plot(counts, losses, "o", color="#d55e00", alpha=0.6, mec="none", ms=8)
ax.plot(counts, losses.mean(axis=1), color="#d55e00")
ax.text(3.3, losses[1].max(), "gated ReLU, 4 draws", color="#b34e00", va="bottom")
mlp = results["MLPClassifier, Adam"][:, 1]
ax.axhspan(mlp.min(), mlp.max(), color="#0072b2", alpha=0.25, linewidth=0)
ax.axhline(results["logistic regression"][0, 1], color="black", linestyle="--")
ax.text(0.9, 0.0655, "MLP, 4 seeds (band), and logistic regression (dashed)", color="#0072b2", va="top")
ax.set(xscale="log", yscale="log", xlabel="number of gates", ylabel="test log loss (less is better)")
ax.set_xticks(counts, counts)
ax.set_yticks([0.06, 0.1, 0.2, 0.4], ["0.06", "0.1", "0.2", "0.4"])
ax.minorticks_off()
plt.show()

gated = gated_model(30, 0).fit(X, y)
network = gated.to_relu_network()
ratio = network.masses.sum() / np.linalg.norm(gated.blocks_, axis=1).sum()
change = np.abs(network.predict(X) - gated.decision_function(X)).max()
proof = certify(network, X, np.where(y == 1, 1.0, -1.0), beta, loss="logistic", proof="heuristic")
print(f"ReLU network of the same values (they differ by {change:.0e}): {network.width} neurons")
print(f"its penalty is {ratio:.1f} times that of the gated blocks, its relative gap at most {proof.relative_gap:.2f}")
print(gated.certificate_)
