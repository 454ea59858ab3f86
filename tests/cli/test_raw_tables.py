"""Raw tables: all problems in one message, the options that solve them, the same preparation for other tables."""

import io
import shlex
import sys

import numpy as np
import pandas as pd
import pytest

from convexnn import ConvexReLURegressor
from convexnn.cli import main
from convexnn.cli.kinds import Kind, kind_of_text
from convexnn.exchange import load_network

from .helpers import fails, label_frame, make_frame, run_json, save
from .raw_tables import RAW, clinic, german

QUICK = ("--beta", "0.5", "--proof", "heuristic")
FIT = ("--target", "y", *QUICK)


def refusal(capsys, *argv):
    """Run a command that is refused; return the lines of its message."""
    assert main(list(argv)) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("convexnn: error: ")
    return output.err.splitlines()


def frame_with(**columns):
    return make_frame(20).assign(**columns)


COLORS = np.resize(["red", "green", "blue", "green"], 20)


@pytest.mark.parametrize("write", RAW)
def test_the_options_of_one_message_are_enough(tmp_path, capsys, write):
    path, model = tmp_path / "raw.csv", str(tmp_path / "model.npz")
    write(path)
    argv = ["fit", str(path), "--target", "target", "--proof", "heuristic", "--tol", "0.01", "--standardize"]
    lines = refusal(capsys, *argv)
    options = lines[-1].split("Together: ")[1] if len(lines) > 1 else "--encode"
    exit_code, document = run_json(capsys, *argv, *shlex.split(options), "-o", model)
    assert exit_code == 0 and document["proven"] is False
    assert main(["predict", model, str(path)]) == 0
    predicted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert not predicted.isna().any().any()
    _, again = run_json(capsys, "certify", model, str(path), "--proof", "heuristic")
    assert again["certificate"]["primal"] == pytest.approx(document["certificate"]["primal"], rel=1e-6)
    assert again["n_samples"] == document["n_samples"] and again["preparation"] == document["preparation"]


def test_all_problems_of_a_file_are_told_at_once(tmp_path, capsys):
    path = tmp_path / "raw.csv"
    german(path)
    lines = refusal(capsys, "fit", str(path), "--target", "target")
    assert lines[0] == "convexnn: error: the table has 6 problems (row 1 is the one below the header):"
    for text, line in zip(
        (
            "is not encoded in UTF-8 (line 1); it is probably --encoding latin-1.",
            "has one column, 'bmi;bp;target;Größe'. Say what is between its columns: --separator ';'.",
            "feature column 'Größe' (row 1: 'klein'): networks need numbers. --encode makes",
            "'bmi' (row 1: '32,1'), 'bp' (row 1: '101,0'): numbers, when the file is read with --decimal ','.",
            "feature column 'bmi' (7 of 60): values are missing, first in row 4. --impute median fills them",
            "target column 'target' (row 1: '151,0'): numbers, when the file is read with --decimal ','.",
        ),
        lines[1:],
        strict=False,
    ):
        assert text in line
    _, document = run_json(capsys, "fit", str(path), "--target", "target")
    problems = document["error"]["problems"]
    assert document["error"]["type"] == "TableError" and len(problems) == 6
    assert problems[0]["options"] == ["--encoding latin-1"]


def test_dates_and_crowds_are_refused_with_what_to_do(tmp_path, capsys):
    path = tmp_path / "raw.csv"
    clinic(path)
    message = "\n".join(refusal(capsys, "fit", str(path), "--target", "target", "--encode", "--drop", "age"))
    assert "'patient' (60; row 1: 'P0000'): more categories than --max-categories 20 allows" in message
    assert "'when' (row 1: '01.01.2020'): dates or times. Make numbers of them first, such as the days" in message
    assert "Together: --drop age,patient,when" in message
    path = save(pd.read_csv(path, parse_dates=["when"], date_format="%d.%m.%Y"), tmp_path, "raw.parquet")
    assert "'when' (row 1: '2020-01-01" in "".join(refusal(capsys, "fit", path, "--target", "target"))
    message = fails(capsys, "fit", save(frame_with(y=pd.date_range("2020", periods=20)), tmp_path), *FIT)
    assert "target column 'y' (row 1: '2020-01-01" in message and "--drop" not in message


