"""Describe all globally optimal networks of a training problem: m*, M*, their number of pieces at every width.

The optimum has to be proven first: small tables, of some four features, are what this is for.
"""

from ..exceptions import VertexLimitError
from ..optimal_sets import optimal_set
from .arguments import add_beta, add_data, add_effort, add_objective, count
from .objectives import load_objective
from .outcomes import Outcome, bounds_text, prepared_text, print_pairs, print_table
from .pictures import add_plot, check_plot, save_plot
from .streams import note, say, verbosity

STAIRCASE_COLUMNS = {
    "width": "width",
    "n_components": "components",
    "n_isolated": "isolated points",
    "regime": "regime",
}
# Attributes of the optimal set that the document has under their own names.
FIGURES = (
    "m_star",
    "m_star_bounds",
    "M_star",
    "M_star_bounds",
    "dimension",
    "is_unique",
    "is_unique_function",
    "margin",
)


def add_arguments(parser):
    """Add the arguments of the command."""
    add_data(parser)
    add_beta(add_objective(parser, ("squared", "logistic")))
    effort = add_effort(parser, proof=False)
    effort.add_argument("--vertex-limit", type=count, default=20_000, metavar="N", help="vertices to list at most")
    parser.add_argument("--max-width", type=count, metavar="M", help="where the staircase ends")
    add_plot(parser)


def run(arguments):
    """Find the optimal set; return its `Outcome`."""
    check_plot(arguments.plot)
    objective = load_objective(arguments)
    beta = objective.strength(arguments.beta)
    options = {"vertex_limit": arguments.vertex_limit, "time_limit": arguments.time_limit}
    options |= objective.options | {"verbose": verbosity(arguments)}
    found = optimal_set(objective.data.X, objective.y, beta, **options)
    # The counts of components need the list of all vertices, which may be too long; the rest does not.
    pieces = _pieces(found, arguments.max_width)
    document = objective.described() | {"beta": beta} | _figures(found) | pieces
    prepared = prepared_text(objective.data.preparation)
    save = None if arguments.plot is None else lambda: _plot(found, pieces, arguments)
    return Outcome(document, lambda console: _show(console, document, prepared), save=save)


def _figures(found):
    return {
        "optimal_value": found.optimal_value,
        "total_mass": found.total_mass,
        "n_directions": len(found.signs),
        **{name: getattr(found, name) for name in FIGURES},
        "theorem_bound": found.theorem_bound,
    }


def _pieces(found, max_width):
    """Return what rests on the list of the vertices, None where they are too many."""
    try:
        return {
            "n_vertices": len(found.vertices),
            "connected_from": found.connected_from,
            "staircase": found.staircase(max_width),
        }
    except VertexLimitError as error:
        note(str(error))
        return {"n_vertices": None, "connected_from": None, "staircase": None}


def _plot(found, pieces, arguments):
    if pieces["staircase"] is None:
        say("no picture is drawn: without the list of the vertices the pieces cannot be counted.")
        return
    from ..plotting import StaircaseDisplay

    save_plot(StaircaseDisplay.from_set(found, arguments.max_width), arguments.plot)


def _show(console, document, prepared):
    console.print(f"All optimal networks of {document['n_samples']} rows, beta = {document['beta']:.8g}, proven")
    pairs = {
        "prepared": prepared,
        "optimal value p*": document["optimal_value"],
        "m*, the smallest width": bounds_text(document["m_star"], document["m_star_bounds"]),
        "M*, the largest that cannot be pruned": bounds_text(document["M_star"], document["M_star_bounds"]),
        "optimal directions": document["n_directions"],
        "vertices": document["n_vertices"],
        "dimension": document["dimension"],
        "one network (up to splitting)": document["is_unique"],
        "one function": document["is_unique_function"],
        "connected from width": document["connected_from"],
        "bound of the theorem on it": document["theorem_bound"],
    }
    print_pairs(console, pairs)
    if document["staircase"] is not None:
        # Of the widths without optimal networks only the last is shown.
        n_empty = sum(step["regime"] == "empty" for step in document["staircase"])
        print_table(console, document["staircase"][max(0, n_empty - 1) :], STAIRCASE_COLUMNS)
