"""A real cluster of two worker processes: the same bits as without it, also when a worker is killed in the middle."""

import numpy as np
import pytest
from joblib import parallel_config

from convexnn import price, regularization_path, width_sweep
from convexnn.duality.large import cluster as parts
from convexnn.duality.large.cluster import price_on_cluster
from convexnn.duality.large.shards import DaskShards, LocalShards, price_shards
from tests.killer import Killer
from tests.zoo import random_problem

pytest.importorskip("distributed", reason="the extra `dask` is needed: pip install 'convexnn[dask]'")


def widths(path=None):
    X, y = random_problem(20, 3)
    return width_sweep(X, y, 1.0, range(1, 11), n_runs=10, max_iter=1000, random_state=0, checkpoint=path)


def strengths(path=None):
    X, y = random_problem(12, 2)
    return regularization_path(X, y, n_betas=8, eps=0.1, checkpoint=path)


def n_lines(path):
    return len(path.read_bytes().splitlines()) if path.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [widths, strengths])
def test_a_sweep_does_not_depend_on_the_cluster(sweep, client, tmp_path):
    alone = sweep()
    with parallel_config(backend="dask"):
        assert sweep() == alone
        with Killer(client, lambda: n_lines(tmp_path / "file") >= 3):
            assert sweep(tmp_path / "file") == alone
    assert sweep(tmp_path / "file") == alone


@pytest.fixture
def small_parts(monkeypatch):
    """Hand out work from the start, in portions that leave time to kill a worker."""
    monkeypatch.setattr(parts, "LOCAL_WORK", 1_000_000)
    monkeypatch.setattr(parts, "FIRST_PART_WORK", 10_000_000)


@pytest.mark.slow
def test_exact_pricing_in_parts(client, small_parts):
    X, nu = random_problem(120, 5, 1)
    here = price_on_cluster(X, nu, n_parts=16)
    reference = price(X, nu, proof="exact")
    with parallel_config(backend="dask"):
        there = price_on_cluster(X, nu, n_parts=16)
        with Killer(client):
            survived = price_on_cluster(X, nu, n_parts=16)
    for result in (here, there, survived):
        assert result.proof == "exact" and result.n_nodes == here.n_nodes
        assert (result.value, result.upper_bound) == (reference.value, reference.upper_bound)
        np.testing.assert_array_equal(result.direction, reference.direction)


def rows(seed):
    """A shard that can be made again anywhere."""
    return random_problem(20_000, 5, seed)[0]


def weights(seed):
    return random_problem(20_000, 5, seed)[1]


@pytest.mark.slow
def test_shards_on_workers(client):
    seeds = range(2)
    local = LocalShards([rows(seed) for seed in seeds], [weights(seed) for seed in seeds])
    remote = DaskShards(client, *(client.map(function, seeds, pure=False) for function in (rows, weights)))
    here, there = (price_shards(shards, n_starts=4, max_passes=6) for shards in (local, remote))
    with Killer(client):
        survived = price_shards(remote, n_starts=4, max_passes=6)
    assert here.value == pytest.approx(there.value, rel=1e-12) and here.sign == there.sign
    assert here.upper_bound == pytest.approx(there.upper_bound, rel=1e-9)
    np.testing.assert_array_equal(survived.local_directions, there.local_directions)
    assert (survived.value, survived.upper_bound) == (there.value, there.upper_bound)
