"""A notation's own reader, independent of music21, and scores to read: composed ones and any rhythm at all."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from composer.instruments import INSTRUMENTS
from composer.options import Options
from composer.plan import Plan
from composer.score import KeyChange, Marker, Note, Score, Track
from composer.tempo import Bar, TempoMap
from tests.filmmaker import random_film

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass
class Sheet:
    """What a reader finds in one part."""

    #: (onset in quarter notes from the beginning, sounding pitch) of every note that is struck; 0 for unpitched ones
    struck: list[tuple[Fraction, int]] = field(default_factory=list)
    #: (measure number, voice, staff) → sum of its durations
    sums: dict[tuple[int, str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    #: written names of all notes, e.g. "Bb"
    names: list[str] = field(default_factory=list)


def sheets(root: ET.Element) -> Iterator[Sheet]:
    """Every part of a score-partwise tree, read as the standard says."""
    for part in root.findall("part"):
        sheet, divisions, transpose, bar = Sheet(), 1, 0, Fraction(0)
        for measure in part.findall("measure"):
            now = longest = began = Fraction(0)
            for element in measure:
                duration = Fraction(int(element.findtext("duration", "0")), divisions)
                if element.tag == "attributes":
                    divisions = int(element.findtext("divisions", str(divisions)))
                    if element.find("transpose") is not None:
                        transpose = int(element.findtext("transpose/chromatic", "0")) + 12 * int(
                            element.findtext("transpose/octave-change", "0")
                        )
                elif element.tag == "backup":
                    now -= duration
                elif element.tag == "forward":
                    now += duration
                elif element.tag == "note":
                    if element.find("chord") is None:
                        began, now = now, now + duration
                        sheet.sums[int(measure.get("number", "0")), element.findtext("voice", "1"), element.findtext("staff", "1")] += (
                            duration
                        )
                    _read(element, bar + began, transpose, sheet)
                longest = max(longest, now)
            bar += longest
        yield sheet


def _read(note: ET.Element, at: Fraction, transpose: int, sheet: Sheet) -> None:
    if any(tie.get("type") == "stop" for tie in note.findall("tie")):
        return
    if note.find("unpitched") is not None:
        sheet.struck.append((at, 0))
    if note.find("pitch") is not None:
        step, alter = note.findtext("pitch/step", ""), int(note.findtext("pitch/alter", "0"))
        sheet.struck.append((at, _STEPS[step] + alter + 12 * (int(note.findtext("pitch/octave", "0")) + 1) + transpose))
        sheet.names.append(step + "#" * alter + "b" * -alter)


def tempo_of(metres: Sequence[str], qpms: Sequence[float]) -> TempoMap:
    """Bars of those metres; tempi repeat."""
    figures = [[int(figure) for figure in metre.split("/")] for metre in metres]
    return TempoMap(tuple(Bar(upper, lower, qpms[i % len(qpms)]) for i, (upper, lower) in enumerate(figures)))


def strayed(start: float, tempo: TempoMap, rng: random.Random) -> float:
    """An onset as a player gives it: up to 22 ms off."""
    if start == 0:
        return 0.0
    return tempo.s_to_beat(tempo.beat_to_s(start) + max(-0.022, min(0.022, rng.gauss(0, 0.008))))


@pytest.fixture(scope="session")
def any_rhythm() -> Callable[..., tuple[Score, dict[str, list[tuple[Fraction, int]]]]]:
    """Make a score of sixteenths and triplets anywhere, played by people; returned with what was meant: part → [(onset, pitch)]."""

    def make(
        seed: int, metres: Sequence[str], instruments: Sequence[str], qpms: Sequence[float] = (72.0, 96.0)
    ) -> tuple[Score, dict[str, list[tuple[Fraction, int]]]]:
        rng = random.Random(seed)
        tempo = tempo_of(metres, qpms)
        meant: dict[str, list[tuple[Fraction, int]]] = {}
        tracks = []
        for name in instruments:
            info = INSTRUMENTS[name]
            onsets = _onsets(tempo, rng)
            notes, meant[name] = [], []
            for i, onset in enumerate(onsets):
                gap = float((onsets[i + 1] if i + 1 < len(onsets) else Fraction(tempo.total_beats)) - onset)
                start = strayed(float(onset), tempo, rng)
                for pitch in rng.sample(range(*info.comfortable), k=rng.choice((1, 1, min(info.polyphony, 3)))):
                    notes.append(Note(start, gap * rng.choice((0.45, 0.8, 0.95, 1.0)), pitch, rng.randint(40, 110)))
                    meant[name].append((onset, pitch))
            tracks.append(Track(name, info.name, name, tuple(sorted(notes, key=lambda n: (n.start_beat, n.pitch)))))
        keys = (KeyChange(0.0, "D minor"), KeyChange(float(tempo.bar_beats[len(metres) // 2]), "E major"))
        marks = (Marker(0.0, "section", "S1 calm D minor"),)
        return Score("Any rhythm", tempo, tempo.total_s, Fraction(25), seed, tuple(tracks), marks, keys), meant

    return make


def _onsets(tempo: TempoMap, rng: random.Random) -> list[Fraction]:
    """Beats of bars cut into eighths, sixteenths and, where a beat is a quarter note, triplets; some left out."""
    found: list[Fraction] = []
    for index, bar in enumerate(tempo.bars):
        at = Fraction(float(tempo.bar_beats[index]))
        end = at + Fraction(bar.numerator * 4, bar.denominator)
        while at < end:
            beat = Fraction(1) if bar.denominator <= 4 else Fraction(1, 2)
            parts = rng.choice((1, 1, 2, 2, 4, 3) if bar.denominator <= 4 else (1, 1, 2))
            found += [at + beat * k / parts for k in range(parts) if rng.random() < 0.85]
            at += beat
    return found


@pytest.fixture(scope="session")
def composed() -> Callable[..., tuple[Plan, Score]]:
    """Plan and performed score of a small film, composed by the rules of harmony."""
    from composer.baselines.chords import compose
    from composer.planner import plan, spot
    from composer.render.perform import perform

    def make(seed: int, seconds: float, *instruments: str, change: Callable[[Plan], Plan] | None = None) -> tuple[Plan, Score]:
        options = Options(seed=seed, instruments=instruments)
        film = random_film(seed, seconds)
        made = plan(film, spot(film, options), options)
        made = change(made) if change is not None else made
        return made, replace(perform(compose(made), made, options.humanize), title="Test")

    return make
