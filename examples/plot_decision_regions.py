"""
Where a classifier decides, and where its neurons switch
========================================================

The irises by their petals. Every neuron switches along a line. Between the lines the decision function is linear, so
that the boundaries are straight and bend on the lines only. Left: three classes, each against the rest, with three
proven optima. Right: two of the classes by their sepals, where they overlap; a larger strength leaves fewer lines.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier
from convexnn.plotting import DecisionRegionDisplay

iris = load_iris()
overlap = iris.target > 0
problems = {
    "petals": (iris.data[:, 2:], iris.target, iris.target_names, ConvexReLUClassifier(beta="scale", multi_class="ovr")),
    "sepals": (
        iris.data[overlap, :2],
        iris.target[overlap],
        iris.target_names[1:],
        ConvexReLUClassifier(beta=0.5, multi_class="ovr"),
    ),
}

figure, axes = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
for ax, (part, (X, y, names, model)) in zip(axes, problems.items(), strict=True):
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    labels = [f"{part[:-1]} length (cm)", f"{part[:-1]} width (cm)"]
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y, labels=labels, class_names=names).plot(ax)
    n_lines = len(display.switches_)
    print(f"{part}: {model.network_.width} neurons, {n_lines} lines, {pipeline.score(X, y):.0%} of the rows right")
plt.show()

print(model.certificate_)