def test_text_becomes_an_input_for_every_category(tmp_path, capsys):
    frame, model = frame_with(color=COLORS), str(tmp_path / "model.npz")
    _, document = run_json(capsys, "fit", save(frame, tmp_path), *FIT, "--encode", "-o", model)
    names = ["a", "b", "color=blue", "color=green", "color=red"]
    assert document["features"] == names
    encoded = pd.get_dummies(frame.drop(columns="y"), dtype=float).set_axis(names, axis=1)
    expected = ConvexReLURegressor(0.5, proof="heuristic").fit(encoded, frame["y"])
    assert document["certificate"]["primal"] == pytest.approx(expected.certificate_.primal, rel=1e-9)
    saved = load_network(model, proof=None)
    assert saved.feature_names == names
    np.testing.assert_array_equal(saved.preparation.apply(frame), encoded)
    _, predicted = run_json(capsys, "predict", model, save(frame[["color", "b", "a"]][::-1], tmp_path, "new.csv"))
    np.testing.assert_allclose(predicted["predictions"]["predicted_y"], saved.predict(encoded)[::-1], rtol=1e-12)


def test_unknown_categories_count_as_none_and_are_named_once(tmp_path, capsys):
    frame, model = frame_with(color=COLORS), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *FIT, "--encode", "-o", model])
    capsys.readouterr()
    path = save(frame.assign(color=["violet", "pink", "pink", *COLORS[3:]]), tmp_path)
    assert main(["predict", model, path]) == 0
    output = capsys.readouterr()
    text = "categories that the training table lacks count as none of its: 'color' ('pink', 'violet')."
    assert output.err == f"convexnn: warning: {text}\n"
    saved = load_network(model, proof=None)
    X = np.hstack([frame[["a", "b"]][:3], np.zeros((3, 3))])
    found = pd.read_csv(io.StringIO(output.out))["predicted_y"][:3]
    np.testing.assert_allclose(found, saved.predict(X), rtol=1e-12)


def test_numbers_that_are_categories(tmp_path, capsys):
    frame = frame_with(code=np.resize([3, 7, 9], 20))
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    _, document = run_json(capsys, "fit", path, *FIT, "--categorical", "code", "--impute", "median", "-o", model)
    assert document["features"] == ["a", "b", "code=3", "code=7", "code=9"]
    with_gap = frame.assign(code=[None, *frame["code"][1:]])  # which makes the others 7.0 and 9.0
    saved = load_network(model, proof=None)
    np.testing.assert_array_equal(saved.preparation.apply(with_gap), saved.preparation.apply(frame))


def test_missing_values_are_filled_from_the_training_rows(tmp_path, capsys):
    frame = frame_with(color=COLORS.astype(object), flag=np.resize([True, True, False], 20).astype(object))
    frame.loc[2, "a"], frame.loc[3, "color"], frame.loc[4, "flag"] = np.nan, None, None
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    lines = refusal(capsys, "fit", path, *FIT)
    assert "'a' (1 of 20), 'color' (1 of 20), 'flag' (1 of 20): values are missing, first in row 3, 4, 5" in lines[2]
    _, document = run_json(capsys, "fit", path, *FIT, "--encode", "--impute", "median", "-o", model)
    fills = {column["name"]: column["fill"] for column in document["preparation"]["columns"]}
    assert fills == {"a": frame["a"].median(), "b": frame["b"].median(), "color": "green", "flag": 1.0}
    assert document["n_samples"] == 20
    new = frame[5:8].assign(a=np.nan, color=None, flag=None)
    X = load_network(model, proof=None).preparation.apply(pd.read_csv(save(new, tmp_path, "new.csv")))
    np.testing.assert_array_equal(X[:, [0, 2, 3, 4, 5]], [[fills["a"], 0, 1, 0, 1]] * 3)
    run_json(capsys, "predict", model, str(tmp_path / "new.csv"))


