"""`Plan`: the arrangement before a note is written. Rules, an LLM or a person's editor all end in this one noun.

A plan reads and writes as YAML meant for people: one bar per line, chords as roman numerals of the section's key (so a changed
key moves the harmony along), roles by part id. `Plan.check` is the one border where any plan is validated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import yaml

from composer.cues import HARD_WEIGHT
from composer.errors import ComposerError, PlanError, nearest
from composer.instruments import INSTRUMENTS, ROLES, Instrument, Technique
from composer.serial import from_plain, to_plain, write_text
from composer.tempo import Bar, TempoMap
from composer.theory.chords import parse_chord
from composer.theory.functions import cadence_names, function_names
from composer.theory.keys import parse_key
from composer.theory.moods import MOODS
from composer.theory.motif import Variation, parse_motif
from composer.timecode import check_start

PLAN_VERSION = 1
DYNAMICS = ("pp", "p", "mp", "mf", "f", "ff")
#: how music marks a hit: a section begins, the chord changes, an accent, a last short chord and then silence, a stabbed chord of the
#: low and loud instruments, a cymbal, a stroke of the timpani
Mark = Literal["section", "chord", "accent", "stop", "stinger", "crash", "timpani"]
#: what a section is for in its cue: all there is; how it begins; on the way up; a lull on that way; the peak of feeling; coming down; the last word
Form = Literal["whole", "opening", "build", "respite", "climax", "release", "ending"]
FORMS: tuple[Form, ...] = ("whole", "opening", "build", "respite", "climax", "release", "ending")
#: how a section's key is entered: it goes on, or the music begins; over a chord both keys know; or at once
MODULATIONS = ("", "pivot", "direct")
#: chords that one bar can have at most
MAX_CHORDS = 8


@dataclass(frozen=True)
class PlanBar:
    """One bar: metre, tempo and the feeling it should carry."""

    #: number of the bar, from 1
    bar: int
    #: e.g. "4/4"
    metre: str
    #: tempo, quarter notes per minute
    qpm: float
    #: −1 unpleasant … 1 pleasant
    valence: float
    #: −1 calm … 1 excited
    arousal: float
    #: 0 at rest … 1 tense
    tension: float
    #: picture cuts per second around the bar
    cut_rhythm: float
    #: share of the bar in which somebody speaks, 0…1
    speech: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """Plain form, one short line in YAML."""
        return {"bar": self.bar, "metre": self.metre, "qpm": round(self.qpm, 4), "valence": round(self.valence, 2), "arousal": round(self.arousal, 2), "tension": round(self.tension, 2), "cut_rhythm": round(self.cut_rhythm, 2), "speech": round(self.speech, 2)}  # fmt: skip

    def as_bar(self) -> Bar:
        """The tempo map's view of it."""
        try:
            upper, lower = (int(part) for part in self.metre.split("/"))
        except ValueError:
            raise PlanError(f"bar {self.bar}: {self.metre!r} is not a metre", "Write e.g. 4/4.") from None
        return Bar(upper, lower, self.qpm)


@dataclass(frozen=True)
class Part:
    """An instrument that plays in this plan."""

    #: unique within the plan; roles refer to it
    id: str
    #: key of the instrument table
    instrument: str

    @property
    def info(self) -> Instrument:
        """Its row of the instrument table."""
        return INSTRUMENTS[self.instrument]


@dataclass(frozen=True)
class PlanCue:
    """One piece of music on the film's time line."""

    #: e.g. "1m1"
    id: str
    #: first moment, seconds
    start_s: float
    #: last moment, seconds
    end_s: float


@dataclass(frozen=True)
class Section:
    """Some bars that belong together."""

    #: e.g. "S2"
    id: str
    #: id of the cue it belongs to
    cue: str
    #: first bar, from 1
    first_bar: int
    #: how many bars
    bars: int
    #: one of composer.theory.moods.MOODS
    mood: str
    #: e.g. "D minor"
    key: str
    #: letter of the theme the melody is made from
    theme: str
    #: pp p mp mf f ff
    dynamics: str
    #: how busy the texture is, 0 bare … 1 full
    density: float
    #: one entry per bar, roman numerals of the key, several share the bar evenly: "i", "iv V7"
    chords: tuple[str, ...]
    #: role → ids of the parts that play it
    roles: dict[str, tuple[str, ...]]
    #: part → the part whose line it doubles (at the octave its range asks for)
    doubles: dict[str, str]
    #: why, one line for a film-maker
    reason: str
    #: what it is for in its cue
    form: Form = "whole"
    #: how its theme comes
    variation: Variation = "plain"
    #: how its key is entered, one of MODULATIONS
    modulation: str = ""
    #: part → how it plays where not in its ordinary way: pizzicato, tremolo, mute
    techniques: dict[str, Technique] = field(default_factory=dict)
    #: bars of each phrase; empty = fours
    phrases: tuple[int, ...] = ()
    #: what each chord does in its key, an entry per bar as in `chords` (read from them by `Plan.check`)
    functions: tuple[str, ...] = ()
    #: the cadence that ends each phrase, "" for none (read from the chords by `Plan.check`)
    cadences: tuple[str, ...] = ()

    @property
    def last_bar(self) -> int:
        """Last bar, from 1, inclusive."""
        return self.first_bar + self.bars - 1


