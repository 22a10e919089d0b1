"""Matching a new edit with the old film: every stretch to the frame, whatever the encoder did."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from composer.edit import Edit, Kept
from composer.errors import VideoError
from composer.film import Span
from composer.video.fingerprint import Fingerprints, distances, distances_in_step, fingerprints
from composer.video.matching import match
from tests.films import clip, film
from tests.reedits import ADDED, EDGES, END, HEADLESS, RATE, REMOVED, SWAPPED, TRIMMED, Cutting, edit_of, make_eight_shots, recut


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fingerprints]:
    path = make_eight_shots(tmp_path_factory.mktemp("matching") / "old.mp4")
    return path, fingerprints(path)


def frames(edit: Edit, rate: float = RATE) -> list[tuple[int, int, int]]:
    return [(round(k.old_start_s * rate), round(k.new_start_s * rate), round(k.length_s * rate)) for k in edit.kept]


@pytest.mark.parametrize("cutting", [TRIMMED, REMOVED, ADDED, SWAPPED, HEADLESS, ((0, END),)])
def test_every_edit_is_found_to_the_frame(cutting: Cutting, old: tuple[Path, Fingerprints], tmp_path: Path) -> None:
    found = match(old[1], fingerprints(recut(tmp_path / "new.mp4", old[0], cutting)))
    assert frames(found) == frames(edit_of(cutting))
    assert found.new_duration_s == pytest.approx(edit_of(cutting).new_duration_s, abs=1e-3)


@pytest.mark.parametrize(
    ("filters", "quality"),
    [("scale=80:44", 28), ("eq=gamma=1.2:contrast=1.1:saturation=0.8", 23), ("eq=brightness=0.05,hue=h=8", 30), ("null", 36)],
)
def test_size_grading_and_encoding_do_not_matter(filters: str, quality: int, old: tuple[Path, Fingerprints], tmp_path: Path) -> None:
    found = match(old[1], fingerprints(recut(tmp_path / "new.mp4", old[0], SWAPPED, filters, quality)))
    assert frames(found) == frames(edit_of(SWAPPED))


@pytest.mark.parametrize("filters", ["null", "eq=gamma=1.2:contrast=1.1"])
def test_a_trimmed_shot_that_stands_still_keeps_its_beginning(filters: str, old: tuple[Path, Fingerprints], tmp_path: Path) -> None:
    headless = ((0, EDGES[5]), (EDGES[5] + 20, END))  # nobody can see which of its frames are gone
    found = match(old[1], fingerprints(recut(tmp_path / "new.mp4", old[0], headless, filters)))
    assert frames(found) == [(0, 0, EDGES[6] - 20), (EDGES[6], EDGES[6] - 20, END - EDGES[6])]


def test_cuts_inside_a_shot_are_found(old: tuple[Path, Fingerprints], tmp_path: Path) -> None:
    middle = ((0, EDGES[1] + 30), (EDGES[1] + 60, END))
    assert frames(match(old[1], fingerprints(recut(tmp_path / "new.mp4", old[0], middle)))) == frames(edit_of(middle))


def test_what_was_removed_and_added_is_told() -> None:
    edit = Edit(10.0, 9.0, (Kept(0.0, 0.0, 3.0), Kept(7.0, 3.0, 2.0), Kept(4.0, 6.0, 3.0)))
    assert edit.removed == (Span(3.0, 4.0), Span(9.0, 10.0))
    assert edit.added == (Span(5.0, 6.0),)
    assert edit.moved(8.0) == 4.0
    assert edit.moved(3.5) is None
    assert edit.moved(3.99, slack_s=0.02) == pytest.approx(5.99)
    assert edit.moved(3.0) is None


def test_another_film_is_refused(old: tuple[Path, Fingerprints], tmp_path: Path) -> None:
    other = fingerprints(film(tmp_path / "other.mp4", ("chart", 3), ("black", 2)))
    with pytest.raises(VideoError, match="nothing of the old film is in the new one"):
        match(old[1], other)


def test_another_frame_rate_is_refused(old: tuple[Path, Fingerprints]) -> None:
    with pytest.raises(VideoError, match=r"24 frames a second, the scored one 25\. Export"):
        match(old[1], replace(old[1], frame_rate=Fraction(24)))


def test_distances_agree() -> None:
    rng = np.random.default_rng(1)
    one, other = (rng.normal(size=(7, 147)).astype(np.float32) for _ in range(2))
    assert np.allclose(np.diag(distances(one, other)), distances_in_step(one, other), atol=1e-3)
    assert distances(one, one).diagonal() == pytest.approx(np.zeros(7), abs=1e-4)


def test_a_real_film_half_its_size(tmp_path: Path) -> None:
    source = clip("film/nosferatu_silent_48s.mp4")
    cutting = ((0, 240), (683, 788), (252, 683), (788, 1191))
    new = recut(tmp_path / "new.mp4", source, cutting, "scale=320:240,eq=gamma=1.1", 28)
    assert frames(match(fingerprints(source), fingerprints(new))) == frames(edit_of(cutting))
