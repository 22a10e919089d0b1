"""Affect: each dose moves it the way the literature says, and films feel like themselves."""

import numpy as np
import pytest

from composer.evaluation import affect
from composer.film import EMOTIONS, Shot
from composer.options import Options
from composer.video import watch
from composer.video.affect import TYPICAL, Smoother, embedded_affect, frame_affect, rhythm
from composer.video.measure import Rows
from composer.video.sound import Heard
from tests import films


def rows(**values: float) -> Rows:
    """Rows of 250 pictures, all alike."""
    usual = {"brightness": 0.4, "saturation": 0.3, "contrast": 0.15, "dark": 0.25, "warmth": 0.05, "recoloured": 0.0} | values
    columns = {name: np.full(250, value, np.float32) for name, value in usual.items()}
    return Rows(**columns, thumbs=np.zeros((250, 9, 16, 3), np.uint8))


def cutting(length_s: float, duration_s: float = 10.0, strength: float = 0.9) -> list[Shot]:
    """Shots of equal length."""
    edges = np.append(np.arange(0, duration_s - 1e-6, length_s), duration_s)
    return [Shot(a, b, "cut" if a else "start", strength, 1.0, 0.0, 0.4, 0.3, 0.2) for a, b in zip(edges, edges[1:], strict=False)]


def feel(
    motion: float = 0.05,
    loudness: float | None = -26.0,
    shot_s: float = 4.0,
    roughness: float = 0.45,
    pitch_hz: float = 0.0,
    **values: float,
) -> tuple[float, float]:
    """(valence, arousal) of ten even seconds."""
    sound = Heard() if loudness is None else Heard(np.full(10, loudness), np.full(10, roughness), np.full(10, pitch_hz))
    curve = embedded_affect(rows(**values), np.arange(250) / 25, 10.0, cutting(shot_s), np.full(10, motion), sound)
    assert len(curve.times_s) == len(curve.emotions) == len(curve.valence) == len(curve.arousal) == 10
    return float(np.mean(curve.valence)), float(np.mean(curve.arousal))


def rises(values: list[float], by: float = 0.4) -> bool:
    return values == sorted(values) and values[-1] - values[0] >= by


def test_doses_of_arousal():
    assert rises([feel(motion=m)[1] for m in (0.0, 0.02, 0.08, 0.2, 0.5)])
    assert rises([feel(shot_s=s)[1] for s in (10.0, 5.0, 2.0, 1.0, 0.5)])
    assert rises([feel(loudness=level)[1] for level in (-60.0, -35.0, -25.0, -15.0, -8.0)])
    assert rises([feel(saturation=s)[1] for s in (0.1, 0.3, 0.5, 0.7)], by=0.2)


def test_rough_and_high_sound_stirs_and_roughness_displeases():
    rough = [feel(roughness=r) for r in (0.1, 0.3, 0.5, 0.8)]
    assert rises([arousal for _, arousal in rough], by=0.1)
    assert rises([-valence for valence, _ in rough], by=0.1)
    assert rises([feel(pitch_hz=hz)[1] for hz in (80.0, 160.0, 320.0, 640.0)], by=0.05)
    assert feel(pitch_hz=0.0) == feel(pitch_hz=2.0 ** TYPICAL["pitch"][0])  # no pitch says as much as a usual one
    assert feel(loudness=-65.0, roughness=0.9) == feel(loudness=-65.0, roughness=0.0)  # what is hardly heard has no character


def test_one_picture_speaks_for_the_whole_film():
    both = Rows(**{**rows().__dict__, "brightness": np.repeat(np.array([0.1, 0.7], np.float32), 125)})
    dark, bright = frame_affect(both, 124, 10), frame_affect(both, 125, 10)
    assert len(dark.valence) == 10 and len(set(dark.valence)) == 1
    assert bright.valence[0] - dark.valence[0] > 0.6
    pale, full = (frame_affect(rows(saturation=s), 0, 3).arousal[0] for s in (0.05, 0.7))
    assert full - pale > 0.4


def test_doses_of_valence():
    assert rises([feel(brightness=b)[0] for b in (0.05, 0.2, 0.4, 0.6, 0.8)])
    assert rises([feel(saturation=s)[0] for s in (0.1, 0.3, 0.5, 0.7)], by=0.2)
    assert rises([feel(dark=d)[0] for d in (0.9, 0.5, 0.2, 0.0)], by=0.2)
    assert rises([feel(warmth=w)[0] for w in (-0.4, 0.0, 0.3)], by=0.1)


def test_a_silent_film_is_neither_calmer_nor_wilder_for_it():
    assert feel(loudness=None)[1] == pytest.approx(feel(loudness=-28.0)[1], abs=0.1)
    assert feel(loudness=None, motion=0.5, shot_s=1.0)[1] > 0.6


