"""Long proofs: whatever kills a search, it goes on from its checkpoint to the same proof file, to the last bit."""

import os
import pickle
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, InvalidInputError, beta_max, certify, width_sweep
from convexnn._utils import progress
from convexnn.programs.posing import problem_of
from convexnn.proofs import check_proof, checkpoints, posing, proving, tasks, tree, write_proof, writing
from convexnn.proofs.certifying import certify_kept, certify_resumably
from convexnn.proofs.checkpoints import TreeFile, proof_header
from convexnn.proofs.proving import MARGINS
from tests.zoo import random_problem, variants

ROOT = Path(__file__).parents[2]
BETA = 1.0
X, Y = random_problem(12, 3, seed=2)
NETWORK = ConvexReLURegressor(BETA).fit(X, Y).network_


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch):
    """Tasks of some fifty cones, so that a small proof has many of them."""
    monkeypatch.setattr(tree, "CONES_PER_CALL", 16)
    monkeypatch.setattr(tasks, "CONES_PER_TASK", 48)
    monkeypatch.setattr(tasks, "ROOTS_PER_TASK", 3)


def prove(folder, name="kept", *, X=X, y=Y, network=NETWORK, beta=BETA, **options):
    """Write a proof with a checkpoint; return the bytes of the proof file and the verdict."""
    verdict = write_proof(folder / "proof.npz", network, X, y, beta, checkpoint=folder / name, **options)
    return (folder / "proof.npz").read_bytes(), verdict


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The checkpoint, the proof and the verdict of a run that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "CONES_PER_CALL", 16)
        patch.setattr(tasks, "CONES_PER_TASK", 48)
        patch.setattr(tasks, "ROOTS_PER_TASK", 3)
        proof, verdict = prove(folder)
    return (folder / "kept").read_bytes(), proof, verdict


@pytest.fixture
def done(monkeypatch):
    """The keys of the tasks that are done."""
    keys, search_task = [], proving.search_task

    def counted(arguments, deadline):
        keys.append(arguments[-1].key)
        return search_task(arguments, deadline)

    monkeypatch.setattr(proving, "search_task", counted)
    return keys


def n_kept(path):
    """How many tasks are kept in a checkpoint."""
    with TreeFile(path, proof_header(problem_of(NETWORK, X, Y, BETA), NETWORK, proving.TOLERANCE)) as file:
        return len(file.heads)


def test_checkpoint_does_not_change_what_is_proven(whole, tmp_path):
    _, proof, verdict = whole
    plain = write_proof(tmp_path / "plain.npz", NETWORK, X, Y, BETA)
    np.testing.assert_allclose(float(verdict.lower_bound), float(plain.lower_bound), rtol=1e-7)
    assert verdict.objective == plain.objective and verdict.relative_gap < 1e-7
    (tmp_path / "proof.npz").write_bytes(proof)
    assert check_proof(tmp_path / "proof.npz", X, Y) == verdict


def test_finished_checkpoint_is_read_and_not_searched_again(whole, tmp_path, done):
    kept, proof, verdict = whole
    (tmp_path / "kept").write_bytes(kept)
    assert prove(tmp_path) == (proof, verdict) and not done
    assert (tmp_path / "kept").read_bytes() == kept


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.2, 0.5, 0.77, 0.9, 0.999])
def test_torn_checkpoint_leads_to_the_same_file(share, n_jobs, whole, tmp_path, done):
    kept, proof, verdict = whole
    (tmp_path / "kept").write_bytes(kept[: int(share * len(kept))])
    n_before = n_kept(tmp_path / "kept")
    assert prove(tmp_path, n_jobs=n_jobs) == (proof, verdict)
    assert len(done) == len(set(done)) == n_kept(tmp_path / "kept") - n_before > 0
    assert n_before > 0 or share < 0.1
    assert len((tmp_path / "kept").read_bytes()) == len(kept)


