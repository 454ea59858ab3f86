"""Records that checkpoints keep besides those of the widths: they come back as they were, from older files too."""

import json

import pytest

from convexnn.sweeps._optima import KnownOptimum, OptimumOfWidths, Step
from convexnn.sweeps._width_settings import WidthSettings

KEPT = """{"known": {"optimal_value": 1.1259024289635335, "lower_bound": 1.1259024289376474, "relative_gap": 2.3e-11,
"proof": "exact", "m_star": 5, "M_star": 5, "m_star_bounds": [5, 5], "M_star_bounds": [5, 5], "is_unique": true,
"is_unique_function": true, "dimension": 0, "n_directions": 5, "margin": 0.9896648881119363},
"steps": [[0, 0, "empty"], [0, 0, "empty"], [120, 120, "finite"]]}"""  # as a file of November 2026 has it
HEADER = """{"format": 1, "sweep": "width_sweep", "data": "aeecb3c9", "loss": "squared", "hidden_bias": false,
"beta": 0.2, "widths": [1, 2, 5], "n_runs": 4, "tol": 0.001, "descent": {"init_scale": 0.5, "learning_rate": null,
"max_iter": 20000, "tol": 0.0001}, "labels": true, "proof": "auto", "vertex_limit": 20000, "time_limit": null,
"random_state": 7}"""


def test_an_optimum_comes_back_from_a_file():
    found = OptimumOfWidths.from_json(json.loads(KEPT))
    assert found.known.m_star_bounds == (5, 5) and found.steps[2] == Step(120, 120, "finite")
    assert json.loads(json.dumps(found.to_json())) == json.loads(KEPT)


@pytest.mark.parametrize("known", [KnownOptimum(1.0, 0.5, 0.5, "bound"), KnownOptimum(1.0, 1.0, 0.0, "exact", 2, 3)])
def test_what_is_not_known_comes_back_as_none(known):
    optimum = OptimumOfWidths(known, (Step(), Step(1, 0, "connected")))
    assert OptimumOfWidths.from_json(json.loads(json.dumps(optimum.to_json()))) == optimum


def test_settings_come_back_from_a_header():
    header = json.loads(HEADER)
    settings = WidthSettings.from_json(header)
    assert settings.widths == (1, 2, 5) and settings.random_state == 7
    written = json.loads(json.dumps(settings.to_json()))
    assert written == {name: header[name] for name in written}
