"""``convexnn fit`` and ``convexnn certify``: from a table to a network with a proof, and back."""

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, certify
from convexnn._utils import atomic
from convexnn.cli import fit_command, main
from convexnn.exchange import load_network, save_network

from .helpers import fails, label_frame, make_frame, run_json, save

LINE = ("--target", "y")


def test_fit_is_the_estimator(tmp_path, capsys):
    frame = make_frame()
    exit_code, document = run_json(capsys, "fit", save(frame, tmp_path), *LINE, "--beta", "0.5", "--seed", "3")
    model = ConvexReLURegressor(0.5, random_state=3).fit(frame[["a", "b"]], frame["y"])
    assert exit_code == 0 and document["status"] == "proven" and document["task"] == "regression"
    assert document["certificate"]["primal"] == pytest.approx(model.certificate_.primal, rel=1e-9)
    assert document["width"] == model.network_.width
    assert document["training_r2"] == pytest.approx(model.score(frame[["a", "b"]], frame["y"]), rel=1e-9)
    assert document["features"] == ["a", "b"] and document["targets"] == ["y"] and document["warnings"] == []


def test_options_reach_the_estimator(tmp_path, capsys):
    frame = make_frame()
    frame["w"] = np.arange(1.0, len(frame) + 1)
    options = ("--loss", "huber", "--huber-delta", "0.2", "--no-hidden-bias", "--skip-connection", "--weight", "w")
    _, document = run_json(capsys, "fit", save(frame, tmp_path), *LINE, *options, "--beta", "0.4")
    model = ConvexReLURegressor(0.4, loss="huber", huber_delta=0.2, hidden_bias=False, skip_connection=True)
    model.fit(frame[["a", "b"]], frame["y"], sample_weight=frame["w"])
    assert document["certificate"]["primal"] == pytest.approx(model.certificate_.primal, rel=1e-7)
    assert document["loss"] == "huber" and document["features"] == ["a", "b"]


def test_labels_are_classified(tmp_path, capsys):
    frame = label_frame()
    exit_code, document = run_json(capsys, "fit", save(frame, tmp_path), *LINE)
    model = ConvexReLUClassifier().fit(frame[["a", "b"]], frame["y"])
    assert (exit_code, document["task"], document["loss"]) == (0, "classification", "logistic")
    assert document["classes"] == ["no", "yes"]
    assert document["training_accuracy"] == model.score(frame[["a", "b"]], frame["y"])


@pytest.mark.parametrize(
    "values, options, task",
    [
        ((0, 1), (), "classification"),
        ((0, 1), ("--loss", "huber"), "regression"),
        ((0, 1), ("--task", "regression"), "regression"),
        ((True, False), (), "classification"),
        ((1, 2, 3), (), "regression"),
        ((1, 2, 3), ("--task", "classification", "--multi-class", "ovr"), "classification"),
    ],
)
def test_the_task_is_chosen_as_documented(tmp_path, capsys, values, options, task):
    path = save(label_frame(values), tmp_path)
    assert run_json(capsys, "fit", path, *LINE, *options, "--proof", "heuristic")[1]["task"] == task


def test_small_integers_are_taken_as_numbers_with_a_note(tmp_path, capsys):
    main(["fit", save(label_frame((1, 2, 3)), tmp_path), *LINE, "--proof", "heuristic"])
    assert "--task classification takes it as classes" in capsys.readouterr().err