@pytest.mark.parametrize("seed", range(6))
def test_damage_costs_what_follows_it_and_nothing_else(seed, whole, tmp_path, done):
    kept, proof, verdict = whole
    header = kept.index(b"\n") + 1
    place = int(np.random.default_rng(seed).integers(header, len(kept)))
    (tmp_path / "kept").write_bytes(kept[:place] + bytes([kept[place] ^ 0x41]) + kept[place + 1 :])
    assert prove(tmp_path) == (proof, verdict) and done


def test_what_is_kept_comes_back_to_the_last_bit(whole, tmp_path):
    (tmp_path / "kept").write_bytes(whole[0])
    header = proof_header(problem_of(NETWORK, X, Y, BETA), NETWORK, proving.TOLERANCE)
    with TreeFile(tmp_path / "kept", header) as file, TreeFile() as other:
        assert not file.open_tasks() and file.closed == 1.0
        other.begin(file.search, file.margin)
        proving.prove(other, tolerance=proving.TOLERANCE)
        assert other.heads.keys() == file.heads.keys() and other.n_cones == file.n_cones
        for name in checkpoints.Branches.ARRAYS:
            np.testing.assert_array_equal(getattr(other.tree(), name), getattr(file.tree(), name))
        assert [list(part) if np.ndim(part) else part for part in other.found()] == [
            list(part) if np.ndim(part) else part for part in file.found()
        ]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"beta": 2.0}, "beta"),
        ({"tol": 1e-6}, "tol"),
        ({"y": Y + 1e-9}, "data"),
        ({"sample_weight": np.linspace(1.0, 2.0, len(X))}, "data"),
        ({"loss": "huber"}, "loss"),
        ({"network": ConvexReLURegressor(2 * BETA).fit(X, Y).network_}, "network"),
        ({"network": ConvexReLURegressor(BETA, fit_intercept=False).fit(X, Y).network_}, "fit_intercept"),
    ],
    ids=["beta", "tol", "targets", "weights", "loss", "network", "terms"],
)
def test_checkpoint_of_another_proof_is_refused(changes, name, whole, tmp_path):
    (tmp_path / "kept").write_bytes(whole[0])
    with pytest.raises(InvalidInputError, match=f"checkpoint=.*belongs to another proof: .*{name} "):
        prove(tmp_path, **changes)
    assert (tmp_path / "kept").read_bytes() == whole[0] and not (tmp_path / "proof.npz").exists()


def test_parameter_of_the_loss_belongs_to_the_proof(tmp_path):
    prove(tmp_path, loss="huber", huber_delta=2.0)
    with pytest.raises(InvalidInputError, match="another proof: .*loss_parameters .*2.0.*1.0"):
        prove(tmp_path, loss="huber", huber_delta=1.0)


def test_files_of_others_are_left_alone(whole, tmp_path):
    (tmp_path / "text").write_bytes(b"a letter")
    width_sweep(X, Y, BETA, [1], n_runs=1, max_iter=5, random_state=0, checkpoint=tmp_path / "sweep")
    for name in ("text", "sweep"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(InvalidInputError, match="checkpoint="):
            prove(tmp_path, name)
        assert (tmp_path / name).read_bytes() == before
    (tmp_path / "kept").write_bytes(whole[0])
    with pytest.raises(InvalidInputError, match="checkpoint="):
        width_sweep(X, Y, BETA, [1], n_runs=1, checkpoint=tmp_path / "kept")
    with pytest.raises(InvalidInputError, match="checkpoint must be the path of a file"):
        prove(tmp_path, "no folder/file")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_keeps_what_was_found_and_says_so(n_jobs, whole, tmp_path, monkeypatch):
    add, added = TreeFile.add, []

    def interrupted(file, piece):
        if len(added) == 5:
            raise KeyboardInterrupt
        added.append(piece.key)
        add(file, piece)

    monkeypatch.setattr(TreeFile, "add", interrupted)
    with pytest.raises(
        KeyboardInterrupt, match=r"interrupted: [\d.]+ % closed by \d+ cones. They are kept in checkpoint"
    ):
        prove(tmp_path, n_jobs=n_jobs)
    monkeypatch.setattr(TreeFile, "add", add)
    assert n_kept(tmp_path / "kept") == 5 and not (tmp_path / "proof.npz").exists()
    assert prove(tmp_path, n_jobs=n_jobs) == whole[1:]


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        (posing, "problem_of", "interrupted: the search had not begun, and checkpoint=.* is as it was"),
        (writing, "begin_search", "interrupted: the search had not begun, and checkpoint=.* is as it was"),
        (writing, "_tree", r"interrupted: the search was done: [\d,]+ cones, kept in checkpoint="),
        (writing, "_checked", r"interrupted: the search was done: [\d,]+ cones, kept in checkpoint="),
        (writing, "_save", r"interrupted: the search was done: [\d,]+ cones, kept in checkpoint="),
    ],
)
def test_interrupt_at_any_moment_says_what_is_kept(module, name, message, whole, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, interrupted)
        with pytest.raises(KeyboardInterrupt, match=message):
            prove(tmp_path)
        with pytest.raises(KeyboardInterrupt) as plain:
            write_proof(tmp_path / "plain.npz", NETWORK, X, Y, BETA)
    assert not plain.value.args and prove(tmp_path) == whole[1:]


