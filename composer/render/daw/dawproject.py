"""DAWproject 1.0: one file with tempo map, metres, markers, notes and sound, for Bitwig Studio, Studio One, Cubase and others.

Conventions
-----------
A ZIP whose first members are project.xml and metadata.xml, then the stems under audio/. Everything is stored, not deflated: 24-bit sound
hardly shrinks, and the bytes depend on no compressor's version. Sound is streamed, the XML is written part by part; past 4 GiB the archive
becomes Zip64 by itself.

* Times are beats throughout (timeUnit="beats"), tempo and metre are held points: the arrangement's seconds are the TempoMap's.
* A stem is one clip at beat 0 whose *content* counts seconds and has no warps: it plays at its own speed, whatever the tempo does.
* Sound and notes are tracks of their own, in two folders: tracks that hold both exist in some programs only. The note tracks are muted, so
  what is heard on opening is the rendered sound, once, even where a program gives note tracks an instrument by itself.
* Sound carries its seat already: its channel is centred. Note tracks have the seat as pan; controllers are track automation.

Source: schemas and reference of the format's public repository (bitwig/dawproject, version 1.0).
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import composer
from composer.dates import fixed_date
from composer.render.daw.session import Session, SessionPart
from composer.render.events import instrument_of, technique_programs, tick_notes
from composer.score import Track
from composer.tempo import MAX_QPM, MIN_QPM, Bar, TempoMap, ticks_to_beat

_DRUM_CHANNEL = 9
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
#: where the parts go in
_HERE = "parts"
#: times a ZIP can hold (the format counts from 1980 in seven bits)
_ZIP_YEARS = (1980, 2107)


def write_dawproject(session: Session, path: Path) -> None:
    """Write the project; the stems are read from beside `path`.

    Raises OSError when a stem cannot be read or the file not written.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(_entry("project.xml"), "w") as target:
            for text in project_xml(session):
                target.write(text)
        archive.writestr(_entry("metadata.xml"), _DECLARATION + _text(_metadata(session)))
        for part in session.parts:
            entry = _entry(part.audio)
            entry.file_size = (path.parent / part.audio).stat().st_size  # tells zipfile whether Zip64 is needed
            with (path.parent / part.audio).open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _entry(name: str) -> zipfile.ZipInfo:
    date = fixed_date()
    year = min(max(date.year, _ZIP_YEARS[0]), _ZIP_YEARS[1])
    entry = zipfile.ZipInfo(name, (year, date.month, date.day, date.hour, date.minute, date.second))
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
    return entry


def _text(element: Element, level: int = 0) -> bytes:
    """An element as it stands in a file, `level` steps in."""
    ElementTree.indent(element, level=level)
    text: bytes = ElementTree.tostring(element, encoding="UTF-8")
    return b"  " * level + text + b"\n"


def _metadata(session: Session) -> Element:
    root, score = Element("MetaData"), session.score
    SubElement(root, "Title").text = _printable(score.title)
    SubElement(
        root, "Comment"
    ).text = f"Music for film, made with Hitpoint. Film time 0 is {score.start_tc} at {float(score.frame_rate):.6g} frames a second."
    return root


def project_xml(session: Session) -> Iterator[bytes]:
    """The whole project but for the sound, UTF-8, in pieces: no more than one part's notes are held at a time."""
    root, first = Element("Project", version="1.0"), session.score.tempo.bars[0]
    SubElement(root, "Application", name="Hitpoint", version=composer.__version__)
    ids = (f"id{number}" for number in count())
    transport, tempo, metre = SubElement(root, "Transport"), next(ids), next(ids)
    SubElement(transport, "Tempo", max=_number(MAX_QPM), min=_number(MIN_QPM), unit="bpm", value=_qpm(first), id=tempo, name="Tempo")
    SubElement(transport, "TimeSignature", denominator=str(first.denominator), numerator=str(first.numerator), id=metre)
    master, sound, notes = _structure(SubElement(root, "Structure"), session, ids)
    arrangement = SubElement(root, "Arrangement", id=next(ids))
    lanes = SubElement(arrangement, "Lanes", timeUnit="beats", id=next(ids))
    lanes.append(ElementTree.Comment(_HERE))
    SubElement(SubElement(lanes, "Lanes", track=master, id=next(ids)), "Clips", id=next(ids))
    _markers(arrangement, session, ids)
    _tempo_map(arrangement, session, tempo, metre, ids)
    SubElement(root, "Scenes")
    before, after = _text(root).split(f"      <!--{_HERE}-->\n".encode())
    yield _DECLARATION + before
    for part, track in zip(session.parts, sound, strict=True):
        yield _text(_sound_lane(session, part, track, ids), level=3)
    for part, track in zip(session.parts, notes, strict=True):
        yield _text(_note_lane(session, part, track, ids), level=3)
    yield after