def test_rows_with_missing_values_are_left_out(tmp_path, capsys):
    frame = frame_with()
    frame.loc[2, "a"], frame.loc[7, "b"] = np.nan, np.nan
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    _, document = run_json(capsys, "fit", path, *FIT, "--impute", "drop", "-o", model)
    expected = ConvexReLURegressor(0.5, proof="heuristic").fit(frame.dropna()[["a", "b"]], frame.dropna()["y"])
    assert document["n_samples"] == 18
    assert document["certificate"]["primal"] == pytest.approx(expected.certificate_.primal, rel=1e-9)
    _, predicted = run_json(capsys, "predict", model, path)
    values = predicted["predictions"]["predicted_y"]
    assert [row for row, value in enumerate(values) if value is None] == [2, 7] and predicted["n_missing"] == 2
    main(["predict", model, path])
    output = capsys.readouterr()
    assert output.err == "convexnn: note: 2 of 20 rows have missing values, and no prediction.\n"
    assert [line == '""' or line == "" for line in output.out.splitlines()[1:]].count(True) == 2
    assert run_json(capsys, "certify", model, path, "--proof", "heuristic")[1]["n_samples"] == 18


def test_rows_without_a_target_are_left_out_only_when_asked(tmp_path, capsys):
    frame = label_frame()
    frame.loc[[1, 4], "y"] = None
    path = save(frame, tmp_path)
    assert "target column 'y' (2 of 24): values are missing, first in row 2. --drop-missing-target" in fails(
        capsys, "fit", path, *FIT
    )
    assert "target" in fails(capsys, "fit", path, *FIT, "--impute", "drop")
    _, document = run_json(capsys, "fit", path, *FIT, "--drop-missing-target")
    assert document["n_samples"] == 22 and document["classes"] == ["no", "yes"]


def test_columns_that_say_nothing_are_left_out_unless_asked_for(tmp_path, capsys):
    frame = frame_with(same="x", empty=np.nan, number=range(1, 21), id=range(1007, 1027), year=2020)
    frame.sample(frac=1.0, random_state=0).to_csv(tmp_path / "raw.csv")
    path, model = str(tmp_path / "raw.csv"), str(tmp_path / "model.npz")
    main(["fit", path, *FIT, "-o", model])
    assert capsys.readouterr().err == (
        "convexnn: note: not used: 'Unnamed: 0' counts the rows, 'same' is constant (x), 'empty' is empty, 'number' "
        "counts the rows, 'id' counts the rows, 'year' is constant (2020). --keep "
        "'Unnamed: 0,same,number,id,year' uses them.\n"
    )
    assert load_network(model, proof=None).preparation.left_out["number"] == "counts the rows"
    main(["predict", model, path])
    assert capsys.readouterr().err == ""
    _, kept = run_json(capsys, "fit", path, *FIT, "--keep", "number,year", "--standardize")
    assert kept["features"] == ["a", "b", "number", "year"]
    _, chosen = run_json(capsys, "fit", path, *FIT, "--features", "id,year", "--standardize")
    assert chosen["features"] == ["id", "year"]


def test_columns_whose_names_say_that_they_are_identifiers(tmp_path, capsys):
    rng = np.random.default_rng(0)
    numbers, texts = rng.permutation(100)[:20], [f"car {k}" for k in range(20)]
    frame = frame_with(PassengerId=numbers, customer_id=numbers, rownames=texts, grid=numbers, paid=numbers).set_index(
        pd.Index(texts)
    )
    frame.to_csv(tmp_path / "raw.csv")
    main(["fit", str(tmp_path / "raw.csv"), *FIT, "--standardize"])
    assert "not used: 'Unnamed: 0' names the rows, 'PassengerId' counts the rows, 'customer_id' counts the rows, " in (
        errors := capsys.readouterr().err
    )
    assert "'rownames' names the rows. --keep" in errors and "grid" not in errors and "paid" not in errors


def test_classes_with_gaps_are_still_whole_numbers(tmp_path, capsys):
    frame = label_frame((0, 1)).astype({"y": object})
    frame.loc[3, "y"] = None
    _, document = run_json(capsys, "fit", save(frame, tmp_path), *FIT, "--drop-missing-target")
    assert document["classes"] == [0, 1] and "0.0" not in str(document["classes"])


def test_a_column_that_counts_is_used_where_there_is_no_other(tmp_path, capsys):
    frame = make_frame()[["y"]].assign(x=range(14))
    assert run_json(capsys, "fit", save(frame, tmp_path), *FIT)[1]["features"] == ["x"]


def test_distinct_numbers_of_other_columns_are_used(tmp_path, capsys):
    frame = frame_with(count=[*range(19), 25], level=np.resize([1, 2, 3], 20), grid=np.arange(20) / 2)
    assert run_json(capsys, "fit", save(frame, tmp_path), *FIT)[1]["features"] == ["a", "b", "count", "level", "grid"]


