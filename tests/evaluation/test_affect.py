"""The judge of affect: what counts as moved, monotone and in order; missing clips; the report."""

import json
from dataclasses import replace

import pytest

from composer.errors import OptionError
from composer.evaluation import affect
from composer.evaluation.affect import DOSES, PAIRS, Copied, Held, Judgement, Moved, check_clips, tables, write_report

DOWN = next(dose for dose in DOSES if dose.towards < 0)
UP = next(dose for dose in DOSES if dose.towards > 0)


def test_moved_follows_the_direction():
    passage = DOWN.passages[0]
    assert Moved(DOWN, passage, (0.5, 0.2, 0.2, -0.1)).monotone
    assert Moved(DOWN, passage, (0.5, 0.2, 0.2, -0.1)).by == pytest.approx(0.6)
    assert not Moved(UP, passage, (0.5, 0.2, 0.2, -0.1)).monotone
    assert Moved(UP, passage, (0.5, 0.2)).by == pytest.approx(-0.3)
    assert Moved(UP, passage, (0.0, 0.3, 0.297, 0.5)).monotone  # a thousandth is no step back
    assert not Moved(UP, passage, (0.0, 0.3, 0.28, 0.5)).monotone


def test_order():
    assert Held(PAIRS[0], 0.1, 0.0).right
    assert not Held(PAIRS[0], 0.0, 0.0).right


def test_ten_pairs_and_five_doses():
    assert len(PAIRS) == 10 and {pair.axis for pair in PAIRS} == {"valence", "arousal"}
    assert {dose.name for dose in DOSES} == {"darker", "paler", "faster", "shaken", "louder"}
    assert all(len(dose.steps) == 5 and len(dose.passages) == 4 for dose in DOSES)


def test_missing_clips_are_named(tmp_path):
    with pytest.raises(OptionError, match=r"lacks film/bbb_35s_320x180\.mp4, "):
        check_clips(tmp_path)


def test_the_report_says_what_falls_short(tmp_path):
    passage = DOWN.passages[0]
    judgement = Judgement(
        order=(Held(PAIRS[0], 0.3, 0.1), Held(PAIRS[1], 0.1, 0.3)),
        earlier=(Held(affect.EARLIER_PAIRS[0], 0.3, 0.1),),
        doses=(Moved(DOWN, passage, (0.5, 0.0, 0.2)), Moved(DOWN, passage, (0.5, 0.2, 0.0)), Moved(DOWN, passage, (0.5, 0.4))),
        copies=(Copied("half the size", passage, 0.01, 0.06),),
    )
    text = "\n".join(tables(judgement))
    assert "1 of 2 pairs named before tuning hold" in text
    assert "1 of 3 move the right way at every step" in text
    assert "largest change is 0.060" in text
    write_report(judgement, tmp_path)
    rows = json.loads((tmp_path / "affect.json").read_text())
    assert [row["holds"] for row in rows["order"]] == [True, False]
    assert [row["monotone"] for row in rows["doses"]] == [False, True, True]
    write_report(replace(judgement, doses=()), tmp_path)
    assert "0 of 0 move" in (tmp_path / "affect.md").read_text()
