"""
The strength that the default chooses
=====================================

In five folds networks follow a path of decreasing strengths, without and with free linear terms, and every strength is
judged on the held-out rows: here for Friedman's function of five of ten inputs, with noise, and for the diabetes data,
which are nearly linear. The path ends when the scores have turned. Among the strengths that are nearly as good as the
best one the largest is chosen, and the network is trained with it on all rows. A tenth of ``beta_max_``, which
``beta="scale"`` takes, would be far too strong for Friedman's function.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor

X, y = make_friedman1(2200, noise=1.0, random_state=0)
X, X_test, y, y_test = X[:200], X[200:], y[:200], y[200:]


def pipeline(**options):
    return make_pipeline(StandardScaler(), ConvexReLURegressor(proof="heuristic", **options))


def draw(rows, targets):
    """Fit with the default, draw what it has judged, and return the fit."""
    chosen = pipeline().fit(rows, targets)
    chosen[-1].beta_path_.plot(plt.subplots(figsize=(6.5, 4.6), layout="constrained")[1])
    plt.show()
    print(chosen[-1].beta_path_)
    return chosen


# %%
# Friedman's function: scores rise as the strength falls, and level off. The largest strength of the level part is
# taken.
chosen = draw(X, y)
fixed = pipeline(beta="scale").fit(X, y)
print(f'R2 on 2000 new rows: {chosen.score(X_test, y_test):.3f}, "scale": {fixed.score(X_test, y_test):.3f}')

# %%
# The diabetes data are nearly linear: with free linear terms (dashed) even the largest strength, which leaves no
# neuron, is nearly as good as the best.
chosen = draw(*load_diabetes(return_X_y=True))

print(chosen[-1].certificate_)
