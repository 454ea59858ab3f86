"""Check a proof file in exact arithmetic. This file needs numpy and the standard library, and nothing of convexnn.

    python checker.py proof.npz data.csv

A proof file says: no two-layer ReLU network of any width has an objective below A, and this network has B. Floats are
rational numbers, so all of it is checked without rounding. With Z the columns of the free terms, a dual point nu with
``Z^T nu = 0`` and ``a . nu^T (X u)_+ <= tau ||u|| ||a||`` for all u and a, every t with ``0 <= t tau <= beta`` gives
the lower bound ``-L*(-t nu)``. The inequality is shown on cones ``{sum_k t_k v_k, t >= 0}`` of vectors u, for a in
``{sum_j s_j a_j, s >= 0}`` (1 and -1 for one output). They begin as the orthants of a basis, and are cut along an edge
(p, q) by ``2^i p + 2^j q``: so they cover all vectors of the row space, and what u has beside that only makes
||u|| larger. With c_lj the coefficient of line l along a_j, on each of them

    ``sum_l c_l(a) (x_l . u)_+ <= sum_kj t_k s_j M_kj``,   ``M_kj = sum_l max(c_lj, 0) max(x_l . v_k, 0)
                                                                    - sum_l max(-c_lj, 0) theta_lj x_l . v_k``,

for any shares theta in [0, 1], because ``(z)_+`` is below its chords and above ``theta z``. A matrix G with
``a_j . G v_k >= M_kj`` for all j and k and ``G G^T <= tau^2 I`` then bounds the sum by ``tau ||u|| ||a||``. The shares
and the matrices G stand in the file; whether they hold is computed here.
"""

import csv
import decimal
import hashlib
import json
import math
import re
import sys
from fractions import Fraction
from typing import NamedTuple

import numpy as np

FORMAT = "convexnn proof 1"
SHARE_UNIT = 1 << 31  # shares theta are whole numbers of this unit
LEAF = -1  # the first entry of a row of `splits` whose cone is not cut; 0 where u is cut, 1 where a is
TERMS = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")
ARRAYS = {"dual_point": "<f8", "splits": "|i1", "slopes": "<f8", "n_shares": "<i4", "lines": "<i4", "shares": "<u4"}
ARRAYS |= dict.fromkeys(TERMS, "<f8")
DIGITS = decimal.Context(prec=50, Emax=10**6, Emin=-1000, traps=[decimal.InvalidOperation])
ZERO = Fraction(0)
NO_RECIPE = (
    "the proof does not say how a CSV file becomes its data: they were arrays, or a table that was prepared. Check it "
    "with these data: convexnn check --model NETWORK for a table, convexnn.proofs.check_proof for arrays"
)
OTHER_DATA = (
    "the data are not those that the proof is about: give the same numbers (1 and -1 for two classes), in the same "
    "order of rows and columns, with the same weights"
)
N_SHOWN_DIGITS = 12  # of the hash of the data
NETWORK_FILE = {"header.json", "hidden_weights"}  # what convexnn writes for a network
MAX_BYTES, MAX_BITS = 1 << 33, 1 << 15  # of a file that is unpacked, and of an entry of a generator
RATIONAL = re.compile(r"-?[0-9]+(/[0-9]+)?")
MALFORMED = (KeyError, IndexError, TypeError, AttributeError, ArithmeticError, ValueError, csv.Error, MemoryError)


class ProofError(ValueError):
    """A file that is no proof: the message says what is wrong first."""


class Verdict(NamedTuple):
    """What is proven of a `problem`: a `lower_bound` of every network, the `objective` of one; both exact."""

    lower_bound: Fraction
    objective: Fraction
    n_cones: int
    problem: str

    @property
    def relative_gap(self):
        """``(objective - lower_bound) / objective``, 0 where both are 0."""
        return (self.objective - self.lower_bound) / self.objective if self.objective else ZERO

    def __str__(self):
        lower, upper = shown(self.lower_bound, decimal.ROUND_FLOOR), shown(self.objective, decimal.ROUND_CEILING)
        return (
            f"every network of any width has objective at least {lower} (exact), this one has {upper}; "
            f"relative gap at most {shown(self.relative_gap, decimal.ROUND_CEILING, 3)}"
        )


