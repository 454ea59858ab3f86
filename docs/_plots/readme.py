"""``python docs/_plots/readme.py`` writes the pictures of the first screen for README, which cannot make its own."""

from pathlib import Path

from landing import all_networks, one_network

STATIC = Path(__file__).parents[1] / "_static"
# Dots per inch: README shows 5 inches on half of a page, which may be a screen of high resolution.
DPI = 160

if __name__ == "__main__":
    for draw in (one_network, all_networks):
        draw().savefig(STATIC / f"{draw.__name__}.png", dpi=DPI)