@pytest.mark.parametrize("as_float", [False, True])
def test_numbers_that_a_loss_makes_classes_get_a_note(tmp_path, capsys, as_float):
    frame = make_frame(24).assign(y=np.arange(24) // 2)
    path = save(frame.astype({"y": float}) if as_float else frame, tmp_path)
    argv = ("fit", path, *LINE, "--beta", "50", "--proof", "heuristic")
    assert main([*argv, "--loss", "logistic"]) == 0
    output = capsys.readouterr()
    assert "--target y has 12 distinct numbers, which are taken as classes because --loss logistic is" in output.err
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more\n" in output.out
    # Who asks for classes gets them without a word.
    assert run_json(capsys, *argv, "--loss", "logistic", "--task", "classification")[1]["notes"] == []


def test_fractions_are_no_classes(tmp_path, capsys):
    message = fails(capsys, "fit", save(make_frame(), tmp_path), *LINE, "--loss", "logistic")
    assert "--target y holds 14 distinct numbers such as" in message and "Use --task regression" in message


def test_several_targets_are_one_network(tmp_path, capsys):
    frame = make_frame()
    frame["z"] = -frame["y"] + 0.1 * frame["a"]
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    _, document = run_json(capsys, "fit", path, "--target", "y,z", "--beta", "0.5", "--proof", "heuristic", "-o", model)
    assert document["targets"] == ["y", "z"] and document["features"] == ["a", "b"]
    _, again = run_json(capsys, "certify", model, path, "--proof", "heuristic")
    assert again["certificate"]["primal"] == pytest.approx(document["certificate"]["primal"], rel=1e-9)


@pytest.mark.parametrize("options, exit_code", [((), 0), (("--require-proof",), 1)])
def test_a_missing_proof_is_a_failure_where_it_is_required(tmp_path, capsys, options, exit_code):
    argv = ("fit", save(make_frame(), tmp_path), *LINE)
    found, document = run_json(capsys, *argv, "--proof", "heuristic", *options)
    assert found == exit_code and document["proven"] is False and document["certificate"]["proof"] == "heuristic"
    found, document = run_json(capsys, *argv, *options)
    assert found == 0 and document["proven"] is True


def test_a_warning_is_a_line_and_an_entry(tmp_path, capsys):
    argv = ["fit", save(make_frame(), tmp_path), *LINE, "--beta", "0.05", "--max-width", "1"]
    main([*argv, "--json"])
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and output.err.startswith("convexnn: warning: max_width=1 was not enough")
    assert "max_width=1 was not enough" in output.out


def test_tables_for_people(tmp_path, capsys):
    assert main(["fit", save(make_frame(), tmp_path), *LINE]) == 0
    output = capsys.readouterr()
    assert output.out.startswith("Certificate: globally optimal\n") and "14 rows x 2 features, regression" in output.out
    assert output.err == "" and "\x1b" not in output.out
    assert all(line == line.rstrip() for line in output.out.splitlines())


def test_verbose_goes_to_standard_error(tmp_path, capsys):
    main(["fit", save(make_frame(), tmp_path), *LINE, "--verbose", "--json"])
    output = capsys.readouterr()
    assert "objective" in output.err and output.out.startswith("{") and output.out.rstrip().endswith("}")


@pytest.mark.slow
@pytest.mark.parametrize("labels", [None, ("no", "yes"), ("p", "q", "r"), (0, 1), (5, 7, 9)])
def test_what_is_saved_is_certified_again(tmp_path, capsys, labels):
    frame = make_frame() if labels is None else label_frame(labels)
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    options = () if labels is None else ("--task", "classification")
    _, fitted = run_json(capsys, "fit", path, *LINE, *options, "-o", model)
    _, document = run_json(capsys, "certify", model, path)
    assert document["certificate"]["primal"] == pytest.approx(fitted["certificate"]["primal"], rel=1e-9)
    assert document["claimed"]["primal"] == fitted["certificate"]["primal"] and document["beta"] == fitted["beta"]
    saved = load_network(model)
    assert saved.feature_names == ["a", "b"] and saved.certificate.relative_gap < 1e-2


def test_the_file_says_which_columns_to_take(tmp_path, capsys):
    frame, model = make_frame(), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *LINE, "-o", model])
    capsys.readouterr()
    mixed = frame.assign(text="x")[["text", "b", "y", "a"]]
    assert main(["certify", model, save(mixed, tmp_path, "mixed.csv")]) == 0
    assert "Certificate: globally optimal" in capsys.readouterr().out


def test_certify_computes_and_does_not_believe(tmp_path, capsys):
    frame, model = make_frame(), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *LINE, "-o", model])
    capsys.readouterr()
    other = frame.assign(y=frame["y"] + 1.0 * (frame["a"] > 0))
    exit_code, document = run_json(capsys, "certify", model, save(other, tmp_path, "other.csv"))
    saved = load_network(model)
    truth = certify(saved.network, other[["a", "b"]].to_numpy(), other["y"].to_numpy(), saved.beta)
    assert exit_code == 1 and document["certificate"]["primal"] == truth.primal
    assert document["claimed"]["relative_gap"] <= 1e-6 < truth.relative_gap