def _structure(parent: Element, session: Session, ids: Iterator[str]) -> tuple[str, list[str], list[str]]:
    """Two folders and the master; returns the ids of the master track, the sound tracks and the note tracks."""
    master_channel = next(ids)
    sound = SubElement(parent, "Track", contentType="tracks", loaded="true", id=next(ids), name="Audio (stems)")
    notes = SubElement(parent, "Track", contentType="tracks", loaded="true", id=next(ids), name="MIDI (muted)")
    sound_ids, note_ids = [], []
    for part in session.parts:
        info, name = instrument_of(part.track), _printable(part.track.name)
        sound_ids.append(_track(sound, "audio", name, part.colour, master_channel, 0.0, ids))
        note_ids.append(_track(notes, "notes", f"{name} (MIDI)", part.colour, master_channel, info.pan, ids, muted=True))
    master = next(ids)
    track = SubElement(parent, "Track", contentType="audio notes", loaded="true", id=master, name="Master")
    channel = SubElement(track, "Channel", audioChannels="2", role="master", solo="false", id=master_channel)
    _fader(channel, 0.0, muted=False, ids=ids)
    return master, sound_ids, note_ids


def _track(
    parent: Element, content: str, name: str, colour: str, destination: str, pan: float, ids: Iterator[str], *, muted: bool = False
) -> str:
    track = SubElement(parent, "Track", contentType=content, loaded="true", id=next(ids), name=name, color=colour)
    channel = SubElement(track, "Channel", audioChannels="2", destination=destination, role="regular", solo="false", id=next(ids))
    _fader(channel, pan, muted=muted, ids=ids)
    return track.attrib["id"]


def _fader(channel: Element, pan: float, *, muted: bool, ids: Iterator[str]) -> None:
    """Mute, pan (−1 left … 1 right) and a volume of 0 dB."""
    SubElement(channel, "Mute", value="true" if muted else "false", id=next(ids), name="Mute")
    SubElement(channel, "Pan", max="1.0", min="0.0", unit="normalized", value=_number((pan + 1) / 2), id=next(ids), name="Pan")
    SubElement(channel, "Volume", max="2.0", min="0.0", unit="linear", value="1.0", id=next(ids), name="Volume")


def _sound_lane(session: Session, part: SessionPart, track: str, ids: Iterator[str]) -> Element:
    lane = Element("Lanes", track=track, id=next(ids))
    clips = SubElement(lane, "Clips", id=next(ids))
    length_s = _number(session.length_s)
    span = {"time": "0.0", "duration": _number(session.score.tempo.s_to_beat(session.length_s)), "contentTimeUnit": "seconds"}
    clip = SubElement(clips, "Clip", span, playStart="0.0", playStop=length_s, name=_printable(part.track.name))
    rate = str(session.sample_rate)
    audio = SubElement(clip, "Audio", algorithm="raw", channels="2", duration=length_s, sampleRate=rate, timeUnit="seconds", id=next(ids))
    SubElement(audio, "File", path=part.audio)
    return lane


