"""How many subspaces of critical points, and of global minima, a wider network has of a narrower one: closed forms."""

from math import comb

from .._utils.validation import check_count


def count_critical_subspaces(n_neurons: int, width: int) -> int:
    """Count the affine subspaces of critical points that a wider network has of one critical point, by copies alone.

    A critical point of `n_neurons` distinct neurons stays one when its neurons are replicated until there are `width`
    of them, the output weights of the copies of a neuron summing to its own. A subspace says which place holds a copy
    of which neuron, so that there are as many as maps of the places onto the neurons:
    ``G(r, m) = sum_i (-1)^(r - i) binom(r, i) i^m``.

    Parameters
    ----------
    n_neurons : int
        Neurons r of the critical point, distinct, none of them without output.
    width : int
        Neurons m of the wider network, at least r.

    Returns
    -------
    int
        Exact, of any size. All permutations are counted: for m = r it is ``r!``.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    .. [1] B. Simsek et al., "Geometry of the loss landscape in overparameterized neural networks: symmetries and
       invariances", ICML 2021.

    Examples
    --------
    >>> from convexnn.landscape import count_critical_subspaces
    >>> [count_critical_subspaces(2, m) for m in (2, 3, 4)]
    [2, 6, 14]
    """
    r, m = _check_sizes(n_neurons, width)
    return _n_onto(r, m)


def count_minimum_subspaces(n_neurons: int, width: int) -> int:
    """Count the affine subspaces that the global minima of a wider network consist of.

    Beside the copies of `count_critical_subspaces`, places of a global minimum may be filled by groups of neurons that
    share any input weights and whose output weights sum to 0. With ``B(u)`` the number of partitions of u places into
    groups (Bell's number), ``T(r, m) = sum_u binom(m, u) G(r, m - u) B(u)``, u from 0 to m - r.

    Parameters
    ----------
    n_neurons : int
        Neurons r of the narrowest network that is a global minimum, which is unique but for their order.
    width : int
        Neurons m of the wider network, at least r.

    Returns
    -------
    int
        Exact, of any size.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    .. [1] B. Simsek et al., "Geometry of the loss landscape in overparameterized neural networks: symmetries and
       invariances", ICML 2021.

    Examples
    --------
    >>> from convexnn.landscape import count_minimum_subspaces
    >>> [count_minimum_subspaces(2, m) for m in (2, 3, 4)]
    [2, 12, 62]
    """
    r, m = _check_sizes(n_neurons, width)
    bells = _bell_numbers(m - r)
    return sum(comb(m, u) * _n_onto(r, m - u) * bell for u, bell in enumerate(bells))


def _n_onto(r, m):
    """Return the number of maps of m places onto r neurons, by inclusion and exclusion."""
    return sum((-1) ** (r - i) * comb(r, i) * i**m for i in range(r + 1))


def _bell_numbers(n):
    """Return the numbers of partitions of 0, 1, ..., n things: the group of the last one has any of the others."""
    bells = [1]
    for k in range(n):
        bells.append(sum(comb(k, j) * bells[j] for j in range(k + 1)))
    return bells


def _check_sizes(n_neurons, width):
    r = check_count(n_neurons, "n_neurons")
    return r, check_count(width, f"width with n_neurons={r}", minimum=r)
