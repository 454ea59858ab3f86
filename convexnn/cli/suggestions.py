"""What a mistyped word was probably meant to be."""

from difflib import get_close_matches

# Of two words that are alike so much of the letters is shared, in their order: difflib's ratio.
MIN_LIKENESS = 0.7


def nearest(word, known):
    """Return the known word that is most like another one, capitals and leading dashes apart; None without one.

    Examples
    --------
    >>> nearest("Target", ["age", "target"])
    'target'
    >>> nearest("--standarize", ["--json", "--standardize"])
    '--standardize'
    """
    by_letters = {_letters(other): other for other in known}
    found = get_close_matches(_letters(word), by_letters, n=1, cutoff=MIN_LIKENESS)
    return by_letters[found[0]] if found else None


def _letters(word):
    return word.casefold().lstrip("-")
