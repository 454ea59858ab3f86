"""
The strength that the default chooses
=====================================

Left: Friedman's function of five of ten inputs, with noise. Right: the diabetes data, which are nearly linear. In five
folds networks follow a path of decreasing strengths, without and with free linear terms, and every strength is judged
on the held-out rows. The path ends when the scores have turned. Among the strengths that are nearly as good as the best
one the largest is chosen, and the network is trained with it on all rows. A tenth of ``beta_max_``, which
``beta="scale"`` takes, would be far too strong for Friedman's function.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor

X, y = make_friedman1(2200, noise=1.0, random_state=0)
X, X_test, y, y_test = X[:200], X[200:], y[:200], y[200:]
problems = {"Friedman, 200 rows": (X, y), "diabetes": load_diabetes(return_X_y=True)}


def pipeline(**options):
    return make_pipeline(StandardScaler(), ConvexReLURegressor(proof="heuristic", **options))


figure, axes = plt.subplots(1, 2, figsize=(14, 5), layout="constrained")
for ax, (name, (rows, targets)) in zip(axes, problems.items(), strict=True):
    chosen = pipeline().fit(rows, targets)
    chosen[-1].beta_path_.plot(ax)
    ax.set_title(f"{name}, {ax.get_title()}", fontsize="medium")
    print(f"{name}: {chosen[-1].beta_path_}")
    if rows is X:
        fixed = pipeline(beta="scale").fit(X, y)
        print(f'R2 on 2000 new rows: {chosen.score(X_test, y_test):.3f}, "scale": {fixed.score(X_test, y_test):.3f}')
plt.show()

print(chosen[-1].certificate_)
