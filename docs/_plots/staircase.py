"""The staircase of three unit vectors."""

import matplotlib.pyplot as plt
from three_vectors import solve

from convexnn.plotting import StaircaseDisplay

figure, ax = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
StaircaseDisplay.from_set(solve()).plot(ax)