@dataclass(frozen=True)
class Theme:
    """What a tune is known by, wherever it returns."""

    #: letter by which sections name it
    letter: str
    #: look of the shots it belongs to (see composer.film.Shot.look); None = to none of them
    look: int | None
    #: id of the part that sings it first
    part: str
    #: its notes as length:degree (see composer.theory.motif); empty = the generator's own
    motif: str = ""


@dataclass(frozen=True)
class Hairpin:
    """A crescendo or diminuendo; where it ends the section's own dynamics hold again (subito), or the next section's."""

    #: where it begins: bar from 1, beat in quarter notes from 1
    bar: int
    beat: float
    #: where it ends
    to_bar: int
    to_beat: float
    #: dynamics it begins with and leads to
    start: str
    end: str


@dataclass(frozen=True)
class Hit:
    """A hit point, placed."""

    #: moment of picture, seconds
    time_s: float
    #: where music marks it: bar from 1
    bar: int
    #: and beat in the bar from 1, in quarter notes
    beat: float
    #: music minus picture, seconds
    error_s: float
    #: 0…1, hard from 0.7 up
    weight: float
    #: how music marks it
    mark: Mark
    #: a few words
    label: str = ""
    #: a person asked for it
    is_own: bool = False

    @property
    def is_hard(self) -> bool:
        """Whether it had to fall on a downbeat or beat."""
        return self.weight >= HARD_WEIGHT

    def frames_off(self, frame_rate: Fraction) -> float:
        """Planned error in frames of the film."""
        return self.error_s * float(frame_rate)