def test_marks_among_numbers_are_missing_values_or_categories(tmp_path, capsys):
    frame = frame_with(size=["?", "-", *range(18)])
    path = save(frame, tmp_path)
    message = fails(capsys, "fit", path, *FIT, "--encode")
    assert (
        "'size' (row 1: '?'): networks need numbers, as most cells are. --na-values='-,?' takes the others" in message
    )
    _, document = run_json(capsys, "fit", path, *FIT, "--na-values", "?,-", "--impute", "median")
    assert document["preparation"]["columns"][2]["fill"] == 8.5
    _, document = run_json(capsys, "fit", path, *FIT, "--categorical", "size")
    assert len(document["features"]) == 22


def test_na_is_text_where_it_is_said_to_be(tmp_path, capsys):
    text = "country,size,y\n" + "".join(
        f"{c},{s},{k % 3}\n" for k, (c, s) in enumerate(zip(["NA", "DE", ""] * 7, ["NA", *range(20)], strict=True))
    )
    (tmp_path / "raw.csv").write_text(text)
    argv = ("fit", str(tmp_path / "raw.csv"), *FIT, "--encode", "--impute", "median", "--keep", "size")
    _, document = run_json(capsys, *argv, "--keep-na")
    assert document["features"] == ["country=DE", "country=NA", "size"]
    assert run_json(capsys, *argv, "--keep", "size,country")[1]["features"] == ["country=DE", "size"]


def test_dates_are_no_numbers_with_points_between_thousands(tmp_path, capsys):
    rows = "".join(f"01.02.20{k:02};1.{k:03},5;{k % 4}\n" for k in range(20))
    (tmp_path / "raw.csv").write_text("when;size;y\n" + rows)
    argv = ["fit", str(tmp_path / "raw.csv"), *FIT, "--separator", ";", "--decimal", ",", "--thousands", "."]
    assert "'when' (row 1: '01.02.2000'): dates or times" in fails(capsys, *argv)
    _, document = run_json(capsys, *argv, "--drop", "when", "--standardize")
    assert document["center"] == [pytest.approx(1010.0)]


def test_the_way_of_reading_is_kept_and_can_be_changed(tmp_path, capsys):
    model, frame = str(tmp_path / "model.npz"), make_frame()
    frame.to_csv(tmp_path / "raw.csv", sep=";", decimal=",", index=False)
    _, fitted = run_json(
        capsys, "fit", str(tmp_path / "raw.csv"), *FIT, "--separator", ";", "--decimal", ",", "-o", model
    )
    assert fitted["preparation"]["reading"] == {"separator": ";", "decimal": ","}
    assert main(["predict", model, str(tmp_path / "raw.csv")]) == 0
    first = capsys.readouterr()
    assert first.err == "convexnn: note: the table is read as the training table was: --separator ';' --decimal ,.\n"
    path = save(frame, tmp_path, "usual.csv")
    assert main(["predict", model, path, "--separator", ",", "--decimal", "."]) == 0
    assert capsys.readouterr() == (first.out, "")


def test_other_tables_are_refused_with_all_their_problems(tmp_path, capsys):
    frame, model = frame_with(color=COLORS, flag=np.resize([True, False], 20)), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *FIT, "--encode", "-o", model])
    capsys.readouterr()
    new = frame.astype({"a": object, "flag": object}).assign(b="?")
    new.loc[3, "a"], new.loc[4, "flag"], new.loc[5, "color"] = "many", "perhaps", None
    for command in ("predict", "certify"):
        message = "\n".join(refusal(capsys, command, model, save(new, tmp_path, "new.csv")))
        for text in (
            "'b' (row 1: '?'): networks need numbers",
            "'a' (row 4: 'many')",
            "'flag' (row 5: 'perhaps'): the training table had true and false there",
            "'color' (1 of 20): values are missing, first in row 6. The network was trained without --impute",
        ):
            assert text in message
        assert "the table has no columns 'a', 'color'" in fails(
            capsys, command, model, save(frame[["b", "flag", "y"]], tmp_path, "new.csv")
        )
        assert "--features: " in fails(capsys, command, model, save(frame, tmp_path), "--features", "a,b")


