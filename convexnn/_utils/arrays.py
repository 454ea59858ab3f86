"""(stand-in of the lead until branch `arrays` lands)"""
import numpy as np
from scipy import sparse


class Layer:
    def __init__(self, X, neurons, bias):
        self.X, self.bias = X, bias
        W = neurons[:, :-1] if bias else neurons
        dtype = X.dtype
        self.hidden = np.asarray(X @ W.T.astype(dtype))
        if bias:
            self.hidden += neurons[:, -1].astype(dtype)
        np.maximum(self.hidden, 0, out=self.hidden)

    def outputs(self, a):
        return (self.hidden @ a.astype(self.hidden.dtype)).astype(float)

    def transposed_product(self, nu):
        return (self.hidden.T @ nu.astype(self.hidden.dtype)).astype(float)

    def _back(self, G):
        pull = np.asarray((self.X.T @ G).T).astype(float)
        return np.column_stack([pull, G.sum(axis=0)]) if self.bias else pull

    def pull(self, nu, a):
        G = (nu @ a.T).astype(self.hidden.dtype)
        G *= self.hidden > 0
        return self._back(G)

    def matrices(self, nu):
        return np.stack([self._back((self.hidden > 0) * nu[:, [k]].astype(self.hidden.dtype)) for k in range(nu.shape[1])], axis=1)

    def squares(self, weight):
        return (weight.astype(self.hidden.dtype) @ self.hidden**2).astype(float)


def hidden_layer(X, neurons, bias):
    return Layer(X, neurons, bias)


def product(X, rows):
    return np.asarray(X @ rows.T.astype(X.dtype)).astype(float)


def transposed_product(X, G, squared=False):
    if squared:
        X = X.multiply(X) if sparse.issparse(X) else X * X
    return np.asarray(X.T @ G.astype(X.dtype)).astype(float)


def in_double(X):
    return X.toarray().astype(float) if sparse.issparse(X) else np.asarray(X, float)


def check_rows(X):
    if len(X.shape) != 2 or X.shape[1] == 0:
        raise ValueError(f"X of every block must have shape (n_rows, n_features); got {X.shape}.")
    data = X.data if sparse.issparse(X) else X
    if not np.all(np.isfinite(data)):
        raise ValueError("X must be finite; a block has NaN or infinity.")
