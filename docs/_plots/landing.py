"""The two pictures of the first screen: one network with its proof, and all networks of another problem."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from convexnn import ConvexReLURegressor, optimal_set
from convexnn.plotting import NetworkDisplay, StaircaseDisplay

# Half a screen, or a phone's whole one, in inches.
SIZE = (5.2, 4.3)
# The labels of the staircase stand on its left, and keep a distance from what is beside the picture.
MARGIN = (0.07, 0.0, 0.93, 1.0)


def one_network():
    """Draw the optimal network of one feature, with the points where it bends."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = (X[:, [2]] - X[:, 2].mean()) / X[:, 2].std()
    model = ConvexReLURegressor(beta=20.0).fit(X, y)
    figure, ax = plt.subplots(figsize=SIZE, layout="constrained")
    labels = ["body mass index (standardised)", "progression of diabetes"]
    NetworkDisplay.from_estimator(model, X, y, features=(0,), labels=labels).plot(ax)
    ax.set_title("One network: proven, none of any width is better", fontsize="medium")
    return figure


def all_networks():
    """Draw the staircase of three unit vectors, 120 degrees apart."""
    angles = np.deg2rad([0, 120, 240])
    found = optimal_set(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(3), beta=0.1)
    figure, ax = plt.subplots(figsize=SIZE, layout="constrained")
    StaircaseDisplay.from_set(found).plot(ax)
    figure.get_layout_engine().set(rect=MARGIN)
    return figure
