"""Run the benchmarks one after the other: what ``make bench`` does. Name some to run only those.

``python benchmarks/run.py --save peers cost`` measures what ``docs/benchmarks.rst`` shows, and writes its tables.
"""

import os
import subprocess
import sys
from pathlib import Path

from peers.running import ENVIRONMENT

FOLDER = Path(__file__).parent
SAVED = ("bench_cost", "bench_peers")


def main(names, to_be_saved):
    scripts = [FOLDER / f"bench_{name}.py" for name in names] or sorted(FOLDER.glob("bench_*.py"))
    failed = []
    for script in scripts:
        print(f"\n== {script.stem} ==", flush=True)
        options = ["--save"] if to_be_saved and script.stem in SAVED else []
        # One thread for everybody, whatever the shell says.
        if subprocess.run([sys.executable, script, *options], env=os.environ | ENVIRONMENT).returncode:
            failed.append(script.name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name != "--save"], "--save" in sys.argv)
