"""Known films are planned and played as they were. When a change is meant: `make golden`, then look at the difference."""

from __future__ import annotations

import pytest

from composer.plan import load_plan, plan_to_yaml
from tests.golden.regenerate import CASES, HERE, texts


@pytest.mark.parametrize("name", CASES)
def test_a_known_film_is_scored_as_before(name):
    for file, text in texts(name).items():
        assert text.splitlines() == (HERE / file).read_text(encoding="utf-8").splitlines(), (
            f"{file} differs: is it meant? then `make golden`"
        )


@pytest.mark.parametrize("name", CASES)
def test_a_plan_file_of_this_version_can_still_be_read(name):
    path = HERE / f"{name}.plan.yaml"
    assert plan_to_yaml(load_plan(path)) == path.read_text(encoding="utf-8")
