"""The problems that keep a table from being used, all reported at once, each with the option that helps."""

import shlex
from dataclasses import dataclass

from ..exceptions import InvalidInputError

# A message lists 6 names, and counts the others.
MAX_LISTED_NAMES = 6


@dataclass(frozen=True)
class Problem:
    """One kind of problem, of the file or of some of its columns.

    Attributes
    ----------
    text : str
        Which columns, in which row first, and what can be done.
    options : tuple of str
        The arguments that solve it, those of the next two apart.
    drop, na_values : tuple of str
        Columns to leave out, and cells that stand for missing values.
    choices : tuple of tuples of str
        Arguments of which one has to be chosen, as the table does not tell.
    """

    text: str
    options: tuple = ()
    drop: tuple = ()
    na_values: tuple = ()
    choices: tuple = ()


class TableError(InvalidInputError):
    """A table that cannot be used as it is.

    Attributes
    ----------
    problems : list of Problem
    drop, na_values : list of str
        What the two options have already.
    """

    def __init__(self, problems, drop=(), na_values=()):
        self.problems, self.drop, self.na_values = problems, list(drop), list(na_values)
        super().__init__(" ".join(self.lines()))

    def lines(self):
        """Return the message, a line for each problem."""
        if len(self.problems) == 1:
            text, more = (
                self.problems[0].text,
                [option not in self.problems[0].text for option in self.problems[0].options],
            )
            return [f"{text} Together: {self.options()}" if any(more) else text]
        numbered = [f"  {k}. {problem.text}" for k, problem in enumerate(self.problems, 1)]
        together = [f"  Together: {self.options()}"] if self.options() else []
        return [f"the table has {len(numbered)} problems (row 1 is the one below the header):", *numbered, *together]

    def options(self):
        """Return the options that solve what options can solve."""
        # One command line that solves all problems: every option once, lists joined.
        options = list(dict.fromkeys(option for problem in self.problems for option in problem.options))
        for name, given in (("drop", self.drop), ("na_values", self.na_values)):
            added = [value for problem in self.problems for value in getattr(problem, name)]
            if added:
                options.append(argument(name, dict.fromkeys([*given, *added])))
        choices = dict.fromkeys(" ".join(choice) for problem in self.problems for choice in problem.choices)
        return ", and ".join(filter(None, (" ".join(options), " or ".join(choices))))


def argument(name, values):
    """Return an option with a list of values as it is typed; those that begin with a dash need the sign of equality."""
    values = ",".join(values)
    return f"--{name.replace('_', '-')}{'=' if values.startswith('-') else ' '}{shlex.quote(values)}"


def refuse(problems, drop=(), na_values=()):
    """Raise a `TableError` where there are problems."""
    if problems:
        raise TableError(problems, drop, na_values)


def columns_text(names, role):
    """Return what a message begins with: ``feature columns 'a', 'b'``."""
    return f"{role} column{'s' if len(names) > 1 else ''} {listed(names)}"


def listed(names, most=MAX_LISTED_NAMES):
    """Return names with commas between them; where there are many the rest is counted."""
    text = ", ".join(map(str, names[:most]))
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
