"""A compiled order of numbers: that of numba's ``np.argsort``, ties included, at a third of the time to compile it."""

from .kernels import compiled

# Parts of at most 15 numbers are sorted by insertion, as in numba: the order of ties depends on it.
MAX_INSERTED = 15
# The stack of parts still to sort: the smaller one is always sorted first, so that it has at most 64 of them.
STACK_SIZE = 128


@compiled
def sort_order(keys, count, order, stack):
    """Write into `order` the order in which the first `count` keys rise: a quicksort with the median of three.

    `stack` (`STACK_SIZE`,) is scratch, of integers like `order`.
    """
    for i in range(count):
        order[i] = i
    stack[0], stack[1], depth = 0, count - 1, 1
    while depth > 0:
        depth -= 1
        low, high = stack[2 * depth], stack[2 * depth + 1]
        while high - low >= MAX_INSERTED:
            i = _partition(keys, order, low, high)
            # The larger part waits.
            if high - i > i - low:
                stack[2 * depth], stack[2 * depth + 1], high = i + 1, high, i - 1
            else:
                stack[2 * depth], stack[2 * depth + 1], low = low, i - 1, i + 1
            depth += 1
        for i in range(low + 1, high + 1):
            inserted, j = order[i], i
            while j > low and keys[inserted] < keys[order[j - 1]]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = inserted


@compiled
def _partition(keys, order, low, high):
    """Bring what is below the median of the first, the middle and the last key before it; return where it ends up."""
    middle = (low + high) >> 1
    _swap_if_falling(keys, order, low, middle)
    _swap_if_falling(keys, order, middle, high)
    _swap_if_falling(keys, order, low, middle)
    pivot = keys[order[middle]]
    order[high], order[middle] = order[middle], order[high]
    i, j = low, high - 1
    while True:
        while i < high and keys[order[i]] < pivot:
            i += 1
        while j >= low and pivot < keys[order[j]]:
            j -= 1
        if i >= j:
            break
        order[i], order[j] = order[j], order[i]
        i, j = i + 1, j - 1
    order[i], order[high] = order[high], order[i]
    return i


@compiled
def _swap_if_falling(keys, order, i, j):
    if keys[order[j]] < keys[order[i]]:
        order[i], order[j] = order[j], order[i]