@dataclass(frozen=True)
class Plan:
    """The arrangement of one film."""

    #: schema version of this file
    version: int
    #: everything random comes from this
    seed: int
    #: who made it: "rules", "llm:<model>" or "file"
    origin: str
    #: for people
    title: str
    #: length of the film, seconds
    duration_s: float
    #: frames per second of the film
    frame_rate: Fraction
    #: how the last chord leaves
    ending: Literal["ring", "cut", "fade"]
    #: pieces of music
    cues: tuple[PlanCue, ...]
    #: who plays, in score order
    parts: tuple[Part, ...]
    #: in order, never overlapping
    sections: tuple[Section, ...]
    #: what music marks, in order of time
    hits: tuple[Hit, ...]
    #: every bar of the film, in order: the tempo map and the feeling of each
    bars: tuple[PlanBar, ...]
    #: timecode of the film's first picture ("01:00:00;00" counts drop-frame)
    start_tc: str = "01:00:00:00"
    #: every moment that was considered as a hit before any tempo was fitted, seconds: the denominator of coverage
    candidates_s: tuple[float, ...] = ()
    #: those among them that were chosen as hard hits before any tempo was fitted, whether they could be had or not
    wanted_s: tuple[float, ...] = ()
    #: sections a re-plan must leave alone
    locked: tuple[str, ...] = ()
    #: one line per decision
    reasons: tuple[str, ...] = ()
    #: what of a person's wishes could not be had, one line each
    notes: tuple[str, ...] = ()
    #: a few words of genre
    style: str = ""
    #: home key
    key: str = ""
    #: by letter
    themes: tuple[Theme, ...] = ()
    #: crescendi and diminuendi, in order
    hairpins: tuple[Hairpin, ...] = ()

    @property
    def tempo(self) -> TempoMap:
        """The one tempo map."""
        return TempoMap(tuple(bar.as_bar() for bar in self.bars))

    def section_at(self, bar: int) -> Section | None:
        """The section that holds a bar (from 1), if any."""
        return next((s for s in self.sections if s.first_bar <= bar <= s.last_bar), None)

    def part(self, part_id: str) -> Part:
        """The part of that id."""
        return next(p for p in self.parts if p.id == part_id)

    def theme(self, letter: str) -> Theme | None:
        """The theme of that letter, if it has a motif or a player of its own."""
        return next((theme for theme in self.themes if theme.letter == letter), None)

    def check(self) -> Plan:
        """Return the plan with what follows from it (hit errors, functions, cadences) worked out anew, or raise PlanError naming the first thing wrong with it."""
        if self.version != PLAN_VERSION:
            raise PlanError(f"plan version {self.version} is not known", f"This program reads version {PLAN_VERSION}.")
        if not self.parts or not self.sections or not self.bars:
            raise PlanError("the plan has no parts, sections or bars", "It needs at least one of each.")
        if self.duration_s <= 0 or self.frame_rate <= 0:
            raise PlanError("duration_s and frame_rate must be positive", "Take them from film.json.")
        try:
            check_start(self.start_tc, self.frame_rate)
        except ComposerError as error:
            raise PlanError(f"start_tc {self.start_tc!r}: {error.problem}", error.hint) from None
        self._check_cues()
        for number, bar in enumerate(self.bars, 1):
            if bar.bar != number:
                raise PlanError(f"bars[{number - 1}] is numbered {bar.bar}", "Bars count 1, 2, 3 … without gaps.")
            if not (
                abs(bar.valence) <= 1 and abs(bar.arousal) <= 1 and 0 <= bar.tension <= 1 and bar.cut_rhythm >= 0 and 0 <= bar.speech <= 1
            ):
                raise PlanError(f"bar {number}: a feeling out of range", "valence and arousal lie in -1…1, tension and speech in 0…1.")
        tempo = self.tempo
        self._check_parts()
        if not any(players for section in self.sections for players in section.roles.values()):
            raise PlanError("nobody plays in this plan", "Give a part a role in one of its sections.")
        last, seen = 0, set[str]()
        for section in self.sections:
            if section.id in seen:
                raise PlanError(f"section {section.id!r} is listed twice", "Section ids must differ.")
            seen.add(section.id)
            self._check_section(section, last)
            self._check_place(section, tempo)
            last = section.last_bar
        unknown = set(self.locked) - {s.id for s in self.sections}
        if unknown:
            raise PlanError(f"locked names unknown section {min(unknown)!r}", nearest(min(unknown), [s.id for s in self.sections]))
        self._check_themes()
        for hairpin in self.hairpins:
            self._check_hairpin(hairpin, tempo)
        hits = tuple(self._measured(hit, tempo) for hit in sorted(self.hits, key=lambda h: h.time_s))
        return replace(self, hits=hits, sections=tuple(_read(section) for section in self.sections))

    def _measured(self, hit: Hit, tempo: TempoMap) -> Hit:
        if not (1 <= hit.bar <= len(self.bars) and 1 <= hit.beat < tempo.bars[hit.bar - 1].beats + 1):
            raise PlanError(f"hit at {hit.time_s:g} s: bar {hit.bar} beat {hit.beat:g} does not exist", self._beats_hint(hit.bar))
        if not (0 <= hit.time_s <= self.duration_s and 0 <= hit.weight <= 1):
            raise PlanError(f"hit at {hit.time_s:g} s of weight {hit.weight:g}", "It lies within the film, and weighs 0 to 1.")
        return replace(hit, error_s=round(tempo.beat_to_s(tempo.beat_of(hit.bar, hit.beat)) - hit.time_s, 6))

    def _beats_hint(self, bar: int) -> str:
        """What somebody has to know who named a beat that is not there."""
        if not 1 <= bar <= len(self.bars):
            return f"The plan has {len(self.bars)} bars; they count from 1."
        row = self.bars[bar - 1]
        return f"Bar {bar} is in {row.metre}: it has {row.as_bar().beats:g} quarter notes; beats count from 1."

    def _check_themes(self) -> None:
        if self.key:
            try:
                parse_key(self.key)
            except ComposerError as error:
                raise PlanError(f"key: {error.problem}", error.hint) from None
        ids, seen = [part.id for part in self.parts], set[str]()
        for theme in self.themes:
            if theme.letter in seen:
                raise PlanError(f"theme {theme.letter!r} is listed twice", "Letters of themes must differ.")
            seen.add(theme.letter)
            self._check_ids(f"theme {theme.letter}", [theme.part], ids)
            try:
                if theme.motif:
                    parse_motif(theme.motif)
            except ComposerError as error:
                raise PlanError(f"theme {theme.letter}: {error.problem}", error.hint) from None

    def _check_hairpin(self, hairpin: Hairpin, tempo: TempoMap) -> None:
        where = f"hairpin in bar {hairpin.bar}"
        for bar, beat in ((hairpin.bar, hairpin.beat), (hairpin.to_bar, hairpin.to_beat)):
            if not (1 <= bar <= len(self.bars) and 1 <= beat < tempo.bars[bar - 1].beats + 1 + 1e-6):
                raise PlanError(f"{where}: bar {bar} beat {beat:g} does not exist", self._beats_hint(bar))
        if (hairpin.to_bar, hairpin.to_beat) <= (hairpin.bar, hairpin.beat):
            raise PlanError(f"{where} ends before it begins", "Change to_bar or to_beat.")
        for mark in (hairpin.start, hairpin.end):
            if mark not in DYNAMICS:
                raise PlanError(f"{where}: dynamics {mark!r}", f"Use one of {' '.join(DYNAMICS)}.")

    def _check_cues(self) -> None:
        before_s = 0.0
        for cue in self.cues:
            if not before_s - 1e-6 <= cue.start_s < cue.end_s:
                raise PlanError(f"cue {cue.id!r} lasts from {cue.start_s:g} to {cue.end_s:g} s", "Cues are in order and never overlap.")
            before_s = cue.end_s

    def _check_parts(self) -> None:
        seen: set[str] = set()
        for part in self.parts:
            if part.id in seen:
                raise PlanError(f"part {part.id!r} is listed twice", "Part ids must differ.")
            seen.add(part.id)
            if part.instrument not in INSTRUMENTS:
                raise PlanError(f"part {part.id!r}: unknown instrument {part.instrument!r}", nearest(part.instrument, INSTRUMENTS))

    def _check_section(self, section: Section, last: int) -> None:
        where = f"section {section.id}"
        if section.first_bar <= last:
            raise PlanError(f"{where} begins in bar {section.first_bar}, inside the section before it (to bar {last})", "Sections must not overlap.")  # fmt: skip
        if section.bars < 1 or section.last_bar > len(self.bars):
            raise PlanError(f"{where} covers bars {section.first_bar} to {section.last_bar}, but the plan has {len(self.bars)}", "Change first_bar or bars.")  # fmt: skip
        if len(section.chords) != section.bars:
            raise PlanError(f"{where} has {section.bars} bars but {len(section.chords)} chord entries", "Write one entry per bar.")
        if section.cue not in {cue.id for cue in self.cues}:
            raise PlanError(f"{where} belongs to unknown cue {section.cue!r}", nearest(section.cue, [c.id for c in self.cues]))
        if section.mood not in MOODS:
            raise PlanError(f"{where}: unknown mood {section.mood!r}", nearest(section.mood, MOODS) or f"Moods: {', '.join(MOODS)}.")
        if section.dynamics not in DYNAMICS:
            raise PlanError(f"{where}: dynamics {section.dynamics!r}", f"Use one of {' '.join(DYNAMICS)}.")
        if section.phrases and (min(section.phrases) < 1 or sum(section.phrases) != section.bars):
            raise PlanError(
                f"{where} has {section.bars} bars, but its phrases have {sum(section.phrases)}", "Change phrases, or leave it empty."
            )
        if section.modulation not in MODULATIONS:
            hint = nearest(section.modulation, MODULATIONS) or 'Use pivot or direct, or "" where the key goes on.'
            raise PlanError(f"{where}: modulation {section.modulation!r}", hint)
        if not 0 <= section.density <= 1:
            raise PlanError(f"{where}: density {section.density:g}", "It lies between 0 and 1.")
        try:
            key = parse_key(section.key)
            for bar, entry in enumerate(section.chords, section.first_bar):
                for symbol in entry.split() or [""]:
                    parse_chord(symbol, key)
                if len(entry.split()) > MAX_CHORDS:
                    raise PlanError(f"bar {bar} has {len(entry.split())} chords", f"A bar has {MAX_CHORDS} at most.")
        except ComposerError as error:
            raise PlanError(f"{where}: {error.problem}", error.hint) from None
        ids = [part.id for part in self.parts]
        for role, players in section.roles.items():
            if role not in ROLES:
                raise PlanError(f"{where}: unknown role {role!r}", nearest(role, ROLES) or f"Roles: {', '.join(ROLES)}.")
            self._check_ids(where, players, ids)
        self._check_ids(where, [*section.doubles, *section.doubles.values()], ids)
        self._check_ids(where, section.techniques, ids)
        for player, technique in section.techniques.items():
            info = self.part(player).info
            if technique not in ("ordinary", *info.techniques):
                hint = f"They know {', '.join(info.techniques)}." if info.techniques else "Leave it out."
                raise PlanError(f"{where}: {info.name} cannot play {technique}", hint)
        self._check_doubles(section)

    @staticmethod
    def _check_doubles(section: Section) -> None:
        """Whoever doubles may be doubled in turn, but somebody must have a line of their own."""
        for follower in section.doubles:
            way = [follower]
            while (leader := section.doubles.get(way[-1])) is not None:
                if leader in way:
                    problem = (
                        "doubles itself" if leader == follower and len(way) == 1 else f"doubles in a circle ({', '.join([*way, leader])})"
                    )
                    raise PlanError(
                        f"section {section.id}: part {follower!r} {problem}", "Let it double a part that has a line of its own."
                    )
                way.append(leader)

    def _check_place(self, section: Section, tempo: TempoMap) -> None:
        """Bars may be moved by an edited tempo, but not out of their cue."""
        cue = next(cue for cue in self.cues if cue.id == section.cue)
        start_s, end_s = (float(tempo.bar_seconds[bar]) for bar in (section.first_bar - 1, section.last_bar))
        if end_s <= cue.start_s or start_s >= cue.end_s:
            problem = f"section {section.id} sounds from {start_s:.2f} to {end_s:.2f} s, but its cue {cue.id} lasts from {cue.start_s:.2f} to {cue.end_s:.2f} s"
            raise PlanError(problem, "Give it to another cue, or change the cue's times.")

    @staticmethod
    def _check_ids(where: str, used: Any, ids: list[str]) -> None:
        for part in used:
            if part not in ids:
                raise PlanError(f"{where}: unknown part {part!r}", nearest(part, ids) or f"Parts: {', '.join(ids)}.")


