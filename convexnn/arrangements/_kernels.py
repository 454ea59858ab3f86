"""Compiled kernels of the enumeration: walks over subsets of rows, one cell per vertex of the arrangement.

Conventions
-----------
vectors : (m, k), the unit vectors of the lines.
table : (k, m + 2), column i < m is the vector of line i; columns m and m + 1 are the first and the second
unit vector, that is the chart (the points with first coordinate 1) and the height (the second coordinate).
words : little-endian bits, bit ``i % 64`` of word ``i // 64`` is the sign (1 for positive) at line i.
The vertex of a subset S of k - 1 lines is the direction v with ``b_i v = 0`` on S and first coordinate positive;
its cell is the one in the chart whose lowest point is v.
"""

import numpy as np

from .._utils.bits import ONE
from .._utils.kernels import compiled
from ._lines import LINE_TOLERANCE

# Division by zero gives inf or nan, as in numpy, and no exception.
_compiled = compiled(error_model="numpy")
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
# A pivot below 1e-6 asks for an exact look at the rows chosen so far.
_MIN_SAFE_PIVOT = 1e-6
# A line more than 1e-3 away from a vertex does not pass through it, whatever the rounding.
_MAX_INCIDENT_DISTANCE = 1e-3
# Entries above 1e-2 after elimination are known well enough.
_MIN_SAFE_ENTRY = 1e-2
# Where positions on a line of the arrangement are uncertain by more than 1e-5 its vertices are resolved one by one.
_MAX_POSITION_ERROR = 1e-5


@_compiled
def set_bit(words, i):
    words[i >> 6] |= ONE << np.uint64(i & 63)


@_compiled
def copy_into(target, source):
    for i in range(len(source)):
        target[i] = source[i]


@_compiled
def dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@_compiled
def project_out(frame, size, vector):
    """Subtract from `vector` its parts along the first `size` rows of `frame`, twice over; return the rest's norm."""
    for _ in range(2):
        for i in range(size):
            along, part = frame[i], dot(frame[i], vector)
            for c in range(len(vector)):
                vector[c] -= part * along[c]
    return np.sqrt(dot(vector, vector))


@_compiled
def eliminate(source, row, target, multiplier):
    """Subtract from every column the multiple of column `row` that clears its largest entry; return that entry."""
    pivot_at = 0
    for c in range(source.shape[0]):
        if abs(source[c, row]) > abs(source[pivot_at, row]):
            pivot_at = c
    pivot = source[pivot_at, row]
    eliminated = source[pivot_at]
    for i in range(len(multiplier)):
        multiplier[i] = eliminated[i] / pivot
    for c in range(source.shape[0] - 1):
        kept, reduced = source[c + (c >= pivot_at)], target[c]
        entry = kept[row]
        for i in range(len(multiplier)):
            reduced[i] = kept[i] - multiplier[i] * entry
    return abs(pivot)


@_compiled
def orthogonalise(vectors, subset, size, frame, triangle):
    """Gram-Schmidt, twice over, of the chosen vectors; False when they are dependent to the tolerance.

    Dependence is judged by ``|det T| <= LINE_TOLERANCE * sum_j vol(T without j)``, which is symmetric in the set T, so
    that the answer cannot depend on the order in which its vectors came.
    """
    coefficients = np.empty(size)
    for j in range(size):
        vector, residual = vectors[subset[j]], frame[j]
        copy_into(residual, vector)
        norm = project_out(frame, j, residual)
        for i in range(j):
            triangle[i, j] = dot(frame[i], vector)
        if norm <= LINE_TOLERANCE * (1.0 + expand(vector, j, frame, triangle, coefficients)):
            return False
        triangle[j, j] = norm
        for c in range(len(residual)):
            residual[c] /= norm
    return True


@_compiled
def expand(vector, size, frame, triangle, coefficients):
    """Write the coefficients of `vector` on the chosen vectors; return the sum of their magnitudes."""
    total = 0.0
    for i in range(size - 1, -1, -1):
        value = dot(frame[i], vector)
        for j in range(i + 1, size):
            value -= triangle[i, j] * coefficients[j]
        coefficients[i] = value / triangle[i, i]
        total += abs(coefficients[i])
    return total


