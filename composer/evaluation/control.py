"""Control: does the music do what the plan asks? Dose and response (`dose`), keys, chords and adherence, from the notes as composed.

Conventions
-----------
Every measure is taken before performing, from notes and written velocities only. Asked valence and arousal of a plan are those of its bars,
weighing by their seconds, as `composer.theory.affect.overall` weighs what is heard.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from composer.evaluation.dose import Response, response
from composer.evaluation.music import out_of_range, strong_beats
from composer.instruments import INSTRUMENTS
from composer.plan import Plan, Section
from composer.score import Score
from composer.theory.affect import overall
from composer.theory.keys import MODES, parse_key
from composer.theory.listening import find_keys
from composer.theory.passage import Passage, of_score
from composer.theory.texture import TOGETHER

#: stretches of one key shorter than this are not judged
KEY_BARS = 8
#: what is asked and what is measured, per output; and what is measured of a section, whose density is asked
_OF_OUTPUTS = (
    ("arousal", "arousal"), ("arousal", "arousal_flat"), ("valence", "valence"), ("arousal", "onsets_per_second"), ("arousal", "velocity"),
)  # fmt: skip
_OF_SECTIONS = ("onsets_per_second", "onsets_per_beat")


@dataclass(frozen=True)
class ControlTable:
    """What `measure_control` found; shares 0…1."""

    plans: int
    seeds: int
    #: "asked → measured" → response; density is over sections, the rest over outputs
    responses: dict[str, Response]
    #: stretches of 8 bars and more in one planned key (neighbouring sections of the same key are one)
    stretches: int
    #: share of these heard in the key asked for, in one of its signature (relative, or the mode's parent), elsewhere
    keys: dict[str, float]
    #: share of notes on strong beats that belong to the planned chord: all, harmony+bass, and by the role a part has alone in its section
    chord_tones: dict[str, float]
    #: share of outputs with the instruments asked for, no others, all heard; with the plan's tempo map; of notes in range; inside the film
    adherence: dict[str, float]

    def to_plain(self) -> dict[str, Any]:
        """Plain form for JSON (nan becomes None)."""

        def rounded(value: float) -> float | None:
            return round(value, 4) if np.isfinite(value) else None

        return {
            "plans": self.plans,
            "seeds": self.seeds,
            "stretches": self.stretches,
            "responses": {k: {f: rounded(v) for f, v in vars(r).items()} for k, r in self.responses.items()},
            **{name: {k: rounded(v) for k, v in getattr(self, name).items()} for name in ("keys", "chord_tones", "adherence")},
        }

    def lines(self) -> list[str]:
        """A table for people."""
        head = f"{self.plans} plans x {self.seeds} seeds"
        rows = [f"{head:<34}{'rho':>6}  {'95 %':^14}{'within':>8}{'n':>7}"]
        for name, r in self.responses.items():
            rows.append(f"{name:<34}{r.rho:>6.2f}  {r.low:>6.2f} …{r.high:>6.2f}{r.within:>8.2f}{r.points:>7}")
        for title, shares in (
            (f"key of {self.stretches} stretches", self.keys),
            ("chord tones", self.chord_tones),
            ("adherence", self.adherence),
        ):
            rows += [f"{title + ': ' + name:<34}{100 * value:>6.1f} %" for name, value in shares.items()]
        return rows


def measure_control(compose: Callable[[Plan], Score], plans: Sequence[Plan], seeds: int = 3) -> ControlTable:
    """Compose every plan with seeds 0 … seeds − 1 added to its own, and measure."""
    points: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    keys, chords, kept = Counter[tuple[str, bool]](), defaultdict[str, list[int]](lambda: [0, 0]), defaultdict[str, list[float]](list)
    for number, original in enumerate(plans):
        for extra in range(seeds):
            plan = replace(original, seed=original.seed + extra)
            score = compose(plan)
            passage = of_score(score)
            asked, heard = _asked(plan), _heard(passage)
            for want, got in _OF_OUTPUTS:
                points[f"{want} → {got}"].append((number, asked[want], heard[got]))
            for section in plan.sections:
                part = passage.between(section.first_bar - 1, section.last_bar)
                for got, value in zip(_OF_SECTIONS, _rates(part), strict=True):
                    points[f"density → {got}"].append((number, section.density, value))
            for key, first, last in _key_spans(plan):
                part = passage.between(first, last)
                if last - first >= KEY_BARS and part.pitched().any():
                    keys[_key_heard(part, key), parse_key(key).mode in ("major", "minor")] += 1
            _count_chords(plan, score, chords)
            for name, value in _adherence(plan, score).items():
                kept[name].append(value)
    groups = [tuple(sorted(part.instrument for part in plan.parts)) for plan in plans]
    return ControlTable(
        len(plans),
        seeds,
        {name: response(np.array(rows), groups) for name, rows in points.items()},
        keys.total(),
        _key_shares(keys),
        {name: good / total for name, (good, total) in sorted(chords.items()) if total},
        {name: float(np.mean(values)) for name, values in kept.items()},
    )


def _asked(plan: Plan) -> dict[str, float]:
    seconds = np.diff(plan.tempo.bar_seconds)
    return {name: float(np.average([getattr(bar, name) for bar in plan.bars], weights=seconds)) for name in ("valence", "arousal")}


def _heard(passage: Passage) -> dict[str, float]:
    valence, arousal, _ = overall(passage)
    velocity = float(passage.velocity.mean()) if len(passage.onset) else 0.0
    return {
        "valence": valence,
        "arousal": arousal,
        "arousal_flat": overall(passage, flat_velocity=True)[1],
        "onsets_per_second": _rates(passage)[0],
        "velocity": velocity,
    }


def _rates(passage: Passage) -> tuple[float, float]:
    """Times at which anything begins, per second and per beat."""
    count = 1 + int((np.diff(passage.onset) > TOGETHER).sum()) if len(passage.onset) else 0
    return count / float(passage.seconds()[-1]), count / float(passage.edges[-1])


def _key_spans(plan: Plan) -> list[tuple[str, int, int]]:
    """(key, first bar from 0, bar after the last): neighbouring sections of one key together, as few sections are long enough alone."""
    spans: list[tuple[str, int, int]] = []
    for section in plan.sections:
        joins = bool(spans) and spans[-1][0] == section.key and spans[-1][2] == section.first_bar - 1
        first = spans.pop()[1] if joins else section.first_bar - 1
        spans.append((section.key, first, section.last_bar))
    return spans


def _key_shares(counts: Counter[tuple[str, bool]]) -> dict[str, float]:
    """Shares of all stretches; and "same" again among those in major and minor, as the ear of `find_keys` knows no modes."""
    shares, plain = {}, sum(count for (_, is_plain), count in counts.items() if is_plain)
    for name in ("same", "signature", "other"):
        shares[name] = (counts[name, True] + counts[name, False]) / counts.total() if counts else float("nan")
    return {**shares, "same, modes left out": counts["same", True] / plain if plain else float("nan")}


def _key_heard(passage: Passage, planned: str) -> str:
    """same, signature or other: the key that most bars are heard in beside the planned one (modes count as major or minor)."""
    key = parse_key(planned)
    found = find_keys(passage).astype(np.int64)
    tonic, minor = divmod(int(np.bincount(found[:, 0] * 2 + found[:, 1]).argmax()), 2)
    if (tonic, bool(minor)) == (key.tonic, key.is_minor):
        return "same"
    scale = {(tonic + step) % 12 for step in MODES["minor" if minor else "major"]}
    relative = (tonic + (3 if minor else 9)) % 12 == key.tonic and bool(minor) != key.is_minor
    return "signature" if relative or scale == set(key.scale) else "other"


def _roles(section: Section) -> dict[str, set[str]]:
    """Part → the roles it has in a section; who doubles has those of the part it follows."""
    roles: dict[str, set[str]] = defaultdict(set)
    for role, players in section.roles.items():
        for player in players:
            roles[player].add(role)
    for follower, leader in section.doubles.items():
        roles[follower] |= roles[leader]
    return roles


def _count_chords(plan: Plan, score: Score, counts: Mapping[str, list[int]]) -> None:
    """Add [notes of the chord, notes] that begin on strong beats (1/50 beat either way), in all, harmony+bass and by role."""
    begins: dict[str, dict[int, list[int]]] = {}
    for track in score.tracks:
        if not INSTRUMENTS[track.instrument].is_drum:
            places = begins.setdefault(track.part, defaultdict(list))
            for note in track.notes:
                places[round(note.start_beat * 50)].append(note.pitch % 12)
    roles = {section.id: _roles(section) for section in plan.sections}
    for beat, section, chord in strong_beats(plan):
        middle = round(beat * 50)
        for part, places in begins.items():
            mine = roles[section.id].get(part, set())
            names = ["all", *(["harmony+bass"] if mine and mine <= {"harmony", "pad", "bass"} else []), *(mine if len(mine) == 1 else [])]
            classes = [pc for place in (middle - 1, middle, middle + 1) for pc in places.get(place, ())]
            good = sum(pc in chord.sounding for pc in classes)
            for name in names:
                counts[name][0] += good
                counts[name][1] += len(classes)


def _adherence(plan: Plan, score: Score) -> dict[str, float]:
    notes = [note for track in score.tracks for note in track.notes]
    if not notes:
        return {"instruments": 0.0, "tempo": float(score.tempo == plan.tempo)}
    start, end = np.array([(n.start_beat, n.end_beat) for n in notes]).T
    # half a frame of grace: nobody sees less
    last_s = min(plan.duration_s, plan.tempo.total_s) + 0.5 / float(plan.frame_rate)
    inside = (start >= -1e-6) & (plan.tempo.beat_to_s(end) <= last_s)
    return {
        "instruments": float({t.instrument for t in score.tracks if t.notes} == {part.instrument for part in plan.parts}),
        "tempo": float(score.tempo == plan.tempo),
        "in range": 1 - out_of_range(score) / len(notes),
        "inside the film": float(inside.mean()),
    }