@pytest.mark.parametrize("command", [("set", "--beta", "2"), ("sweep", "--betas", "1,2")])
def test_sets_and_sweeps_take_raw_tables(tmp_path, capsys, command):
    frame = frame_with(color=COLORS, index=range(20))
    frame.loc[2, "a"] = np.nan
    plain = (command[0], save(frame, tmp_path), "--target", "y", *command[1:])
    argv = (*plain, "--encode", "--impute", "median")
    assert refusal(capsys, *plain)[-1] == "  Together: --encode --impute median"
    exit_code, document = run_json(capsys, *argv)
    assert exit_code == 0 and document["features"] == ["a", "b", "color=blue", "color=green", "color=red"]
    assert document["preparation"]["left_out"] == {"index": "counts the rows"}
    assert main(list(argv)) == 0
    assert "color encoded as 3 inputs; missing values filled; index not used" in capsys.readouterr().out


def test_sweep_without_proofs_succeeds_unless_required(tmp_path, capsys):
    argv = ("sweep", save(make_frame(), tmp_path), "--target", "y", "--betas", "1,2", "--proof", "heuristic")
    exit_code, document = run_json(capsys, *argv)
    assert exit_code == 0 and document["proven"] is False
    assert run_json(capsys, *argv, "--require-proof")[0] == 1


def test_infinite_values_can_be_taken_for_missing(tmp_path, capsys):
    frame = frame_with(c=[np.inf, *range(19)])
    path = save(frame.assign(y=[*frame["y"][:19], -np.inf]), tmp_path)
    lines = refusal(capsys, "fit", path, *FIT)
    assert lines[-1] == "  Together: --impute median --drop-missing-target --na-values inf,-inf"
    _, document = run_json(capsys, "fit", path, *FIT, *shlex.split(lines[-1].split("Together: ")[1]))
    assert document["n_samples"] == 19


def test_what_parquet_may_hold(tmp_path, capsys):
    kinds = pd.Categorical(np.resize(["u", "v"], 20))
    frame = frame_with(
        parts=[[1, 2]] * 19 + [[3]], raw=[b"x", b"y"] * 10, kinds=kinds, day=pd.date_range("2020", periods=20)
    )
    path = save(frame, tmp_path, "raw.parquet")
    lines = refusal(capsys, "fit", path, *FIT)
    assert "'parts' (row 1: '[1 2]'), 'raw' (row 1: \"b'x'\"): neither numbers nor text" in lines[2]
    options = shlex.split(lines[-1].split("Together: ")[1])
    assert options == ["--encode", "--drop", "parts,raw,day"]
    assert run_json(capsys, "fit", path, *FIT, *options)[1]["features"] == ["a", "b", "kinds=u", "kinds=v"]


def test_names_that_two_inputs_would_have(tmp_path, capsys):
    path = save(frame_with(**{"color": COLORS, "color=red": np.arange(20) % 7}), tmp_path)
    assert "makes inputs of the names 'color=red'" in fails(capsys, "fit", path, *FIT, "--encode")


@pytest.mark.parametrize(
    "options, message",
    [
        (("--keep", "c"), "--keep: the table has no column 'c'"),
        (("--categorical", "c"), "--categorical: the table has no column 'c'"),
        (("--encoding", "latin-99"), "--encoding latin-99 is unknown"),
        (("--encoding", "ascii"), "cannot be read as a table: 'ascii' codec"),
    ],
)
def test_options_that_make_no_sense(tmp_path, capsys, options, message):
    assert message in fails(capsys, "fit", save(frame_with(ä=1.5), tmp_path), *FIT, *options)


def test_standard_input_has_an_encoding(tmp_path, capsys, monkeypatch):
    text = frame_with(Größe=COLORS).to_csv(index=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("latin-1"))))
    _, document = run_json(capsys, "fit", "-", *FIT, "--encode", "--encoding", "latin-1")
    assert "Größe=red" in document["features"]


def test_columns_named_like_identifiers_are_pointed_out(tmp_path, capsys):
    path = save(frame_with(customer_id=np.resize([3, 7, 9, 9], 20)), tmp_path)
    note = (
        "convexnn: note: 'customer_id' is used as a number: --drop customer_id leaves it out, "
        "--categorical customer_id makes categories of it.\n"
    )
    main(["fit", path, *FIT, "--standardize"])
    assert capsys.readouterr().err == note
    for options in (("--drop", "customer_id"), ("--categorical", "customer_id"), ("--keep", "customer_id")):
        main(["fit", path, *FIT, "--standardize", *options])
        assert capsys.readouterr().err == ""