@_compiled
def complement(frame, size):
    """Return the unit vector orthogonal to `size` orthonormal vectors in one dimension more, upward in the chart."""
    longest, residual, direction = 0.0, np.empty(size + 1), np.empty(size + 1)
    for axis in range(size + 1):
        for c in range(size + 1):
            residual[c] = 1.0 if c == axis else 0.0
        norm = project_out(frame, size, residual)
        if norm > longest:
            longest = norm
            copy_into(direction, residual)
    scale = longest if direction[0] > 0 else -longest
    for c in range(size + 1):
        direction[c] /= scale
    return direction


@_compiled
def resolve(vectors, subset, cell, incident):
    """Look at one vertex with care: 0 if its rows are dependent, 1 and its `cell`, or 2 and all `incident` lines."""
    m, k = vectors.shape
    size = k - 1
    frame, triangle, coefficients = np.empty((size, k)), np.zeros((size, size)), np.empty(size)
    for w in range(len(cell)):
        cell[w] = incident[w] = 0
    if not orthogonalise(vectors, subset, size, frame, triangle):
        return 0
    # The subset itself passes through its vertex; every other line is measured against it.
    vertex = complement(frame, size)
    for j in range(size):
        set_bit(incident, subset[j])
    answer = 1
    for i in range(m):
        if incident[i >> 6] >> np.uint64(i & 63) & ONE:
            continue
        value = dot(vectors[i], vertex)
        if value > 0:
            set_bit(cell, i)
        if abs(value) < _MAX_INCIDENT_DISTANCE:
            if abs(value) <= LINE_TOLERANCE * (1.0 + expand(vectors[i], size, frame, triangle, coefficients)):
                set_bit(incident, i)
                answer = 2
    # On the subset the signs are those of the direction in which the height rises: its coefficients on b_j.
    rising = np.zeros(k)
    rising[1] = 1.0
    rising[0] = -vertex[1] / vertex[0]
    expand(rising, size, frame, triangle, coefficients)
    for j in range(size):
        if coefficients[j] > 0:
            set_bit(cell, subset[j])
    return answer


@_compiled
def is_dependent(vectors, subset, size):
    frame, triangle = np.empty((size, vectors.shape[1])), np.zeros((size, size))
    return not orthogonalise(vectors, subset, size, frame, triangle)


@_compiled
def positions_on_line(p, q, prefix, position, negative):
    """Write where the line of the prefix meets each hyperplane, `q / p`, and the signs of `p`, in words of 64.

    Returns a lower bound of the largest entry of (p, q) over the lines outside the prefix (which have zeros).
    """
    m, n_small = len(p) - 2, 0
    for w in range(len(negative)):
        start, word, places = w << 6, np.uint64(0), position[w]
        p_part, q_part = p[start : min(start + 64, m)], q[start : min(start + 64, m)]
        for b in range(len(p_part)):
            places[b] = q_part[b] / (p_part[b] if p_part[b] != 0.0 else 1e-300)
            word |= np.uint64(p_part[b] < 0.0) << np.uint64(b)
            n_small += (abs(p_part[b]) < _MIN_SAFE_ENTRY) & (abs(q_part[b]) < _MIN_SAFE_ENTRY)
        negative[w] = word
    for row in prefix:
        position[row >> 6, row & 63] = np.inf
    return _MIN_SAFE_ENTRY if n_small == len(prefix) else smallest_entry(p, q, prefix, m)


@_compiled
def smallest_entry(p, q, prefix, m):
    """Return the smallest ``max(|p_i|, |q_i|)`` over the lines outside the prefix."""
    smallest = _MIN_SAFE_ENTRY
    for i in range(m):
        in_prefix = False
        for row in prefix:
            in_prefix |= row == i
        if not in_prefix:
            smallest = min(smallest, max(abs(p[i]), abs(q[i])))
    return smallest