def shown(value, rounding, digits=12):
    """Return a rational number as text of so many digits, rounded to the safe side."""
    is_plain = value == 0 or Fraction(1, 10**4) <= abs(value) < 10**digits
    return f"{as_decimal(value, rounding, digits):{'f' if is_plain else f'.{digits - 1}e'}}"


def as_decimal(value, rounding, digits=50):
    """Return a rational number as a decimal number of so many digits, rounded up or down."""
    context = DIGITS.copy()
    context.prec, context.rounding = digits, rounding
    return context.divide(decimal.Decimal(value.numerator), decimal.Decimal(value.denominator))


def require(holds, wrong):
    """Refuse the proof unless a line of it holds; `wrong` says what is the matter where it does not."""
    if not holds:
        raise ProofError(wrong)


# The file and the table


def read_proof(path):
    """Return the header and the arrays of a proof file; refuse one that is torn, changed or of another kind."""
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                size = sum(part.file_size for part in archive.zip.infolist())
                require(size <= MAX_BYTES, f"{path} would take {size} bytes, more than a proof may: {MAX_BYTES}")
                is_network = NETWORK_FILE <= set(archive.files)
                require(not is_network, f"{path} holds a network and no proof: give a file that convexnn prove wrote")
                require("header" in archive.files, f"{path} has no entry 'header', so it is no proof file")
                arrays = {name: archive[name] for name in archive.files}
            header = json.loads(bytes(arrays.pop("header")).decode())
        except ProofError:
            raise
        except Exception as error:  # whatever a damaged archive raises
            raise ProofError(f"{path} cannot be read as a proof file: it is torn, or of another kind") from error
    kind = header.get("format") if isinstance(header, dict) else None
    require(kind == FORMAT, f"{path} has the format {kind!r}, and this checker reads {FORMAT!r} alone")
    require(all(isinstance(array, np.ndarray) for array in arrays.values()), f"{path} holds more than arrays")
    require(digest(header, arrays) == header.get("contents"), f"{path} was changed after it was written, or damaged")
    return header, arrays


def digest(header, arrays):
    """Return the hash of all that a proof file holds, but for the entry `contents` of its header."""
    rest = {name: entry for name, entry in header.items() if name != "contents"}
    total = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape} ".encode() + arrays[name].tobytes())
    return total.hexdigest()


def fingerprint(X, y, weight):
    """Return the hash of the data that a proof is about, in float64."""
    total = hashlib.sha256()
    for array in (X, y, weight):
        array = np.ascontiguousarray(array, dtype="<f8") + 0.0  # one zero, not two
        total.update(f"{array.shape} ".encode() + array.tobytes())
    return total.hexdigest()


def check_recipe(table):
    """Refuse anything but a recipe: how the columns of a CSV file become X, y and weights."""
    entries = {"inputs", "targets", "weight", "center", "scale"}
    require(isinstance(table, dict) and set(table) == entries, f"a recipe of a table has the entries {sorted(entries)}")
    columns = [[name for name, _ in table[role]] for role in ("inputs", "targets")]
    labels = [label for role in ("inputs", "targets") for _, label in table[role]]
    texts = all(isinstance(name, str) for names in columns for name in names)
    texts = texts and all(isinstance(text, str | None) for text in [*labels, table["weight"]])
    require(texts, "the recipe names a column or a label by what is no text")
    shared = {*columns[0]} & {table["weight"], *columns[1]}
    require(not shared, f"the recipe takes {sorted(shared)} as an input, and as the target or the weight too")
    for role in ("center", "scale"):
        numbers = table[role]
        sane = len(numbers) == len(columns[0]) and all(type(x) is float and math.isfinite(x) for x in numbers)
        require(sane, f"the recipe must have a number as the {role} of every input; it has {numbers}")
    require(0.0 not in table["scale"], "the recipe divides an input by 0")


def read_table(path, header):
    """Return X, y and the weights of a CSV file, prepared as the header says, in float64."""
    require(header.get("table") is not None, NO_RECIPE)
    try:
        check_recipe(header["table"])
        return _read_table(path, header["table"])
    except ProofError:
        raise
    except MALFORMED as error:
        raise ProofError(f"{path} cannot be read as the table that the proof is about: {error}") from error


