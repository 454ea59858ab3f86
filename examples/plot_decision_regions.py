"""
Where a classifier decides, and where its neurons switch
========================================================

The irises by two measurements. Every neuron switches along a line. Between the lines the decision function is linear,
so that the boundaries are straight and bend on the lines only.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier
from convexnn.plotting import DecisionRegionDisplay

iris = load_iris()


def draw(part, X, y, names, model):
    """Draw the regions of a model, and return it fitted."""
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    labels = [f"{part[:-1]} length (cm)", f"{part[:-1]} width (cm)"]
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y, labels=labels, class_names=names)
    display.plot(plt.subplots(figsize=(6.5, 5.2), layout="constrained")[1])
    plt.show()
    n_lines = len(display.switches_)
    print(f"{part}: {model.network_.width} neurons, {n_lines} lines, {pipeline.score(X, y):.0%} of the rows right")
    return model


# %%
# Three classes by their petals, each against the rest, with three proven optima: two neat borders are enough.
draw("petals", iris.data[:, 2:], iris.target, iris.target_names, ConvexReLUClassifier("scale", multi_class="ovr"))

# %%
# Two of the classes by their sepals, where they overlap: the border bends where it meets a dashed line, and nowhere
# else. A larger strength leaves fewer lines.
overlap = iris.target > 0
X, y, names = iris.data[overlap, :2], iris.target[overlap], iris.target_names[1:]
model = draw("sepals", X, y, names, ConvexReLUClassifier(0.5, multi_class="ovr"))

print(model.certificate_)