def test_interrupt_after_a_limit_counts_what_is_kept(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_checked", interrupted)
    with pytest.raises(KeyboardInterrupt, match="interrupted: 0 % closed by 0 cones. They are kept in checkpoint="):
        prove(tmp_path, time_limit=0.0)


def test_limit_of_time_leaves_the_checkpoint_to_go_on(whole, tmp_path, monkeypatch):
    class Late:
        calls = 0

        def __call__(self, deadline):
            self.calls += deadline is not None
            return self.calls > 40

    monkeypatch.setattr(tasks, "is_late", Late())
    _, verdict = prove(tmp_path, time_limit=1000.0)
    monkeypatch.undo()
    assert verdict.relative_gap > whole[2].relative_gap and verdict.lower_bound <= whole[2].lower_bound
    (tmp_path / "proof.npz").unlink()
    monkeypatch.setattr(tree, "CONES_PER_CALL", 16)
    monkeypatch.setattr(tasks, "CONES_PER_TASK", 48)
    monkeypatch.setattr(tasks, "ROOTS_PER_TASK", 3)
    assert 0 < n_kept(tmp_path / "kept")
    assert prove(tmp_path) == whole[1:]


def test_memory_is_that_of_temporary_files(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_BYTES_IN_MEMORY", 100)
    (tmp_path / "kept").write_bytes(whole[0])
    with TreeFile(tmp_path / "kept", proof_header(problem_of(NETWORK, X, Y, BETA), NETWORK, proving.TOLERANCE)) as file:
        assert isinstance(file.tree().slopes, np.memmap) and isinstance(file.tree().shares, np.memmap)
    assert prove(tmp_path) == whole[1:]


def test_margin_that_is_too_small_begins_anew(whole, tmp_path, monkeypatch, done):
    checked, tried = writing._checked, []

    def refusing(header, arrays, data):
        tried.append(len(done))
        if len(tried) == 1:
            raise writing.checker.ProofError("a rounding error")
        return checked(header, arrays, data)

    monkeypatch.setattr(writing, "_checked", refusing)
    proof, verdict = prove(tmp_path)
    assert proof != whole[1] and verdict.relative_gap < 1e-6 and len(tried) == 2 and tried[1] > tried[0] > 0
    with TreeFile(tmp_path / "kept", proof_header(problem_of(NETWORK, X, Y, BETA), NETWORK, proving.TOLERANCE)) as file:
        assert file.margin == MARGINS[2]
    # Another run goes on with what held.
    assert prove(tmp_path) == (proof, verdict) and len(done) == tried[1]


@pytest.mark.parametrize("name", variants(X, Y))
def test_certificate_and_file_share_a_search(name, tmp_path, done):
    rows, y = variants(X, Y)[name]
    beta = 0.05 * beta_max(rows, y, hidden_bias=False, fit_intercept=True)
    network = ConvexReLURegressor(beta, hidden_bias=False, fit_intercept=True).fit(rows, y).network_
    certificate = certify_kept(network, problem_of(network, rows, y, beta), tmp_path / "kept")
    n_tasks = len(done)
    _, verdict = prove(tmp_path, X=rows, y=y, network=network, beta=beta)
    assert n_tasks > 0 and len(done) == n_tasks and certificate.price.n_nodes == verdict.n_cones
    reference = certify(network, rows, y, beta, proof="exact")
    assert certificate.proof == "exact" and certificate.primal == reference.primal
    # The bound in float64 allows for more than what holds exactly; both are close.
    assert certificate.dual <= float(verdict.lower_bound) <= certificate.dual * (1.0 + 1e-7)
    np.testing.assert_allclose(certificate.dual, reference.dual, rtol=1e-6)
    assert certificate.price.value <= certificate.price.upper_bound


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile", "logistic", "squared_hinge"])
def test_every_loss_is_certified_and_resumed(loss, tmp_path):
    y = np.where(Y > 0.0, 1.0, -1.0) if loss in ("logistic", "squared_hinge") else Y
    first = certify_resumably(tmp_path / "kept", NETWORK, X, y, BETA, loss=loss)
    content = (tmp_path / "kept").read_bytes()
    (tmp_path / "kept").write_bytes(content[: len(content) // 2])
    again = certify_resumably(tmp_path / "kept", NETWORK, X, y, BETA, loss=loss)
    assert (again.dual, again.price.upper_bound) == (first.dual, first.price.upper_bound)
    reference = certify(NETWORK, X, y, BETA, loss=loss, proof="exact")
    np.testing.assert_allclose(again.dual, reference.dual, rtol=1e-6)
    _, verdict = prove(tmp_path, y=y, loss=loss)
    assert again.dual <= float(verdict.lower_bound)


def test_certificate_of_several_outputs_is_refused(tmp_path):
    targets = np.column_stack([Y, Y])
    network = ConvexReLURegressor(BETA).fit(X, targets).network_
    with pytest.raises(InvalidInputError, match="y must have shape"):
        certify_resumably(tmp_path / "kept", network, X, targets, BETA)
    assert not (tmp_path / "kept").exists()


def test_limit_of_time_leaves_a_valid_certificate(tmp_path):
    early = certify_resumably(tmp_path / "kept", NETWORK, X, Y, BETA, time_limit=0.0)
    assert early.proof == "bound" and 0.0 <= early.dual < early.primal
    assert n_kept(tmp_path / "kept") == 0
    whole = certify_resumably(tmp_path / "kept", NETWORK, X, Y, BETA)
    assert whole.proof == "exact" and whole.dual > early.dual and whole.status == "optimal"


SCRIPT = """
import pickle, sys
from convexnn.proofs import tasks, tree, write_proof
tree.CONES_PER_CALL, tasks.CONES_PER_TASK, tasks.ROOTS_PER_TASK = 16, 48, 3
with open("call", "rb") as file:
    write_proof("proof.npz", *pickle.load(file), checkpoint="kept", n_jobs=int(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [2])
def test_killed_again_and_again_it_writes_the_same_file(n_jobs, tmp_path, whole):
    (tmp_path / "call").write_bytes(pickle.dumps((NETWORK, X, Y, BETA)))
    kept, size = tmp_path / "kept", len(whole[0])
    command = [sys.executable, "-c", SCRIPT, str(n_jobs)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    n_killed = 0
    for share in (0.2, 0.5, 0.8):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment)
        while process.poll() is None and (not kept.exists() or kept.stat().st_size < share * size):
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            n_killed += 1
        process.wait()
    assert n_killed > 0
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "proof.npz").read_bytes() == whole[1]


def test_progress_says_what_is_closed_and_what_is_left(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=count().__next__))  # every tick is a line
    prove(tmp_path, verbose=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "% closed by" in line]
    shares = [float(line.split("proof: ")[1].split(" %")[0]) for line in lines]
    assert len(lines) > 5 and shares == sorted(shares) and shares[-1] == 100.0
    assert any(", about" in line and " left" in line for line in lines)
