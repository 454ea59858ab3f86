"""The directions of the optimal neurons, on the circle and as corners of a face."""

import matplotlib.pyplot as plt
from three_vectors import solve

from convexnn.plotting import DualFunctionDisplay, RectifiedEllipsoidDisplay

found = solve()
figure = plt.figure(figsize=(11, 4.8), layout="constrained")
DualFunctionDisplay.from_set(found).plot(figure.add_subplot(1, 2, 1))
RectifiedEllipsoidDisplay.from_set(found).plot(figure.add_subplot(1, 2, 2, projection="3d"))
