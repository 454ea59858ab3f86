"""
Classification: the same network every time
===========================================

Three data sets of scikit-learn, with half of the rows (150 of the digits, in 8 principal components) for training.
ConvexReLUClassifier is compared with LogisticRegression and MLPClassifier, all with strength 1 and without tuning: our
``beta``, ``1 / C``, and ``alpha``, which does not penalise the biases. More than two classes are trained one against
the rest. The convex network is always the same, takes longer, and has a certificate; with so many columns its proof is
loose, and the estimated gap (*visible gap*) is more informative. All three have about the same accuracy.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier

BETA, SEEDS = 1.0, range(5)


def split(load):
    X, y = load(return_X_y=True)
    is_digits = load is load_digits
    X, X_test, y, y_test = train_test_split(X, y, train_size=150 if is_digits else 0.5, random_state=0, stratify=y)
    inputs = (PCA(8, whiten=True, random_state=0) if is_digits else StandardScaler()).fit(X)
    return inputs.transform(X), inputs.transform(X_test), y, y_test


def measure(model, X, X_test, y, y_test):
    started = time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - started
    return log_loss(y_test, model.predict_proba(X_test)), seconds, model.score(X_test, y_test), model


sets = {"breast cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
makers = {
    "logistic regression": lambda seed: LogisticRegression(C=1 / BETA, max_iter=1000),
    "MLPClassifier, 5 seeds": lambda seed: MLPClassifier([50], alpha=BETA, max_iter=1000, random_state=seed),
    "ConvexReLUClassifier": lambda seed: ConvexReLUClassifier(BETA, multi_class="ovr", tol=1e-2, proof="heuristic"),
}
for load in (load_breast_cancer, load_wine):  # compile first
    X, _, y, _ = split(load)
    ConvexReLUClassifier(30.0, proof="heuristic", tol=0.1).fit(X, y)
losses = {}
for title, load in sets.items():
    data = split(load)
    print(title, data[0].shape)
    for name, make in makers.items():
        found = [measure(make(seed), *data) for seed in (SEEDS if "seeds" in name else [0])]
        table = np.array([part[:3] for part in found])
        losses[title, name] = table[:, 0]
        spread = f"{table[:, 0].min():.3f} to {table[:, 0].max():.3f}"
        print(f"  {name:24s} log loss {spread}, accuracy {table[:, 2].mean():.3f}, {table[:, 1].mean():5.2f} s")
    model = found[0][3]
    print(f"  {model.network_.width} neurons, visible gap {model.certificate_.heuristic_gap:.1e}")

# %%
# Every blue dot is one seed of the MLP; the convex network has no seed, and is left of the linear model each time.
fig, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for (title, name), values in losses.items():
    row, kind = list(sets).index(title), list(makers).index(name)
    at = values / losses[title, "logistic regression"]
    style = {"color": ("#8a94a6", "#0072b2", "#d55e00")[kind], "marker": "so^"[kind], "s": 75, "ec": "white"}
    ax.scatter(at, row + 0.2 * (kind - 1) + 0 * at, zorder=3, label=name if row == 0 else None, **style)
ax.axvline(1, color="#8a94a6", linewidth=1)
ax.set(yticks=range(3), yticklabels=list(sets), xlabel="test log loss, as a share of the linear model's")
ax.grid(axis="x", alpha=0.3)
fig.legend(loc="outside upper center", ncols=3, frameon=False, columnspacing=1, handletextpad=0.2)
plt.show()
print(model.certificate_)