def test_another_strength_is_another_problem(tmp_path, capsys):
    path, model = save(make_frame(), tmp_path), str(tmp_path / "model.npz")
    main(["fit", path, *LINE, "--beta", "0.5", "-o", model])
    capsys.readouterr()
    assert main(["certify", model, path, "--beta", "0.1"]) == 1
    assert "the file claims the objective" in capsys.readouterr().err


def test_standardised_networks_are_certified_on_their_data(tmp_path, capsys):
    frame = make_frame()
    frame["a"] = 1000.0 * frame["a"] + 5.0
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    _, fitted = run_json(capsys, "fit", path, *LINE, "--standardize", "-o", model)
    assert fitted["center"] == pytest.approx(frame[["a", "b"]].mean().tolist())
    for options in ((), ("--standardize",)):
        exit_code, document = run_json(capsys, "certify", model, path, *options)
        assert exit_code == 0 and document["scale"] == fitted["scale"]
        assert document["certificate"]["primal"] == pytest.approx(fitted["certificate"]["primal"], rel=1e-9)
    assert load_network(model).certificate.status == "optimal"


def test_other_rows_are_standardised_as_the_training_rows_were(tmp_path, capsys):
    frame = make_frame(30)
    frame["a"] = 1000.0 * frame["a"] + 5.0
    path, model = save(frame[:15], tmp_path), str(tmp_path / "model.npz")
    run_json(capsys, "fit", path, *LINE, "--standardize", "--proof", "heuristic", "-o", model)
    other = save(frame[15:], tmp_path, "other.csv")
    _, document = run_json(capsys, "certify", model, other, "--proof", "heuristic")
    saved = load_network(model, proof=None)
    X, y = saved.standardized(frame[["a", "b"]].to_numpy()[15:]), frame["y"].to_numpy()[15:]
    assert document["certificate"]["primal"] == pytest.approx(saved.network.objective(X, y, saved.beta), rel=1e-9)
    assert "other means and deviations" in fails(capsys, "certify", model, other, "--standardize")


def test_files_without_scaling_may_be_standardised_by_the_table(tmp_path, capsys):
    frame, model = make_frame(), str(tmp_path / "model.npz")
    X = frame[["a", "b"]].to_numpy()
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    fitted = ConvexReLURegressor(0.5).fit(scaled, frame["y"])
    save_network(model, fitted, feature_names=["a", "b"], target_name="y")
    exit_code, document = run_json(capsys, "certify", model, save(frame, tmp_path), "--standardize")
    assert exit_code == 0
    assert document["certificate"]["primal"] == pytest.approx(fitted.certificate_.primal, rel=1e-9)
    assert main(["certify", model, save(frame, tmp_path)]) == 1
    assert "not standardised alike" in capsys.readouterr().err


def test_certify_names_the_columns_that_the_file_misses(tmp_path, capsys):
    frame, model = make_frame(), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *LINE, "--proof", "heuristic", "-o", model])
    capsys.readouterr()
    message = fails(capsys, "certify", model, save(frame[["a", "y"]], tmp_path, "short.csv"))
    assert "model.npz': the table has no column 'b'; it has 'a', 'y'." in message


# Results are printed also where they cannot be saved


