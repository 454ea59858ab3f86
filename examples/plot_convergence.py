"""
The way to a proof
==================

The pictures show the objective of every round of the solver above the lower bound that is proven at the end. Left:
three columns of the diabetes data; within a second the network is proven to be globally optimal, to eight digits.
Middle: all ten columns; local ascents soon find no further improvement, but the proof is only a bound, and the title
says so. Right: the same fit with both bounds; the optimum lies in the coloured strip.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor
from convexnn.plotting import CertificateDisplay

X, y = load_diabetes(return_X_y=True, scaled=False)
ConvexReLURegressor(beta="scale").fit(X[:20, :2], y[:20])  # compile first
few, all_ten = (make_pipeline(StandardScaler(), ConvexReLURegressor(beta="scale")) for _ in range(2))
few.fit(X[:, [2, 3, 8]], y)  # body mass, pressure, lipids
all_ten.fit(X, y)
for name, pipeline in {"three measurements": few, "all ten": all_ten}.items():
    model = pipeline[-1]
    print(f"{name}: {model.n_iter_} rounds, {model.network_.width} neurons, {model.status_}")
    print(model.certificate_)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(17, 5), layout="constrained")
CertificateDisplay.from_estimator(few).plot(left)
CertificateDisplay.from_estimator(all_ten).plot(middle)
CertificateDisplay.from_estimator(all_ten).plot(right, kind="bounds")
plt.show()

print(few[-1].certificate_)