def _read_table(path, table):
    with open(path, encoding="utf-8-sig", newline="") as file:
        names, *rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    odd = next((k for k, row in enumerate(rows, 1) if len(row) != len(names)), 0)
    require(not odd, f"row {odd} of {path} has another number of cells than its header, which has {len(names)}")

    def column(name, label, is_target=False):
        n_found = names.count(name)
        require(n_found, f"{path} has no column {name!r}, which the proof is about")
        require(n_found == 1, f"{path} has {n_found} columns {name!r}, and the proof is about one of that name")
        cells = [row[names.index(name)] for row in rows]
        require(
            not is_target or label is None or label in cells,
            f"column {name!r} of {path} has no cell {label!r}, which the proof is about",
        )
        return [float(cell) if label is None else float(cell == label) for cell in cells]

    X = (np.array([column(*pair) for pair in table["inputs"]]).T - table["center"]) / table["scale"]
    y = np.array([column(*pair, True) for pair in table["targets"]]).T
    y = np.where([label is not None for _, label in table["targets"]], 2.0 * y - 1.0, y)
    weight = np.ones(len(rows)) if table["weight"] is None else np.array(column(table["weight"], None))
    return X, y[:, 0] if y.shape[1] == 1 else y, weight


# Exact arithmetic


def fractions(values):
    """Return an array of rational numbers, those that its floats are."""
    return np.array([Fraction(value) for value in np.ravel(values).tolist()], dtype=object).reshape(np.shape(values))


def integers(values):
    """Return Python integers m and a number e with ``values = m / 2^e``, exactly."""
    mantissas, exponents = np.frexp(np.asarray(values, dtype=np.float64))
    exponents = np.where(mantissas == 0.0, 53, exponents) - 53
    e = -int(exponents.min(initial=0))
    return (mantissas * 2.0**53).astype(np.int64).astype(object) << (exponents + e).astype(object), e