def test_codes_stay_as_they_are_typed(tmp_path, capsys):
    """A category must not depend on the other rows of the table."""
    zips, model = np.resize(["01010", "50667", "03011"], 20), str(tmp_path / "model.npz")
    argv = ("fit", save(frame_with(zip=zips), tmp_path), *FIT, "--categorical", "zip", "-o", model)
    _, document = run_json(capsys, *argv)
    assert document["features"] == ["a", "b", "zip=01010", "zip=03011", "zip=50667"]
    frame, found = make_frame(20).drop(columns="y"), {}
    for codes in (["01010", "AB12"], ["01010", "50667"], ["01010"], ["01010", None]):
        path = save(frame[: len(codes)].assign(zip=codes), tmp_path, "new.csv")
        argv = ("predict", model, path) if codes[-1] is not None else ("predict", model, path, "--na-values", "none")
        if codes[-1] is None:
            assert "'zip' (1 of 2): values are missing" in fails(capsys, *argv)
            continue
        main(list(argv))
        output = capsys.readouterr()
        assert ("'zip' ('AB12')." in output.err) == ("AB12" in codes) and "'01010'" not in output.err
        found[output.out.splitlines()[1]] = codes
    assert len(found) == 1


def test_a_gap_leaves_codes_alone(tmp_path, capsys):
    frame, model = frame_with(code=np.resize([3, 7, 9], 20)), str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), *FIT, "--categorical", "code", "--impute", "drop", "-o", model])
    new = save(frame.assign(code=[None, *frame["code"][1:]]), tmp_path, "new.csv")  # which writes 7.0 and 9.0
    capsys.readouterr()
    main(["predict", model, new])
    assert capsys.readouterr().err == "convexnn: note: 1 of 20 rows have missing values, and no prediction.\n"


def test_columns_with_commas_in_their_names_can_be_listed(tmp_path, capsys):
    frame = frame_with(**{'the "x", value': COLORS, "c": range(0, 40, 2)})
    path, model = save(frame, tmp_path), str(tmp_path / "model.npz")
    _, document = run_json(capsys, "fit", path, *FIT, "--drop", 'the "x", value')
    assert document["features"] == ["a", "b", "c"]
    _, document = run_json(capsys, "fit", path, *FIT, "--features", 'b,the "x", value,a', "--encode", "-o", model)
    assert document["features"] == ["b", *(f'the "x", value={color}' for color in ("blue", "green", "red")), "a"]
    assert run_json(capsys, "certify", model, path, "--proof", "heuristic")[0] in (0, 1)
    lines = refusal(capsys, "fit", save(frame.assign(c="u"), tmp_path), *FIT, "--max-categories", "1", "--keep", "c")
    options = shlex.split(lines[-1].split("Together: ")[1])
    assert run_json(capsys, "fit", path, *FIT, *options)[0] == 0
    assert "no columns 'the \"x\"', ' valu'" in fails(capsys, "fit", path, *FIT, "--drop", 'the "x", valu').replace(
        "\\", ""
    )


def test_a_target_with_a_comma_in_its_name_is_certified(tmp_path, capsys):
    path, model = save(make_frame().rename(columns={"y": "y, in m"}), tmp_path), str(tmp_path / "model.npz")
    main(["fit", path, "--target", "y, in m", *QUICK, "-o", model])
    capsys.readouterr()
    _, document = run_json(capsys, "certify", model, path, "--proof", "heuristic")
    assert document["targets"] == ["y, in m"]


def test_days_written_as_numbers_are_pointed_out(tmp_path, capsys):
    days = [int(day) for day in pd.date_range("2021-01-31", periods=20, freq="9D").strftime("%Y%m%d")]
    main(["fit", save(frame_with(when=days), tmp_path), *FIT, "--standardize"])
    assert "note: 'when' (row 1: 20210131) is used as a number, and may be days: make" in capsys.readouterr().err
    main(["fit", save(frame_with(when=[20211399, *days[1:]]), tmp_path), *FIT, "--standardize"])
    assert capsys.readouterr().err == ""


