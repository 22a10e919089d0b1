"""Reaper's project file: text, one tag a line, blocks between "<" and ">".

Conventions
-----------
* Positions and lengths are seconds of film time; PROJOFFS puts the film's timecode under it.
* Tempo markers hold (shape 1) until the next; their tempo counts quarter notes, a metre is written as 65536 × lower + upper figure.
* Sound keeps its place and speed in seconds (BEAT 0), notes follow the bars (BEAT 1), markers stay with the picture (TIMELOCKMODE 0).
* Notes are inside the project: "E delta status data data", delta in ticks of 960 to the quarter, bytes in hex, as the part's MIDI file has
  them; the last line (all notes off) gives the length.
* The folder MIDI is muted, the film's fader is down: what is heard is the stems, once.

Source: the state chunk definitions that Reaper's users collected (ReaTeam/Doc), and projects that Reaper wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import mido

from composer.dates import fixed_date
from composer.render.daw.session import Session, SessionPart
from composer.tempo import TICKS_PER_BEAT, Bar, beat_to_ticks
from composer.timecode import is_drop_frame, nominal_rate

_TIME, _BEATS = 0, 1
_SQUARE = 1
#: colours, "#rrggbb"
_REGION, _HIT, _FOLDER = "#4f6d8f", "#c0392b", "#444444"


def write_reaper(session: Session, path: Path) -> None:
    """Write the project; the parts' MIDI files are read from beside `path`.

    Raises OSError when one cannot be read or the file not written.
    """
    depth = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in _project(session, path.parent):
            depth -= line == ">"
            file.write("  " * depth + line + "\n")
            depth += line.startswith("<")


def _project(session: Session, folder: Path) -> Iterator[str]:
    yield f'<REAPER_PROJECT 0.1 "6.0" {int(fixed_date().timestamp())}'
    yield from _settings(session)
    yield from _tempo_map(session)
    yield from _markers(session)
    if session.film is not None:
        yield from _film(session, session.film)
    last = len(session.parts) - 1
    yield from _folder("AUDIO", muted=False)
    for index, part in enumerate(session.parts):
        yield from _sound(session, part, is_last=index == last)
    yield from _folder("MIDI", muted=True)
    for index, part in enumerate(session.parts):
        yield from _notes(session, part, folder / part.midi, is_last=index == last)
    yield ">"


def _settings(session: Session) -> Iterator[str]:
    score, first = session.score, session.score.tempo.bars[0]
    base, drop = frame_rate_setting(score.frame_rate, is_drop=is_drop_frame(score.start_tc))
    yield "PANLAW 1"  # a centred stem is neither louder nor softer
    yield f"PROJOFFS {score.start_of_day_s:.12f} 0 0"
    yield f"TIMEMODE 1 5 -1 {base} {drop} 0 -1"
    yield f"TIMELOCKMODE {_TIME}"
    yield "TEMPOENVLOCKMODE 1"
    yield "PANMODE 3"
    yield f"SAMPLERATE {session.sample_rate} 1 0"
    yield f"TEMPO {_qpm(first)} {first.numerator} {first.denominator}"
    yield "MASTER_NCH 2 2"
    yield "MASTER_VOLUME 1 0 -1 -1 1"


def frame_rate_setting(frame_rate: Fraction, *, is_drop: bool) -> tuple[int, int]:
    """(pictures a second, 0 as they are | 1 drop-frame | 2 a thousandth slower): how Reaper keeps a frame rate."""
    base = nominal_rate(frame_rate)
    if is_drop:
        return base, 1
    return base, 2 if abs(frame_rate - base) > Fraction(base, 4000) else 0


def _tempo_map(session: Session) -> Iterator[str]:
    tempo = session.score.tempo
    yield "<TEMPOENVEX"
    yield "ACT 1 -1"
    yield "VIS 1 0 1"
    yield "LANEHEIGHT 0 0"
    yield "ARM 0"
    yield f"DEFSHAPE {_SQUARE} -1 -1"
    before: Bar | None = None
    for bar, time_s in zip(tempo.bars, tempo.bar_seconds, strict=False):
        point = f"PT {time_s:.12f} {_qpm(bar)} {_SQUARE}"
        if before is None or (bar.numerator, bar.denominator) != (before.numerator, before.denominator):
            yield f"{point} {65536 * bar.denominator + bar.numerator} 0 1"
        elif bar.us_per_beat != before.us_per_beat:
            yield point
        before = bar
    yield ">"


def _markers(session: Session) -> Iterator[str]:
    """Regions are two lines of one number; markers count for themselves."""
    tempo = session.score.tempo
    for number, region in enumerate(session.regions, 1):
        yield f"MARKER {number} {tempo.beat_to_s(region.start_beat):.12f} {quoted(region.name)} 1 {_colour(_REGION)}"
        yield f'MARKER {number} {tempo.beat_to_s(region.end_beat):.12f} "" 1'
    for number, hit in enumerate(session.hits, 1):
        yield f"MARKER {number} {tempo.beat_to_s(hit.beat):.12f} {quoted(hit.text)} 0 {_colour(_HIT)}"


def _film(session: Session, film: str) -> Iterator[str]:
    yield from _track("FILM", _FOLDER, _TIME, volume=0)  # not muted: a muted track shows no picture
    yield from _item(Path(film).name, session.length_s, _TIME, offset_s=session.film_start_s)
    yield "<SOURCE VIDEO"
    yield f"FILE {quoted(film)}"
    yield from (">", ">", ">")


def _folder(name: str, *, muted: bool) -> Iterator[str]:
    yield from _track(name, _FOLDER, -1, place="1 1", muted=muted)
    yield ">"


def _sound(session: Session, part: SessionPart, *, is_last: bool) -> Iterator[str]:
    yield from _track(part.track.name, part.colour, _TIME, place="2 -1" if is_last else "0 0")
    yield from _item(Path(part.audio).stem, session.length_s, _TIME)
    yield "<SOURCE WAVE"
    yield f"FILE {quoted(part.audio)}"
    yield from (">", ">", ">")


def _notes(session: Session, part: SessionPart, midi: Path, *, is_last: bool) -> Iterator[str]:
    yield from _track(f"{part.track.name} (MIDI)", part.colour, _BEATS, place="2 -1" if is_last else "0 0")
    yield from _item(Path(part.midi).stem, session.score.tempo.beat_to_s(session.end_beat), _BEATS)
    yield "<SOURCE MIDI"
    yield f"HASDATA 1 {TICKS_PER_BEAT} QN"
    yield from _events(midi, beat_to_ticks(session.end_beat))
    yield "IGNTEMPO 0 120 4 4"
    yield from (">", ">", ">")


def _events(midi: Path, end_ticks: int) -> Iterator[str]:
    """What the part's own track of its MIDI file does."""
    now = written = 0
    for message in mido.MidiFile(midi).tracks[1]:
        now += message.time
        if not message.is_meta:
            status, first, second = [*message.bytes(), 0][:3]
            yield f"E {now - written} {status:02x} {first:02x} {second:02x}"
            written = now
    yield f"E {max(0, end_ticks - written)} b0 7b 00"


