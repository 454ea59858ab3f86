"""The picture of the landing page: one network with its proof, and all networks of another problem."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from convexnn import ConvexReLURegressor, optimal_set
from convexnn.plotting import NetworkDisplay, StaircaseDisplay

X, y = load_diabetes(return_X_y=True, scaled=False)
X = (X[:, [2]] - X[:, 2].mean()) / X[:, 2].std()
model = ConvexReLURegressor(beta=20.0).fit(X, y)

angles = np.deg2rad([0, 120, 240])
found = optimal_set(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(3), beta=0.1)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained", width_ratios=[1, 1.15])
labels = ["body mass index (standardised)", "progression of diabetes"]
NetworkDisplay.from_estimator(model, X, y, features=(0,), labels=labels).plot(left)
left.set_title("one network: no other, of any width, is better")
StaircaseDisplay.from_set(found).plot(right)
right.set_title("all optimal networks, width by width", pad=32)
