"""Dates, times and durations are no numbers: refused by name in every argument, in every form that they come in."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLURegressor,
    InvalidInputError,
    MinNormReLUInterpolator,
    beta_max,
    count_patterns,
    optimal_set,
    price,
    regularization_path,
)

N = 12
X = np.random.default_rng(0).standard_normal((N, 2))
Y = abs(X[:, 0])
DAYS = np.datetime64("2024-01-01") + np.arange(N)


def objects(make):
    """Return values as they stand in a column of a table that mixes types."""
    return np.array([make(k) for k in range(N)], dtype=object)


FORMS = {
    "datetime64": DAYS,
    "timedelta64": DAYS - DAYS[0],
    "list of datetime64": list(DAYS),
    "datetime": objects(lambda k: datetime(2024, 1, 1 + k)),
    "date": [date(2024, 1, 1 + k) for k in range(N)],
    "time": objects(time),
    "timedelta": objects(timedelta),
    "datetime64 objects": objects(lambda k: DAYS[k]),
    "one date among numbers": objects(lambda k: DAYS[k] if k == N - 1 else float(k)),
}
SAID = "{} holds dates, times or durations, which are not numbers"


@pytest.mark.parametrize("values", FORMS.values(), ids=FORMS)
def test_dates_in_any_form_are_refused(values):
    with pytest.raises(InvalidInputError, match=SAID.format("y")):
        ConvexReLURegressor().fit(X, values)
    with pytest.raises(InvalidInputError, match=SAID.format("sample_weight")):
        ConvexReLURegressor().fit(X, Y, sample_weight=values)
    with pytest.raises(InvalidInputError, match=SAID.format("X")):
        ConvexReLURegressor().fit(np.column_stack([values, values]), Y)
    with pytest.raises(InvalidInputError, match=SAID.format("nu")):
        price(X, values)


@pytest.mark.parametrize("form", ["naive", "with a time zone", "index", "arrow"])
def test_dates_of_pandas_are_refused(form):
    pandas = pytest.importorskip("pandas")
    values = pandas.Series(DAYS)
    if form == "with a time zone":
        values = values.dt.tz_localize("UTC")
    elif form == "index":
        values = pandas.DatetimeIndex(values)
    elif form == "arrow":
        pytest.importorskip("pyarrow")
        values = values.astype("timestamp[ns][pyarrow]")
    with pytest.raises(InvalidInputError, match=SAID.format("y")):
        ConvexReLURegressor().fit(X, values)


def test_columns_of_a_table_are_named():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"size": X[:, 0], "opened": DAYS, "age": DAYS - DAYS[0]})
    with pytest.raises(InvalidInputError, match="X holds dates.* in columns 'opened', 'age', which"):
        ConvexReLUClassifier().fit(table, Y > 1)
    with pytest.raises(InvalidInputError, match="X holds dates.* in column 'opened', which"):
        count_patterns(table[["size", "opened"]])


@pytest.mark.parametrize(
    "use",
    [
        lambda y: ConvexReLURegressorCV().fit(X, y),
        lambda y: GatedReLURegressor().fit(X, y),
        lambda y: MinNormReLUInterpolator().fit(X, y),
        lambda y: beta_max(X, y),
        lambda y: optimal_set(X, y, 0.1),
        lambda y: regularization_path(X, y),
        lambda y: beta_max(X, np.column_stack([y, y])),
    ],
)
def test_every_entrance_refuses_dates(use):
    with pytest.raises(InvalidInputError, match=SAID.format("y")):
        use(DAYS)


def test_dates_are_refused_when_predicting():
    model = ConvexReLURegressor().fit(X, Y)
    with pytest.raises(InvalidInputError, match=SAID.format("X")):
        model.predict(np.column_stack([DAYS, DAYS]))


def test_what_the_message_advises_gives_numbers():
    values = DAYS
    days = (values - values.min()) / np.timedelta64(1, "D")
    np.testing.assert_array_equal(days, np.arange(N))
    assert ConvexReLURegressor().fit(X, days).status_ in ("proven", "converged")


def test_labels_may_be_dates():
    model = ConvexReLUClassifier().fit(X, np.where(Y > 1, DAYS[0], DAYS[1]))
    assert set(model.predict(X)) <= {DAYS[0], DAYS[1]}
