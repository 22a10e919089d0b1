"""A finished output folder without a synthesizer: real MIDI files, sound of the right length, and a bundle made from them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from composer.film import Film
from composer.render.daw import write_bundle
from composer.render.events import stem_name
from composer.render.midi import write_midi_stems
from composer.render.wav import SAMPLE_RATE, WavWriter
from composer.rendering import Rendering, Stem
from composer.score import Control, KeyChange, Marker, Note, Score, TechniqueChange, Track
from composer.tempo import Bar, TempoMap
from tests.render.conftest import invented_film

NTSC = Fraction(30000, 1001)


def varied_score(seconds: float = 21.3) -> Score:
    """Tempo in every bar, three metres, hits off the beat, a drum kit, drop-frame timecode, a name and title that need care."""
    bars = [
        Bar(*metre, 60 + 37.7 * (place * 0.618 % 1))
        for place, metre in enumerate([(4, 4)] * 4 + [(6, 8)] * 3 + [(5, 4)] * 2 + [(4, 4)] * 6)
    ]
    tempo = TempoMap(tuple(bars))
    rng = np.random.default_rng(4)
    last = int(tempo.s_to_beat(seconds)) - 1

    def line(low: int, step: float) -> tuple[Note, ...]:
        starts = np.arange(0, last, step) + rng.normal(0, 0.01, len(np.arange(0, last, step))).clip(0)
        return tuple(Note(float(start), step * 0.93, low + int(rng.integers(0, 12)), int(rng.integers(30, 120))) for start in starts)

    waves = [*(Control(beat / 2, 11, 60 + beat % 40) for beat in range(2 * last)), Control(3.0, 64, 127), Control(5.0, 64, 0)]
    tracks = (
        Track("violins_1", 'Violins "I"', "violins_1", line(67, 0.5), tuple(sorted(waves, key=lambda control: control.beat))),
        Track("flute", "Flûte", "flute", line(72, 0.75)),
        Track(
            "violas", "Violas", "violas", line(55, 1.5), techniques=(TechniqueChange(4.0, "pizzicato"), TechniqueChange(9.0, "ordinary"))
        ),
        Track("kit", "Kit", "percussion_kit", line(36, 1.0)),
    )
    marks = (
        Marker(0.0, "section", "S1 calm"), Marker(8.0, "hit", "HIT 01 01:00:05;03"), Marker(16.0, "section", "S2 'tense'"),
        Marker(20.75, "hit", "HIT 02 01:00:12;01"),
    )  # fmt: skip
    keys = (KeyChange(0.0, "D minor"), KeyChange(16.0, "E dorian"))
    return Score('Été <à> "la" mer\x07 & more', tempo, seconds, NTSC, 3, tracks, marks, keys, "01:00:00;00")


@dataclass(frozen=True)
class Made:
    """A bundle and what it was made from."""

    folder: Path
    score: Score
    rendering: Rendering
    film: Film
    scored: Path

    @property
    def daw(self) -> Path:
        return self.folder / "daw"

    @property
    def project(self) -> Path:
        """The Reaper project."""
        (found,) = self.daw.glob("*.rpp")
        return found

    @property
    def dawproject(self) -> Path:
        (found,) = self.daw.glob("*.dawproject")
        return found

    def write(self) -> None:
        """Make the bundle (again)."""
        write_bundle(self.score, None, self.rendering, self.folder, self.film, self.scored)


def finished_folder(folder: Path, score: Score) -> Made:
    """An output folder as rendering and delivering leave it, but for the bundle."""
    length = round(score.end_s * SAMPLE_RATE)
    (folder / "stems" / "audio").mkdir(parents=True)
    stems = []
    for index, track in enumerate(score.tracks):
        path = folder / "stems" / "audio" / stem_name(score, index, ".wav")
        with WavWriter(path, length) as file:
            file.write(np.full((length, 2), index + 1, np.int32))
        stems.append(Stem(track.part, path.relative_to(folder).as_posix(), -20.0, len(track.notes)))
    write_midi_stems(score, folder / "stems" / "midi")
    for name in ("premaster.wav", "mix.wav"):
        with WavWriter(folder / name, length) as file:
            file.write(np.zeros((length, 2), np.int32))
    scored = folder / "it's a film.scored.mp4"
    scored.write_bytes(b"not looked at")
    rendering = Rendering(SAMPLE_RATE, length, tuple(stems), "premaster.wav", "mix.wav", -14.0, -1.0, 3.5, "bank", "0" * 64)
    return Made(folder, score, rendering, invented_film(score.end_s, start_s=0.5, rate=score.frame_rate), scored)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One bundle for all that only read it."""
    made = finished_folder(tmp_path_factory.mktemp("daw") / "film.score", varied_score())
    made.write()
    return made


@pytest.fixture
def fresh(tmp_path: Path) -> Made:
    """A folder of one's own, without a bundle yet."""
    return finished_folder(tmp_path / "film.score", varied_score(6.0))
