"""Check a proof file in exact arithmetic. This file needs numpy and the standard library, and nothing of convexnn.

    python checker.py proof.npz data.csv

A proof file says: no two-layer ReLU network of any width has an objective below A, and this network has B. Floats are
rational numbers, so all of it can be checked without rounding. For a dual point nu with ``Z^T nu = 0`` (Z: the
columns of the free terms) and ``|a . nu^T (X u)_+| <= tau ||u|| ||a||`` for all u and a, every t with ``0 <= t tau <=
beta`` gives the bound ``-L*(-t nu)``. The inequality is shown on cones ``{sum_k t_k v_k, t >= 0}`` of vectors u and
``{sum_j s_j a_j, s >= 0}`` of vectors a (numbers, for one output). They begin as the orthants of a basis and are cut
along an edge (p, q) by ``2^i p + 2^j q``, so that they cover everything. On each, with c_lj the coefficient of line l
along a_j and any shares theta in [0, 1],

    ``sum_l c_lj (x_l . u)_+ <= sum_k t_k M_kj``,   ``M_kj = sum_l max(c_lj, 0) max(x_l . v_k, 0)
                                                             - sum_l max(-c_lj, 0) theta_lj x_l . v_k``,

because ``(z)_+`` is below its chords and above ``theta z``. A matrix G with ``a_j . G v_k >= M_kj`` for all j and k
and ``G G^T <= tau^2 I`` then bounds the sum by ``tau ||u|| ||a||``. The multipliers theta and the matrices G stand in
the file; what is true of them is computed here.
"""

import csv
import decimal
import gzip
import hashlib
import json
import math
import sys
import zipfile
from fractions import Fraction
from typing import NamedTuple

import numpy as np

FORMAT = "convexnn proof 1"
SHARE_UNIT = 1 << 15  # shares theta are stored as whole numbers of this unit
LEAF = -1  # the first entry of a row of `splits` whose cone is not cut
TERMS = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")
ARRAYS = {"dual_point": "f", "splits": "i", "slopes": "f", "n_shares": "i", "lines": "i", "shares": "u"}
DIGITS = decimal.Context(prec=50, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


class ProofError(ValueError):
    """A file that is no proof: the message is the first line that does not hold."""


class Verdict(NamedTuple):
    """What a proof file proves: `lower_bound` of every network, `objective` of its own, both exact rational numbers."""

    lower_bound: Fraction
    objective: Fraction
    n_cones: int

    @property
    def relative_gap(self):
        """``(objective - lower_bound) / objective``, 0 where both are 0."""
        return (self.objective - self.lower_bound) / self.objective if self.objective else Fraction(0)

    def __str__(self):
        return (
            f"every network of any width has objective at least {shown(self.lower_bound, decimal.ROUND_FLOOR)} (exact),"
            f" this one has {shown(self.objective, decimal.ROUND_CEILING)};"
            f" relative gap at most {shown(self.relative_gap, decimal.ROUND_CEILING, 3)}"
        )


def shown(value, rounding, digits=12):
    """Return a rational number as text of so many digits, rounded to the safe side."""
    context = decimal.Context(prec=digits, rounding=rounding, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    return format(context.divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator)), "g")


def require(holds, line):
    """Refuse the proof unless a line of it holds."""
    if not holds:
        raise ProofError(f"this does not hold: {line}")


# The file


