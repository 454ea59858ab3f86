"""
One feature, every kink
=======================

With one feature the optimal network is a piecewise linear function, and all its kinks can be seen: the progression of
diabetes over the body mass index of 442 patients, fitted to the proven optimum at four regularization strengths. A
larger strength leaves fewer kinks; from ``beta_max_`` on there is none.
"""

# sphinx_gallery_thumbnail_number = 3

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


def draw(share):
    """Train at a share of `beta_max_`, draw the network with its kinks, and return the model."""
    pipeline = make_pipeline(scaler, ConvexReLURegressor(beta=share * beta_max)).fit(X, y)
    labels = ["body mass index (kg/m²)", "progression after one year"]
    display = NetworkDisplay.from_estimator(pipeline, X, y, features=[0], labels=labels, n_points=2000)
    display.plot(plt.subplots(figsize=(6.5, 4.2), layout="constrained")[1])
    plt.show()
    print(f"beta = {share:g} beta_max: {pipeline[-1].network_.width} neurons")
    return pipeline[-1]


# %%
# Half of ``beta_max_``: one neuron is worth its penalty. The dot marks where it switches on.
draw(0.5)

# %%
# A tenth: two bends, and most of what the data say.
draw(0.1)

# %%
# A hundredth: five kinks, of which three hardly bend.
draw(0.01)

# %%
# Next to no penalty: the network follows the noise, and is still the proven optimum of its objective.
print(draw(0.0003).certificate_)
