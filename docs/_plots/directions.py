"""The directions of the optimal neurons: on the circle, and as corners of a face."""

import matplotlib.pyplot as plt
from three_vectors import solve

from convexnn.plotting import DualFunctionDisplay, RectifiedEllipsoidDisplay

found = solve()
DualFunctionDisplay.from_set(found).plot(plt.subplots(figsize=(6.5, 3.8), layout="constrained")[1])
space = plt.figure(figsize=(6.5, 5), layout="constrained").add_subplot(projection="3d")
RectifiedEllipsoidDisplay.from_set(found).plot(space)
