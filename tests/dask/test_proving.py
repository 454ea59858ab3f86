"""Proofs on a real cluster of two workers: the tree of one machine, also when a worker is killed in the middle."""

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, InvalidInputError
from convexnn.programs.posing import problem_of
from convexnn.proofs import write_proof
from convexnn.proofs.certifying import certify_kept
from convexnn.proofs.checkpoints import TreeFile, proof_header
from convexnn.proofs.proving import TOLERANCE
from convexnn.proofs.tree import Branches
from tests.killer import Killer
from tests.zoo import random_problem

distributed = pytest.importorskip("distributed", reason="the extra `dask` is needed: pip install 'convexnn[dask]'")

from convexnn.dask import proofs_on  # noqa: E402
from convexnn.dask.proving import DEATHS  # noqa: E402


class Proof:
    """A network, its problem, and a checkpoint in a folder."""

    def __init__(self, n_samples, n_features, folder):
        self.X, self.y = random_problem(n_samples, n_features)
        self.network = ConvexReLURegressor(2.0, proof="heuristic").fit(self.X, self.y).network_
        self.problem = problem_of(self.network, self.X, self.y, 2.0)
        self.folder = folder

    def certify(self, name, **options):
        return certify_kept(self.network, self.problem, self.folder / name, **options)

    def tree(self, name):
        with TreeFile(self.folder / name, proof_header(self.problem, self.network, TOLERANCE)) as file:
            assert not file.open_tasks()
            tree = file.tree()
            return [getattr(tree, array) for array in Branches.ARRAYS]

    def write(self, name):
        write_proof(self.folder / name, self.network, self.X, self.y, 2.0)
        return (self.folder / name).read_bytes()


@pytest.mark.slow
def test_worker_killed_costs_nothing_of_a_proof(client, tmp_path):
    proof = Proof(40, 5, tmp_path)  # some 150,000 cones: about 25 tasks
    alone, kept = proof.certify("alone"), tmp_path / "cluster"
    with proofs_on(client), Killer(client, lambda: kept.exists() and kept.stat().st_size > 300_000):
        found = proof.certify("cluster")
    assert (found.dual, found.price.upper_bound) == (alone.dual, alone.price.upper_bound)
    for one, other in zip(proof.tree("alone"), proof.tree("cluster"), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_proof_file_is_that_of_one_machine(client, tmp_path):
    proof = Proof(12, 3, tmp_path)
    with proofs_on(client):
        cluster = proof.write("cluster.npz")
    assert cluster == proof.write("alone.npz")


@pytest.mark.slow
def test_limit_of_time_holds_on_the_workers(client, tmp_path):
    proof = Proof(40, 5, tmp_path)
    with proofs_on(client):
        found = proof.certify("cluster", deadline=0.0)  # long past
        assert found.proof == "bound" and found.relative_gap > 1e-3
        assert proof.certify("cluster").dual == proof.certify("alone").dual


@pytest.mark.slow
def test_task_that_kills_its_workers_is_explained(client, tmp_path):
    with pytest.raises(distributed.KilledWorker) as caught, proofs_on(client):
        raise distributed.KilledWorker("task", None, 3)
    assert DEATHS in caught.value.__notes__


def test_what_is_no_client_is_refused():
    with (
        pytest.raises(InvalidInputError, match="client must be a distributed.Client or None; got str"),
        proofs_on("me"),
    ):
        pass