def lines_of(X, dual_point):
    """Return lines (L, d), coefficients (L, c) and linear (c, d) of ``nu^T (X u)_+``, all of integers.

    Parallel rows are one line; antipodal ones too, since ``(-z)_+ = (z)_+ - z``.
    """
    coefficients, linear = {}, np.zeros((dual_point.shape[1], X.shape[1]), dtype=object)
    for row, nu in zip(X, dual_point, strict=True):
        size = math.gcd(*row)
        if size and nu.any():
            if next(entry for entry in row if entry) < 0:
                linear, size = linear + np.outer(nu, row), -size
            line = tuple(entry // size for entry in row)
            coefficients[line] = coefficients.get(line, 0) + abs(size) * nu
    kept = [line for line, nu in coefficients.items() if nu.any()]
    values = np.array([coefficients[line] for line in kept], dtype=object).reshape(len(kept), dual_point.shape[1])
    return np.array(kept, dtype=object).reshape(len(kept), X.shape[1]), values, linear


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


def is_below(gram, limit):
    """Whether ``limit I - gram`` is positive semidefinite, by elimination in rational numbers."""
    rest = [[Fraction(limit) * (i == j) - entry for j, entry in enumerate(row)] for i, row in enumerate(gram.tolist())]
    while rest:
        head, *below = rest
        if head[0] < 0 or (head[0] == 0 and any(head)):
            return False
        # What is left of the others; beside a zero the first row and column are zero.
        shares = [row[0] / head[0] if head[0] else 0 for row in below]
        pairs = zip(below, shares, strict=True)
        rest = [[x - share * z for x, z in zip(row[1:], head[1:], strict=True)] for row, share in pairs]
    return True


# The cones


def cut(rows, first, second, shift):
    """Return ``2^i p + 2^j q`` for two of the rows; one of i and j is 0."""
    return (rows[first] << max(shift, 0)) + (rows[second] << max(-shift, 0))


def halves(arrays, first, second, shift):
    """Return for either end of an edge the arrays whose row of that end is the cut."""
    for k in (second, first):
        copies = [array.copy() for array in arrays]
        for own, array in zip(copies, arrays, strict=True):
            own[k] = cut(array, first, second, shift)
        yield copies


def is_short(rows):
    """Whether no entry has so many digits that to go on would take for ever."""
    return all(entry.bit_length() <= MAX_BITS for entry in rows.ravel().tolist())


def roots(basis, n_outputs):
    """Yield the orthants of the outputs and of the basis (r, d): pairs of generators (r, d) and axes (c, c)."""

    def signs(number, n):
        return np.array([1 - 2 * (number >> i & 1) for i in range(n)], dtype=object)

    for corner in range(1 << n_outputs):
        for orthant in range(1 << len(basis)):
            yield basis * signs(orthant, len(basis))[:, None], np.diag(signs(corner, n_outputs))


def check_cones(arrays, basis, lines, coefficients, linear, unit, tau, tick):
    """Check that the cones cover everything and that ``||nu^T (X u)_+|| <= tau ||u||`` on each; return their number.

    What `lines`, `coefficients` and `linear` make is in units of `unit`.
    """
    n_outputs, place = coefficients.shape[1], 0
    n_nodes = 2 * len(arrays["n_shares"]) - (1 << (len(basis) + n_outputs))
    require(
        arrays["splits"].shape == (n_nodes, 4),
        f"the tree has another number of cones than {n_nodes}, as its leaves ask for",
    )
    splits = arrays["splits"].tolist()
    leaves = read_leaves(arrays, n_outputs, len(lines))
    for generators, axes in roots(basis, n_outputs):
        root = generators, axes, generators @ lines.T, coefficients @ axes.T, generators @ linear.T @ axes.T
        stack = [(*root, np.arange(len(lines)))]
        while stack:
            generators, axes, values, along, settled, index = stack.pop()
            # A line of one sign on the whole cone is linear there: on, it is added, and off, it is nothing.
            low, high = values.min(0, initial=0), values.max(0, initial=0)
            on, kept = (low >= 0) & (high > 0), (low < 0) & (high > 0)
            settled = settled + values[:, on] @ along[on]
            values, along, index = values[:, kept], along[kept], index[kept]
            require(place < len(splits), "the tree ends before all cones are covered")
            kind, first, second, shift = splits[place]
            place += 1
            if kind == LEAF:
                leaf = next(leaves, None)
                require(leaf is not None, "a cone that is not cut has no slope")
                check_leaf(generators, axes, values, along, settled, index, *leaf, unit, tau)
                tick()
                continue
            size = (len(generators), n_outputs)[kind] if kind in (0, 1) else 0
            require(
                0 <= first < size and 0 <= second < size and first != second,
                f"split {place} is along no edge of its cone",
            )
            require(
                is_short(generators) and is_short(axes),
                f"the generators of split {place} have entries of more than {MAX_BITS} bits",
            )
            # The half that keeps the second end comes next: it is the last on the stack.
            if kind == 0:
                for own, own_values, own_settled in halves((generators, values, settled), first, second, shift):
                    stack.append((own, axes, own_values, along, own_settled, index))
            else:
                for own, own_along, own_settled in halves((axes, along.T, settled.T), first, second, shift):
                    stack.append((generators, own, values, own_along.T, own_settled.T, index))
    require(place == len(splits) and next(leaves, None) is None, "the file holds more than one tree and its leaves")
    return place


def read_leaves(arrays, n_outputs, n_lines):
    """Yield the number, the slope and the shares of every leaf in turn."""
    slopes, n_shares, lines, shares = (arrays[name] for name in ("slopes", "n_shares", "lines", "shares"))
    require(
        slopes.ndim == 3 and slopes.shape[:2] == (len(n_shares), n_outputs),
        "the slopes are not of one row for every output",
    )
    require(
        np.all(n_shares >= 0) and n_shares.sum() == len(lines) == len(shares),
        "the shares are not as many as the leaves say",
    )
    require(np.all(shares <= SHARE_UNIT), "a share is above 1")
    stops = np.cumsum(n_shares, dtype=np.int64).tolist()
    for leaf, (slope, start, stop) in enumerate(zip(slopes, [0, *stops][:-1], stops, strict=True), 1):
        yield leaf, slope, dict(zip(lines[start:stop].tolist(), shares[start:stop].tolist(), strict=True))


def check_leaf(generators, axes, values, along, settled, index, leaf, slope, shares, unit, tau):
    """Check that the slope of a leaf is above what is needed at every pair of generators, and below tau."""
    # Unless the file says otherwise the share of a line is 1 where it is rather on than off, and else 0.
    theta = np.repeat(np.where(values.sum(0) > 0, SHARE_UNIT, 0)[:, None], len(axes), axis=1).astype(object)
    for row, line in enumerate(index.tolist() if shares else ()):
        for j in range(len(axes)):
            theta[row, j] = shares.get(line * len(axes) + j, theta[row, j])
    chords = np.maximum(values, 0) @ np.maximum(along, 0)
    needed = (settled + chords) * SHARE_UNIT - values @ (np.maximum(-along, 0) * theta)
    matrix, exponent = integers(slope)
    factor = unit * (1 << exponent) / SHARE_UNIT
    above = (generators @ matrix.T @ axes.T) * factor.denominator >= needed * factor.numerator
    require(np.all(above), f"the slope of leaf {leaf} is below what is needed at a generator of its cone")
    require(is_below(matrix @ matrix.T, (tau * (1 << exponent)) ** 2), f"the slope of leaf {leaf} is above tau")


# The losses: a term of the objective, from above, and one of the dual value ``-L*(-nu)``, from below, of weight 1


def log_above(value):
    """Return an upper bound on the logarithm of a positive rational number."""
    return Fraction(DIGITS.next_plus(DIGITS.ln(as_decimal(value, decimal.ROUND_CEILING))))


def logistic(y, fit, _):
    """An upper bound on ``log(1 + exp(-y fit))``."""
    # log(1 + exp(-m)) = (-m)_+ + log(1 + exp(-|m|)), and exp(-|m|) is at most exp(-1000) from there on.
    power = as_decimal(max(-abs(y * fit), Fraction(-1000)), decimal.ROUND_CEILING)
    return max(-y * fit, ZERO) + log_above(1 + Fraction(DIGITS.next_plus(DIGITS.exp(power))))


def entropy(y, nu, _):
    """A lower bound on ``-p log p - (1 - p) log(1 - p)``, ``p = y nu``."""
    return sum(max(-part * log_above(part), ZERO) for part in within((y * nu, 1 - y * nu), y * nu, 0, 1) if part)


def huber(y, fit, header):
    """The Huber loss of the residual."""
    size, bend = abs(y - fit), Fraction(header["huber_delta"])
    return size**2 / 2 if size <= bend else bend * size - bend**2 / 2


def pinball(y, fit, header):
    """The quantile loss of the residual."""
    return max(Fraction(header["quantile"]) * (y - fit), (Fraction(header["quantile"]) - 1) * (y - fit))


def within(value, nu, low, high):
    """Return the value of a dual term, where nu is in its domain."""
    require(low <= nu <= high, "the dual point is outside the domain of the loss")
    return value


def quadratic(y, nu, _):
    """``nu y - nu^2 / 2``."""
    return nu * y - nu**2 / 2


LOSSES = {
    "squared": (lambda y, fit, _: (y - fit) ** 2 / 2, quadratic),
    "huber": (huber, lambda y, nu, h: within(quadratic(y, nu, h), abs(nu), 0, Fraction(h["huber_delta"]))),
    "absolute": (lambda y, fit, _: abs(y - fit), lambda y, nu, _: within(nu * y, abs(nu), 0, 1)),
    "quantile": (pinball, lambda y, nu, h: within(nu * y, Fraction(h["quantile"]) - nu, 0, 1)),
    "squared_hinge": (
        lambda y, fit, _: max(1 - y * fit, ZERO) ** 2 / 2,
        lambda y, nu, h: within(quadratic(y, nu, h), y * nu, 0, math.inf),
    ),
    "logistic": (logistic, entropy),
}


# The proof


def check(header, arrays, X, y, weight, tick=lambda: None):
    """Return the `Verdict` of a proof that was read, on X (n, d), y (n,) or (n, c) and weights (n,), all float64.

    `tick` is called after every leaf. A `ProofError` says what is wrong first.
    """
    X, y, weight = (np.asarray(array, dtype=np.float64) for array in (X, y, weight))
    require(fingerprint(X, y, weight) == header.get("data"), OTHER_DATA)
    finite = all(np.isfinite(array).all() for array in (X, y, weight)) and np.all(weight >= 0)
    require(finite, "the data are not finite, or a weight is negative")
    try:
        return _check(header, arrays, X, y, weight, tick)
    except ProofError:
        raise
    except MALFORMED as error:
        raise ProofError(f"the file does not say what it should ({type(error).__name__}: {error})") from error


def _check(header, arrays, X, y, weight, tick):
    for name, array in arrays.items():
        require(ARRAYS.get(name) == array.dtype.str, f"array {name} is not of the type {ARRAYS.get(name)}")
        require(array.dtype.kind != "f" or np.isfinite(array).all(), f"array {name} has entries that are not finite")
    loss, used, outputs = header["loss"], weight > 0, y.shape[1:]
    numbers = [header[name] for name in ("beta", "huber_delta", "quantile", "tau", "scale")]
    flags = [header[name] for name in ("hidden_bias", "fit_intercept", "skip_connection")]
    require(
        all(type(x) is float and math.isfinite(x) for x in numbers),
        "beta, tau or a parameter of the loss is no finite number",
    )
    require(all(type(flag) is bool for flag in flags), "the header does not say which terms there are")
    require(
        X.ndim == 2 and y.ndim in (1, 2) and len(X) == len(y) == len(weight),
        "X, y and the weights are not of matching shapes",
    )
    require(
        loss in LOSSES and numbers[1] > 0 and 0 < numbers[2] < 1,
        f"the loss {loss!r} or its parameter is none that is known",
    )
    X, y, w = X[used], fractions(y[used].reshape(used.sum(), -1)), fractions(weight[used])[:, None]
    require(
        loss not in ("logistic", "squared_hinge") or np.all(abs(y) == 1),
        f"the {loss} loss is about targets 1 and -1, and there are others",
    )
    require(arrays["dual_point"].shape == (len(used), y.shape[1]), "the dual point is not of the shape of the targets")
    objective = _objective(header, arrays, fractions(X), y, w, outputs)
    nu, *function, unit = exact_function(header, X, fractions(arrays["dual_point"][used]))
    basis = np.array([[int(entry) for entry in row] for row in header["basis"]], dtype=object)
    basis = basis.reshape(len(header["basis"]), function[0].shape[1])
    require(
        spans(basis, np.vstack([function[0], function[2]])), "the basis does not span the rows of the data, or is none"
    )
    tau, scale = Fraction(header["tau"]), Fraction(header["scale"])
    require(
        tau >= 0 and 0 <= scale and scale * tau <= Fraction(header["beta"]),
        "the scale is above beta / tau, or negative",
    )
    n_cones = check_cones(arrays, basis, *function, unit, tau, tick)
    bound = _total(LOSSES[loss][1], header, y, scale * nu / w, w)
    require(bound <= objective, "the lower bound is above the objective of the network")
    # No term of an objective is negative.
    return Verdict(max(bound, ZERO), objective, n_cones, _text_of(header, X, weight[used]))


def exact_function(header, X, nu):
    """Return the exact dual point, the lines, coefficients and linear part of its price function, and their unit.

    The dual point nu (n, c), of rational numbers, is corrected as the header says, until it is orthogonal to the free
    terms.
    """
    for row, column, text in header["corrections"]:
        require(type(row) is type(column) is int and RATIONAL.fullmatch(text), "a correction is no rational number")
        nu[row, column] = Fraction(text)
    rows, exponent = integers(X)
    ones = np.full((len(rows), 1), 1 << exponent, dtype=object)
    free = np.hstack([rows[:, : rows.shape[1] * header["skip_connection"]], ones[:, : header["fit_intercept"]]])
    require(not np.any(free.T @ nu), "the dual point is not orthogonal to the free terms")
    common = math.lcm(*(value.denominator for value in nu.ravel().tolist()))
    design = np.hstack([rows, ones]) if header["hidden_bias"] else rows
    return nu, *lines_of(design, nu * common // 1), Fraction(1, common << exponent)


def _total(term, header, y, values, w):
    """Return the weighted sum of a term over all targets."""
    triples = zip(
        y.ravel().tolist(), values.ravel().tolist(), np.broadcast_to(w, y.shape).ravel().tolist(), strict=True
    )
    return sum((weight * term(target, value, header) for target, value, weight in triples), ZERO)


def _objective(header, arrays, X, y, w, outputs):
    """Return the objective of the network, exactly, or an upper bound where the loss has a logarithm."""
    exact = {name: fractions(arrays[name]) for name in TERMS if name in arrays}
    for name, term in zip(TERMS[2:], ("hidden_bias", "fit_intercept", "skip_connection"), strict=True):
        require((name in exact) == header[term], f"the network must have {name} if the problem has, and only then")
    # Exact shapes: a bias or an intercept for every row would be no network's.
    m, d = len(exact["hidden_weights"]), X.shape[1]
    for name, shape in zip(TERMS, ((m, d), (m, *outputs), (m,), outputs, (d, *outputs)), strict=True):
        got = exact[name].shape if name in exact else shape
        require(got == shape, f"{name} of the network must have shape {shape}; it has {got}")
    bias, intercept = (exact.get(name, np.array(ZERO)) for name in ("hidden_bias", "intercept"))
    hidden = np.maximum(X @ exact["hidden_weights"].T + bias, 0)
    fit = hidden @ exact["output_weights"].reshape(m, y.shape[1]) + intercept
    if "skip_weights" in exact:
        fit = fit + X @ exact["skip_weights"].reshape(d, y.shape[1])
    squares = sum((np.sum(exact[name] ** 2) for name in TERMS[:3] if name in exact), ZERO)
    return _total(LOSSES[header["loss"]][0], header, y, fit, w) + Fraction(header["beta"]) / 2 * squares


def _text_of(header, X, weight):
    """Return in words the problem that the bound is about."""
    parameter = {"huber": "huber_delta", "quantile": "quantile"}.get(header["loss"])
    loss = f"{header['loss']} loss" + (f" ({parameter} {header[parameter]!r})" if parameter else "")
    terms = ("hidden_bias", "fit_intercept", "skip_connection")
    own = [name.removeprefix("fit_").replace("_", " ") for name in terms if header[name]] or [
        "no bias and no free terms"
    ]
    return f"{loss}, beta {header['beta']!r}, {', '.join(own)}, {_text_of_data(header, X, weight)}"


def _text_of_data(header, X, weight):
    """Return in words the data of a problem: by their recipe, or their hash where there is none."""
    rows = (
        f"{len(X)} rows of weight 1"
        if np.all(weight == 1)
        else f"{len(X)} rows of weights that sum to {weight.sum():g}"
    )
    table = header.get("table")
    if table is None:
        return f"{rows}, {X.shape[1]} inputs as they were given, data {header['data'][:N_SHOWN_DIGITS]}"
    check_recipe(table)
    ways = {"center": "centred", "scale": "scaled"}
    done = [
        way for (role, way), idle in zip(ways.items(), (0.0, 1.0), strict=True) if any(x != idle for x in table[role])
    ]
    names = [name if label is None else f"{name}={label!r}" for name, label in table["inputs"]]
    inputs = ", ".join(map(_text_of_input, names, table["center"], table["scale"]))
    targets = ", ".join(
        name if label is None else f"{name} (1 for {label!r}, else -1)" for name, label in table["targets"]
    )
    column = "no column of weights" if table["weight"] is None else f"weights {table['weight']}"
    state = " and ".join(done) if done else "as they are"
    return f"{rows}, {X.shape[1]} inputs {state} ({inputs}), target {targets}, {column}"


def _text_of_input(name, center, scale):
    """Return an input as a formula of its column; with all digits, for other numbers make another problem."""
    text = name if center == 0 else f"{name} {'-' if center > 0 else '+'} {abs(center)!r}"
    return text if scale == 1 else f"({text}) / {scale!r}"


def main(arguments=None):
    """Check a proof file against a CSV file; return the exit code: 0 if it holds, 1 if not, 2 for bad usage."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 2:
        print("usage: checker.py proof.npz data.csv", file=sys.stderr)
        return 2
    try:
        header, arrays = read_proof(arguments[0])
        verdict = check(header, arrays, *read_table(arguments[1], header))
    except (ProofError, OSError) as error:
        print(error)
        return 1
    print(verdict, f"({verdict.problem})", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