def _track(name: str, colour: str, timebase: int, place: str = "0 0", *, muted: bool = False, volume: int = 1) -> Iterator[str]:
    yield "<TRACK"
    yield f"NAME {quoted(name)}"
    yield f"PEAKCOL {_colour(colour)}"
    yield f"BEAT {timebase}"
    yield f"VOLPAN {volume} 0 -1 -1 1"
    yield f"MUTESOLO {int(muted)} 0 0"
    yield f"ISBUS {place}"
    yield "NCHAN 2"
    yield "MAINSEND 1 0"


def _item(name: str, length_s: float, timebase: int, offset_s: float = 0.0) -> Iterator[str]:
    yield "<ITEM"
    yield "POSITION 0"
    yield f"LENGTH {length_s:.12f}"
    yield "LOOP 0"
    yield "ALLTAKES 0"
    yield f"BEAT {timebase}"
    yield "FADEIN 0 0 0"
    yield "FADEOUT 0 0 0"
    yield "MUTE 0 0"
    yield f"NAME {quoted(name)}"
    yield "VOLPAN 1 0 1 -1"
    yield f"SOFFS {offset_s:.12f}"
    yield "PLAYRATE 1 1 0 -1"


def quoted(text: str) -> str:
    """A value in whichever quotation mark it does not hold."""
    plain = "".join(character for character in text if character.isprintable())
    for mark in "\"'`":
        if mark not in plain:
            return f"{mark}{plain}{mark}"
    return "`" + plain.replace("`", "'") + "`"


def _colour(text: str) -> int:
    """Blue, green, red from the top, and a bit that says the colour is set."""
    red, green, blue = (int(text[place : place + 2], 16) for place in (1, 3, 5))
    return 1 << 24 | blue << 16 | green << 8 | red


def _qpm(bar: Bar) -> str:
    return f"{60e6 / bar.us_per_beat:.12f}"
