"""The clock of time limits: what is compiled does not shorten them."""

import os
import pickle
import threading
import time

import pytest

from convexnn._utils.clock import Clock, now, standing_still
from convexnn._utils.validation import deadline_after, is_late


def test_time_passes_but_inside_a_standstill():
    before, wall = now(), time.monotonic()
    with standing_still():
        time.sleep(0.2)
        with standing_still():
            time.sleep(0.1)
        inside = now() - before
    time.sleep(0.05)
    assert 0.0 <= inside < 0.1
    assert now() - before == pytest.approx(time.monotonic() - wall - 0.3, abs=0.05)


def test_a_deadline_is_not_shortened_but_passes():
    deadline, plain = deadline_after(0.1), time.monotonic() + 0.1
    with standing_still():
        time.sleep(0.2)
    assert not is_late(deadline) and is_late(plain)
    assert 0.0 < deadline - time.monotonic() <= 0.1
    assert deadline - now() == pytest.approx(deadline - time.monotonic(), abs=0.05)
    time.sleep(0.1)
    assert is_late(deadline)
    assert is_late(deadline_after(0)) and is_late(0.0) and is_late(time.monotonic()) and not is_late(None)


def test_a_deadline_for_another_process_is_a_plain_number():
    deadline = deadline_after(10.0)
    with standing_still():
        time.sleep(0.1)
    there = pickle.loads(pickle.dumps(deadline))
    assert type(there) is float
    assert there - time.monotonic() == pytest.approx(10.0, abs=0.05)


def test_standstills_of_threads_overlap():
    clock = Clock()
    before = clock.now()

    def stand(seconds):
        with clock.standing_still():
            time.sleep(seconds)

    threads = [threading.Thread(target=stand, args=(seconds,)) for seconds in (0.1, 0.3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.25 <= clock.stood < 0.4  # the longer of the two, not the sum
    assert 0.0 <= clock.now() - before < 0.2


def test_an_error_lets_the_clock_go_on():
    clock = Clock()
    with pytest.raises(KeyboardInterrupt), clock.standing_still():
        raise KeyboardInterrupt
    before = clock.now()
    time.sleep(0.02)
    assert clock.now() - before > 0.01


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_does_not_inherit_a_standstill():
    with standing_still():
        child = os.fork()
        if child == 0:
            deadline = deadline_after(0.01)
            time.sleep(0.05)
            os._exit(0 if is_late(deadline) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
