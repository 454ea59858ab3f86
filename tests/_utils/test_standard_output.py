"""Standard output of the process: what C prints is told from what others print."""

import subprocess
import sys

import pytest

SETUP = """
import ctypes, os, sys, threading
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from convexnn._utils.standard_output import C_LIBRARY, on_standard_error, without_highs_lines

c_library = ctypes.CDLL(C_LIBRARY)
NOISE = b"HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();"


def program():
    rng = np.random.default_rng(4)
    n = 20
    rows = np.abs(rng.standard_normal((6, n))) * 10.0 ** rng.uniform(-3, 3, (6, 1))
    target = rows @ (rng.random(n) * (rng.random(n) < 0.5))
    scaled = np.hstack([rows * (target[:, None] / rows).min(0), np.zeros_like(rows)])
    both = LinearConstraint(np.hstack([np.eye(n), -np.eye(n)]), -np.inf, 0.0)
    costs, binary = np.repeat([0.0, 1.0], n), np.repeat([0.0, 1.0], n)
    constraints = [LinearConstraint(scaled, target, target), both]
    milp(costs, constraints=constraints, integrality=binary, bounds=Bounds(0, 1), options={"time_limit": 20})
"""


def printed(code):
    done = subprocess.run([sys.executable, "-c", SETUP + code], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().replace("\r\n", "\n"), done.stderr.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_highs_prints_into_json_unless_it_is_kept_from_it():
    if "HighsMipSolverData" not in printed("program()")[0]:
        pytest.skip("this version of HiGHS prints nothing")
    out, _ = printed("with without_highs_lines():\n    program()\nprint('{}')")
    assert out == "{}\n"


@pytest.mark.slow
def test_bounds_on_the_widths_print_nothing():
    code = """
import convexnn.optimal_sets.widths as widths
from convexnn import optimal_set

def noisy(*arguments, **options):
    c_library.puts(NOISE)
    print("called", file=sys.stderr)
    return milp(*arguments, **options)

widths.milp = noisy
angles = np.deg2rad([0, 120, 240])
found = optimal_set(np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(3), 0.1, vertex_limit=1)
print(found.m_star_bounds)
"""
    out, errors = printed(code)
    assert out == "(2, 2)\n" and errors.count("called\n") > 0


def test_what_others_print_meanwhile_comes_out_in_order():
    code = """
c_library.puts(b"before")
with without_highs_lines():
    os.write(1, b"one\\n")
    c_library.puts(NOISE)
    c_library.puts(b"two"), c_library.fflush(None)
    print("three", flush=True)
    c_library.puts(NOISE)
c_library.puts(b"after")
"""
    assert printed(code)[0] == "before\none\ntwo\nthree\nafter\n"


def test_blocks_of_several_threads_end_with_the_last():
    code = """
inside, leave = threading.Event(), threading.Event()
def hold():
    with without_highs_lines():
        c_library.puts(NOISE)
        inside.set()
        leave.wait(60)
        c_library.puts(NOISE)
thread = threading.Thread(target=hold)
thread.start()
inside.wait(60)
with without_highs_lines():
    c_library.puts(NOISE)
os.write(1, b"while the other block is open\\n")
leave.set()
thread.join()
os.write(1, b"after both\\n")
"""
    assert printed(code)[0] == "while the other block is open\nafter both\n"


def test_errors_put_standard_output_back():
    code = """
for block in (without_highs_lines, on_standard_error):
    try:
        with block():
            c_library.puts(NOISE)
            raise ValueError
    except ValueError:
        os.write(1, b"back\\n")
"""
    out, errors = printed(code)
    assert out == "back\nback\n" and errors.startswith("HighsMip")


def test_everything_can_go_to_standard_error():
    out, errors = printed("with on_standard_error():\n    c_library.puts(b'from C'), os.system('echo from a child')\n")
    assert out == "" and sorted(errors.split("\n")) == ["", "from C", "from a child"]


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["1", "2"])
def test_processes_without_streams_go_on(closed):
    code = f"""
os.close({closed})
with without_highs_lines(), on_standard_error():
    c_library.puts(NOISE)
os._exit(0)
"""
    printed(code)


def test_without_a_folder_for_files_lines_are_printed():
    code = """
import tempfile
def full():
    raise OSError(28, "No space left on device")
tempfile.TemporaryFile = full
with without_highs_lines():
    c_library.puts(b"printed")
"""
    assert printed(code)[0] == "printed\n"
