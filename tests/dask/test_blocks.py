"""Blocks on the workers of a real cluster: the answers of every block in order, where the blocks lie."""

import math
import os
import signal
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest

from convexnn.blocks.source import Block
from convexnn.blocks.sums import sum_over
from tests.killer import Killer

distributed = pytest.importorskip("distributed", reason="the extra `dask` is needed: pip install 'convexnn[dask]'")
dask = pytest.importorskip("dask")

from convexnn.dask import blocks as _blocks  # noqa: E402
from convexnn.dask.blocks import DaskBlocks  # noqa: E402


def make_block(seed, n_rows=50):
    """A block that can be made again anywhere."""
    rng = np.random.default_rng(seed)
    return Block(rng.standard_normal((n_rows, 3)), rng.standard_normal(n_rows), rng.random(n_rows))


def block_sums(block, scale, shift=0.0):
    return scale * (block.weight @ block.X), float(block.y.sum()) + shift


def first_entry(block, *_):
    return block.X[0, 0]


def process_id(block):
    return os.getpid()


def slow_sum(block):
    time.sleep(0.05)
    return float(block.X.sum())


def slow_sums(block):
    return (slow_sum(block),)


def fail(block):
    raise ValueError("the rows are bad")


def dies(block):
    os._exit(1)


@pytest.fixture
def source(client):
    return DaskBlocks(client, client.map(make_block, range(10), pure=False))


def test_answers_come_in_order_for_every_block(source):
    own = [(float(k),) for k in range(10)]
    scale = np.array([1.0, -2.0, 0.5])
    found = list(source.each(block_sums, scale, own=own))
    for k, (sums, total) in enumerate(found):
        here = block_sums(make_block(k), scale, float(k))
        np.testing.assert_array_equal(sums, here[0])
        assert total == here[1]


def test_more_blocks_than_are_gathered_at_once(source, monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCKS_PER_GATHER", 3)
    assert list(source.each(first_entry)) == [make_block(k).X[0, 0] for k in range(10)]


def test_large_arguments_travel_once(source, monkeypatch):
    large = np.ones(100_000)
    sent = []
    submit = source.client.submit
    monkeypatch.setattr(source.client, "submit", lambda *args, **kw: sent.append(args[0]) or submit(*args, **kw))
    assert list(source.each(first_entry, large)) == list(source.each(first_entry))
    assert sent.count(bytes) == 1


def test_functions_run_where_the_blocks_lie(source):
    list(source.each(first_entry))
    held = {key: set(workers) for key, workers in source.client.who_has(source.parts).items()}
    pids = source.client.run(os.getpid)
    for _ in range(3):
        ran = list(source.each(process_id))
        assert all(ran[k] in {pids[w] for w in held[part.key]} for k, part in enumerate(source.parts))
    assert {key: set(workers) for key, workers in source.client.who_has(source.parts).items()} == held
    assert os.getpid() not in ran and len(set(ran)) == 2


def test_a_pass_is_a_task_for_every_thread(source, monkeypatch):
    list(source.each(first_entry))
    tasks, submit = [], source.client.submit
    monkeypatch.setattr(source.client, "submit", lambda *args, **kw: tasks.append(args) or submit(*args, **kw))
    list(source.each(first_entry))
    assert len(tasks) == 2


def test_no_blocks_no_answers(client):
    assert list(DaskBlocks(client, []).each(first_entry)) == []


def test_errors_of_a_function_are_raised_here(source):
    with pytest.raises(ValueError, match="the rows are bad"):
        list(source.each(fail))


def test_a_pass_may_be_left_early(source):
    answers = source.each(first_entry)
    assert next(answers) == make_block(0).X[0, 0]
    del answers
    assert list(source.each(first_entry))[9] == make_block(9).X[0, 0]


def row_count(block):
    return (float(len(block.y)),)


def infinite(block):
    return (np.array([-np.inf, 1.0]),)


def test_sums_are_made_on_the_workers_in_twice_the_digits(source, monkeypatch):
    scale = np.array([1.0, -2.0, 0.5])
    wanted = [block_sums(make_block(k), scale) for k in range(10)]
    gathered, gather = [], source.client.gather
    monkeypatch.setattr(source.client, "gather", lambda futures: gathered.extend(futures) or gather(futures))
    list(source.each(first_entry))
    gathered.clear()
    sums, total = sum_over(source.each(block_sums, scale))
    assert len(gathered) == 2
    assert total == math.fsum(one[1] for one in wanted)
    np.testing.assert_array_equal(sums, [math.fsum(one[0][j] for one in wanted) for j in range(3)])


def test_sums_do_not_depend_on_who_has_which_blocks(client, source):
    other = DaskBlocks(client, client.map(make_block, range(10), workers=list(client.nthreads())[:1], pure=False))
    scale = np.array([1.0, -2.0, 0.5])
    here, there = (sum_over(one.each(block_sums, scale)) for one in (source, other))
    np.testing.assert_array_equal(here[0], there[0])
    assert here[1] == there[1]


def test_blocks_are_summed_in_portions_of_rows(client):
    block = client.submit(make_block, 0, 1_000_000, pure=False)
    source = DaskBlocks(client, [block, client.submit(make_block, 1, 0, pure=False)])
    assert sum_over(source.each(row_count)) == (1e6,)
    assert [count for (count,) in source.each(row_count)] == [1e6, 0.0]


def test_infinite_terms_stay_infinite(source):
    (sums,) = sum_over(source.each(infinite))
    assert sums.tolist() == [-np.inf, 10.0]


@pytest.mark.slow
def test_a_worker_killed_costs_time_only(source):
    wanted = [float(make_block(k).X.sum()) for k in range(10)]
    list(source.each(first_entry))
    with Killer(source.client):
        assert list(source.each(slow_sum)) == wanted
    with Killer(source.client):
        assert sum_over(source.each(slow_sums)) == (math.fsum(wanted),)
    assert list(source.each(slow_sum)) == wanted


@pytest.mark.slow
def test_rows_that_are_lost_are_explained():
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        source = DaskBlocks(client, client.map(make_block, range(2), pure=False))
        with pytest.raises(distributed.KilledWorker) as caught:
            list(source.each(dies))
        assert any("smaller" in note for note in caught.value.__notes__)
        # The next worker gets data that exist nowhere else, and dies too.
        client.wait_for_workers(1)
        source = DaskBlocks(client, client.scatter([make_block(0)]))
        ((worker, pid),) = client.run(os.getpid).items()
        os.kill(pid, signal.SIGKILL)
        while worker in client.nthreads():
            time.sleep(0.05)
        with pytest.raises(CancelledError) as caught:
            list(source.each(slow_sum))
        assert any("client.scatter" in note for note in caught.value.__notes__)
