"""The text of csv files: decompressed, decoded, cut at the ends of lines, and that of several files joined."""

import codecs
import gzip
import re
import sys

from ..blocks.tables import naming
from ..exceptions import InvalidInputError
from .problems import Problem

UTF16 = (b"\xff\xfe", b"\xfe\xff")
# UTF-8 with or without a byte order mark.
DEFAULT_ENCODING = "utf-8-sig"


def joined(files, texts):
    """Return the text of csv files as that of one: the first lines of the others must be that of the first."""
    if len(texts) == 1:
        return texts[0]
    heads = [head_lines(text, 1) for text in texts]
    for path, head in zip(files, heads, strict=True):
        if head.strip() != heads[0].strip():
            raise InvalidInputError(
                f"data: {path!r} begins with {head.strip()!r}, and {files[0]!r} with {heads[0].strip()!r}. All files "
                f"need the same columns in the same order."
            )
    rows = [text[len(head) :].strip("\r\n") for text, head in zip(texts, heads, strict=True)]
    return "\n".join([heads[0].strip("\r\n"), *(text for text in rows if text), ""])


def head_lines(text, n_lines):
    """Return the first lines of a csv file; a line break between quotation marks ends no line."""
    end = 0
    for _ in range(n_lines):
        end = _end_of_line(text, end)
    return text[:end]


def _end_of_line(text, start):
    end = start
    while end < len(text):
        end = text.find("\n", end) + 1 or len(text)
        if text.count('"', start, end) % 2 == 0:
            return end
    return len(text)


def texts_of(files, encoding):
    """Return the texts of csv files, and a list with the problem where their encoding had to be guessed."""
    found = [text_of(path, encoding) for path in files]
    problems = [problem for _, problems in found for problem in problems]
    return [text for text, _ in found], problems[:1]


def text_of(path, encoding, n_bytes=None):
    """Return the text of a file, and a list with the problem where its encoding had to be guessed.

    With a number of bytes it ends after the last whole line within them.
    """
    with naming(path, "data"):
        raw = _bytes_of(path, n_bytes)
        if isinstance(raw, str):
            return raw.removeprefix("\ufeff"), []
        is_part = n_bytes is not None and len(raw) == n_bytes
        try:
            return _whole_lines(_decoded(raw, encoding or DEFAULT_ENCODING, is_part), is_part), []
        except LookupError as error:
            words = f"--encoding {encoding} is unknown; use utf-8, latin-1, cp1252 or utf-16."
            raise InvalidInputError(words) from error
        except UnicodeDecodeError as error:
            guess = _encoding_of(raw)
            if encoding is not None or guess is None:
                raise
            line = raw.count(b"\n", 0, error.start) + 1
            words = f"data: {path!r} is not encoded in UTF-8 (line {line}); it is probably --encoding {guess}."
            text = _whole_lines(_decoded(raw, guess, is_part), is_part)
            return text, [Problem(words, (f"--encoding {guess}",))]


def _decoded(raw, encoding, is_part):
    """Return bytes as text; of a part of a file the last character may lack bytes."""
    return codecs.getincrementaldecoder(encoding)().decode(raw, final=not is_part).removeprefix("\ufeff")


def _whole_lines(text, is_part):
    """Return the text up to the end of the last line that is there as a whole."""
    if not is_part:
        return text
    end = text.rfind("\n") + 1
    # Within quotation marks a line break is a part of a cell.
    while end > 0 and text.count('"', 0, end) % 2:
        end = text.rfind("\n", 0, end - 1) + 1
    return text[: end or len(text)]


def _bytes_of(path, n_bytes):
    if path == "-":
        return sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read()
    with (gzip.open if path.lower().endswith(".gz") else open)(path, "rb") as file:
        return file.read(-1 if n_bytes is None else n_bytes)


def _encoding_of(raw):
    """Return the likely encoding of bytes that are not UTF-8, None where they are no text."""
    if raw.startswith(UTF16):
        return "utf-16"
    if b"\0" in raw:
        return None
    return "cp1252" if re.search(rb"[\x80-\x9f]", raw) and _decodes(raw, "cp1252") else "latin-1"


def _decodes(raw, encoding):
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