def test_every_emotion_can_win():
    cases = {
        "exciting": {"motion": 0.3, "shot_s": 1.5, "brightness": 0.55, "saturation": 0.5, "dark": 0.0, "loudness": -18.0},
        "fearful": {"motion": 0.3, "shot_s": 1.2, "brightness": 0.2, "dark": 0.6, "loudness": -16.0},
        "tense": {"motion": 0.06, "shot_s": 3.0, "brightness": 0.2, "dark": 0.6, "loudness": -24.0},
        "sad": {"motion": 0.01, "shot_s": 8.0, "brightness": 0.2, "saturation": 0.1, "dark": 0.7, "loudness": -38.0},
        "relaxing": {"motion": 0.02, "shot_s": 8.0, "brightness": 0.55, "saturation": 0.4, "dark": 0.0, "loudness": -36.0},
        "neutral": {"motion": 0.05, "shot_s": 4.0, "brightness": 0.4, "loudness": -28.0},
    }
    for emotion, values in cases.items():
        sound = Heard(np.full(10, values.pop("loudness")), np.full(10, 0.45), np.zeros(10))
        motion, shot_s = np.full(10, values.pop("motion")), values.pop("shot_s")
        curve = embedded_affect(rows(**values), np.arange(250) / 25, 10.0, cutting(shot_s), motion, sound)
        mean = np.mean(curve.emotions, axis=0)
        assert EMOTIONS[int(mean.argmax())] == emotion, (emotion, mean.round(2), curve.valence[5], curve.arousal[5])


def test_a_cut_from_dark_to_bright_is_felt_at_once():
    brightness = np.repeat(np.array([0.1, 0.7], np.float32), 125)
    both = rows()
    both = Rows(**{**both.__dict__, "brightness": brightness})
    curve = embedded_affect(both, np.arange(250) / 25, 10.0, cutting(5.0, strength=1.0), np.full(10, 0.05), Heard())
    valence = np.array(curve.valence)
    assert valence[4] - valence[0] < 0.1
    assert valence[5] - valence[4] > 0.6
    assert valence[9] - valence[5] < 0.1


def test_smoothing():
    values = np.zeros(20)
    values[10] = 1.0
    free = Smoother((), 20, 20.0)(values)
    assert 0 < free[9] < free[10] < 1
    assert free[6] == free[14] == 0
    assert Smoother((), 20, 20.0)(np.full(20, 0.7)) == pytest.approx(0.7)
    stopped = Smoother(cutting(10.0, 20.0, strength=1.0), 20, 20.0)(values)
    assert stopped[9] < 0.05 * stopped[10]
    weak = Smoother(cutting(10.0, 20.0, strength=0.3), 20, 20.0)(values)
    assert stopped[9] < weak[9] < free[9]


def test_rhythm():
    assert rhythm(cutting(10.0), 10) == pytest.approx([0] * 10)
    quicker = [rhythm(cutting(s), 10).mean() for s in (5.0, 2.0, 1.0, 0.4)]
    assert quicker == sorted(quicker)
    assert quicker[-1] == pytest.approx(1)
    mixed = rhythm([*cutting(5.0, 5.0), *(Shot(s.start_s + 5, s.end_s + 5, "cut", 1, 1, 0, 0, 0, 0) for s in cutting(0.5, 5.0))], 10)
    assert mixed[:5].max() < mixed[5:].min()


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    """Passages of the real clips, each watched once."""
    return affect.Viewer(films.CLIPS, tmp_path_factory.mktemp("passages"))


@pytest.mark.parametrize("pair", affect.PAIRS + affect.EARLIER_PAIRS, ids=lambda pair: pair.claim)
def test_passages_in_their_order(viewer, pair):
    films.clip(pair.more.clip), films.clip(pair.less.clip)
    [held] = affect.order(viewer, [pair])
    assert held.more > held.less + 0.1, pair.claim


@pytest.mark.parametrize("dose", affect.DOSES, ids=lambda dose: dose.name)
def test_a_dose_on_a_real_clip(viewer, dose):
    films.clip(dose.passages[-1].clip)
    found = affect.moved(viewer, dose, dose.passages[-1])
    assert found.monotone, found.values
    assert found.by >= affect.DOSE_WANTED, found.values


@pytest.mark.slow
def test_all_doses_and_copies():
    """The table of `evaluate affect`."""
    for passage in {passage for dose in affect.DOSES for passage in dose.passages}:
        films.clip(passage.clip)
    judgement = affect.evaluate(films.CLIPS)
    assert all(moved.monotone for moved in judgement.doses), affect.tables(judgement)
    short = {(moved.dose.name, moved.passage.clip) for moved in judgement.doses if moved.by < affect.DOSE_WANTED}
    assert short <= {("paler", affect.SINTEL)}, affect.tables(judgement)  # a chase: what moves leaves colour little to say
    assert all(held.right for held in judgement.order), affect.tables(judgement)
    assert all(max(copied.valence, copied.arousal) <= affect.COPY_ALLOWED for copied in judgement.copies), affect.tables(judgement)


def test_a_smaller_copy_feels_the_same(tmp_path):
    small = tmp_path / "small.mp4"
    films.ffmpeg("-ss", 17, "-t", 6, "-i", films.clip(affect.BBB), "-vf", "scale=240:-2", "-c:a", "copy", small)
    same = tmp_path / "same.mp4"
    films.ffmpeg("-ss", 17, "-t", 6, "-i", films.clip(affect.BBB), "-crf", "18", "-c:a", "copy", same)
    one, other = (watch(path, Options()).affect for path in (small, same))
    assert np.mean(one.valence) == pytest.approx(np.mean(other.valence), abs=0.05)
    assert np.mean(one.arousal) == pytest.approx(np.mean(other.arousal), abs=0.05)
