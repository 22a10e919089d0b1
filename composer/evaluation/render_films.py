"""What the renderer is judged on: films with synthetic speech, films to be scored, and scores of sharp sounds.

Conventions
-----------
Sound is float64 at 48 kHz, full scale 1; levels are root mean squares of the words, dBFS. Everything is seeded. Made films have a grey
picture and uncompressed sound, so that what went in is known to the last bit.
"""

from __future__ import annotations

import functools
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from composer.evaluation.speech import GRID_S, truth_of
from composer.evaluation.speech_material import LEVEL, SAMPLE_RATE as SPEECH_RATE, noise, speech
from composer.process import run
from composer.render.loudness import STEP_SAMPLES
from composer.render.wav import Floats

Doubles = NDArray[np.float64]
RATE = 48_000
#: length of a spoken film, and of its middle in which nobody speaks, seconds
LENGTH_S, PAUSE_S = 60, (24.0, 40.0)
_USUAL_DBFS = float(20 * np.log10(LEVEL))
#: how loud the bangs are where there are some, root mean square, dBFS
_BANGS_DBFS = -12.0


@dataclass(frozen=True)
class Spoken:
    """A film in which somebody speaks."""

    #: for the table
    name: str
    #: channels of its sound: 1, 2 or 6 (words in the centre)
    channels: int = 2
    #: its sample rate
    rate: int = RATE
    #: level of the words, dBFS
    level_dbfs: float = -26.0
    #: what else is heard (a kind of composer.evaluation.speech_material.noise), and the words' level above it, dB
    background: str = ""
    snr_db: float = 20.0
    #: every other sentence is so much softer, dB
    softer_db: float = 0.0
    #: whether the pause is filled with bangs
    bangs: bool = False
    #: whether the first word begins with the film
    at_once: bool = False
    #: loudness preset of the music
    preset: Literal["web", "broadcast", "dialogue"] = "web"

    def clean(self) -> Doubles:
        """(n,) the words alone, at 48 kHz."""
        said = _words(self.at_once)
        if self.softer_db:
            said = said * _alternating(said, self.softer_db)
        return np.asarray(resample_poly(said, RATE // SPEECH_RATE, 1) * 10 ** ((self.level_dbfs - _USUAL_DBFS) / 20))

    def clean_reader(self) -> Callable[[int, int], Floats]:
        """The words as a player would give them on (count, channels): alike on both sides, or in the centre."""
        words = self.clean()
        sides = 1 if self.channels == 6 else 2

        def read(start: int, count: int) -> Floats:
            out = np.zeros((count, sides), np.float32)
            part = words[start : start + count]
            out[: len(part)] = part[:, None]
            return out

        return read

    def truth(self, steps: int) -> NDArray[np.bool_]:
        """(steps,) where words are heard, by the energy of the clean words."""
        said = _words(self.at_once)
        grid = truth_of(said)
        wide = round(STEP_SAMPLES / RATE / GRID_S)
        whole = np.zeros(steps * wide, np.bool_)
        whole[: len(grid)] = grid[: len(whole)]
        return np.asarray(whole.reshape(steps, wide).mean(axis=1) > 0.5)

    def sound(self) -> Doubles:
        """(n, channels) what the film sounds like, at 48 kHz."""
        words = self.clean()
        sides = np.zeros((len(words), 2))
        if self.background:
            level = 10 ** ((self.level_dbfs - self.snr_db) / 20) / LEVEL
            heard = [resample_poly(noise(self.background, LENGTH_S, seed), RATE // SPEECH_RATE, 1)[: len(words)] for seed in (11, 12)]
            # half of it is in the middle, as rooms are recorded
            sides += level * np.stack([heard[0], 0.7 * heard[0] + 0.7 * heard[1]], axis=1)
        if self.bangs:
            first, last = (round(at_s * RATE) for at_s in (PAUSE_S[0] + 3, PAUSE_S[1] - 4))
            rumble = resample_poly(noise("brown", LENGTH_S, 13), RATE // SPEECH_RATE, 1)[: last - first]
            sides[first:last] += 10 ** (_BANGS_DBFS / 20) / LEVEL * rumble[:, None]
        if self.channels == 1:
            return np.asarray((sides.mean(axis=1) + words)[:, None])
        if self.channels == 2:
            return np.asarray(sides + words[:, None])
        nothing = np.zeros(len(words))
        return np.stack([0.7 * sides[:, 0], 0.7 * sides[:, 1], words, nothing, 0.7 * sides[:, 1], 0.7 * sides[:, 0]], axis=1)


#: what is judged
SPOKEN: tuple[Spoken, ...] = (
    Spoken("stereo, words alone"),
    Spoken("mono", channels=1),
    Spoken("mono, 8 kHz", channels=1, rate=8_000),
    Spoken("5.1, words in the centre, room around", channels=6, background="pink", snr_db=10),
    Spoken("first word at once", at_once=True),
    Spoken("loud words, -16 dBFS", level_dbfs=-16),
    Spoken("soft words, -36 dBFS", level_dbfs=-36),
    Spoken("very soft words, -46 dBFS", level_dbfs=-46),
    Spoken("every other sentence 14 dB softer", softer_db=14),
    Spoken("bangs of -12 dBFS elsewhere", bangs=True, level_dbfs=-30),
    Spoken("pink noise 20 dB below", background="pink", snr_db=20),
    Spoken("pink noise 10 dB below", background="pink", snr_db=10),
    Spoken("pink noise 5 dB below", background="pink", snr_db=5),
    Spoken("pink noise as loud", background="pink", snr_db=0),
    Spoken("traffic 10 dB below", background="traffic", snr_db=10),
    Spoken("dialogue preset", preset="dialogue"),
)


@functools.cache
def _words(at_once: bool) -> Doubles:
    """(n,) LENGTH_S of sentences at 16 kHz with a long pause in the middle, each of its own length as it was said."""
    said = speech(LENGTH_S, seed=3)
    said = np.pad(said, (0, max(0, LENGTH_S * SPEECH_RATE - len(said))))
    first, last = (round(at_s * SPEECH_RATE) for at_s in PAUSE_S)
    # the sentence that would be cut is let go whole
    quiet = np.flatnonzero(np.abs(said) < 1e-6)
    first, last = int(quiet[quiet <= first][-1]), int(quiet[quiet >= last][0])
    said[first:last] = 0
    if at_once:
        begins = int(np.flatnonzero(said)[0])
        said = np.concatenate([said[begins:], np.zeros(begins)])
    return said


def _alternating(said: Doubles, softer_db: float) -> Doubles:
    """(n,) factors: 1 and less in turn, changing in the pauses."""
    quiet = np.abs(said) < 1e-6
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8), prepend=1) == -1)
    starts = edges[np.diff(edges, prepend=-SPEECH_RATE) > SPEECH_RATE // 4]
    gaps = [at for at in starts if at < SPEECH_RATE // 4 or quiet[at - SPEECH_RATE // 4 : at].all()]
    number = np.searchsorted(gaps, np.arange(len(said)), side="right")
    return np.where(number % 2 == 0, 1.0, 10 ** (-softer_db / 20))


def spoken_film(spoken: Spoken, folder: Path) -> Path:
    """Write the film as film.mkv into `folder`; returns its path.

    Raises MissingToolError without ffmpeg or espeak-ng.
    """
    sound = spoken.sound()
    if spoken.rate != RATE:
        sound = resample_poly(sound, 1, RATE // spoken.rate, axis=0)
    raw, video = folder / "sound.wav", folder / "film.mkv"
    _write_wav(sound, spoken.rate, raw)
    picture = f"color=c=gray:s=64x36:r=25:d={LENGTH_S}"
    placed = ["-channel_layout", "5.1"] if spoken.channels == 6 else []
    command: Sequence[str] = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture, *placed, "-i", f"file:{raw.absolute()}", "-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", "-t", str(LENGTH_S), f"file:{video.absolute()}"]  # fmt: skip
    run(command)
    raw.unlink()
    return video


def _write_wav(sound: Doubles, rate: int, path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
