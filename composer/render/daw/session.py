"""`Session`: what the writers of the hand-over bundle share, read once from the nouns and the files of a finished render.

Conventions
-----------
Paths are relative to the bundle, with forward slashes. Beats count quarter notes, seconds count film time; time 0 is the first
displayed frame, tick 0 and sample 0. Hits belong to the picture, sections to the bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from composer.errors import RenderError
from composer.film import Film
from composer.instruments import Family
from composer.plan import Plan
from composer.render.events import ascii_text, instrument_of, stem_name
from composer.rendering import Rendering
from composer.score import Marker, Score, Track
from composer.timecode import timecode

#: colours by family, "#rrggbb": what sits together looks alike
COLOURS: dict[Family, str] = {
    "strings": "#b5651d", "brass": "#d4a017", "woodwinds": "#5b8c5a", "percussion": "#7d5ba6", "piano": "#4f6d8f",
    "harp": "#c06c84", "choir": "#5fa8b5", "guitar": "#a0522d", "synth": "#6c7a89",
}  # fmt: skip
#: longest name of a project file, without what follows the dot
_LONGEST_NAME = 60


@dataclass(frozen=True)
class SessionPart:
    """One part: its notes, and its files in the bundle."""

    #: what it plays
    track: Track
    #: e.g. "audio/01_Violins_I_96bpm.wav"
    audio: str
    #: e.g. "midi/01_Violins_I_96bpm.mid"
    midi: str

    @property
    def colour(self) -> str:
        """Its family's, "#rrggbb"."""
        return COLOURS[instrument_of(self.track).family]


@dataclass(frozen=True)
class Region:
    """A section of the music on the time line."""

    #: ASCII, e.g. "S2 tense D minor"
    name: str
    #: first beat
    start_beat: float
    #: end, beats (exclusive)
    end_beat: float


@dataclass(frozen=True)
class Session:
    """Everything a workstation is told."""

    #: the music
    score: Score
    #: safe ASCII file name made from the title
    name: str
    #: in score order
    parts: tuple[SessionPart, ...]
    #: sections, in order
    regions: tuple[Region, ...]
    #: hits, in order
    hits: tuple[Marker, ...]
    #: length of every audio file, samples
    length_samples: int
    #: samples per second
    sample_rate: int
    #: gain from the sum of the stems to the mix before its limiter, dB
    mix_gain_db: float
    #: the scored film in the bundle, or None
    film: str | None = None
    #: where film time 0 lies in that file, seconds
    film_start_s: float = 0.0

    @property
    def length_s(self) -> float:
        """Length of every audio file, seconds."""
        return self.length_samples / self.sample_rate

    @property
    def end_beat(self) -> float:
        """Where the last bar ends, or the last note if that is later, beats."""
        last = max((note.end_beat for part in self.parts for note in part.track.notes), default=0.0)
        return max(self.score.tempo.total_beats, last)

    def timecode_at(self, time_s: float) -> str:
        """Timecode of the picture at a film time, seconds."""
        return timecode(time_s, self.score.frame_rate, self.score.start_tc)


def gather(score: Score, plan: Plan | None, rendering: Rendering, folder: Path, film: Film | None, scored: Path | None) -> Session:
    """What the bundle will hold, from an output folder.

    Raises RenderError when the sound is of another score, or a file of it is missing in `folder`.
    """
    if [stem.part for stem in rendering.stems] != [track.part for track in score.tracks]:
        raise RenderError("the sound is not of this score", "Render the score again.")
    parts = tuple(
        SessionPart(track, f"audio/{Path(stem.path).name}", f"midi/{stem_name(score, index, '.mid')}")
        for index, (track, stem) in enumerate(zip(score.tracks, rendering.stems, strict=True))
    )
    for part in parts:
        for path in (folder / "stems" / part.audio, folder / "stems" / part.midi):
            if not path.is_file():
                raise RenderError(f"{path} is missing", "Render the score again.")
    return Session(
        score=score,
        name=project_name(score.title),
        parts=parts,
        regions=_regions(score, plan, rendering.length_samples / rendering.sample_rate),
        hits=tuple(marker for marker in score.markers if marker.kind == "hit"),
        length_samples=rendering.length_samples,
        sample_rate=rendering.sample_rate,
        mix_gain_db=rendering.gain_db,
        film=f"video/{scored.name}" if scored is not None else None,
        film_start_s=film.start_offset_s if film is not None else 0.0,
    )


def project_name(title: str) -> str:
    """A file name that every system takes: ASCII letters, digits and underscores, e.g. "A_small_film"."""
    words = "".join(character if character.isalnum() else " " for character in ascii_text(title)).split()
    return "_".join(words)[:_LONGEST_NAME].strip("_") or "Score"


def _regions(score: Score, plan: Plan | None, length_s: float) -> tuple[Region, ...]:
    """Sections from their first bar to their last as planned; without a plan each lasts until the next, or the sound's end."""
    starts = [marker for marker in score.markers if marker.kind == "section"]
    edges = [*(marker.beat for marker in starts[1:]), score.tempo.s_to_beat(length_s)]
    planned = {score.tempo.beat_of(s.first_bar): score.tempo.beat_of(s.last_bar + 1) for s in plan.sections} if plan is not None else {}
    spans = ((marker, min(edge, planned.get(marker.beat, edge))) for marker, edge in zip(starts, edges, strict=False))
    return tuple(Region(ascii_text(marker.text), marker.beat, end) for marker, end in spans if end > marker.beat)
