"""
Not convex near any minimum, and still easy
===========================================

A wide network that fits its data exactly lies on a manifold of such networks. The loss is convex in no neighbourhood of
it: at random points closer and closer to the network the smallest eigenvalue of the Hessian is negative, and tends to
zero only with the distance. Nevertheless the Polyak-Lojasiewicz ratio ``1/2 ||grad L||^2 / L`` stays above the smallest
eigenvalue of the tangent kernel, and gradient descent converges linearly (Liu, Zhu, Belkin 2022). With weight decay the
manifold disappears, and there is a proven optimum.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.landscape import gradient_flow, lazy_network, objective_hessian, pl_star

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 3))
y = np.sin(2 * X[:, 0])
start = lazy_network(3, 40, random_state=0)
trained = gradient_flow(start, X, y, 0.0, [20.0], learning_rate=0.002).networks[0]
print(f"loss of the trained network {0.5 * np.sum((trained.predict(X) - y) ** 2):.2g}")
y = trained.predict(X)  # from here on the fit is exact
here = pl_star(trained, X, y)
print(f"lambda_min(K) there {here.lambda_min:.4f}")


def moved(radius):
    """Return the trained network moved by a random vector of that length."""
    step = rng.normal(size=(40, 4))
    step *= radius / np.linalg.norm(step)
    return TwoLayerReLU(trained.hidden_weights + step[:, :3], trained.output_weights + step[:, 3])


radii, smallest, ratios, kernels = np.logspace(-5, 0, 11), [], [], []
for radius in radii:
    networks = [moved(radius) for _ in range(40)]
    smallest.append([np.linalg.eigvalsh(objective_hessian(network, X, y, 0.0))[0] for network in networks])
    judged = [pl_star(network, X, y) for network in networks]
    assert all(each.holds for each in judged)
    ratios.append(min(each.half_square / each.loss for each in judged))
    kernels.append(min(each.lambda_min for each in judged))
smallest = np.array(smallest)
for k in range(0, 11, 5):
    print(f"distance {radii[k]:.0e}: lambda_min of the Hessian in [{smallest[k].min():.2e}, {smallest[k].max():.2e}], ")
    print(f"    smallest PL ratio {ratios[k]:.3f}, smallest lambda_min(K) {kernels[k]:.3f}")
print(f"points with a negative eigenvalue: {np.mean(smallest < 0):.1%}")

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
left.loglog(np.repeat(radii, 40), np.maximum(-smallest.ravel(), 1e-17), ".", alpha=0.4)
left.loglog(radii, radii, "k:", label="distance")
left.set(xlabel="distance from the trained network", ylabel="- lambda_min of the Hessian", title="never convex")
left.legend()
right.loglog(radii, ratios, "o-", label="smallest PL ratio of 40 points")
right.loglog(radii, kernels, "s-", label="smallest lambda_min(K)")
right.set(xlabel="distance from the trained network", title="and still Polyak-Lojasiewicz")
right.legend()
plt.show()
model = ConvexReLURegressor(beta=0.01, hidden_bias=False, fit_intercept=False).fit(X, y)
print(model.certificate_)
