"""`Options`: what the user asked for. The command line and any other door build one; stages read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

#: progress(stage, done 0…1): called often, cheap, from the main process only
Progress = Callable[[str, float], None]

#: what can be made for other programs
Export = Literal["daw", "musicxml", "pdf"]
EXPORTS: tuple[Export, ...] = get_args(Export)


def silent(stage: str, done: float) -> None:
    """The progress callback that shows nothing."""


@dataclass(frozen=True)
class Options:
    """Everything that can be asked for; the defaults are what most films want."""

    #: everything random comes from this
    seed: int = 0
    #: names from the instrument table, families or ensembles, in the user's order; empty = the planner chooses
    instruments: tuple[str, ...] = ()
    #: mean tempo asked for, qpm; None = from the film
    tempo_qpm: float | None = None
    #: every bar at exactly the asked (or chosen) tempo
    steady: bool = False
    #: key asked for, e.g. "D minor"; None = from the film
    key: str | None = None
    #: one mood for the whole film (composer.theory.moods); None = from the film
    mood: str | None = None
    #: a person's own words on the music, e.g. "a lonely detective, noir, muted trumpet"
    brief: str = ""
    #: who plans: our own rules, or a language model
    planner: Literal["rules", "llm"] = "rules"
    #: name of the language model, as its server knows it; None = the server's usual one
    llm_model: str | None = None
    #: where the server is that speaks chat completions, e.g. "http://localhost:11434/v1"; None = OPENAI_BASE_URL or OpenAI's own
    llm_base_url: str | None = None
    #: show the language model a picture of every scene, too
    llm_frames: bool = False
    #: "auto", "embedded", "clip", or a file of emotions
    emotion: str = "auto"
    #: CLIP model: a name that open_clip knows ("ViT-B-32/laion2b_s34b_b79k", "hf-hub:…") or "ARCHITECTURE=FILE"; None = the usual one
    clip_model: str | None = None
    #: one moment whose picture sets the mood of the whole film: seconds; None = the film as it goes
    frame_s: float | None = None
    #: the same, as a share of the film's length, 0…1; None = the film as it goes
    frame_share: float | None = None
    #: moments the user wants hit, seconds
    hit_s: tuple[float, ...] = ()
    #: moments the user does not want hit, seconds
    no_hit_s: tuple[float, ...] = ()
    #: a list of cuts or moments that a person made (see composer.cut_list); None = only what was seen
    hits_file: Path | None = None
    #: timecode of the film's first picture, e.g. "01:00:00:00" ("01:00:00;00" counts drop-frame); None = as the cut list or custom says
    start_tc: str | None = None
    #: music only here, (start, end) in seconds, one cue each; empty = one cue over the whole film
    cue_s: tuple[tuple[float, float], ...] = ()
    #: no music here, (start, end) in seconds
    silence_s: tuple[tuple[float, float], ...] = ()
    #: "percussion" lets timpani and cymbals mark hits although nobody asked for these instruments
    accents: Literal["none", "percussion"] = "none"
    #: how the last chord leaves: rings on, is cut with the picture, or fades
    ending: Literal["ring", "cut", "fade"] = "ring"
    #: which generator composes
    generator: str = "transformer"
    #: sound bank file; None = the best one installed
    soundfont: Path | None = None
    #: loudness preset of the mix
    loudness: Literal["web", "broadcast", "dialogue"] = "web"
    #: what happens to the film's own sound
    original: Literal["duck", "keep", "mute"] = "duck"
    #: add the music as a sound track of its own instead of mixing it in
    as_track: bool = False
    #: what is made for other programs beside the usual files
    exports: tuple[Export, ...] = ()
    #: how human the timing is, 0 (on the grid) … 1
    humanize: float = 0.5

    @property
    def emotion_file(self) -> Path | None:
        """The file that `emotion` names; None when it names a way to measure."""
        return None if self.emotion in ("auto", "embedded", "clip") else Path(self.emotion)
