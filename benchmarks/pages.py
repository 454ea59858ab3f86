"""What benchmarks leave for the documentation: a file of results each, and the tables that are made of it.

``docs/_results/<name>.json`` holds the rows of a benchmark with the version and the processor; the tables beside it and
the pictures of ``docs/_plots`` are made of these files alone. ``python benchmarks/pages.py`` writes the tables again.
"""

import json
import platform
from pathlib import Path

from convexnn import __version__

RESULTS = Path(__file__).parents[1] / "docs" / "_results"
# An answer counts as found below this gap; the table says the gap of all others.
FOUND = 1e-6
PEERS = {
    "cones": ["cvxpy+Clarabel", "cvxpy+SCS", "adelie", "pyscnn AL"],
    "gates": ["celer", "skglm", "adelie"],
}


def save(name, rows, key):
    """Store rows under a name; they take the place of stored ones with the same values of the names in `key`."""
    fresh = {tuple(row[part] for part in key) for row in rows}
    path = RESULTS / f"{name}.json"
    kept = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [row for row in kept if tuple(row[part] for part in key) not in fresh] + rows
    document = {"version": __version__, "processor": processor()}
    document["rows"] = sorted(rows, key=lambda row: [str(row[part]).zfill(12) for part in key])
    path.write_text(json.dumps(document, indent=1) + "\n")
    write_tables()


def load(name):
    """Return what is stored under a name."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def processor():
    """Return the name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write_tables():
    """Write the tables of all results that are stored."""
    if (RESULTS / "peers.json").exists():
        found = load("peers")
        for program in ("cones", "gates"):
            write(f"peers_{program}", convex_table(found, program))
        write("peers_network", network_table(found))
    if (RESULTS / "proofs.json").exists():
        write("proofs", proof_table(load("proofs")))


def write(name, lines):
    """Write a fragment of reStructuredText."""
    (RESULTS / f"{name}.inc").write_text("\n".join(lines) + "\n")


def table(header, rows):
    """Return the lines of a table."""
    quoted = [", ".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
    return [".. csv-table::", f"   :header: {quoted[0]}", "", *(f"   {row}" for row in quoted[1:])]


def convex_table(found, program):
    """Return the table of a convex program: our seconds, and the others' as multiples of them."""
    rows = {}
    for row in found["rows"]:
        if row["program"] == program:
            rows.setdefault((row["n"], row["d"], row["patterns"], -row["fraction"]), {})[row["peer"]] = row
    lines = []
    for (n, d, patterns, fraction), by_peer in sorted(rows.items()):
        own = next(iter(by_peer.values()))["our_seconds"]
        cells = [multiple(by_peer[peer]) if peer in by_peer else "--" for peer in PEERS[program]]
        lines.append([f"{n}, {d}, {patterns}", f"{-fraction:g}", f"{own:.2g}", *cells])
    return table(["n, d, patterns", "beta", "ours (s)", *PEERS[program]], lines)


def multiple(row):
    """Return how many times our seconds another package took, or why there is no figure."""
    if row["seconds"] is None:
        return f"not in {row['limit']:g} s" if "did not finish in" in row["note"] else row["note"].split(":")[0]
    ratio = plain(row["seconds"] / row["our_seconds"])
    return ratio if row["gap"] <= FOUND else f"{ratio}, at a gap of {row['gap']:.0e}"


def network_table(found):
    """Return the table of networks: seconds until ours was as good as the best of the other."""
    lines = []
    for row in found["rows"]:
        if row["program"] != "network" or row["seconds"] is None:
            continue
        ours = "never" if row["our_seconds"] is None else f"{row['our_seconds']:.2g}"
        ratio = "--" if row["our_seconds"] is None else plain(row["seconds"] / row["our_seconds"])
        end = short(row["our_gap"]) + ("" if row["our_total"] is None else f", after {row['our_total']:.2g} s")
        size, gap = f"{row['n']}, {row['d']}", short(row["gap"])
        lines.append([size, f"{row['fraction']:g}", row["peer"], f"{row['seconds']:.2g}", ours, ratio, gap, end])
    header = ["n, d", "beta", "peer", "its (s)", "ours (s)", "ratio", "its gap", "gap of ours in the end"]
    return table(header, lines)


def plain(number):
    """Return a number to two digits, without an exponent where it is neither large nor small."""
    return f"{float(f'{number:.2g}'):g}"


def short(gap):
    """Return a gap as text; the best network of all has none."""
    return f"{gap:.0e}" if gap > 0.0 else "0"


def proof_table(found):
    """Return the table of exact dual constraint values."""
    lines = []
    for row in found["rows"]:
        figures = f"{row['seconds']:.2g}", str(row["cones"]), f"{float(row['sets']):.1e}", duration(row["listing"])
        lines.append([str(row["n"]), str(row["d"]), *figures])
    return table(["n", "d", "seconds", "cones", "sets of signs", "listing them"], lines)


def duration(seconds):
    """Return seconds as text, as hours where they are many."""
    return f"{plain(seconds)} s" if seconds < 3600 else f"{plain(seconds / 3600)} hours"


if __name__ == "__main__":
    write_tables()