@_compiled
def compare(position, low, high, below, near):
    """Write the bits ``position < low`` and ``low <= position < high`` of `position` (n_words, 64).

    The fixed 64 is what lets the compiler turn the loop into vector comparisons.
    """
    for w in range(len(below)):
        part, under_low, under_high = position[w], np.uint64(0), np.uint64(0)
        for b in range(64):
            under_low |= np.uint64(part[b] < low) << np.uint64(b)
            under_high |= np.uint64(part[b] < high) << np.uint64(b)
        below[w] = under_low
        near[w] = under_low ^ under_high


@_compiled
def only_bit(words, i):
    for w in range(len(words)):
        if words[w] != (ONE << np.uint64(i & 63) if w == i >> 6 else np.uint64(0)):
            return False
    return True


@_compiled
def coefficients_on_prefix(multipliers, prefix, coefficients):
    """Write each line's coefficients on the vectors of the prefix, from the multipliers of the elimination."""
    for j in range(len(prefix) - 1, -1, -1):
        target, source = coefficients[j], multipliers[j]
        for i in range(len(target)):
            target[i] = source[i]
        for t in range(j + 1, len(prefix)):
            factor, later = source[prefix[t]], coefficients[t]
            for i in range(len(target)):
                target[i] -= factor * later[i]


@_compiled
def signs_on_subsets(p, q, coefficients, size, codes):
    """Write, for the subset of the prefix and each line, its cell's signs on the subset: bit j for member j.

    ``height = y_0 chart + sum_j y_j b_j``: the sign on b_j is that of y_j. All y are found up to the factor `scale`;
    the last but one entry of p, q and of the coefficients is the chart's, the last one the height's. Bit `size`
    says whether the signs off the subset are those of the positions, or the opposite ones.
    """
    m = len(p) - 2
    p_chart, q_chart, p_height, q_height = p[m], q[m], p[m + 1], q[m + 1]
    y_last = p_chart * q_height - q_chart * p_height
    for last in range(m):
        scale = p_chart * q[last] - q_chart * p[last]
        code = np.int64((scale > 0) != (p[last] > 0)) << size
        codes[last] = code | np.int64((y_last > 0) == (scale > 0)) << (size - 1)
    for j in range(size - 1):
        on = coefficients[j]
        on_chart, on_height = on[m], on[m + 1]
        for last in range(m):
            scale = p_chart * q[last] - q_chart * p[last]
            chart = p_height * q[last] - q_height * p[last]
            y = scale * on_height - chart * on_chart - y_last * on[last]
            codes[last] |= np.int64((y > 0) == (scale > 0)) << j


@_compiled
def is_equal(words, others):
    for w in range(len(words)):
        if words[w] != others[w]:
            return False
    return True


@_compiled
def remember(flats, n_flats, incident):
    """Append `incident` unless it was the one before; returns the (possibly longer) array and the new length."""
    if n_flats and is_equal(flats[n_flats - 1], incident):
        return flats, n_flats
    if n_flats == len(flats):
        longer = np.empty((2 * n_flats, flats.shape[1]), dtype=np.uint64)
        for i in range(n_flats):
            copy_into(longer[i], flats[i])
        flats = longer
    copy_into(flats[n_flats], incident)
    return flats, n_flats + 1


@_compiled
def write_cell(below, negative, outside, subset, code, cell):
    """Write the signs: off the subset those of the positions (`below`), on it the bits of `code`."""
    size = len(subset)
    flip = _ALL_BITS if code >> size else np.uint64(0)
    for w in range(len(cell)):
        cell[w] = (below[w] ^ negative[w] ^ flip) & outside[w]
    last = subset[size - 1]
    cell[last >> 6] &= ~(ONE << np.uint64(last & 63))
    for j in range(size):
        row = subset[j]
        cell[row >> 6] |= np.uint64(code >> j & 1) << np.uint64(row & 63)


