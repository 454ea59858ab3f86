"""Raw files as they come: tables of scikit-learn with the marks of spreadsheets, statistics programs and people."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_iris, load_wine

ROWS = 60


def _patients(*columns):
    return load_diabetes(as_frame=True, scaled=False).frame[[*columns, "target"]][:ROWS].copy()


def german(path):
    """Semicolons, decimal commas, Latin-1, text and gaps."""
    frame = _patients("bmi", "bp").assign(Größe=np.resize(["klein", "groß", "mittel"], ROWS))
    frame.loc[3:9, "bmi"] = np.nan
    frame.to_csv(path, sep=";", decimal=",", index=False, encoding="latin-1")


def clinic(path):
    """An index, a constant column, booleans, dates and names."""
    frame = _patients("age", "bmi").assign(clinic="A", smoker=np.resize([True, False, False], ROWS))
    frame["when"] = pd.date_range("2020-01-01", periods=ROWS).strftime("%d.%m.%Y")
    frame["patient"] = [f"P{(7 * k) % ROWS:04}" for k in range(ROWS)]
    frame.to_csv(path)


def wine(path):
    """Everything in quotes, commas between thousands, signs of percent, a mark of missing values."""
    frame = load_wine(as_frame=True).frame[["alcohol", "hue", "proline", "target"]][::3].copy()
    frame["proline"] = [f"{3 * int(value):,}" for value in frame["proline"]]
    frame["hue"] = ["?" if k % 20 == 0 else f"{value:.2f}" for k, value in enumerate(frame["hue"])]
    frame["alcohol"] = [f"{value:.1f}%" for value in frame["alcohol"]]
    frame["target"] = frame["target"].map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})
    frame.to_csv(path, index=False, quoting=1)


def iris(path):
    """A mark of byte order, identifiers, gaps in the target too."""
    frame = load_iris(as_frame=True).frame[::3].reset_index(drop=True)
    frame.insert(0, "Id", range(1, len(frame) + 1))
    frame["target"] = frame["target"].map({0: "setosa", 1: "versicolor", 2: "virginica"}).astype(object)
    frame.loc[[5, 27], "target"] = None
    frame.loc[[7, 8], "petal width (cm)"] = np.nan
    frame.to_csv(path, index=False, encoding="utf-8-sig")


def countries(path):
    """UTF-16, tabs, and Namibia, whose code is NA."""
    frame = _patients("bmi").assign(country=np.resize(["NA", "DE", "FR"], ROWS))
    frame.loc[0:2, "bmi"] = np.nan
    frame.to_csv(path, sep="\t", index=False, encoding="utf-16", na_rep="NA")


def euros(path):
    """Points between thousands and decimal commas, amounts with a sign of currency."""
    frame = _patients("bp", "s5")
    frame["s5"] = [f"{int(10_000 * value):,}".replace(",", ".") + ",50" for value in frame["s5"]]
    frame["price"] = np.resize(["€ 12,50", "€ 13"], ROWS)
    frame.to_csv(path, sep=";", decimal=",", index=False)


def incomes(path):
    """Blanks after the commas, question marks, two classes of text."""
    frame = _patients("age", "bmi").assign(work=np.resize(["Private", "?", "State-gov"], ROWS))
    frame["target"] = np.where(frame["target"] > 140, ">50K", "<=50K")
    rows = [list(frame.columns), *frame.to_numpy().tolist()]
    path.write_text("\n".join(", ".join(map(str, row)) for row in rows) + "\n")


def french(path):
    """Blanks between thousands, decimal commas, a column without any value."""
    frame = _patients("bp", "s5").assign(vide=np.nan)
    frame["s5"] = [f"{int(10_000 * value):,}".replace(",", " ") + ",5" for value in frame["s5"]]
    frame.to_csv(path, sep=";", decimal=",", index=False)


RAW = (german, clinic, wine, iris, countries, euros, incomes, french)
