"""Scoring of changes of shot, and the detector on montages as files."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner

from composer.cli.judging import shots as command
from composer.evaluation import shots as evaluation, shots_report
from composer.evaluation.montage import DEVELOPMENT_SEED, MadeFilm, Studio, TrueChange
from composer.evaluation.shots import Timed
from composer.evaluation.shots_scores import Found, Tally, scores, tally_cuts, tally_gradual, tally_points
from composer.evaluation.takes import HELD_OUT, TAKES, check_clips
from composer.options import silent
from composer.probe import probe
from composer.video.frames import Pictures
from tests import films

TRUTH = [TrueChange("cut", 50, 50), TrueChange("dissolve", 100, 120), TrueChange("fade", 200, 240), TrueChange("cut", 300, 300)]


def cut(at: int) -> Found:
    return Found("cut", at, at, at)


def span(first: int, last: int, kind: str = "dissolve") -> Found:
    return Found(kind, (first + last) // 2, first, last)


def test_a_perfect_detector_scores_one():
    found = [cut(50), span(100, 120), span(200, 240, "fade"), cut(300)]
    assert tally_cuts(TRUTH, found, 0) == Tally(2, 0, 0)
    assert tally_gradual(TRUTH, found) == Tally(2, 0, 0)
    assert tally_points(TRUTH, [claim.at for claim in found], 0)["all"] == Tally(4, 0, 0)
    score = scores([tally_cuts(TRUTH, found, 0)])
    assert (score["precision"], score["recall"], score["f1"], score["interval"]) == (1, 1, 1, (1, 1))


def test_finding_nothing_and_finding_what_is_not_there():
    assert scores([tally_cuts(TRUTH, [], 1)]) == {"right": 0, "missed": 2, "false": 0, "precision": None, "recall": 0, "f1": 0, "interval": (0, 0)}  # fmt: skip
    assert tally_gradual(TRUTH, []) == Tally(0, 2, 0)
    nothing_true = scores([tally_cuts([], [cut(7)], 1)])
    assert (nothing_true["precision"], nothing_true["recall"], nothing_true["f1"], nothing_true["interval"]) == (0, None, 0, None)
    assert scores([Tally()])["f1"] is None


def test_a_cut_found_one_picture_late_is_right_at_tolerance_one_only():
    found = [cut(51), cut(299), cut(302)]
    assert tally_cuts(TRUTH, found, 0) == Tally(0, 2, 3)
    assert tally_cuts(TRUTH, found, 1) == Tally(2, 0, 1)


def test_one_claim_is_good_for_one_cut_and_one_cut_for_one_claim():
    close = [TrueChange("cut", 10, 10), TrueChange("cut", 12, 12)]
    assert tally_cuts(close, [cut(11)], 1) == Tally(1, 1, 0)
    assert tally_cuts(close[:1], [cut(9), cut(10), cut(11)], 1) == Tally(1, 0, 2)


@pytest.mark.parametrize(
    ("first", "last", "right"),
    [
        (100, 120, True),
        (100, 140, True),  # twice as long: half of it covered
        (100, 141, False),
        (105, 115, True),  # half as long: covers half
        (105, 114, False),
        (110, 130, True),  # shifted by half
        (111, 131, False),
        (120, 140, False),
        (110, 110, False),
    ],
)
def test_each_covers_half_of_the_other(first, last, right):
    tally = tally_gradual([TrueChange("dissolve", 100, 120)], [span(first, last)])
    assert tally == (Tally(1, 0, 0) if right else Tally(0, 1, 1))


def test_spans_and_cuts_do_not_stand_for_each_other():
    found = [span(45, 55), cut(110)]
    assert tally_cuts(TRUTH[:2], found, 1) == Tally(0, 1, 1)
    assert tally_gradual(TRUTH[:2], found) == Tally(0, 1, 1)


def test_points_inside_a_dissolve_cost_nothing_and_find_it_once():
    tallies = tally_points(TRUTH, [50, 100, 110, 121, 150, 301], 1)
    assert tallies["cut"] == Tally(2, 0, 1)
    assert tallies["gradual"] == Tally(1, 1, 0)
    assert tallies["all"] == Tally(3, 1, 1)


def test_the_interval_covers_the_films_that_differ():
    low, high = scores([Tally(1, 0, 0)] * 9 + [Tally(0, 1, 1)])["interval"]
    assert low < 0.9 < high <= 1
    assert scores([Tally(3, 1, 0)] * 5)["interval"] == pytest.approx((6 / 7, 6 / 7), abs=1e-4)


def test_tables_from_known_findings():
    film = MadeFilm(films.CLIPS / "made.mp4", Fraction(25), 400, tuple(TRUTH), "held out", "letterbox", "x264 crf 20")
    perfect = Timed([cut(50), span(100, 120), span(200, 240, "fade"), cut(300)], 1.0, 1.0)
    blind = Timed([], 1.0, 1.0)
    timed = {evaluation.OURS: perfect, **dict.fromkeys(evaluation.OTHERS, blind)}
    tables = evaluation.montage_tables([(film, timed)])
    assert tables["spans"]["takes held out"]["cuts at 0"]["f1"] == tables["spans"]["treatment letterbox"]["gradual"]["f1"] == 1
    assert tables["points"][evaluation.OURS]["all"]["f1"] == 1
    assert tables["points"]["HashDetector"]["all"]["recall"] == 0
    assert tables["wrong"] == []
    nervous = {**timed, "HashDetector": Timed([cut(3), cut(9)], 1.0, 1.0)}
    singles = evaluation.single_tables([(MadeFilm(film.path, Fraction(25), 1500, (), "seen", "pan", ""), nervous)])
    assert singles["false changes"]["HashDetector"] == {"false": 2, "per minute": 2.0, "by move": {"pan": 2}}
    assert singles["false changes"][evaluation.OURS]["false"] == 4


def test_a_folder_without_the_clips_is_refused_in_one_line(tmp_path):
    result = CliRunner().invoke(command, ["--clips", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code != 0
    assert "lacks" in str(result.exception) and "--clips" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    films.clip("film/drive_car_31s.webm")
    check_clips(films.CLIPS)
    return Studio(films.CLIPS, tmp_path_factory.mktemp("studio"))


def test_a_montage_is_made_as_planned_and_found(studio):
    film = studio.montage(DEVELOPMENT_SEED + 400)
    pictures = Pictures(probe(film.path))
    assert sum(len(block.images) for block in pictures.blocks()) == film.count
    assert pictures.clock().frame_rate == film.rate
    assert pictures.clock().duration_s == pytest.approx(film.count / film.rate, abs=0.002)
    found = evaluation.ours(film.path, film.rate)
    assert tally_cuts(film.truth, found, 0) == Tally(sum(change.kind == "cut" for change in film.truth), 0, 0)
    assert tally_gradual(film.truth, found) == Tally(sum(change.kind != "cut" for change in film.truth), 0, 0)


def test_tuning_montages_hold_no_held_out_take(studio, monkeypatch):
    used: list[str] = []

    def take(name: str):
        used.append(name)
        return studio.folder, Fraction(25), 100

    monkeypatch.setattr(studio, "take", take)
    monkeypatch.setattr("composer.evaluation.montage._ffmpeg", lambda *words: None)
    for seed in range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + 30):
        studio.montage(seed)
    assert set(used) <= set(TAKES)
    used.clear()
    assert {studio.montage(seed).takes for seed in range(1, 20, 2)} == {"held out"}
    assert set(used) <= set(HELD_OUT) and not set(TAKES) & set(HELD_OUT)


@pytest.mark.slow
def test_thirty_montages_and_fifteen_single_takes(studio, tmp_path):
    found = evaluation.evaluate(films.CLIPS, 30, 400, silent)
    whole = found["spans"]["all"]
    assert whole["cuts at 1"]["f1"] >= 0.98
    assert whole["gradual"]["f1"] >= 0.9
    assert found["points"][evaluation.OURS]["all"]["f1"] > max(found["points"][name]["all"]["f1"] for name in evaluation.OTHERS)
    assert found["points"][evaluation.OURS]["cut"]["f1"] >= max(found["points"][name]["cut"]["f1"] for name in evaluation.OTHERS)
    assert found["single takes"]["false changes"][evaluation.OURS]["false"] == 0
    assert found["counted clip"][evaluation.OURS]["f1"] == 1
    shots_report.write_report(found, tmp_path)
    assert json.loads((tmp_path / "shots.json").read_text())["montages"] == 30
    text = (tmp_path / "shots.md").read_text()
    assert all(name in text for name in (evaluation.OURS, *evaluation.OTHERS))
    assert np.isfinite(found["cost per minute"][evaluation.OURS]["CPU s"])
