"""Levels, judged: does every mix meet its preset, keep its peaks, and lie where its stems lie?

Conventions
-----------
* Films: the clips of a folder, in the order of their names, then made stories (composer.evaluation.plan_films) until there are enough. Each is planned as a whole,
  composed by the rule-based generator, and rendered for its first MOST_S seconds.
* Loudness error: measured less wanted, LU, of the finished `mix.wav`: by ffmpeg's ebur128 and by pyloudnorm. True peak: by ebur128, dBTP.
* Null depth: power of the premaster less the sum of all stems, over that of the premaster, dB, read by libsndfile; nothing left is EXACT_DB.
* Limiter and compressor: level of mix over premaster per 10 ms, less the static gain. *Work* is the most that is taken away anywhere, *busy* the share of the sounding time
  in which more than 1 dB is.
* Shift: lag of the mix against the premaster, samples, by cross-correlation over one-second windows; the farthest of all windows that sound.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from composer.errors import MissingToolError, RenderError
from composer.evaluation.plan_films import STORIES, film_of_story
from composer.film import Film
from composer.generators import generator
from composer.options import Options, Progress
from composer.planner import plan, spot
from composer.render import render
from composer.render.loudness import measure
from composer.render.mix import PRESETS_LUFS
from composer.render.perform import perform
from composer.render.soundfont import open_soundfont
from composer.rendering import Rendering
from composer.serial import to_plain, write_text

Doubles = NDArray[np.float64]
Preset = Literal["web", "broadcast", "dialogue"]

#: who plays
ENSEMBLES: tuple[tuple[str, ...], ...] = (("strings", "brass"), ("piano",), ("orchestra",))
#: loudness presets, in turn from one film to the next
PRESETS: tuple[Preset, ...] = ("web", "broadcast", "dialogue")
#: most of a film that is rendered, seconds
MOST_S = 30.0
#: what stands for an exact null: below the last of 24 bits
EXACT_DB = -200.0
#: power of a window (−70 dBFS) below which it tells nothing
_SILENT = 1e-7
#: shortest clip that is taken, seconds
SHORTEST_S = 4.0
_RATE = 48_000
_STORY_S = 32.0
#: what a version of this program is made of, and hexadecimal digits that tell one from another
_SOURCES, _DIGITS = (".py", ".json"), 12


@dataclass(frozen=True)
class LevelRow:
    """One render."""

    #: which film, who plays, on which bank, at which preset
    film: str
    instruments: str
    soundfont: str
    preset: str
    #: length of the music, seconds; parts
    length_s: float
    parts: int
    #: loudness errors, LU
    ebur128_lu: float
    pyloudnorm_lu: float
    #: dBTP
    true_peak_dbtp: float
    #: dB
    null_db: float
    #: dB, and share of the sounding time
    work_db: float
    busy: float
    #: samples
    shift_samples: int

    @property
    def error_lu(self) -> float:
        """The larger of the two loudness errors, without its sign."""
        return max(abs(self.ebur128_lu), abs(self.pyloudnorm_lu))


def made_films(count: int, seed: int) -> Iterator[tuple[str, Film]]:
    """(name, film) of so many stories of about half a minute."""
    for number, kind in zip(range(count), itertools.cycle(STORIES), strict=False):
        rng = np.random.default_rng([seed, number, 31])
        yield f"{kind} {number // len(STORIES) + 1}", film_of_story(f"{kind} {number}", STORIES[kind], _STORY_S, Fraction(25), rng)[0]


def evaluate(films: Sequence[tuple[str, Film]], banks: Sequence[Path], seed: int, kept: Path | None, progress: Progress) -> list[LevelRow]:
    """Judge every film with every ensemble on every bank; rows already in the file `kept` are taken from there, new ones added as they come.

    Raises MissingToolError without pyloudnorm, ffmpeg or FluidSynth.
    """
    _meter(1)
    known = _read(kept)
    sha256 = {bank: open_soundfont(bank).sha256[:_DIGITS] for bank in banks}
    rows: list[LevelRow] = []
    jobs = [(number, film, players, bank) for number, film in enumerate(films) for players in ENSEMBLES for bank in banks]
    for done, (number, (name, film), players, bank) in enumerate(jobs):
        progress("levels", done / len(jobs))
        preset = PRESETS[number % len(PRESETS)]
        key = "|".join((name, _film_digest(film), ",".join(players), bank.name, sha256[bank], preset, str(seed), _sources_digest()))
        row = known.get(key)
        if row is None:
            row = judge(name, film, Options(seed=seed, instruments=players, soundfont=bank, loudness=preset))
            if kept is not None:
                known[key] = row
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_text(kept, "".join(json.dumps({"of": k, **vars(v)}, ensure_ascii=False) + "\n" for k, v in known.items()))
        rows.append(row)
    progress("levels", 1.0)
    return rows


def _read(kept: Path | None) -> dict[str, LevelRow]:
    """Key → row; rows that an older version kept in another form are left out."""
    if kept is None or not kept.is_file():
        return {}
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    fields = {"of", *(field.name for field in dataclasses.fields(LevelRow))}
    return {line.pop("of"): LevelRow(**line) for line in lines if set(line) == fields}


@functools.cache
def _sources_digest() -> str:
    """Of all that plans, composes, renders and measures, tables included: what an older version made is not taken for this one's."""
    return digest_of(Path(__file__).parents[1])