@pytest.mark.parametrize(
    "error, exit_code, text",
    [
        (OSError(28, "No space left on device"), 3, "No space left on device"),
        (PermissionError(13, "Permission denied"), 3, "Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_result_that_cannot_be_saved_is_printed(tmp_path, capsys, monkeypatch, error, exit_code, text):
    def fail(*_):
        raise error

    monkeypatch.setattr(atomic.os, "fsync", fail)
    model = tmp_path / "model.npz"
    argv = ["fit", save(make_frame(), tmp_path), *LINE, "--beta", "0.5", "-o", str(model)]
    found, document = run_json(capsys, *argv)
    assert found == exit_code and document["output"] is None and document["status"] == "proven"
    assert text in document["error"]["message"] and document["error"]["type"] == type(error).__name__
    assert main(argv) == exit_code
    output = capsys.readouterr()
    assert output.out.startswith("Certificate: globally optimal") and "saved to" not in output.out
    assert output.err.startswith("convexnn: error: the result could not be saved: ") and text in output.err
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
    main([*argv, "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_a_folder_that_is_gone_after_the_fit(tmp_path, capsys, monkeypatch):
    folder, make = tmp_path / "results", fit_command.make_estimator
    folder.mkdir()

    def slow(*arguments):
        folder.rmdir()
        return make(*arguments)

    monkeypatch.setattr(fit_command, "make_estimator", slow)
    exit_code = main(["fit", save(make_frame(), tmp_path), *LINE, "-o", str(folder / "model.npz")])
    output = capsys.readouterr()
    assert exit_code == 3 and "training R2" in output.out and "No such file or directory" in output.err


def test_a_network_in_an_onnx_file(tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    frame, model = make_frame(), str(tmp_path / "model.onnx")
    path = save(frame, tmp_path)
    main(["fit", path, *LINE, "--beta", "0.5", "-o", model])
    capsys.readouterr()
    session = onnxruntime.InferenceSession(model)
    X = frame[["a", "b"]].to_numpy()
    (values,) = session.run(None, {session.get_inputs()[0].name: X})
    network = ConvexReLURegressor(0.5).fit(frame[["a", "b"]], frame["y"]).network_
    np.testing.assert_allclose(np.ravel(values), network.predict(X), atol=1e-6)
    assert "model must be an .npz file" in fails(capsys, "certify", model, path)


def test_a_bare_network_needs_target_and_strength(tmp_path, capsys):
    frame, bare = make_frame(), str(tmp_path / "bare.npz")
    model = ConvexReLURegressor(0.5).fit(frame[["a", "b"]], frame["y"])
    save_network(bare, model.network_)
    path = save(frame, tmp_path)
    assert "--target is needed" in fails(capsys, "certify", bare, path)
    assert "--beta is needed" in fails(capsys, "certify", bare, path, *LINE)
    exit_code, document = run_json(capsys, "certify", bare, path, *LINE, "--beta", "0.5")
    assert exit_code == 0 and document["claimed"] is None


def test_certify_refuses_what_does_not_fit(tmp_path, capsys):
    path, model = save(label_frame(), tmp_path), str(tmp_path / "model.npz")
    main(["fit", path, *LINE, "-o", model])
    capsys.readouterr()
    assert "there is no file" in fails(capsys, "certify", str(tmp_path / "none.npz"), path)
    assert "is refused" in fails(capsys, "certify", path, path)
    others = save(label_frame(("no", "maybe")), tmp_path, "others.csv")
    assert "holds 'maybe': the classes of the network are no, yes" in fails(capsys, "certify", model, others)
    assert "takes 2 inputs; the table has 1" in fails(capsys, "certify", model, path, "--features", "a")


@pytest.mark.parametrize(
    "frame, argv, message",
    [
        (label_frame(), ("--loss", "huber"), "--target y holds labels such as"),
        (label_frame(), ("--task", "regression"), "regression needs numbers"),
        (make_frame(), ("--task", "regression", "--loss", "logistic"), "--loss logistic is none of regression"),
        (label_frame("abc"), ("--multi-class", "ovr", "-o", "model.npz"), "use --multi-class joint"),
        (make_frame(), ("-o", "model.txt"), "--output must be a file that ends in .npz, .onnx"),
        (make_frame(), ("-o", "nowhere/model.npz"), "in a folder that exists"),
        (make_frame(), ("--quantile", "1.5", "--loss", "quantile"), "quantile"),
        (make_frame(), ("--n-jobs", "0"), "n_jobs"),
    ],
)
def test_fit_refuses(tmp_path, capsys, monkeypatch, frame, argv, message):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, "fit", save(frame, tmp_path), *LINE, *argv)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_words_of_the_report(tmp_path, capsys):
    model, path = str(tmp_path / "model.npz"), save(make_frame(), tmp_path)
    main(["fit", path, "--target", "y", "--proof", "heuristic", "--max-width", "1"])
    assert "1 neuron\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fit", path, "--target", "y", "--beta", "0"])
    assert 'must be a finite number above 0, or "scale" (only the' in capsys.readouterr().err
    row = save(make_frame().iloc[:1].assign(a=0.5, b=0.25), tmp_path, "row.csv")
    main(["fit", row, "--target", "y", "--features", "a", "--proof", "heuristic", "--beta", "0.1"])
    assert "1 row x 1 feature, regression" in capsys.readouterr().out
    path = save(label_frame(("p", "q", "r")), tmp_path)
    for argv in (["fit", path, "--target", "y", "-o", model], ["certify", model, path]):
        main([*argv, "--proof", "heuristic"])
        assert "logistic (multinomial)\n" in capsys.readouterr().out