def _read(section: Section) -> Section:
    """The section with its chords' functions and cadences named."""
    key = parse_key(section.key)
    functions = tuple(function_names(entry, key) for entry in section.chords)
    return replace(section, functions=functions, cadences=cadence_names(section.chords, key, section.phrases or (section.bars,)))


class _PlanDumper(yaml.SafeDumper):
    """Block style for the outline, one flow line for each small record."""


class _Line(dict[str, Any]):
    """A mapping that is written on one line."""


class _Row(list[Any]):
    """A list that is written on one line."""


_PlanDumper.add_representer(_Line, lambda d, v: d.represent_mapping("tag:yaml.org,2002:map", v, flow_style=True))
_PlanDumper.add_representer(_Row, lambda d, v: d.represent_sequence("tag:yaml.org,2002:seq", v, flow_style=True))

_HEADER = """\
# A Hitpoint plan. Edit it and run:  score VIDEO --plan plan.yaml
# Bars count from 1, beats are quarter notes from 1. Chords are roman numerals of the section's key, one entry per bar.
"""


def plan_to_yaml(plan: Plan) -> str:
    """The plan as YAML for people (same plan, same text)."""
    data = to_plain(plan)
    for name in ("cues", "parts", "hits", "bars", "themes", "hairpins"):
        data[name] = [_Line(item) for item in data[name]]
    for name in ("candidates_s", "wanted_s"):
        data[name] = _Row(data[name])
    for section in data["sections"]:
        for name in ("chords", "functions", "phrases", "cadences"):
            section[name] = _Row(section[name])
        section["roles"] = {role: _Row(parts) for role, parts in section["roles"].items()}
        section["doubles"] = _Line(section["doubles"])
        section["techniques"] = _Line(section["techniques"])
    return _HEADER + yaml.dump(data, Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=160)


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan as YAML, whole or not at all."""
    write_text(path, plan_to_yaml(plan))


def load_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises PlanError when the file is missing, not YAML, has unknown fields, or is no valid plan.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise PlanError(f"{path} cannot be read ({error.strerror})", "Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is not YAML ({' '.join(str(error).split())[:160]})", "Repair the file or make a new plan.") from None
    try:
        plan: Plan = from_plain(Plan, data, "")
        return plan.check()
    except PlanError as error:
        raise PlanError(f"{path.name}: {error.problem}", error.hint) from None