def digest_of(package: Path) -> str:
    """Of the sources and tables (.py, .json) in a folder and those within it: their names and what they hold."""
    found = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in _SOURCES and path.is_file()):
        found.update(f"{path.relative_to(package).as_posix()} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:_DIGITS]


def _film_digest(film: Film) -> str:
    """Of all that is known of a film, which is all that its music is made from; wherever it lies."""
    return hashlib.sha256(json.dumps(to_plain(replace(film, path=Path(film.path).name))).encode()).hexdigest()[:_DIGITS]


def judge(name: str, film: Film, options: Options) -> LevelRow:
    """Plan, compose and render one film, and measure what came out."""
    planned = plan(film, spot(film, options), options)
    score = perform(generator("chords")(planned), planned)
    score = replace(score, end_s=min(score.end_s, MOST_S))
    with tempfile.TemporaryDirectory(prefix="hitpoint-") as folder:
        rendering = render(score, Path(folder), options)
        return measured(name, Path(folder), rendering, options)


def check_files(folder: Path, rendering: Rendering, *, whole: bool) -> None:
    """Raise RenderError unless the mix of a finished render, and with `whole` its premaster and stems too, are sounds of the noted length."""
    import soundfile

    parts = [rendering.premaster, *(stem.path for stem in rendering.stems)] if whole else []
    for name in (rendering.mix, *parts):
        hint = "Render the score again" + (", or have its mix drawn alone with --only pictures." if name in parts else ".")
        if not (folder / name).is_file():
            raise RenderError(f"{folder} lacks {name}", hint)
        try:
            frames = soundfile.info(folder / name).frames
        except soundfile.LibsndfileError:
            frames = 0
        if frames != rendering.length_samples:
            raise RenderError(f"{folder / name} is damaged", hint)


def measured(name: str, folder: Path, rendering: Rendering, options: Options) -> LevelRow:
    """What a finished render in `folder` measures."""
    wanted = PRESETS_LUFS[options.loudness]
    mix, premaster = folder / rendering.mix, folder / rendering.premaster
    heard = measure(mix)
    work_db, busy = _work(mix, premaster, rendering.gain_db)
    return LevelRow(
        film=name,
        instruments=",".join(options.instruments),
        soundfont=rendering.soundfont,
        preset=options.loudness,
        length_s=round(rendering.length_samples / rendering.sample_rate, 2),
        parts=len(rendering.stems),
        ebur128_lu=round(heard.integrated_lufs - wanted, 2),
        pyloudnorm_lu=round(_pyloudnorm(mix) - wanted, 2),
        true_peak_dbtp=round(heard.true_peak_dbtp, 2),
        null_db=round(_null_db(premaster, [folder / stem.path for stem in rendering.stems]), 1),
        work_db=round(work_db, 1),
        busy=round(busy, 3),
        shift_samples=_shift(mix, premaster),
    )


def _meter(rate: int) -> Any:
    try:
        import pyloudnorm
    except ImportError:
        raise MissingToolError("pyloudnorm is not installed", "Install it: `pip install -c constraints.txt pyloudnorm`.") from None
    return pyloudnorm.Meter(rate) if rate > 1 else None


def _pyloudnorm(path: Path) -> float:
    import soundfile

    sound, rate = soundfile.read(path)
    return float(_meter(rate).integrated_loudness(sound))


def _blocks(*paths: Path, size: int = 1 << 18) -> Iterator[tuple[Doubles, ...]]:
    """The same stretch of every file, float64, block by block."""
    import soundfile

    streams = [soundfile.blocks(path, size, dtype="float64", always_2d=True) for path in paths]
    yield from zip(*streams, strict=True)


def _null_db(premaster: Path, stems: Sequence[Path]) -> float:
    left = whole = 0.0
    for total, *parts in _blocks(premaster, *stems):
        left += float(np.square(total - np.sum(parts, axis=0)).sum())
        whole += float(np.square(total).sum())
    return 10 * float(np.log10(left / whole)) if left > 0 else EXACT_DB


def _work(mix: Path, premaster: Path, gain_db: float) -> tuple[float, float]:
    """(most that is taken away in 10 ms, dB; share of the sounding 10 ms in which it is more than 1 dB)."""
    frames = _RATE // 100
    taken = []
    for after, before in _blocks(mix, premaster, size=frames * 100):
        count = len(before) // frames * frames
        powers = [np.square(sound[:count]).reshape(-1, frames * sound.shape[1]).mean(axis=1) for sound in (before, after)]
        heard = powers[0] > _SILENT
        taken.append(gain_db + 10 * np.log10(powers[0][heard] / np.maximum(powers[1][heard], 1e-12)))
    all_taken = np.concatenate([*taken, np.zeros(1)])
    return float(all_taken.max()), float(np.mean(all_taken > 1.0))


def _shift(mix: Path, premaster: Path) -> int:
    """Lag of the mix in the window where it is largest, samples."""
    farthest = 0
    for after, before in _blocks(mix, premaster, size=_RATE):
        sides = [sound.sum(axis=1) for sound in (after, before)]
        if np.square(sides[1]).mean() > _SILENT:
            likeness = scipy.signal.correlate(sides[0], sides[1], mode="same", method="fft")
            lag = int(likeness.argmax()) - len(sides[1]) // 2
            farthest = max(farthest, lag, key=abs)
    return farthest
