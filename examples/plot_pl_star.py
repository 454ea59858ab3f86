"""
Balls in which PL* holds
========================

Wide networks of smooth units are nearly linear in their weights: the norm of the Hessian of their values falls with the
width, so that their tangent kernel cannot move much in a ball around the start. If the ball is large enough for the
loss at the start, it contains a network that fits all points, and gradient descent goes there at a known rate. The
bounds of ``pl_star_ball`` prove this for 4096 tanh units and three points. With a tanh at the output, or with one layer
of a single unit between wide ones, the norm does not fall, and more width makes the ball no larger.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn.landscape import SmoothNetwork, check_rate, hessian_bound, hessian_norm, pl_star_ball, smooth_network

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 3))
X *= np.sqrt(3) / np.linalg.norm(X, axis=1, keepdims=True)
y = np.array([0.2, -0.2, 0.2])
widths = np.array([16, 32, 64, 128])
CASES = {
    "tanh output": (lambda m: [m, m], "tanh", "s-", "#b07800"),
    "a layer of one unit": (lambda m: [m, 1, m], "linear", "^-", "#a03060"),
    "linear output": (lambda m: [m, m], "linear", "o-", "#0072b2"),
}


def drawn(shape, output):
    return [smooth_network(3, shape, output_activation=output, random_state=k) for k in range(9)]


# %%
# With a linear output the norm of the Hessian falls, and so does its proven bound (dashed), both a little slower than
# 1 / sqrt(width) (dotted); with a tanh output or a layer of one unit the norm stays. Medians of 9 networks.
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
for name, (shape, output, style, colour) in CASES.items():
    norms = [np.median([hessian_norm(network, X) for network in drawn(shape(m), output)]) for m in widths]
    slope = np.polyfit(np.log(widths), np.log(norms), 1)[0]
    print(f"{name}: norm {norms[0]:.3f} at width 16, {norms[-1]:.3f} at 128, slope {slope:.2f}")
    ax.loglog(widths, norms, style, color=colour)
    ax.text(140, norms[-1], name, color=colour, va="center")
bounds = [np.median([hessian_bound(network, X) for network in drawn([m, m], "linear")]) for m in widths]
ax.loglog(widths, bounds, "--", color="#0072b2")
ax.text(140, bounds[-1], "bound, linear output", color="#0072b2", va="center")
ax.loglog(widths, 0.9 * norms[0] * np.sqrt(widths[0] / widths), "k:")
ax.text(18, 0.25, "1 / sqrt(width)")
ax.set(xlabel="width", ylabel="norm of the Hessian of the values", xlim=(14, 380))
ax.set_xticks(widths, widths)
ax.yaxis.set(ticks=[0.2, 0.5, 1, 2], major_formatter="{x:g}", minor_formatter="")
ax.xaxis.set(minor_formatter="")
plt.show()

# %%
# One hidden layer of 4096 units, in pairs that cancel, so that it starts at 0: the loss of gradient descent stays far
# below the rate that is proven before the first step (dotted).
hidden, outputs = smooth_network(3, [2048], random_state=0).layers
start = SmoothNetwork([np.vstack([hidden, hidden]), np.hstack([outputs, -outputs])])
ball = pl_star_ball(start, X, y, n_points=1, random_state=0)
network, losses, distances = start, [], []
for _ in range(60):
    losses.append(0.5 * np.sum((network.predict(X) - y) ** 2))
    distances.append(np.linalg.norm(network.weights - start.weights))
    network = network.with_weights(network.weights - ball.step * network.loss_gradient(X, y))
checked = check_rate(losses, ball.mu, ball.smoothness)
figure, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
ax.semilogy(losses, "o", ms=3, color="#0072b2")
ax.semilogy(checked.bounds, "k:")
ax.text(35, 0.5 * checked.bounds[35], "proven rate", va="top")
ax.set(xlabel="step", ylabel="loss")
plt.show()
print(f"PL* within {ball.radius:.2f}, proven; within {ball.measured_radius:.2f} by the norm measured")
print(f"the rate holds: {checked.holds}; the descent needs {ball.descent_radius:.2f}, and went {distances[-1]:.2f}")