def test_blanks_around_names_and_text_are_nothing(tmp_path, capsys):
    colors = [f"{color}{' ' * (k % 2)}" for k, color in enumerate(COLORS)]
    path = save(frame_with(**{" color ": colors}), tmp_path)
    _, document = run_json(capsys, "fit", path, *FIT, "--encode", "--keep", "color")
    assert document["features"] == ["a", "b", "color=blue", "color=green", "color=red"]
    (tmp_path / "data.csv").write_text("a,a ,y\n1,2,3\n")
    assert "several columns named 'a'" in fails(capsys, "fit", path, *FIT)


def test_a_table_without_a_header_is_pointed_out(tmp_path, capsys):
    path = tmp_path / "data.csv"
    rows = make_frame().round(2).to_numpy().tolist()
    path.write_text("1.0,2.0,3.5\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    main(["fit", str(path), "--target", "3.5", *QUICK])
    assert "the first line, '1.0', '2.0', '3.5', is taken for the names of the columns." in capsys.readouterr().err
    pd.DataFrame(rows).to_csv(path, index=False)
    main(["fit", str(path), "--target", "2", *QUICK])
    assert capsys.readouterr().err == ""


def test_empty_columns_are_not_offered(tmp_path, capsys):
    main(["fit", save(frame_with(empty=np.nan, same="x"), tmp_path), *FIT])
    assert "'same' is constant (x). --keep same uses it." in capsys.readouterr().err
    main(["fit", save(frame_with(empty=np.nan), tmp_path), *FIT])
    assert capsys.readouterr().err == "convexnn: note: not used: 'empty' is empty.\n"


def test_what_one_problem_leads_to_is_said_with_it(tmp_path, capsys):
    path = save(frame_with(size=["N/V", *range(19)], big=[np.inf, *np.arange(19) ** 2]), tmp_path)
    for column, marks in (("size", "N/V"), ("big", "inf,-inf")):
        message = fails(capsys, "fit", path, *FIT, "--drop", "big" if column == "size" else "size")
        options = message.split("Together: ")[1].strip()
        assert options == f"--impute median --na-values {marks}"
        argv = ("fit", path, *FIT, "--drop", "big" if column == "size" else "size", *shlex.split(options))
        assert run_json(capsys, *argv)[0] == 0


def test_weights_and_names_that_cannot_be(tmp_path, capsys):
    path = save(frame_with(w=[1.0, -2.0] * 10), tmp_path)
    message = fails(capsys, "fit", path, *FIT, "--weight", "w")
    assert "weight column 'w' (row 2: '-2.0'): none may be negative." in message
    message = fails(capsys, "fit", path, *FIT, "--features", "a,b,a")
    assert "--features must name every column once; got 'a' more than once." in message
    message = fails(capsys, "fit", path, *FIT, "--loss", "logistic")
    assert "classification needs classes; --target y holds 20 distinct numbers such as" in message


@pytest.mark.parametrize(
    "cells, kind",
    [
        (("1,5", "2", "3,25"), Kind.marked),
        (("1,234", "12"), Kind.marked),
        (("1.234,5", "2,5"), Kind.marked),
        (("5.128.548", "2.500.000"), Kind.marked),
        (("1 234", "12"), Kind.marked),
        (("1\u00a0234,5", "12"), Kind.marked),
        (("1'234.50", "1\u2019000"), Kind.marked),
        (("1,5", "2,5", "?"), Kind.mixed),
        (("12%", "5%"), Kind.signed),
        (("1 234,50 €", "5 €"), Kind.signed),
        (("$1,200.50", "-$3"), Kind.signed),
        (("1", "?", "2"), Kind.mixed),
        (("1.5", "2"), Kind.pointed),
        (("V57", "E25", "250"), Kind.text),
        (("10-12", "12-14"), Kind.text),
        (("1999-2000",), Kind.text),
        (("may be", "yes"), Kind.text),
        (("2020-01-05", "2021-1-1"), Kind.date),
        (("2020-01-01T12:00:00Z",), Kind.date),
        (("1/2/2020 12:30",), Kind.date),
        (("5 Jan 2020", "12 March 2021"), Kind.date),
        (("Jan 5, 2020",), Kind.date),
        (("12:30", "23:15:01"), Kind.date),
    ],
)
def test_what_text_looks_like(cells, kind):
    assert kind_of_text(list(cells))[0] is kind
