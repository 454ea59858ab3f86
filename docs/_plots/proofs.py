"""What an exact dual constraint value costs beside listing all sets of signs."""

import matplotlib.pyplot as plt
from stored import KINDS, load

figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
rows = load("proofs")["rows"]
for d, (colour, marker) in zip((3, 4, 5), KINDS, strict=False):
    own = sorted((row["n"], row["seconds"], row["listing"]) for row in rows if row["d"] == d)
    sizes, seconds, listing = zip(*own, strict=True)
    ax.loglog(sizes, seconds, marker + "-", color=colour, linewidth=2)
    ax.loglog(sizes, listing, marker + ":", color=colour, mfc="white")
    ax.text(1.1 * sizes[-1], seconds[-1], f"proof, d = {d}", color=colour, va="bottom" if d == 4 else "center")
    ax.text(1.1 * sizes[-1], listing[-1], f"listing, d = {d}", color=colour, va="top" if d == 3 else "center")
ax.set(xlabel="rows", ylabel="seconds (processor, one thread)", xlim=(80, 11000))
ax.set_xticks([100, 300, 1000, 3000], [100, 300, 1000, 3000])
ax.minorticks_off()
