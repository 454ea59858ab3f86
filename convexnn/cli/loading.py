"""The data of training, whole or in blocks: by the memory that the table would take, or as the options say."""

from contextlib import contextmanager, nullcontext
from dataclasses import replace

from ..exceptions import InvalidInputError
from .arguments import as_text_of, load, note_uneven, reading_of, rules_of
from .block_data import PreparedBlocks, block_data
from .columns import roles_of
from .first_passes import LABELS, kinds_of, prepare_in_passes
from .kinds import Kind
from .paths import is_parquet, table_files
from .readers import HEAD_BYTES, HEAD_ROWS, make_reader
from .scratch import scratch_blocks
from .sizes import block_memory, expected_memory, size_text
from .streams import note
from .tabular import inspect_head

# What needs all rows at once: the option, the values that ask for it (None: any), and what to do.
NEEDS_ALL_ROWS = (
    ("proof", ("exact", "bound"), "Leave it out"),
    ("max_width", None, "Leave it out"),
    ("loss", ("absolute", "quantile"), "Use --loss huber with a small --huber-delta"),
    ("keep_na", (True,), "Write NA in another way, or name it in --na-values"),
)


@contextmanager
def open_training(arguments):
    """Yield the data of training that the arguments name: a `Dataset`, or the `BlockData` of a table in blocks."""
    files = table_files(arguments.data)
    needed = expected_memory(files)
    if arguments.blocks or needed > arguments.memory:
        with _in_blocks(arguments, files, needed) as data:
            yield data
        return
    if len(files) > 1:
        note(
            f"{len(files)} files are read as one table, whole (about {size_text(needed)} of memory); its rows are "
            f"counted through all of them."
        )
    yield load(arguments)


@contextmanager
def _in_blocks(arguments, files, needed):
    _refuse_in_blocks(arguments, files, needed)
    reading = reading_of(arguments)
    head, problems = inspect_head(files[0], reading, as_text_of(arguments), HEAD_BYTES, HEAD_ROWS)
    columns = arguments.features, arguments.drop, arguments.weight
    roles = roles_of(head, arguments.target, *columns, rules_of(arguments))
    texts = [name for name, kind in kinds_of(head, roles).items() if kind is Kind.text]
    reader = make_reader(files, reading, roles.names, texts, roles.rules.categorical)
    _note_blocks(files, reader, texts, needed)
    found = prepare_in_passes(reader, head, roles, reading, problems)
    source = PreparedBlocks(found.reader, found.preparation, roles.targets, found.target_type, roles.weight)
    data, moments = block_data(source)
    if arguments.standardize:
        data = data.standardized(moments)
    else:
        note_uneven(moments.deviations)
    labels, folder = data.y if found.target_type == LABELS else None, arguments.scratch
    if folder is None and (texts or not is_parquet(files[0])):
        _note_scratch(data)
    kept = nullcontext(data.source) if folder is None else scratch_blocks(data.source, folder, data.n_rows, labels)
    with kept as source:
        yield replace(data, source=source)


def _refuse_in_blocks(arguments, files, needed):
    """Refuse by name what is not there for rows in blocks."""
    why = "of --blocks" if arguments.blocks else f"the table would take about {size_text(needed)} (see --memory)"
    if files == ["-"]:
        raise InvalidInputError(
            "--blocks reads the table for every pass, and standard input is there once. Use a file."
        )
    for name, values, advice in NEEDS_ALL_ROWS:
        given = getattr(arguments, name)
        if given in values if values is not None else given is not None:
            option = f"--{name.replace('_', '-')}" + ("" if given is True else f" {given}")
            raise InvalidInputError(
                f"{option} needs all rows at once, and they are read in blocks, because {why}. {advice}."
            )


def _note_blocks(files, reader, texts, needed):
    n_files = f"{len(files)} files are" if len(files) > 1 else "the table is"
    whole = f"; whole, it would take about {size_text(needed)}"
    bound = size_text(block_memory(reader.rows, len(reader.columns), len(texts)))
    note(f"{n_files} read in blocks of {reader.rows} rows, with about {bound} of memory{whole}.")


def _note_scratch(data):
    size = size_text(8 * data.n_rows * (len(data.features) + 1))
    note(
        f"every pass over the rows parses the files; --scratch FOLDER writes {size} once and reads these, much faster."
    )
