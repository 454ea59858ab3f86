"""Names of columns as options give them: with commas between them, and perhaps within them."""


def resolved(known, parts):
    """Return the names that the parts of a list make, which was split at its commas.

    Parts that make a known name together are one, the longest first: a name may have commas itself.

    Parameters
    ----------
    known : sequence of str
        The columns of the table.
    parts : sequence of str

    Examples
    --------
    >>> resolved(["a", "mass, in kg"], ["a", "mass", " in kg"])
    ['a', 'mass, in kg']
    """
    known, parts, names = set(known), list(parts), []
    while parts:
        # The longest run of parts that is a column: "mass, in kg" is one name with a comma.
        ends = [end for end in range(len(parts), 0, -1) if _known(known, parts[:end])]
        name = _known(known, parts[: ends[0]]) if ends else parts[0]
        names += [name] if name else []
        del parts[: ends[0] if ends else 1]
    return names


def _known(known, parts):
    """Return the known name that parts make, blanks around it apart; None if they make none."""
    text = ",".join(parts)
    return next((name for name in (text, text.strip()) if name in known), None)
