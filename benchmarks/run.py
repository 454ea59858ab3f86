"""Run the benchmarks one after the other: what ``make bench`` does. Name some to run only those."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names):
    scripts = [FOLDER / f"bench_{name}.py" for name in names] or sorted(FOLDER.glob("bench_*.py"))
    failed = []
    for script in scripts:
        print(f"\n== {script.stem} ==", flush=True)
        if subprocess.run([sys.executable, script]).returncode:
            failed.append(script.name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
