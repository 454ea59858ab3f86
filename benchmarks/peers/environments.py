"""An environment for every peer, made when it is first needed and kept in ``.bench/<peer>/`` in the project root."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".bench"

CPU_TORCH = ["--no-deps", "--retries", "0", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]
"""How pip is asked for torch first: the build without CUDA is ten times smaller. Where it fails, PyPI's will do."""


class NotAvailable(Exception):
    """A peer that cannot be had here; the message says why."""


def python_of(peer):
    """Return the path of the peer's Python, its environment made if need be.

    Raises
    ------
    NotAvailable
        When its packages cannot be installed, with the last line of what pip said.
    """
    requirements = HERE / f"requirements-{peer}.txt"
    folder, wanted = ROOT / peer, requirements.read_text()
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"making the environment of {peer} in {folder}", flush=True)
        make(folder, python, requirements)
        stamp.write_text(wanted)
    return python


def make(folder, python, requirements):
    """Make the environment afresh and install the requirements."""
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder])
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pip += ["--only-binary", ":all:"]
    torch = [line for line in requirements.read_text().split() if line.startswith("torch==")]
    if torch:
        subprocess.run([*pip, *CPU_TORCH, *torch], capture_output=True)
    run([*pip, "--requirement", requirements])


def run(command):
    """Run a command, or raise `NotAvailable` with the last line of its complaint."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["?"]
        raise NotAvailable(complaints[-1].strip())
