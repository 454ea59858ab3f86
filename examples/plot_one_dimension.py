"""
One feature, every kink
=======================

With one feature the optimal network is a piecewise linear function, and all its kinks can be seen: the progression of
diabetes over the body mass index of 442 patients, fitted to the proven optimum at four regularization strengths. A
larger strength leaves fewer kinks; from ``beta_max_`` on there is none.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor
from convexnn.plotting import NetworkDisplay

X, y = load_diabetes(return_X_y=True, scaled=False)
X = X[:, [2]]
scaler = StandardScaler()
beta_max = ConvexReLURegressor(beta="scale").fit(scaler.fit_transform(X), y).beta_max_

fig, axes = plt.subplots(2, 2, figsize=(11, 7.5), sharex=True, sharey=True, layout="constrained")
for ax, share in zip(axes.flat, (0.5, 0.1, 0.01, 0.0003), strict=True):
    pipeline = make_pipeline(scaler, ConvexReLURegressor(beta=share * beta_max)).fit(X, y)
    model = pipeline[-1]
    labels = ["body mass index (kg/m²)", "progression after one year"]
    display = NetworkDisplay.from_estimator(pipeline, X, y, features=[0], labels=labels, n_points=2000).plot(ax)
    n_kinks = len(display.kinks_[0].get_xdata())
    ax.set_title(f"beta = {share:g} beta_max, neurons that switch: {n_kinks}", fontsize="medium")
    ax.label_outer()
    plt.show()
print(f"beta = {share:g} beta_max, {model.network_.width} neurons\n{model.certificate_}")
fig.suptitle("Proven optima: dots mark where a neuron switches on")
