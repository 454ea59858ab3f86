"""
Choosing one of all optimal networks
====================================

On real tables the optimal network is usually unique. In a designed experiment it often is not: here the yield of a
chemical process over time and temperature (D. C. Montgomery, Design and Analysis of Experiments, the example of a
central composite design). It is trained on the four corners of the design and its centre. These say that the yield is
highest inside, and cannot say along which of the two factors it falls: the experimenter knows this as aliased
curvatures, the optimal set as a polytope. Four more experiments, the star points, are held out.
"""

import matplotlib.pyplot as plt
import numpy as np

from convexnn import ConvexReLURegressor

corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
X = np.vstack([corners, np.zeros((5, 2))])  # coded: time 80 to 90 minutes, temperature 170 to 180 degrees
y = np.array([76.5, 77.0, 78.0, 79.5, 79.9, 80.3, 80.0, 79.7, 79.8])
stars = np.sqrt(2) * np.array([[-1, 0], [0, -1], [1, 0], [0, 1]])
yields = np.array([75.6, 77.0, 78.4, 78.5])

model = ConvexReLURegressor(0.1, skip_connection=True).fit(X, y)
found = model.optimal_set()
print(f"{found}, one function: {found.is_unique_function}")

# %%
# Every choice has the same objective and the same values at the corners and the centre. The low star points choose one
# of them, the high ones judge all of them.
low, high = slice(0, 2), slice(2, 4)
choices = {
    "as trained": model,
    "fewest neurons": model.choose("neurons", optimal_set=found),
    "smallest slope": model.choose("lipschitz", optimal_set=found),
    "low star points": model.choose("validation", X=stars[low], y=yields[low], optimal_set=found),
}
for name, chosen in choices.items():
    error = np.sqrt(np.mean((chosen.predict(stars[high]) - yields[high]) ** 2))
    print(
        f"{name:<15} {chosen.network_.width} neurons, high star points {chosen.predict(stars[high]).round(2)}, ", end=""
    )
    print(f"error {error:.2f}, objective {chosen.certificate_.primal:.8f}")
print(choices["low star points"].choice_)

# %%
# Predictions along each factor, the other one at its middle. Gray is the range of all optimal networks: it is widest at
# the star points, and a single point at the centre, where there are data.
line = np.linspace(-1.6, 1.6, 201)
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.8), sharey=True, layout="constrained")
for factor, (ax, name) in enumerate(zip(axes, ("time", "temperature"), strict=True)):
    points = np.zeros((len(line), 2))
    points[:, factor] = line
    # A value is linear in the masses: its least and largest are those of vertices.
    values = np.array([found.network(masses).predict(points) for masses in found.vertices])
    ax.fill_between(line, values.min(axis=0), values.max(axis=0), color="0.88", label="all optimal networks")
    for (label, chosen), style in zip(choices.items(), ("-", ":", "--", "-."), strict=True):
        ax.plot(line, chosen.predict(points), style, label=label)
    ax.plot(np.zeros(5), y[4:], "k.", label="trained on")
    ax.plot(stars[factor::2, factor], yields[factor::2], "kx", label="held out")
    ax.set_xlabel(f"{name} (coded)")
axes[0].set_ylabel("yield")
axes[1].legend(fontsize="small", loc="lower center")
plt.show()

print(choices["low star points"].certificate_)
