"""
What gradient descent finds at every width
==========================================

A hundred patients of the diabetes data of scikit-learn, with four features. The convex program gives the smallest
objective p* of any network, with a proof, and the staircase of the optimal networks; none is narrower than m* = 5.
Runs of gradient descent are judged by it.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import certify, regularization_path, width_sweep

BETA, WIDTHS = 10.0, [1, 2, 3, 4, 5, 6, 8, 12]

X, y = load_diabetes(return_X_y=True)
X, y = scale(X[:100, [0, 2, 3, 8]]), scale(y[:100])  # age, body mass index, blood pressure, triglycerides
sweep = width_sweep(X, y, BETA, WIDTHS, n_runs=25, hidden_bias=True, random_state=0)
path = regularization_path(X, y, n_betas=25, eps=BETA / 54.75, hidden_bias=True)

print(sweep)
print(path)
for change in path.changes:
    if change.quantity == "m_star":
        print(f"m* from {change.before} to {change.after} between beta {change.beta_before:.4g} and", end=" ")
        print(f"{change.beta_after:.4g}")

# %%
# Each dot is the end of a run. Narrow networks end in other minima; with two or three neurons some already end within a
# thousandth of p*, although none can reach it there. Wide networks reach it nearly always.
sweep.plot(plt.subplots(figsize=(6.5, 4.8), layout="constrained")[1])
plt.show()

# %%
# p*, its two parts and the critical widths over the regularization strength; as beta falls neurons are added, and some
# are removed again.
path.plot(plt.subplots(figsize=(6.5, 4.8), layout="constrained")[1])
plt.show()
last = path.records[-1]
print(certify(last.network, X, y, last.beta))
