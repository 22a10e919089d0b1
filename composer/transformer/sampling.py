"""Writing: from conditions to events, within what players can play.

A *task* is a stretch of music as a list of segments (bar by bar, line by line) with conditions, ranges and what must be struck. Several
tasks are written in step. Every choice is drawn from the model's own distribution cut down to what is possible: places inside the bar
that do not go back, not faster than the player is, pitches within the range and not twice at once, no more notes at a time than the
player has hands, an end on time. Notes that a task gives (a stated motif) are heard as if they had been chosen; only how loud is drawn.
The plan's chord can be favoured (`Settings.chord_bias`); the default only leans.

Random numbers come from a generator of each task's own name, so a task is written the same whoever is written beside it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from composer.playable import WITHIN
from composer.theory.listening import QUALITIES, QUALITY_INTERVALS
from composer.transformer import vocabulary as V
from composer.transformer.decoding import Decoder
from composer.transformer.network import KIND_HEADER, KIND_NOTE, Heard, Network
from composer.transformer.transcript import Task, Transcript, remembered

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_AFFECT = np.array([V.FIELD_INDEX[name] for name in V.AFFECT_FIELDS])
_BEFORE, _HELD, _DENSITY = V.FIELD_INDEX["before"], V.FIELD_INDEX["held"], V.FIELD_INDEX["density"]
_ROLE, _PERCUSSION = V.FIELD_INDEX["role"], V.ROLE_ORDER.index("percussion") + 1
_SUPPORTS = np.array([False, *(role in ("bass", "harmony", "ostinato", "pad") for role in V.ROLE_ORDER)])
#: ticks
_LONG_AGO = 10**6
_CLASS_OF_PITCH = np.arange(V.PITCHES) % 12


@dataclass(frozen=True)
class Settings:
    """How boldly to choose."""

    #: temperatures of onset, pitch, duration, velocity
    temperatures: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    #: pitch temperature of lines that carry the harmony (bass, harmony, ostinato, pad) as a share of the tune's
    support: float = 0.8
    #: only the likeliest choices that make up this share are drawn from
    top_p: float = 0.985
    #: taken from the log-odds of striking the line's last pitch again: a small model repeats itself more than people do
    repeat_lean: float = 0.9
    #: how far to push from the music without feeling towards the one asked for; 1 is no push and half the work
    guidance: float = 1.0
    #: added to the log-probability of chord notes on beats, and of the key's notes elsewhere
    chord_bias: float = 0.6
    #: how firmly a line that has struck less (more) often than its density asks is kept going (ended): log-odds a note
    density_lean: float = 0.4


DEFAULT = Settings()


def write(network: Network, tasks: Sequence[Task], settings: Settings = DEFAULT) -> list[Transcript]:
    """Write all tasks in step; one transcript for each."""
    return _Writing(network, tasks, settings).run()


class _Writing:
    """State of B tasks: arrays with a row for each that is still being written."""

    def __init__(self, network: Network, tasks: Sequence[Task], settings: Settings) -> None:
        self.network, self.tasks, self.settings = network, list(tasks), settings
        count = len(self.tasks)
        self.alive = np.arange(count)
        self.guided = settings.guidance != 1.0
        self.decoder = Decoder(network, count * (2 if self.guided else 1))
        # one stream of random numbers a task (numpy's generators would do; this one is the same on every platform)
        self.dice = [random.Random(task.name) for task in self.tasks]
        self.fields = [task.fields.copy() for task in self.tasks]
        self.last = [task.last.copy() for task in self.tasks]
        self.until = [np.zeros(len(task.ranges)) for task in self.tasks]  # beats from the task's start until which a line sounds
        self.written: list[list[tuple[int, int, int, int, int, float]]] = [[] for _ in self.tasks]
        self.memory = [remembered(task.prompt) for task in self.tasks]
        self.at = np.full(count, -1)  # segment being written
        self.needs_header = np.ones(count, dtype=bool)
        # onsets that each line owes its density so far, and the line being written
        self.due = [np.zeros(len(task.ranges)) for task in self.tasks]
        self.line_now = [0] * count
        # rows of the segment being written
        self.row = {name: np.zeros(count, dtype=np.int64) for name in ("onset", "pitch", "duration", "velocity", "chord", "notes", "low", "high", "floor", "hands", "places", "struck", "owing", "left", "half", "told", "free", "gap", "second", "third")}  # fmt: skip
        self.closing = np.zeros(count, dtype=bool)
        self.now = np.zeros((count, len(V.FIELDS)), dtype=np.int64)
        self.tones = np.zeros((count, 2, 12))
        self.conditions = np.zeros((count * (2 if self.guided else 1), network.width), dtype=np.float32)
        self._hear_prompts()

    def _hear_prompts(self) -> None:
        prompts = [task.prompt for task in self.tasks]
        length = max((len(p.events) for p in prompts if p is not None), default=0)
        if not length:
            return
        length = min(length, self.network.context)
        kind, onset, pitch, duration, velocity, segment = (np.zeros((len(prompts), length), dtype=np.int64) for _ in range(6))
        echo = np.empty((len(prompts), length, len(V.ECHOES), 4), dtype=np.int64)
        echo[:] = V.NOTHING
        time = np.zeros((len(prompts), length), dtype=np.float32)
        fields, halves, base = [np.zeros((1, len(V.FIELDS)), dtype=np.int64)], [np.zeros(1, dtype=np.int64)], 1
        for i, prompt in enumerate(prompts):
            if prompt is None or not len(prompt.events):
                continue
            events = prompt.events[-length:]
            place = slice(length - len(events), length)
            note = events[:, 0] >= 0
            kind[i, place] = np.where(note, KIND_NOTE, KIND_HEADER)
            for array, column in ((onset, 0), (pitch, 1), (duration, 2), (velocity, 3)):
                array[i, place] = np.where(note, events[:, column], 0)
            segment[i, place] = prompt.segment[-length:] + base
            echo[i, place] = prompt.echoes()[-length:]
            time[i, place] = prompt.time[-length:] - prompt.beats
            fields.append(prompt.fields)
            halves.append(prompt.half)
            base += len(prompt.fields)
        rows, half = np.concatenate(fields), np.concatenate(halves)
        mixed, bare = self.network.conditions(rows), _without_affect(rows)
        heard = Heard(kind, onset, pitch, duration, velocity, echo, time, mixed[segment], rows[segment], half[segment])
        if self.guided:
            heard = _twice(heard, self.network.conditions(bare)[segment], bare[segment])
        self.decoder.prefill(heard)

    # --- the loop --------------------------------------------------------------------------------------------------------

    def run(self) -> list[Transcript]:
        """Step until every task is written."""
        self._next_segments(np.arange(len(self.alive)))
        while len(self.alive):
            stream = self._hear()
            onset = self._choose_onset(stream)
            ended = onset == V.END
            if not ended.all():
                self._choose_note(stream, onset, ended)
            over = np.flatnonzero(ended)
            if len(over):
                self._next_segments(over)
        return [self._transcript(i) for i in range(len(self.tasks))]

    def _hear(self) -> Array:
        """Feed the current event of every task (a header or the note just chosen)."""
        row, fresh = self.row, self.needs_header.copy()
        if fresh.any():
            which = np.flatnonzero(fresh)
            self.conditions[which] = self.network.conditions(self.now[which])
            if self.guided:
                self.conditions[which + len(self.alive)] = self.network.conditions(_without_affect(self.now[which]))
        note = ~fresh
        kind = np.where(fresh, KIND_HEADER, KIND_NOTE)
        start = np.array([self.tasks[t].start[self.at[i]] for i, t in enumerate(self.alive)])
        time = start + np.where(note, V.ONSET_TICKS[np.minimum(row["onset"], V.ONSETS - 1)], 0) / V.TICKS_PER_BEAT
        chosen = [np.where(note, row[name], 0) for name in ("onset", "pitch", "duration", "velocity")]
        echo = np.array([self._echo(i) for i in range(len(kind))])
        columns = (kind, *chosen, echo, time.astype(np.float32), self.conditions[: len(kind)], self.now, row["half"])
        event = Heard(*(column[:, None] for column in columns))
        if self.guided:
            event = _twice(event, self.conditions[len(kind) :, None], _without_affect(self.now)[:, None])
        self.needs_header[:] = False
        return self.decoder.step(event)

    def _echo(self, i: int) -> list[tuple[int, int, int, int]]:
        """What came next at this place in the segments that a task's row listens back to."""
        memory = self.memory[self.alive[i]]
        if self.needs_header[i]:
            return memory.echo(0)
        return memory.echo(int(self.row["onset"][i]) * 16 + min(int(self.row["chord"][i]) - 1, 15) + 1)

    def _logits(self, logits: Array) -> Floats:
        """Guided logits (B, K) as doubles."""
        x = logits.astype(np.float64)
        if not self.guided:
            return x
        asked, bare = np.split(x, 2)
        return np.asarray(bare + self.settings.guidance * (asked - bare))

    def _choose_onset(self, stream: Array) -> Ints:
        row = self.row
        places = np.arange(V.ONSETS + 1)[None]
        begun = row["notes"] > 0
        last = np.where(begun, row["onset"], -1)
        more = begun & (row["chord"] < row["hands"]) & (row["pitch"] > row["floor"])
        allowed = (places > last[:, None]) | ((places == last[:, None]) & more[:, None])
        allowed &= places >= row["free"][:, None]
        allowed &= self._within_reach(last) | (places == row["struck"][:, None])
        allowed &= places < row["places"][:, None]
        owed = (row["struck"] >= 0) & (last < row["struck"])
        allowed &= ~owed[:, None] | (places <= row["struck"][:, None])
        # the last word is one onset
        allowed &= ~self.closing[:, None] | (places == np.maximum(row["struck"], 0)[:, None])
        # the last notes that may be written are those that are owed
        allowed &= ~(owed & (row["notes"] >= row["left"] - row["owing"]))[:, None] | (places == row["struck"][:, None])
        allowed &= (owed | (row["notes"] < row["left"]))[:, None]
        allowed[:, V.END] = ~owed
        allowed[:, V.END] |= ~allowed[:, : V.END].any(1)
        logits = self._logits(self.network.onset_logits(stream))
        owing = np.array([self.due[t][self.line_now[t]] for t in self.alive])
        logits[:, V.END] -= self.settings.density_lean * np.clip(owing, -4.0, 4.0)
        told = self._told()
        chosen = self._pick(logits, allowed, 0, np.array([one is None for one in told]))
        return np.array([own if one is None else one[0] for own, one in zip(chosen, told, strict=True)], dtype=np.int64)

    def _within_reach(self, last: Ints) -> NDArray[np.bool_]:
        """(B, ONSETS + 1) places that a player can be at after the last onsets (as `composer.playable`); a chord's own place always is one."""
        ticks, gap = np.append(V.ONSET_TICKS, 10**6)[None], self.row["gap"]
        played = (V.ONSET_TICKS[np.maximum(last, 0)], self.row["second"], self.row["third"])
        after = [tick + gaps * gap for tick, gaps in zip(played, WITHIN, strict=True)]
        first = np.where(last >= 0, np.max(after, axis=0), 0)
        return (ticks >= first[:, None]) | (np.arange(V.ONSETS + 1)[None] == last[:, None])

    def _told(self) -> list[tuple[int, int, int] | None]:
        """The note that each row is given next, if any."""
        found: list[tuple[int, int, int] | None] = []
        for i, t in enumerate(self.alive):
            given = self.tasks[t].given.get(int(self.at[i]))
            count = int(self.row["told"][i])
            found.append(given.notes[count] if given is not None and count < len(given.notes) else None)
        return found

    def _choose_note(self, stream: Array, onset: Ints, ended: NDArray[np.bool_]) -> None:
        row, network = self.row, self.network
        onset, going = np.where(ended, 0, onset), ~ended
        told = self._told()
        own = going & np.array([one is None for one in told])
        chord_mate = going & (row["notes"] > 0) & (onset == row["onset"])
        second_half = (onset >= row["half"]).astype(np.int64)
        twice = (lambda a: np.concatenate([a, a])) if self.guided else (lambda a: a)
        chord = network.chord_at(self.now, row["half"], onset)
        logits = self._logits(network.pitch_logits(stream, twice(onset), twice(chord)))
        pitches = np.arange(V.PITCHES)[None]
        allowed = (pitches >= row["low"][:, None]) & (pitches <= row["high"][:, None])
        allowed &= ~chord_mate[:, None] | (pitches < row["pitch"][:, None])
        tones = self.tones[np.arange(len(onset)), second_half][:, _CLASS_OF_PITCH]  # (B, 128) 1 chord, 0.35 key, 0 foreign
        on_beat = (V.ONSET_TICKS[onset] % V.TICKS_PER_BEAT == 0)[:, None]
        logits = logits + self.settings.chord_bias * np.where(on_beat, tones, np.minimum(tones, 0.35) / 0.35 * 0.6)
        strict = allowed & (tones == 1.0)
        allowed = np.where((self.closing & strict.any(1))[:, None], strict, allowed)
        again = np.array([self.last[t][self.line_now[t]] for t in self.alive])
        rows = np.flatnonzero((again >= 0) & ~chord_mate & (self.now[:, _ROLE] != _PERCUSSION))
        logits[rows, again[rows]] -= self.settings.repeat_lean
        logits /= np.where(_SUPPORTS[self.now[:, _ROLE]], self.settings.support, 1.0)[:, None]
        pitch = np.array([p if one is None else one[1] for p, one in zip(self._pick(logits, allowed, 1, own), told, strict=True)])
        remaining = np.array([self.tasks[t].beats - self.tasks[t].start[self.at[i]] for i, t in enumerate(self.alive)]) * V.TICKS_PER_BEAT - V.ONSET_TICKS[onset]  # fmt: skip
        fits = V.DURATION_TICKS[None] <= np.maximum(remaining, V.DURATION_TICKS[0])[:, None]
        duration = self._pick(self._logits(network.duration_logits(stream, twice(onset), twice(pitch))), fits, 2, own)
        duration = np.array([d if one is None else one[2] for d, one in zip(duration, told, strict=True)])
        loud = network.velocity_logits(stream, twice(onset), twice(pitch), twice(duration))
        velocity = self._pick(self._logits(loud), np.ones((len(onset), V.VELOCITIES), dtype=bool), 3, going)
        began = going & ~chord_mate & (row["notes"] > 0)
        row["third"] = np.where(began, row["second"], row["third"])
        row["second"] = np.where(began, V.ONSET_TICKS[row["onset"]], row["second"])
        row["chord"] = np.where(going, np.where(chord_mate, row["chord"] + 1, 1), row["chord"])
        for name, value in (
            ("onset", onset),
            ("pitch", pitch),
            ("duration", duration),
            ("velocity", velocity),
            ("notes", row["notes"] + 1),
        ):
            row[name] = np.where(going, value, row[name])
        row["told"] += going & ~own
        for i in np.flatnonzero(going):
            task = self.alive[i]
            at = self.tasks[task].start[self.at[i]] + V.ONSET_TICKS[onset[i]] / V.TICKS_PER_BEAT
            line = self.tasks[task].line[self.at[i]]
            self._owe(int(i), int(onset[i]))
            self.written[task].append((int(onset[i]), int(pitch[i]), int(duration[i]), int(velocity[i]), int(self.at[i]), float(at)))
            self.last[task][line] = pitch[i]
            self.due[task][line] -= not chord_mate[i]
            self.memory[task].add(int(onset[i]), int(row["chord"][i]) - 1, int(pitch[i]), int(duration[i]))
            self.until[task][line] = max(self.until[task][line], at + V.DURATION_TICKS[duration[i]] / V.TICKS_PER_BEAT)

    def _pick(self, logits: Floats, allowed: NDArray[np.bool_], factor: int, wanted: NDArray[np.bool_]) -> Ints:
        """Draw a class for every row that wants one (others spend no random number)."""
        x = np.where(allowed, logits / self.settings.temperatures[factor], -np.inf)
        p = np.exp(x - x.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = p[np.arange(len(p))[:, None], order]
        before = np.cumsum(ranked, 1) - ranked
        ranked = np.where(before < self.settings.top_p, ranked, 0.0)
        edges = np.cumsum(ranked, 1)
        draw = np.array([self.dice[t].random() if w else 0.5 for t, w in zip(self.alive, wanted, strict=True)]) * edges[:, -1]
        place = np.minimum((edges <= draw[:, None]).sum(1), (ranked > 0).sum(1) - 1)
        return np.asarray(order[np.arange(len(place)), place], dtype=np.int64)

    # --- segments --------------------------------------------------------------------------------------------------------

    def _next_segments(self, rows: Ints) -> None:
        """Begin the next segment of some tasks; tasks that have none left leave."""
        done = []
        for i in rows:
            index = int(self.alive[i])
            task = self.tasks[index]
            self.at[i] += 1
            s = int(self.at[i])
            if s >= len(task.line):
                done.append(int(i))
                continue
            line, fields = int(task.line[s]), self.fields[index][s]
            density = int(fields[_DENSITY])
            if density:
                asked = float(V.onsets_per_beat(density)) * float(task.ticks[s]) / V.TICKS_PER_BEAT
                self.due[index][line] = np.clip(self.due[index][line], -3.0, 3.0) + asked
            self.line_now[index] = line
            fields[_BEFORE] = self.last[index][line] + 1
            fields[_HELD] = V.held_field(np.clip(self.until[index][line] - task.start[s], 0, task.ticks[s] / V.TICKS_PER_BEAT))
            self.now[i] = fields
            self.written[index].append((-1, 0, 0, 0, s, float(task.start[s])))
            row = self.row
            row["low"][i], row["high"][i] = task.ranges[line]
            row["hands"][i] = task.hands[line]
            row["places"][i] = int(np.searchsorted(V.ONSET_TICKS, task.ticks[s]))
            row["half"][i] = int(np.searchsorted(V.ONSET_TICKS, task.ticks[s] / 2))
            given = task.given.get(s)
            row["told"][i], row["free"][i] = 0, given.free_from if given is not None else 0
            row["gap"][i] = task.gaps[line] if task.gaps is not None else 0
            row["second"][i] = row["third"][i] = -_LONG_AGO
            self._owe(int(i), -1)
            row["left"][i] = max(6, round(task.ticks[s] / V.TICKS_PER_BEAT * 6)) * min(3, int(task.hands[line]))
            row["notes"][i] = row["chord"][i] = row["onset"][i] = row["pitch"][i] = 0
            self.closing[i] = task.closing[s]
            # drums (and timpani, which count with them) are not counted from the reference, so no chord can be leant on
            self.tones[i] = 0.0 if fields[_ROLE] == _PERCUSSION else chord_tones(fields)
            row["floor"][i] = self._floor(i)
            self.needs_header[i] = True
            self.memory[index].begin(int(task.bar[s]), int(task.owner[line]))
        if done:
            self._leave(done)

    def _owe(self, i: int, after: int) -> None:
        """The next place that must be struck in a row's segment, and how many are left."""
        places = [int(p) for p in np.atleast_1d(self.tasks[self.alive[i]].struck[self.at[i]]) if p > after]
        self.row["struck"][i], self.row["owing"][i] = min(places, default=-1), len(set(places))

    def _floor(self, i: int) -> int:
        """Lowest pitch that can stand below another one: the last word has chord notes only."""
        low, high = int(self.row["low"][i]), int(self.row["high"][i])
        half = int(max(0, self.row["struck"][i]) >= self.row["half"][i])
        chord = [p for p in range(low, high + 1) if self.tones[i, half, p % 12] == 1.0] if self.closing[i] else []
        return chord[0] if chord else low

    def _leave(self, done: list[int]) -> None:
        stay = np.setdiff1d(np.arange(len(self.alive)), done)
        rows = np.concatenate([stay, stay + len(self.alive)]) if self.guided else stay
        self.decoder.keep(rows)
        self.conditions = self.conditions[rows]
        self.alive, self.at, self.needs_header = self.alive[stay], self.at[stay], self.needs_header[stay]
        self.closing, self.now, self.tones = self.closing[stay], self.now[stay], self.tones[stay]
        self.row = {name: array[stay] for name, array in self.row.items()}

    def _transcript(self, index: int) -> Transcript:
        task = self.tasks[index]
        table = np.array([row[:5] for row in self.written[index]], dtype=np.int64).reshape(-1, 5)
        time = np.array([row[5] for row in self.written[index]])
        half = np.searchsorted(V.ONSET_TICKS, task.ticks / 2).astype(np.int64)
        return Transcript(table[:, :4], table[:, 4], time, self.fields[index], half, task.bar, task.owner[task.line], task.beats)


def _twice(events: Heard, conditions: Array, fields: Ints) -> Heard:
    """The same events once more below, under other conditions."""
    return Heard(*(
        np.concatenate([own, {"conditions": conditions, "fields": fields}.get(name, own)])
        for name, own in zip(Heard._fields, events, strict=True)
    ))  # fmt: skip


def _without_affect(fields: Ints) -> Ints:
    bare = fields.copy()
    bare[:, _AFFECT] = 0
    return bare


_SCALES = np.array([[1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1]])  # minor with both its sevenths
_INTERVALS = tuple(QUALITY_INTERVALS[name] for name in QUALITIES)


def chord_tones(fields: Ints) -> Floats:
    """(2, 12) for the halves of a segment's bar: 1 for notes of the chord, 0.35 for other notes of the key, 0 for foreign ones."""
    found = np.zeros((2, 12))
    tonic, mode = int(fields[V.FIELD_INDEX["tonic"]]), int(fields[V.FIELD_INDEX["mode"]])
    if tonic and mode:
        found[:] = 0.35 * np.roll(_SCALES[mode - 1], tonic - 1)
    for half in (0, 1):
        root, quality = int(fields[V.FIELD_INDEX[f"root_{half + 1}"]]), int(fields[V.FIELD_INDEX[f"quality_{half + 1}"]])
        if 1 <= root <= 12 and 1 <= quality <= len(_INTERVALS):
            found[half, [(root - 1 + step) % 12 for step in _INTERVALS[quality - 1]]] = 1.0
    return found
