"""Modules of PyTorch compute what the network computes, and come back to the bit."""

import copy
import io
import pickle
import sys

import numpy as np
import pytest

from convexnn import InvalidInputError, certify
from convexnn.exchange import from_torch, to_torch

from .networks import KINDS, random_network, same_network


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for call in (lambda: to_torch(random_network(1, (), (False,) * 3)), lambda: from_torch(None)):
        with pytest.raises(ImportError, match=r"pip install 'convexnn\[torch\]'"):
            call()


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(("width", "outputs", "present"), KINDS)
@pytest.mark.filterwarnings("error")
def test_networks_go_there_and_back(torch, width, outputs, present):
    network = random_network(width, outputs, present)
    X = np.random.default_rng(5).normal(size=(7, 2))
    module = to_torch(network)
    found, expected = module(torch.tensor(X)).detach().numpy(), network.predict(X)
    assert found.dtype == np.float64 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert same_network(from_torch(module), network)


def test_modules_can_be_trained_copied_and_stored(torch):
    module = to_torch(random_network(4, (), (True, True, True)))
    module(torch.ones(3, 2, dtype=torch.float64)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert same_network(from_torch(twin), from_torch(module))
    stored = io.BytesIO()
    torch.save(module.state_dict(), stored)
    stored.seek(0)
    other = to_torch(random_network(4, (), (True, True, True)).balanced())
    other.load_state_dict(torch.load(stored, weights_only=True))
    assert same_network(from_torch(other), from_torch(module))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_sequential_modules_of_any_precision_become_networks(torch, dtype, bias, n_outputs):
    torch.manual_seed(0)
    layers = torch.nn.Linear(2, 5, bias=bias), torch.nn.ReLU(), torch.nn.Linear(5, n_outputs, bias=not bias)
    module = torch.nn.Sequential(*layers).to(getattr(torch, dtype))
    network = from_torch(module)
    X = torch.randn(6, 2)
    expected = module.double()(X.double()).detach().numpy()
    np.testing.assert_allclose(network.predict(X.numpy()).reshape(6, -1), expected, rtol=1e-12, atol=1e-14)
    assert (network.hidden_bias is not None, network.intercept is not None) == (bias, not bias)
    assert network.output_weights.ndim == (1 if n_outputs == 1 else 2)


def test_a_network_that_torch_trained_is_certified(torch):
    X, y = np.linspace(-1, 1, 9)[:, None], np.abs(np.linspace(-1, 1, 9))
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, weight_decay=0.01)
    inputs, targets = torch.tensor(X), torch.tensor(y)[:, None]
    before = certify(from_torch(module), X, y, 0.09)
    for _ in range(300):
        optimizer.zero_grad()
        ((module(inputs) - targets) ** 2 / 2).mean().backward()
        optimizer.step()
    after = certify(from_torch(module), X, y, 0.09)  # n * weight_decay
    assert after.proof == "exact" and 0 < after.relative_gap < before.relative_gap


def test_other_modules_are_refused(torch):
    nn = torch.nn
    for module in (
        nn.Linear(2, 1),
        nn.Sequential(),
        nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)),
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 1)),
        nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1)),
        "module",
    ):
        with pytest.raises(InvalidInputError, match=r"module must be torch.nn.Sequential\(Linear, ReLU, Linear\)"):
            from_torch(module)
    with pytest.raises(InvalidInputError, match="lazy"):
        from_torch(nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.Linear(3, 1)))
    spoilt = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        spoilt[0].weight[0, 0] = float("nan")
    with pytest.raises(InvalidInputError, match="hidden_weights must be finite"):
        from_torch(spoilt)
    with pytest.raises(TypeError, match="must be a TwoLayerReLU"):
        to_torch(spoilt)
