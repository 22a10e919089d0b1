"""README.txt of the bundle: plain words on how to open it, program by program.

Conventions
-----------
ASCII, lines of 100 characters at most, so that every editor on every system shows it. What it says of this score (rates, start, tempi)
comes from the session; what it says of the programs holds for the versions named.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from composer.render.daw.session import Session
from composer.render.events import ascii_text
from composer.timecode import is_drop_frame

_WIDTH = 96


def write_readme(session: Session, path: Path) -> None:
    """Write the text.

    Raises OSError when it cannot be written.
    """
    path.write_text("\n".join(_lines(session)) + "\n", encoding="ascii", errors="replace", newline="\n")


def _lines(session: Session) -> Iterator[str]:
    title = ascii_text(session.score.title) or "Score"
    yield from (title, "=" * min(len(title), _WIDTH), "")
    yield from _facts(session)
    yield from _rules()
    yield from _files(session)
    for heading, steps in _programs(session):
        yield from (heading, "-" * len(heading))
        for number, step in enumerate(steps, 1):
            yield from _wrapped(step, f" {number}. ")
        yield ""
    yield from _remedies(session)


def frame_rate_text(frame_rate: Fraction, *, is_drop: bool) -> str:
    """As programs offer it: "25", "23.976", "29.97 drop-frame"."""
    rate = f"{float(frame_rate):.3f}".rstrip("0").rstrip(".")
    return f"{rate} drop-frame" if is_drop else rate


def _facts(session: Session) -> Iterator[str]:
    score, tempo = session.score, session.score.tempo
    tempi = [60e6 / bar.us_per_beat for bar in tempo.bars]
    metres = list(dict.fromkeys(f"{bar.numerator}/{bar.denominator}" for bar in tempo.bars))
    changes = 1 + sum(a.us_per_beat != b.us_per_beat for a, b in zip(tempo.bars, tempo.bars[1:], strict=False))
    span = (
        f"{min(tempi):.2f}" if changes == 1 else f"{min(tempi):.2f} to {max(tempi):.2f} in {changes} steps, {tempo.mean_qpm:.2f} on average"
    )
    rows = (
        ("Sample rate", f"{session.sample_rate} Hz, 24 bits"),
        ("Frame rate", f"{frame_rate_text(score.frame_rate, is_drop=is_drop_frame(score.start_tc))} frames a second"),
        ("Start", f"{score.start_tc} = first picture = bar 1 = first sample of every file"),
        ("Length", f"{session.length_s:.3f} s ({session.length_samples} samples), {len(tempo.bars)} bars"),
        ("Tempo", f"{span} (quarter notes a minute)"),
        ("Metre", ", ".join(metres)),
        ("Tracks", f"{len(session.parts)}"),
        ("Markers", f"{len(session.regions)} sections, {len(session.hits)} hits"),
    )
    for name, value in rows:
        yield from _wrapped(value, f"  {name:<13}")
    yield ""


def _rules() -> Iterator[str]:
    yield from ("In any program", "--------------")
    for number, rule in enumerate(
        (
            "Open this as a NEW project. Dropped into one that has a tempo of its own, the notes lose the picture.",
            "Set sample rate, frame rate and start timecode (above) before anything is imported.",
            "Tempo map first: the project file has it, else import conductor.mid. Then sound, then notes, then film.",
            "All sound starts at the first picture. Keep it there, and switch off whatever stretches sound to the tempo"
            " (follow tempo, musical mode, flex, elastic audio).",
            "Sound and notes are the same music: play one of them. To use your own instruments, load one on a MIDI track, unmute it,"
            " and mute the stem of that name.",
        ),
        1,
    ):
        yield from _wrapped(rule, f" {number}. ")
    yield ""


def _files(session: Session) -> Iterator[str]:
    rows = [
        (
            f"{session.name}.dawproject",
            "Bitwig Studio 5.0.9, Studio One 6.5, Cubase 14 and later: everything in one file, the sound inside",
        ),
        (f"{session.name}.rpp", "Reaper: everything, with the film; needs the folders beside it"),
        ("conductor.mid", "tempo map, metres, keys and markers, no notes"),
        ("midi/", "one file for each part; each has the whole tempo map, too"),
        ("audio/", f"one stem for each part, unmastered, time stamp {session.score.start_tc} inside (BWF)"),
        ("mix.wav", f"the mastered mix, to compare with: the sum of the stems {session.mix_gain_db:+.1f} dB, limited"),
        ("markers.csv", "sections and hits as a table, in timecode and in seconds"),
    ]
    if session.film is not None:
        rows.append((f"{session.film}", "the film with its music; switch its own sound off"))
    yield from ("Files", "-----")
    for name, what in rows:
        yield from _wrapped(what, f"  {ascii_text(name)}: ")
    yield ""


def _programs(session: Session) -> Iterator[tuple[str, tuple[str, ...]]]:
    score, name = session.score, session.name
    rate = frame_rate_text(score.frame_rate, is_drop=is_drop_frame(score.start_tc))
    setting = f"{session.sample_rate} Hz, {rate} frames a second, start {score.start_tc}"
    film = _film_step(session)
    yield (
        "Reaper 6 and later",
        (
            f"File > Open project: {name}.rpp. Nothing else is to be done: tempo map, timecode, regions, film, stems and (muted) notes are in it.",
        ),
    )
    yield (
        "Bitwig Studio 5.0.9 and later, Studio One 6.5 and later",
        (f"File > Open: {name}.dawproject. It opens as a new project.", f"Where your version has them, set {setting}.", film),
    )
    yield (
        "Cubase 14 and later",
        (
            f"File > Import > DAWproject: {name}.dawproject, into a new project.",
            f"Project Setup: {setting}.",
            film,
            "Older Cubase, Nuendo: new empty project, Project Setup as above; File > Import > MIDI File: conductor.mid, then all of midi/;"
            " import audio/ at the project start; leave Musical Mode off.",
        ),
    )
    yield (
        "Logic Pro",
        (
            f"New empty project; Project Settings > Synchronization: {rate} frames a second, bar 1 plays at {score.start_tc};"
            f" Audio: {session.sample_rate} Hz; Smart Tempo: Keep Project Tempo.",
            "File > Import > MIDI File: conductor.mid at bar 1, and say yes when asked for its tempo.",
            "Drag all of audio/ to bar 1 (separate tracks), without Flex & Follow; then all of midi/.",
            "File > Movie > Open Movie.",
        ),
    )
    yield (
        "Pro Tools",
        (
            f"New session: {session.sample_rate} Hz, 24 bits; Setup > Session: {rate} frames a second, session start {score.start_tc}.",
            "File > Import > MIDI: conductor.mid at session start, with tempo map, key signatures and markers ticked; then all of midi/.",
            "File > Import > Audio: audio/, to new tracks, location Spot (the time stamp in the files is their place) or Session Start;"
            " tracks in samples, no Elastic Audio.",
            "File > Import > Video.",
        ),
    )
    yield (
        "MuseScore, Dorico, Sibelius",
        ("For notation open score.musicxml in the folder above this one, if it is there; else score.mid, whose rhythms are as played.",),
    )


def _film_step(session: Session) -> str:
    if session.film is None:
        return "Import the film at the project start."
    step = f"Import {ascii_text(session.film)} at the project start, without its sound."
    if session.film_start_s > 0:
        step += f" The file begins {session.film_start_s:.3f} s before its first picture: move it that much earlier, or cut that much off its start."
    return step


def _remedies(session: Session) -> Iterator[str]:
    tempo = session.score.tempo
    second = next(
        (index for index in range(1, len(tempo.bars)) if tempo.bars[index].us_per_beat != tempo.bars[0].us_per_beat), len(tempo.bars) - 1
    )
    yield from ("If something is off", "-------------------")
    where = f"bar {second + 1} must begin at {session.timecode_at(float(tempo.bar_seconds[second]))}"
    first = (
        f"; {session.hits[0].text.split()[0]} {session.hits[0].text.split()[1]} at {session.timecode_at(tempo.beat_to_s(session.hits[0].beat))}"
        if session.hits
        else ""
    )
    for text in (
        f"How to see whether the tempo map has arrived: {where}{first}. If not, import conductor.mid into a new project and begin again.",
        "If a program takes the first tempo only, import the tempo map by the program's own command for tempo (not by dragging the file).",
        "If the sound runs away from the notes, something stretches it: see rule 4. The sound is right, the picture is the clock.",
        "If everything is doubled, notes and sound play together: see rule 5.",
        "If everything is an hour late, the program has moved the sound to its time stamp in a project that starts at 00:00:00:00:"
        " set the start timecode, or move all of it back to the project start.",
    ):
        yield from _wrapped(text, " - ")


def _wrapped(text: str, lead: str) -> list[str]:
    """`lead` and `text`, further lines indented under the text."""
    indent = " " * min(len(lead), 15)
    return textwrap.wrap(
        ascii_text(text), _WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
