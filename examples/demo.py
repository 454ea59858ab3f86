"""Watch a network train on real data with a certificate, then a smaller one to a proven global optimum.

This is ``convexnn demo``, as it runs from a clone: ``make demo``. It saves ``demo.png``.
"""

from convexnn.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["demo"]))
