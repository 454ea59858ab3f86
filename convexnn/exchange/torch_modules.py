"""Networks as modules of PyTorch, and back."""

from functools import cache
from typing import TYPE_CHECKING, Any

from .._utils.libraries import require
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network

if TYPE_CHECKING:
    from torch.nn import Module


def to_torch(network: Any) -> "Module":
    """Return a network as a module of PyTorch in double precision.

    The module computes ``output(relu(hidden(x))) + skip(x)``, where hidden, output and skip are `torch.nn.Linear`;
    `skip` is None for a network without skip weights, and so are the biases that the network does not have. Its values
    have the shape of ``network.predict(X)``: (n_samples,) for output weights of shape (width,).

    Parameters
    ----------
    network : TwoLayerReLU

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    MissingLibraryError
        Without PyTorch: ``pip install 'convexnn[torch]'``.

    See Also
    --------
    from_torch : The way back, to the bit.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.exchange import to_torch
    >>> module = to_torch(TwoLayerReLU([[1.0, -1.0]], [2.0]))  # doctest: +SKIP
    >>> module(torch.tensor([[3.0, 1.0]], dtype=torch.float64))  # doctest: +SKIP
    tensor([4.], dtype=torch.float64, grad_fn=<SqueezeBackward1>)
    """
    check_is_network(network, "network")
    require("torch", "torch")
    return _module_class()(
        _linear(network.hidden_weights, network.hidden_bias),
        _linear(network._outputs.T, network.intercept),
        None if network.skip_weights is None else _linear(network.skip_weights.reshape(network.n_inputs, -1).T, None),
        network.output_weights.ndim == 1,
    )


def _linear(weights, bias):
    """Return a `torch.nn.Linear` in double precision with these weights, of shape (n_outputs, n_inputs)."""
    torch = require("torch", "torch")
    layer = torch.nn.Linear(1, 1, bias=bias is not None, device="meta")  # draws nothing, and can have no neurons
    layer.out_features, layer.in_features = weights.shape
    layer.weight = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float64))
    if bias is not None:
        layer.bias = torch.nn.Parameter(torch.tensor(bias, dtype=torch.float64).reshape(-1))
    return layer


@cache
def _module_class():
    """Return the class of the modules; pickle finds it as ``TorchNetwork`` in this file."""
    torch = require("torch", "torch")

    class TorchNetwork(torch.nn.Module):
        """Two-layer ReLU network ``output(relu(hidden(x))) + skip(x)``."""

        def __init__(self, hidden, output, skip, is_scalar):
            super().__init__()
            self.hidden, self.output, self.skip, self.is_scalar = hidden, output, skip, is_scalar

        def forward(self, x):
            """Return the values at the rows of x, of shape (n_samples,) or (n_samples, n_outputs)."""
            values = self.output(torch.relu(self.hidden(x)))
            if self.skip is not None:
                values = values + self.skip(x)
            return values.squeeze(-1) if self.is_scalar else values

    # pickle looks the class up by these names: `__getattr__` below makes it when it is asked for.
    TorchNetwork.__module__, TorchNetwork.__qualname__ = __name__, "TorchNetwork"
    return TorchNetwork


def __getattr__(name):
    if name == "TorchNetwork":
        return _module_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def from_torch(module: "Module") -> TwoLayerReLU:
    """Return the network that a module of PyTorch computes.

    Parameters
    ----------
    module : torch.nn.Module
        What `to_torch` returns, or ``torch.nn.Sequential(Linear, ReLU, Linear)``, on any device and of any precision:
        every float32 is a float64. The bias of the first layer becomes `hidden_bias`, that of the last one `intercept`.
        A single output gives output weights of shape (width,).

    Returns
    -------
    TwoLayerReLU

    Raises
    ------
    InvalidInputError
        For modules of any other form, and for weights that are not finite.
    MissingLibraryError
        Without PyTorch.

    Notes
    -----
    The weight decay of PyTorch's optimisers is applied to biases as well, and ``torch.optim.SGD(weight_decay=w)`` on a
    mean of ``1/2 (y - f)^2`` over n samples minimises our objective with ``beta = n w``, an intercept that is penalised
    apart (give the last bias a group of its own without weight decay). `torch.nn.MSELoss` is twice that mean: then
    ``beta = n w / 2``. AdamW decays weights in another way, and has no such objective.

    Examples
    --------
    >>> from convexnn.exchange import from_torch
    >>> layers = torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)  # doctest: +SKIP
    >>> from_torch(torch.nn.Sequential(*layers))  # doctest: +SKIP
    TwoLayerReLU(5 neurons, 3 inputs, 1 output, hidden bias, intercept)
    """
    torch = require("torch", "torch")
    if isinstance(module, _module_class()):
        hidden, output, skip, is_scalar = module.hidden, module.output, module.skip, module.is_scalar
    else:
        hidden, output = _linear_layers(module, torch)
        skip, is_scalar = None, output.out_features == 1

    def oriented(values):
        return values[0] if is_scalar else values.T

    intercept = _array(output.bias)
    return TwoLayerReLU(
        _array(hidden.weight),
        oriented(_array(output.weight)),
        hidden_bias=_array(hidden.bias),
        intercept=intercept[0] if is_scalar and intercept is not None else intercept,
        skip_weights=None if skip is None else oriented(_array(skip.weight)),
    )


def _linear_layers(module, torch):
    """Return the two linear layers of a `Sequential`, or refuse it."""
    layers = list(module) if isinstance(module, torch.nn.Sequential) else []
    kinds = (torch.nn.Linear, torch.nn.ReLU, torch.nn.Linear)
    if len(layers) != 3 or not all(map(isinstance, layers, kinds)):
        got = f"Sequential({', '.join(type(layer).__name__ for layer in layers)})" if layers else type(module).__name__
        raise InvalidInputError(
            f"module must be torch.nn.Sequential(Linear, ReLU, Linear), or what to_torch returns; got {got}. For other "
            f"modules that compute such a network pass its weights to TwoLayerReLU."
        )
    if any(torch.nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
        raise InvalidInputError("module has lazy layers without weights; call it once on data before.")
    return layers[0], layers[2]


def _array(parameter):
    return None if parameter is None else parameter.detach().cpu().double().numpy()
