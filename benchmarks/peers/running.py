"""The bench's side of a worker: start it, ask it, wait no longer than its limit."""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
THREADS = ("OPENBLAS", "OMP", "MKL", "NUMBA", "RAYON", "VECLIB_MAXIMUM")
ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in THREADS}
PATIENCE = 20
"""Wall time, in limits, after which a worker is stopped: on a busy machine processor time passes slowly."""


class NoAnswer(Exception):
    """A request without an answer; the message says why."""


class Refused(NoAnswer):
    """The peer raised an error; its worker lives on and may be asked otherwise."""


class Worker:
    """A worker process and the processor time that it may still use."""

    def __init__(self, python, script, problem, warmup, folder):
        self.folder, self.n_asked = folder, 0
        self.log = open(folder / "worker.log", "a")
        self.process = subprocess.Popen(
            [python, HERE / script, problem, warmup],
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
            text=True,
            env={**os.environ, **ENVIRONMENT},
        )

    def ask(self, settings, limit):
        """Return the answer to one request; its `seconds` are processor time.

        Raises
        ------
        NoAnswer
            When `limit` seconds of processor time passed, or the worker died.
        Refused
            When the peer raised an error.
        """
        self.n_asked += 1
        out = self.folder / f"{self.process.pid}-{self.n_asked}.npz"
        request = {"settings": {"limit": limit, **settings}, "limit": limit, "out": str(out)}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NoAnswer("died while it was started") from None
        end = time.monotonic() + PATIENCE * limit + 60
        while not out.exists():
            if self.process.poll() is not None and not out.exists():
                raise NoAnswer(epitaph(self.process.returncode, limit))
            if time.monotonic() > end:
                raise NoAnswer(f"did not finish in {PATIENCE * limit + 60:.0f} s of wall time")
            time.sleep(0.005)
        with np.load(out) as arrays:
            answer = {name: arrays[name] for name in arrays.files}
        out.unlink()
        if "error" in answer:
            raise Refused(str(answer["error"]).splitlines()[0][:100])
        return {name: float(v) if name in ("seconds", "wall") else v for name, v in answer.items()}

    def stop(self):
        """End the process."""
        self.process.kill()
        self.process.wait()
        self.log.close()


def epitaph(returncode, limit):
    """Say how a worker died."""
    if returncode == -24:  # SIGXCPU
        return f"did not finish in {limit:.0f} s"
    if returncode in (-6, -9, -11):
        return f"died with signal {-returncode}: out of memory?"
    return f"died with exit status {returncode}"