def _note_lane(session: Session, part: SessionPart, track: str, ids: Iterator[str]) -> Element:
    lane = Element("Lanes", track=track, id=next(ids))
    clips = SubElement(lane, "Clips", id=next(ids))
    span = {"time": "0.0", "duration": _number(session.end_beat), "contentTimeUnit": "beats"}
    clip = SubElement(clips, "Clip", span, playStart="0.0", name=_printable(part.track.name))
    notes = SubElement(clip, "Notes", id=next(ids))
    channel = str(_DRUM_CHANNEL if instrument_of(part.track).is_drum else 0)
    for note in tick_notes(part.track):
        start, length = ticks_to_beat(note.start_ticks), ticks_to_beat(note.end_ticks - note.start_ticks)
        velocity = _number(note.velocity / 127)
        SubElement(notes, "Note", time=_number(start), duration=_number(length), channel=channel, key=str(note.pitch), vel=velocity)
    _controls(lane, part.track, channel, ids)
    _programs(lane, part.track, session.score.tempo, channel, ids)
    return lane


def _controls(lane: Element, track: Track, channel: str, ids: Iterator[str]) -> None:
    """One row of held points for every controller the track moves."""
    for number in sorted({control.number for control in track.controls}):
        points = SubElement(lane, "Points", unit="normalized", id=next(ids))
        SubElement(points, "Target", expression="channelController", channel=channel, controller=str(number))
        for control in track.controls:
            if control.number == number:
                value = _number(control.value / 127)
                SubElement(points, "RealPoint", time=_number(control.beat), value=value, interpolation="hold")


def _programs(lane: Element, track: Track, tempo: TempoMap, channel: str, ids: Iterator[str]) -> None:
    """Where a part changes its way of playing (pizzicato, mute), the General MIDI programs it wants."""
    if track.techniques:
        points = SubElement(lane, "Points", id=next(ids))
        SubElement(points, "Target", expression="programChange", channel=channel)
        for tick, program in [
            (0, instrument_of(track).program),
            *((tick, program) for tick, _, program in technique_programs(track, tempo)),
        ]:
            SubElement(points, "IntegerPoint", time=_number(ticks_to_beat(tick)), value=str(program))


def _markers(arrangement: Element, session: Session, ids: Iterator[str]) -> None:
    named = [(region.start_beat, region.name, "#4f6d8f") for region in session.regions]
    named += [(hit.beat, hit.text, "#c0392b") for hit in session.hits]
    if named:  # the schema wants at least one
        markers = SubElement(arrangement, "Markers", timeUnit="beats", id=next(ids))
        for beat, name, colour in sorted(named, key=lambda one: one[0]):
            SubElement(markers, "Marker", time=_number(beat), name=_printable(name), color=colour)


def _tempo_map(arrangement: Element, session: Session, tempo: str, metre: str, ids: Iterator[str]) -> None:
    """Tempi and metres, each where it changes; a bar's tempo holds to its end."""
    score = session.score
    tempi = SubElement(arrangement, "TempoAutomation", timeUnit="beats", unit="bpm", id=next(ids))
    SubElement(tempi, "Target", parameter=tempo)
    metres = SubElement(arrangement, "TimeSignatureAutomation", timeUnit="beats", id=next(ids))
    SubElement(metres, "Target", parameter=metre)
    before: Bar | None = None
    for bar, beat in zip(score.tempo.bars, score.tempo.bar_beats, strict=False):
        time = _number(float(beat))
        if before is None or bar.us_per_beat != before.us_per_beat:
            SubElement(tempi, "RealPoint", time=time, value=_qpm(bar), interpolation="hold")
        if before is None or (bar.numerator, bar.denominator) != (before.numerator, before.denominator):
            SubElement(metres, "TimeSignaturePoint", time=time, numerator=str(bar.numerator), denominator=str(bar.denominator))
        before = bar


def _qpm(bar: Bar) -> str:
    """The tempo that a MIDI file would state, so that both count the same seconds."""
    return _number(60e6 / bar.us_per_beat)


def _number(value: float) -> str:
    """Nine decimals at most: a nanobeat, and no exponent."""
    text = f"{value:.9f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _printable(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(character for character in text if character.isprintable())
