"""Random networks with every choice of terms, outputs and width."""

from itertools import product

import numpy as np

from convexnn import TwoLayerReLU

TERMS = ("hidden_bias", "intercept", "skip_weights")
KINDS = list(product([0, 1, 4], [(), (1,), (3,)], product([False, True], repeat=3)))


def random_network(width, outputs, present):
    rng = np.random.default_rng(width)
    terms = (rng.normal(size=width), rng.normal(size=outputs), rng.normal(size=(2, *outputs)))
    kept = {name: term for name, term, there in zip(TERMS, terms, present, strict=True) if there}
    return TwoLayerReLU(rng.normal(size=(width, 2)), rng.normal(size=(width, *outputs)), **kept)


def same_network(a, b):
    names = ("hidden_weights", "output_weights", *TERMS)
    pairs = [(getattr(a, name), getattr(b, name)) for name in names]
    return all((p is None) == (q is None) and np.array_equal(p, q) and np.shape(p) == np.shape(q) for p, q in pairs)