@_compiled
def cells_of_line(vectors, reduced, multipliers, subset, smallest_pivot, scratch, out, n_cells, flats, n_flats):
    """Write the cells of the vertices on the line of ``subset[:-1]``, one for every later last member of `subset`.

    `reduced` (2, m + 2) is what the elimination left.
    """
    position, coefficients, codes, bits = scratch
    below, near, negative, outside = bits[0], bits[1], bits[2], bits[3]
    m, size = len(vectors), len(subset)
    p, q, prefix = reduced[0], reduced[1], subset[: size - 1]
    # Fast look at all vertices of the line: positions, coefficients on the prefix, signs on the subsets.
    smallest = positions_on_line(p, q, prefix, position, negative)
    coefficients_on_prefix(multipliers, prefix, coefficients)
    signs_on_subsets(p, q, coefficients, size, codes)
    copy_into(outside, bits[4])
    for row in prefix:
        outside[row >> 6] ^= ONE << np.uint64(row & 63)
    # Positions are uncertain by the rounding over the smallest pivot and entries that were divided by.
    doubt = 10.0 * LINE_TOLERANCE / max(smallest_pivot * smallest * smallest, 1e-300)
    doubtful = smallest_pivot < _MIN_SAFE_PIVOT or doubt > _MAX_POSITION_ERROR
    for last in range(prefix[size - 2] + 1 if size > 1 else 0, m):
        subset[size - 1] = last
        at = position[last >> 6, last & 63]
        width = doubt * (1.0 + at * at)
        compare(position, at - width, at + width, below, near)
        # Another line as near as the doubt: look at the vertex with care, and keep those on more hyperplanes.
        if doubtful or not only_bit(near, last):
            answer = resolve(vectors, subset, below, near)
            if answer == 1:
                copy_into(out[n_cells], below)
                n_cells += 1
            elif answer == 2:
                flats, n_flats = remember(flats, n_flats, near)
            continue
        write_cell(below, negative, outside, subset, codes[last], out[n_cells])
        n_cells += 1
    return n_cells, flats, n_flats


@_compiled
def make_scratch(m, k, n_words):
    """Return room for positions, coefficients, codes and five sets of lines, of which the last one is all lines."""
    bits, position = np.zeros((5, n_words), dtype=np.uint64), np.empty((n_words, 64))
    for i in range(m):
        set_bit(bits[4], i)
    for i in range(m, 64 * n_words):
        position[i >> 6, i & 63] = np.inf
    return position, np.empty((k - 1, m + 2)), np.empty(m, dtype=np.int64), bits


@_compiled
def lowest_cells_from(vectors, table, first, out):
    """Write the cells of all vertices of subsets that begin with line `first` (of all subsets when k = 2).

    A walk over the subsets that shares the elimination of common beginnings.

    Returns
    -------
    n_cells : int
        Number of rows of `out` written, one per vertex through which exactly k - 1 hyperplanes pass.
    flats : ndarray of shape (n_flats, n_words)
        The sets of lines whose hyperplanes meet in the other vertices; sets may be repeated.
    """
    k, m = table.shape[0], table.shape[1] - 2
    n_words = out.shape[1]
    scratch = make_scratch(m, k, n_words)
    subset = np.zeros(k - 1, dtype=np.int64)
    flats, n_flats, n_cells = np.empty((4, n_words), dtype=np.uint64), 0, 0
    reduced, multipliers, pivots = np.empty((k - 1, k, m + 2)), np.empty((k - 1, m + 2)), np.ones(k)
    for c in range(k):
        copy_into(reduced[0, c], table[c])
    depth = 0
    subset[0] = first
    while depth >= 0 and subset[0] <= first:
        if k > 2:
            # No subset begins so late: step back and take the next line at the depth before.
            if subset[depth] > m - (k - 1 - depth):
                depth -= 1
                subset[max(depth, 0)] += 1
                continue
            # Eliminate the new line; everything that begins with these lines shares the elimination.
            pivot = eliminate(reduced[depth, : k - depth], subset[depth], reduced[depth + 1], multipliers[depth])
            if not pivot >= _MIN_SAFE_PIVOT and is_dependent(vectors, subset, depth + 1):
                subset[depth] += 1
                continue
            pivots[depth + 1] = min(pivots[depth], pivot)
            if depth < k - 3:
                depth += 1
                subset[depth] = subset[depth - 1] + 1
                continue
        # All but the last member are chosen: every later line is a last member, one vertex each.
        n_cells, flats, n_flats = cells_of_line(
            vectors, reduced[k - 2], multipliers, subset, pivots[k - 2], scratch, out, n_cells, flats, n_flats
        )
        if k == 2:
            break
        subset[depth] += 1
    return n_cells, flats[:n_flats]
