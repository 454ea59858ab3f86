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


# %%
# Never convex: at every one of 40 random points at every distance (band) the Hessian has a negative eigenvalue, which
# is about as large as the distance.
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.fill_between(radii, -smallest.max(axis=1), -smallest.min(axis=1), color="#0072b2", alpha=0.2)
ax.loglog(radii, -np.median(smallest, axis=1), "o-", color="#0072b2")
ax.loglog(radii, radii, "k:")
ax.text(1e-5, 1e-2, "most negative eigenvalue\n(median and range)", color="#0072b2")
ax.text(3e-2, 8e-3, "the distance itself")
ax.set(xlabel="distance from the trained network", ylabel="minus the smallest eigenvalue")
plt.show()

# %%
# And still easy: from ten points at distance 1 the loss falls at once, and much faster than the smallest eigenvalue of
# the kernel promises (dashed).
times = np.linspace(0.0, 0.4, 41)
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for _ in range(10):
    losses = np.array(gradient_flow(moved(1.0), X, y, 0.0, times, learning_rate=0.002).objectives)
    ax.semilogy(times, losses / losses[0], color="#0072b2", linewidth=1, alpha=0.7)
ax.semilogy(times, np.exp(-2 * min(kernels) * times), "--", color="#d55e00", linewidth=2)
ax.text(0.4, 1.0, "promised by the kernel", color="#b34e00", ha="right", va="bottom")
ax.text(0.25, 0.05, "ten runs", color="#0072b2")
ax.set(xlabel="time of the gradient flow", ylabel="loss, as a share of the loss at the start")
plt.show()
model = ConvexReLURegressor(beta=0.01, hidden_bias=False, fit_intercept=False).fit(X, y)
print(model.certificate_)
