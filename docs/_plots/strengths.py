"""The strengths that the default has judged on the diabetes data, and the one it chose."""

from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor

X, y = load_diabetes(return_X_y=True)
model = ConvexReLURegressor(proof="heuristic").fit(scale(X), y)
display = model.beta_path_.plot()
display.figure_.set_size_inches(6.5, 4.4)