def read_proof(path):
    """Return the header and the arrays of a proof file; refuse one that is torn, changed or of another kind."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(bytes(arrays.pop("header")).decode())
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zipfile.zlib.error) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ProofError(f"{path} is torn, changed or no proof file ({error})") from error
    require(isinstance(header, dict) and header.get("format") == FORMAT, f"the format of {path} is {FORMAT!r}")
    require(digest(header, arrays) == header.get("contents"), f"the contents of {path} are those that were written")
    for name, kind in ARRAYS.items():
        require(name in arrays and arrays[name].dtype.kind == kind, f"array {name} is there, of kind {kind!r}")
    for name in (*TERMS, "dual_point", "slopes"):
        require(name not in arrays or np.isfinite(arrays[name]).all(), f"array {name} is finite")
    return header, arrays


def digest(header, arrays):
    """Return the hash of all that a proof file holds, but for the entry `contents` of its header."""
    rest = {name: entry for name, entry in header.items() if name != "contents"}
    total = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode() + array.tobytes())
    return total.hexdigest()


def fingerprint(X, y, weight):
    """Return the hash of the data that a proof is about, as float64."""
    total = hashlib.sha256()
    for array in (X, y, weight):
        array = np.ascontiguousarray(array, dtype="<f8") + 0.0  # one zero, not two
        total.update(f"{array.shape} ".encode() + array.tobytes())
    return total.hexdigest()


# The table


def read_table(path, header):
    """Return X, y and the weights of a CSV file, prepared as the header says, in float64."""
    table = header["table"]
    require(isinstance(table, dict), "the proof says how its table is read (if not, use check_proof with X and y)")
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        names, *rows = [row for row in csv.reader(file) if row]
    place = {name: k for k, name in enumerate(names)}
    needed = [*(column for column, _ in (*table["inputs"], *table["targets"])), table["weight"]]
    for column in needed:
        require(column is None or column in place, f"the table has a column {column!r}")
    inputs = np.array([[_number(row[place[column]], label) for column, label in table["inputs"]] for row in rows])
    X = (inputs - table["center"]) / table["scale"] if table["scale"] is not None else inputs
    y = np.array([[_target(row[place[column]], label) for column, label in table["targets"]] for row in rows])
    weight = [1.0 if table["weight"] is None else float(row[place[table["weight"]]]) for row in rows]
    return X, y[:, 0] if y.shape[1] == 1 else y, np.array(weight)


def _number(cell, label):
    """Return the number in a cell, or whether it holds this label."""
    return float(cell) if label is None else float(cell == label)


def _target(cell, label):
    """Return the number in a cell; with a label, 1 where the cell holds it and -1 elsewhere."""
    return float(cell) if label is None else 2.0 * (cell == label) - 1.0


# Integers


def integers(values):
    """Return Python integers m and a number e with ``values = m / 2^e``, exactly."""
    mantissas, exponents = np.frexp(np.asarray(values, dtype=np.float64))
    exponents = np.where(mantissas == 0.0, 53, exponents) - 53
    e = -int(exponents.min(initial=0))
    return (mantissas * 2.0**53).astype(np.int64).astype(object) << (exponents + e).astype(object), e


def fractions(values):
    """Return an array of rational numbers, those that its floats are."""
    values = np.asarray(values, dtype=np.float64)
    return np.array([Fraction(value) for value in values.ravel().tolist()], dtype=object).reshape(values.shape)


def lines_of(X, dual_point):
    """Return lines (L, d), coefficients (L, c) and linear (c, d) of ``nu^T (X u)_+``, all of integers.

    Parallel rows are one line; antipodal ones too, since ``(-z)_+ = (z)_+ - z``.
    """
    coefficients, linear = {}, np.zeros((dual_point.shape[1], X.shape[1]), dtype=object)
    for row, nu in zip(X, dual_point, strict=True):
        size = math.gcd(*row)
        if size == 0 or not nu.any():
            continue
        if next(entry for entry in row if entry) < 0:
            linear += np.outer(nu, row)
            size = -size
        line = tuple(entry // size for entry in row)
        coefficients[line] = coefficients.get(line, 0) + abs(size) * nu
    kept = [line for line, nu in coefficients.items() if nu.any()]
    shape = (len(kept), X.shape[1])
    values = np.array([coefficients[line] for line in kept], dtype=object).reshape(len(kept), dual_point.shape[1])
    return np.array(kept, dtype=object).reshape(shape), values, linear


def remainder(row, echelon):
    """Return what is left of a row beside the rows of an echelon form, given with the places of their pivots."""
    row = [Fraction(entry) for entry in row]
    for pivot, other in echelon:
        if row[pivot]:
            factor = row[pivot] / other[pivot]
            row = [x - factor * z for x, z in zip(row, other, strict=True)]
    return row


def spans(basis, rows):
    """Whether the rows of `basis` are independent, and every other row is a combination of them."""
    echelon = []
    for row in basis:
        rest = remainder(row, echelon)
        if not any(rest):
            return False
        echelon.append((next(k for k, entry in enumerate(rest) if entry), rest))
    return len(basis) == rows.shape[1] or not any(any(remainder(row, echelon)) for row in rows)


# The cones


def cut(generators, first, second, shift):
    """Return ``2^i p + 2^j q`` for two of the generators; one of i and j is 0."""
    return (generators[first] << max(shift, 0)) + (generators[second] << max(-shift, 0))


def replaced(array, k, row):
    """Return a copy with another row k."""
    array = array.copy()
    array[k] = row
    return array


def roots(basis, n_outputs):
    """Return the orthants of the basis (r, d) and of the outputs: pairs of generators (r, d) and axes (c, c)."""
    for corner in range(1 << n_outputs):
        axes = np.diag([1 - 2 * (corner >> j & 1) for j in range(n_outputs)]).astype(object)
        for orthant in range(1 << len(basis)):
            yield np.array([row * (1 - 2 * (orthant >> k & 1)) for k, row in enumerate(basis)], dtype=object), axes


def check_cones(arrays, basis, lines, coefficients, linear, unit, tau, tick):
    """Check that the cones cover everything and that ``||nu^T (X u)_+|| <= tau ||u||`` on each; return their number.

    What `lines`, `coefficients` and `linear` say is in units of `unit`.
    """
    splits, n_outputs = arrays["splits"].tolist(), coefficients.shape[1]
    leaves, place = _leaves(arrays, n_outputs, len(lines), tau, unit), 0
    for generators, axes in roots(basis, n_outputs):
        values, along = generators @ lines.T, coefficients @ axes.T
        stack = [(generators, axes, values, along, np.arange(len(lines)), generators @ linear.T @ axes.T)]
        while stack:
            generators, axes, values, along, index, settled = stack.pop()
            # A line of one sign on the whole cone is linear there.
            low, high = values.min(0, initial=0), values.max(0, initial=0)
            on, kept = (low >= 0) & (high > 0), (low < 0) & (high > 0)
            settled = settled + values[:, on] @ along[on]
            values, along, index = values[:, kept], along[kept], index[kept]
            require(place < len(splits), "the tree is whole")
            kind, first, second, shift = splits[place]
            place += 1
            if kind == LEAF:
                next(leaves)((generators, axes, values, along, index, settled))
                tick()
                continue
            size = len((generators, axes)[kind]) if kind in (0, 1) else 0
            require(0 <= first < size and 0 <= second < size and first != second, f"split {place} is along an edge")
            for k in (second, first):  # the half without the first generator is the next to come
                if kind == 0:
                    new = (replaced(array, k, cut(array, first, second, shift)) for array in (generators, values))
                    own, own_values = new
                    own_settled = replaced(settled, k, cut(settled, first, second, shift))
                    stack.append((own, axes, own_values, along, index, own_settled))
                else:
                    new = (replaced(array, k, cut(array, first, second, shift)) for array in (axes, along.T, settled.T))
                    own, own_along, own_settled = new
                    stack.append((generators, own, values, own_along.T, index, own_settled.T))
    require(place == len(splits) and next(leaves, None) is None, "the file holds one tree and the leaves of it")
    return place


def _leaves(arrays, n_outputs, n_lines, tau, unit):
    """Yield, for every leaf in turn, the function that checks it."""
    slopes, n_shares, starts = arrays["slopes"], arrays["n_shares"], np.cumsum(arrays["n_shares"])
    require(slopes.shape[:2] == (len(n_shares), n_outputs), "every leaf has a slope for every output")
    require(np.all(n_shares >= 0) and len(arrays["lines"]) == len(arrays["shares"]) == n_shares.sum(), "shares add up")
    require(np.all(arrays["shares"] <= SHARE_UNIT), "every share is at most 1")
    require(np.all((0 <= arrays["lines"]) & (arrays["lines"] < n_lines * n_outputs)), "shares are of lines")
    for leaf, (stop, number) in enumerate(zip(starts.tolist(), n_shares.tolist(), strict=True)):
        part = slice(stop - number, stop)
        shares = dict(zip(arrays["lines"][part].tolist(), arrays["shares"][part].tolist(), strict=True))
        yield lambda cone, leaf=leaf, shares=shares: _check_leaf(cone, slopes[leaf], shares, tau, unit, leaf)


def _check_leaf(cone, slope, shares, tau, unit, leaf):
    generators, axes, values, along, index, settled = cone
    n_outputs = len(axes)
    # Unless the file says otherwise the share of a line is 1 where it is rather on than off, and else 0.
    theta = np.repeat(np.where(values.sum(0) > 0, SHARE_UNIT, 0)[:, None], n_outputs, axis=1).astype(object)
    if shares:
        for place, line in enumerate(index.tolist()):
            for j in range(n_outputs):
                theta[place, j] = shares.get(line * n_outputs + j, theta[place, j])
    chords = np.maximum(values, 0) @ np.maximum(along, 0)
    needed = (settled + chords) * SHARE_UNIT - values @ (np.maximum(-along, 0) * theta)
    matrix, exponent = integers(slope)
    factor = unit * (1 << exponent) / SHARE_UNIT
    given = generators @ matrix.T @ axes.T
    require(np.all(given * factor.denominator >= needed * factor.numerator), f"the slope of leaf {leaf + 1} is above")
    require(_is_below(matrix @ matrix.T, (tau * (1 << exponent)) ** 2), f"the slope of leaf {leaf + 1} is below tau")


def _is_below(gram, limit):
    """Whether ``limit I - gram`` is positive semidefinite, by elimination in rational numbers."""
    rest = [[limit * (i == j) - entry for j, entry in enumerate(row)] for i, row in enumerate(gram.tolist())]
    while rest:
        head, *below = rest
        if head[0] < 0 or (head[0] == 0 and any(head)):
            return False
        # The Schur complement of the first entry; with a zero one the first row and column are zero.
        rest = [
            [x - (row[0] * z / head[0] if head[0] else 0) for x, z in zip(row, head, strict=True)][1:] for row in below
        ]
    return True


# The losses: a term of the objective, from above, and of the dual value ``-L*(-nu)``, from below, both of one weight


def _log(value):
    """Return an upper bound on the logarithm of a positive rational number."""
    return Fraction(DIGITS.next_plus(DIGITS.ln(_decimal(value, decimal.ROUND_CEILING))))


def _decimal(value, rounding):
    context = DIGITS.copy()
    context.rounding = rounding
    return context.divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator))


def _logistic(y, fit, _):
    margin = y * fit
    # log(1 + exp(-margin)) = (-margin)_+ + log(1 + exp(-|margin|)); the exponential is at least a tiny number.
    small = DIGITS.next_plus(DIGITS.exp(_decimal(-min(abs(margin), Fraction(10**6)), decimal.ROUND_CEILING)))
    return max(-margin, Fraction(0)) + _log(1 + Fraction(small))


def _entropy(y, nu, _):
    share = y * nu
    require(0 <= share <= 1, "the dual point is in the domain of the loss")
    return sum((max(-part * _log(part), Fraction(0)) for part in (share, 1 - share) if part), Fraction(0))


def _pinball(y, fit, header):
    quantile = Fraction(header["quantile"])
    return max(quantile * (y - fit), (quantile - 1) * (y - fit))


def _huber(y, fit, header):
    size, bend = abs(y - fit), Fraction(header["huber_delta"])
    return size**2 / 2 if size <= bend else bend * size - bend**2 / 2


def _within(value, nu, low, high):
    require(low <= nu <= high, "the dual point is in the domain of the loss")
    return value


LOSSES = {
    "squared": (lambda y, fit, _: (y - fit) ** 2 / 2, lambda y, nu, _: nu * y - nu**2 / 2),
    "huber": (_huber, lambda y, nu, h: _within(nu * y - nu**2 / 2, abs(nu), 0, Fraction(h["huber_delta"]))),
    "absolute": (lambda y, fit, _: abs(y - fit), lambda y, nu, _: _within(nu * y, nu, -1, 1)),
    "quantile": (
        _pinball,
        lambda y, nu, h: _within(nu * y, nu, Fraction(h["quantile"]) - 1, Fraction(h["quantile"])),
    ),
    "squared_hinge": (
        lambda y, fit, _: max(1 - y * fit, Fraction(0)) ** 2 / 2,
        lambda y, nu, _: _within(y * nu - nu**2 / 2, y * nu, 0, math.inf),
    ),
    "logistic": (_logistic, _entropy),
}


# The proof


def check(header, arrays, X, y, weight, tick=lambda: None):
    """Return the `Verdict` of a proof that was read, on X (n, d), y (n,) or (n, c) and weights (n,), all float64.

    `tick` is called after every leaf. A `ProofError` is the first line that does not hold.
    """
    require(fingerprint(X, y, weight) == header["data"], "the data are those that the proof is about")
    require(header["loss"] in LOSSES, f"the loss is one of {', '.join(LOSSES)}")
    used = weight > 0
    X, y = X[used], fractions(y[used].reshape(used.sum(), -1))
    require(arrays["dual_point"].shape == (len(used), y.shape[1]), "the dual point has an entry for every target")
    w, nu = fractions(weight[used]), fractions(arrays["dual_point"][used])
    objective = _objective(header, arrays, fractions(X), y, w)
    nu, *function, unit = exact_function(header, X, nu)
    basis = np.array([[int(entry) for entry in row] for row in header["basis"]], dtype=object)
    basis = basis.reshape(len(header["basis"]), function[0].shape[1])
    require(spans(basis, np.vstack([function[0], function[2]])), "the basis spans the rows of the data")
    tau, scale = Fraction(header["tau"]), Fraction(header["scale"])
    require(tau >= 0 and 0 <= scale and scale * tau <= Fraction(header["beta"]), "the scale is at most beta / tau")
    n_cones = check_cones(arrays, basis, *function, unit, tau, tick)
    bound = _total(LOSSES[header["loss"]][1], header, y, scale * nu / w[:, None], w)
    return Verdict(max(bound, Fraction(0)), objective, n_cones)  # no term of the objective is negative


def exact_function(header, X, nu):
    """Return the exact dual point, the lines, coefficients and linear part of its price function, and their unit.

    The dual point nu (n, c), of rational numbers, is corrected as the header says, until it is orthogonal to the free
    terms.
    """
    for row, column, text in header["corrections"]:
        nu[row, column] = Fraction(text)
    rows, exponent = integers(X)
    ones = np.full((len(rows), 1), 1 << exponent, dtype=object)
    free = np.hstack([rows[:, : rows.shape[1] * header["skip_connection"]], ones[:, : header["fit_intercept"]]])
    require(not np.any(free.T @ nu), "the dual point is orthogonal to the free terms")
    # Integers over one denominator.
    common = math.lcm(*(value.denominator for value in nu.ravel().tolist()))
    design = np.hstack([rows, ones]) if header["hidden_bias"] else rows
    return nu, *lines_of(design, (nu * common).astype(object) // 1), Fraction(1, common << exponent)


def _total(term, header, y, values, w):
    """Return the weighted sum of a term over all targets."""
    rows = zip(y.tolist(), values.tolist(), w.tolist(), strict=True)
    return sum(
        (weight * sum(term(t, v, header) for t, v in zip(ts, vs, strict=True)) for ts, vs, weight in rows), Fraction(0)
    )


def _objective(header, arrays, X, y, w):
    """Return the objective of the network, exactly, or an upper bound where the loss needs a logarithm."""
    exact = {name: fractions(arrays[name]) for name in TERMS if name in arrays}
    for name, term in zip(TERMS[2:], ("hidden_bias", "fit_intercept", "skip_connection"), strict=True):
        require((name in exact) == header[term], f"the network has {name} if the problem has")
    inner, outer = exact["hidden_weights"], exact["output_weights"].reshape(len(exact["hidden_weights"]), -1)
    require(inner.shape[1] == X.shape[1] and outer.shape[1] == y.shape[1], "the network is one for these data")
    none = np.zeros((), dtype=object)
    fit = np.maximum(X @ inner.T + exact.get("hidden_bias", none), 0) @ outer + exact.get("intercept", none)
    if "skip_weights" in exact:
        fit = fit + X @ exact["skip_weights"].reshape(X.shape[1], -1)
    squares = sum(
        (np.sum(exact[name] ** 2) for name in ("hidden_weights", "hidden_bias", "output_weights") if name in exact),
        Fraction(0),
    )
    return _total(LOSSES[header["loss"]][0], header, y, fit, w) + Fraction(header["beta"]) / 2 * squares


def main(arguments=None):
    """Check a proof file against a CSV file; return the exit code: 0 if it holds, 1 if not."""
    path, table = sys.argv[1:] if arguments is None else arguments
    try:
        header, arrays = read_proof(path)
        print(check(header, arrays, *read_table(table, header)))
    except ProofError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
