"""The commands prove and check: a proof file from a table and a saved network, and what says no to a wrong one."""

import subprocess
import sys

import pytest

from convexnn.cli import main
from convexnn.proofs.checker import OTHER_DATA

from .helpers import label_frame, make_frame, run_json, save


@pytest.fixture
def fitted(tmp_path):
    """Fit a network on a table; return the paths of the table and of the network."""

    def fit(frame, *options, name="data.csv"):
        table, model = save(frame, tmp_path, name), str(tmp_path / "model.npz")
        assert main(["fit", table, "--target", "y", "-o", model, "--quiet", *options]) == 0
        return table, model

    return fit


def prove(capsys, table, model, proof, *options):
    """Prove and return the document."""
    exit_code, document = run_json(capsys, "prove", table, "--model", model, "-o", proof, *options)
    assert exit_code == 0, document
    return document


@pytest.mark.parametrize("options", [(), ("--standardize", "--skip-connection"), ("--loss", "huber")])
def test_proof_is_written_and_holds(options, fitted, tmp_path, capsys):
    table, model = fitted(make_frame(), *options)
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    written = prove(capsys, table, model, proof)
    assert written["proven"] and written["standalone"] and written["proof_file"] == proof
    exit_code, checked = run_json(capsys, "check", proof, table)
    assert (exit_code, checked["holds"], checked["reason"]) == (0, True, None)
    assert checked["statement"] == written["statement"]
    done = subprocess.run(
        [sys.executable, "-m", "convexnn.proofs.checker", proof, table], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{written['statement']}\n({written['problem']})\n")


def test_labels_and_categories_are_read_by_the_checker(fitted, tmp_path, capsys):
    frame = label_frame().assign(color=["red", "blue", "green"] * 8)
    table, model = fitted(frame, "--encode", "--beta", "0.5")
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    assert prove(capsys, table, model, proof)["standalone"]
    assert run_json(capsys, "check", proof, table)[0] == 0


def test_prepared_tables_are_checked_with_the_model(fitted, tmp_path, capsys):
    frame = make_frame()
    frame.loc[3, "a"] = None
    table, model = fitted(frame, "--impute", "median")
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    assert main(["prove", table, "--model", model, "-o", proof]) == 0
    assert "convexnn check --model can" in capsys.readouterr().err
    exit_code, document = run_json(capsys, "check", proof, table)
    assert exit_code == 1 and "does not say how a CSV file becomes" in document["reason"]
    assert run_json(capsys, "check", proof, table, "--model", model)[0] == 0


def test_another_table_does_not_hold(fitted, tmp_path, capsys):
    table, model = fitted(make_frame())
    proof, other = str(tmp_path / "proof.npz"), save(make_frame(seed=1), tmp_path, "other.csv")
    capsys.readouterr()
    prove(capsys, table, model, proof)
    exit_code, document = run_json(capsys, "check", proof, other)
    assert (exit_code, document["holds"]) == (1, False)
    assert document["reason"] == OTHER_DATA
    assert main(["check", proof, other]) == 1
    assert capsys.readouterr().out.strip() == document["reason"]


def test_options_that_would_not_count_are_refused(fitted, tmp_path, capsys):
    table, model = fitted(make_frame())
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    prove(capsys, table, model, proof)
    for option in (["--target", "a"], ["--features", "b,a"], ["--separator", ";"]):
        assert main(["check", proof, table, *option]) == 2
        assert f"{option[0]} counts with --model only" in capsys.readouterr().err


def test_missing_files_are_bad_input(fitted, tmp_path, capsys):
    table, model = fitted(make_frame())
    assert main(["check", str(tmp_path / "none.npz"), table]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["prove", table, "--model", model, "-o", str(tmp_path / "no" / "proof.npz")]) == 2
    assert "--output must lie in a folder that exists" in capsys.readouterr().err
    assert main(["prove", table, "--model", model, "-o", str(tmp_path / "proof.txt")]) == 2
    assert "--output must be a file that ends in .npz" in capsys.readouterr().err


def test_bad_network_is_no_failure_unless_required(fitted, tmp_path, capsys):
    table, model = fitted(make_frame(), "--beta", "0.5")
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    # Trained for another strength: the gap that holds is what the file proves.
    document = prove(capsys, table, model, proof, "--beta", "0.05")
    assert not document["proven"] and document["relative_gap"] > 0.01
    command = ["prove", table, "--model", model, "-o", proof, "--beta", "0.05", "--require-proof", "--quiet"]
    assert main(command) == 1


def test_proof_goes_on_from_its_checkpoint(fitted, tmp_path, capsys):
    table, model = fitted(make_frame())
    capsys.readouterr()
    proof, checkpoint = tmp_path / "proof.npz", tmp_path / "proof.part"
    written = prove(capsys, table, model, str(proof), "--checkpoint", str(checkpoint))
    whole, kept = proof.read_bytes(), checkpoint.read_bytes()
    checkpoint.write_bytes(kept[: len(kept) // 2])
    again = prove(capsys, table, model, str(proof), "--checkpoint", str(checkpoint))
    assert again["statement"] == written["statement"] and proof.read_bytes() == whole
    assert len(checkpoint.read_bytes()) == len(kept)


def test_problems_of_one_table_are_told_apart(fitted, tmp_path, capsys):
    proof, found = str(tmp_path / "proof.npz"), []
    for options in ((), ("--standardize",)):
        table, model = fitted(make_frame(), "--beta", "0.5", *options)
        capsys.readouterr()
        found.append(prove(capsys, table, model, proof)["problem"])
    assert "2 inputs as they are (a, b)" in found[0] and "2 inputs centred and scaled ((a " in found[1]


def test_weights_of_training_are_not_dropped_in_silence(fitted, tmp_path, capsys):
    frame = make_frame().assign(w=[0.5, 2.0] * 7)
    table, model = fitted(frame, "--weight", "w", "--beta", "0.5")
    capsys.readouterr()
    proof = str(tmp_path / "proof.npz")
    assert main(["prove", table, "--model", model, "-o", proof]) == 0
    assert "the file claims the objective" in (told := capsys.readouterr().err) and "(--weight)" in told
    assert main(["prove", table, "--model", model, "-o", proof, "--weight", "w", "--require-proof"]) == 0
    output = capsys.readouterr()
    assert "claims" not in output.err and "14 rows of weights that sum to 17.5" in output.out


def test_network_in_the_place_of_a_proof_is_named(fitted, capsys):
    table, model = fitted(make_frame())
    capsys.readouterr()
    exit_code, document = run_json(capsys, "check", model, table)
    assert exit_code == 1 and "holds a network and no proof" in document["reason"]
