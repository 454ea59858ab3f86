"""
The way to a proof
==================

Training ends with a certificate: a lower bound that no network of any width can beat. The pictures show how the
objective of every round of the solver comes down on it. With three columns of the diabetes data the network is proven
to be globally optimal, to eight digits, within a second. With all ten columns the solver stops when its local ascents
find no further improvement, but the proof is only a bound.
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

# %%
# Three columns: every round divides the gap by twenty or more, until the objective and the proven bound are one number.
CertificateDisplay.from_estimator(few).plot(plt.subplots(figsize=(6.5, 4.6), layout="constrained")[1])
plt.show()

# %%
# All ten columns: the estimated gap (dotted) falls as fast, but the proven gap stays at the orange line.
CertificateDisplay.from_estimator(all_ten).plot(plt.subplots(figsize=(6.5, 4.6), layout="constrained")[1])
plt.show()

# %%
# The same fit as it is: the optimum lies in the coloured strip, and probably at its upper edge.
CertificateDisplay.from_estimator(all_ten).plot(
    plt.subplots(figsize=(6.5, 4.6), layout="constrained")[1], kind="bounds"
)
plt.show()

print(few[-1].certificate_)
