"""The way between two optimal networks at width 4, beside the straight line."""

import matplotlib.pyplot as plt
import numpy as np
from three_vectors import solve

from convexnn.plotting import PathDisplay

found = solve()
first, second = [vertex for vertex in found.vertices if np.count_nonzero(vertex) == 2][:2]
path = found.path(found.network(first, 4), found.network(second, 4))
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
PathDisplay.from_path(path).plot(ax)
