"""Films for judging plans: twelve kinds of story made up from numbers, with places that return, speech, and everything a person may ask.

Conventions
-----------
A story is a list of scenes; a scene runs through a line of feeling and is cut between its places, which are the looks of the shots. Scenes,
lengths and levels are shaken by the seed, so films of two seeds are different films. Every shot has a feeling of its own beside its scene's
and every second a little noise, as measured curves have. Cuts lie on whole pictures; shot lengths are log-normal (Cutting, DeLong & Nothelfer 2010).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from composer.film import EMOTIONS, AffectCurve, Film, Shot, Span, Transition
from composer.options import Options
from composer.theory.passage import Floats

RATES = (Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60))
#: who is asked to play, in turn; () leaves it to the planner
ENSEMBLES: tuple[tuple[str, ...], ...] = (
    (), ("strings",), ("strings", "brass"), ("piano",), ("orchestra",), (), ("chamber",), ("piano_trio",), ("hybrid",), ("horror",), ("comedy",),
    ("cello", "piano"), (), ("string_trio",), ("woodwinds", "harp"), ("choir", "organ"), ("guitar", "flute"), ("synth", "drums"), ("solo_voice", "piano", "cello"),
)  # fmt: skip
#: no shot is shorter, seconds
_SHORTEST_S = 0.4
_SPREAD = 0.5


@dataclass(frozen=True)
class Scene:
    """A stretch of a story."""

    #: weight of its length
    share: float
    #: feeling at its start and end
    valence: tuple[float, float]
    arousal: tuple[float, float]
    #: mean length of a shot, seconds
    shot_s: float
    #: its places, cut between in turn; a letter is the same place in the whole film
    places: str
    #: share of its time in which somebody speaks
    speech: float = 0.0


def _scene(share: float, valence: float, arousal: float, shot_s: float, places: str, speech: float = 0.0) -> Scene:
    return Scene(share, (valence, valence), (arousal, arousal), shot_s, places, speech)


_STILL = 1e9
STORIES: dict[str, tuple[Scene, ...]] = {
    "slow build": (
        Scene(3, (0.1, 0.0), (-0.6, -0.4), 8, "A"), Scene(3, (0.0, -0.1), (-0.4, 0.0), 5, "AB"),
        Scene(2.5, (-0.1, 0.1), (0.0, 0.5), 3, "BC"), Scene(1.5, (0.4, 0.6), (0.7, 0.9), 1.8, "CD"),
    ),
    "chase": (_scene(1, -0.1, 0.1, 4, "A"), _scene(3, -0.3, 0.7, 1.6, "BC"), _scene(1, -0.2, 0.2, 3, "D"), _scene(3, 0.0, 0.85, 1.2, "BCE"), _scene(1.2, 0.4, 0.0, 5, "A")),
    "elegy": (_scene(2, -0.4, -0.5, 7, "A"), _scene(2, -0.6, -0.35, 9, "B"), Scene(2, (-0.6, -0.2), (-0.3, -0.1), 6, "AB"), _scene(2, -0.3, -0.65, 12, "A")),
    "shock": (_scene(4, 0.4, -0.5, 6, "AB"), _scene(1.5, -0.8, 0.8, 1.3, "C"), Scene(2.5, (-0.5, -0.3), (0.2, -0.4), 5, "DA")),
    "alternating scenes": tuple(_scene(1, *((0.5, 0.1, 4, "AB") if i % 2 == 0 else (-0.5, 0.35, 2.5, "CD"))) for i in range(6)),
    "dialogue": (_scene(1.5, 0.1, -0.3, 6, "A"), _scene(4, 0.0, -0.15, 3.5, "BC", 0.75), _scene(1.2, -0.2, 0.1, 4, "D"), _scene(3, 0.25, -0.1, 3.5, "BC", 0.65)),
    "long calm take": (Scene(1, (0.3, 0.5), (-0.7, -0.5), _STILL, "A"),),
    "plateau": (_scene(2, 0.0, -0.3, 5, "A"), _scene(6, 0.3, 0.35, 4, "ABC"), _scene(2, 0.2, -0.3, 5, "A")),
    "wave": (Scene(2, (0.0, -0.3), (-0.5, 0.2), 5, "A"), _scene(2, -0.4, 0.6, 2.5, "B"), Scene(2, (-0.1, 0.2), (0.1, -0.4), 5, "CA"), _scene(1.5, 0.5, 0.5, 3, "B"), _scene(1.5, 0.4, -0.5, 7, "A")),
    "montage": tuple(_scene(1, 0.1 * i, 0.1 * i, max(0.9, 3.5 - 0.5 * i), "ABCDE"[i % 5] + "F") for i in range(6)),
    "voice over": (_scene(2, -0.2, -0.4, 6, "AB", 0.8), _scene(2, -0.4, 0.3, 3, "C"), _scene(2, 0.0, -0.3, 6, "AB", 0.7), _scene(1.5, 0.5, 0.5, 3, "D")),
    "journey": (_scene(2, 0.3, -0.3, 5, "A"), _scene(2, 0.5, 0.2, 3, "BC"), _scene(2, -0.2, 0.4, 2.5, "DE"), _scene(1.5, -0.6, -0.2, 6, "F"), _scene(2, 0.1, 0.7, 2, "BG"), _scene(2, 0.5, -0.3, 6, "A")),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A film and what is asked for it."""

    name: str
    #: the story, or "clip"
    kind: str
    film: Film
    options: Options
    #: where the story's scenes begin, but for the first, seconds; empty for clips
    scenes_s: tuple[float, ...] = ()


def cases(count: int, seed: int, clips: Sequence[tuple[str, Film]] = ()) -> list[Case]:
    """`count` films, the given clips (name, film) first; who plays, tempo, key, cues and ending change from one to the next."""
    made = [Case(name, "clip", film, _asked(film, number, seed)) for number, (name, film) in enumerate(clips[:count])]
    for number, kind in zip(range(count - len(made)), itertools.cycle(STORIES), strict=False):
        film, scenes_s = made_film(kind, seed, number)
        made.append(Case(f"{kind} {number // len(STORIES) + 1}", kind, film, _asked(film, len(made), seed), scenes_s))
    return made


def _asked(film: Film, number: int, seed: int) -> Options:
    """What a person asks for the film of that number; two in three ask for no more than instruments."""
    rng = np.random.default_rng([seed, 7000 + number])
    options = Options(seed=seed * 1000 + number, instruments=ENSEMBLES[number % len(ENSEMBLES)])
    if number % 5 in (1, 3):
        options = replace(options, tempo_qpm=float(rng.integers(60, 141)), steady=number % 10 == 3)
    elif number % 15 == 0:
        options = replace(options, steady=True)
    if number % 7 == 2:
        options = replace(options, key=("D minor", "Eb major", "F# minor", "A major", "G dorian")[int(rng.integers(5))])
    if number % 13 == 4:
        options = replace(options, mood=("tense", "peaceful", "heroic")[int(rng.integers(3))])
    if number % 6 == 4 and film.duration_s > 30:
        third = film.duration_s / 3
        options = replace(options, cue_s=((0.0, round(third * 1.1, 2)), (round(third * 1.35, 2), film.duration_s)))
    elif number % 9 == 5 and film.duration_s > 30:
        middle = film.duration_s * float(rng.uniform(0.4, 0.6))
        options = replace(options, silence_s=((round(middle, 2), round(middle + 4, 2)),))
    return replace(options, ending=("ring", "ring", "cut", "fade")[number % 4])


def made_film(kind: str, seed: int, number: int) -> tuple[Film, tuple[float, ...]]:
    """A film of that story and where its scenes begin: the first of all is 20 s long, every twelfth 4 to 10 minutes, the others half a minute
    to more than three; where somebody speaks there are 75 s at least.
    """
    rng = np.random.default_rng([seed, number, list(STORIES).index(kind)])
    wanted_s = 20.0 if number == 0 else rng.uniform(240, 600) if number % 12 == 11 else float(np.exp(rng.uniform(np.log(28), np.log(200))))
    if any(scene.speech for scene in STORIES[kind]):
        wanted_s = max(wanted_s, 75.0)
    return film_of_story(f"{kind} {number}", STORIES[kind], wanted_s, RATES[number % len(RATES)], rng)


def film_of_story(
    name: str, story: Sequence[Scene], length_s: float, rate: Fraction, rng: np.random.Generator
) -> tuple[Film, tuple[float, ...]]:
    """A film of about `length_s`, its scenes shaken by `rng`, and where they begin (the first left out), seconds."""
    scenes = [_shaken(scene, rng) for scene in story]
    while length_s > 60 * len(scenes) and len(scenes) > 1:  # a long film has more of everything, not longer scenes
        scenes += [_shaken(scene, rng) for scene in story]
    frames = round(length_s * rate)
    ends = np.rint(np.cumsum([s.share for s in scenes]) / sum(s.share for s in scenes) * frames).astype(int)
    places = {letter: i for i, letter in enumerate(dict.fromkeys("".join(s.places for s in scenes)))}
    colours = {letter: tuple(float(x) for x in rng.uniform((0.15, 0.1, 0.0), (0.7, 0.6, 0.12))) for letter in places}
    shots: list[Shot] = []
    for scene, start, end in zip(scenes, [0, *ends[:-1]], ends, strict=True):
        shots += _shots(scene, int(start), int(end), rate, places, colours, rng)
    shots[0] = replace(shots[0], opens_with="start", strength=1.0, confidence=1.0, transition_s=0.0)
    duration_s = float(frames / rate)
    seconds = int(np.ceil(duration_s))
    valence, arousal = (_feeling(scenes, shots, ends / float(rate), seconds, which, rng) for which in ("valence", "arousal"))
    speech = tuple(span for scene, start, end in zip(scenes, [0, *ends[:-1]], ends, strict=True) for span in _speech(scene, start / float(rate), end / float(rate), rng))  # fmt: skip
    motion = np.interp(np.arange(seconds) + 0.5, [s.start_s for s in shots], [s.motion for s in shots])
    loudness = np.clip(-34 + 12 * arousal + rng.normal(0, 1.5, seconds), -70, -8) if speech or rng.random() < 0.6 else np.zeros(0)
    film = Film(
        path=f"{name}.mp4", duration_s=duration_s, frame_rate=rate, width=640, height=360, start_offset_s=0.0, video_stream=0,
        audio_stream=1 if len(loudness) else None, frame_count=frames, shots=tuple(shots), affect=_curve(valence, arousal),
        motion=_rounded(motion), loudness_lufs=_rounded(loudness), speech=speech,
        roughness=_rounded(0.2 + 0.2 * arousal[: len(loudness)]), pitch_hz=(0.0,) * len(loudness),
    )  # fmt: skip
    return film, tuple(float(Fraction(int(end)) / rate) for end in ends[:-1])


def _shaken(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene in another film: longer or shorter, a little happier or sadder."""
    valence, arousal = (tuple(float(np.clip(x + shift, -0.95, 0.95)) for x in line) for line, shift in zip((scene.valence, scene.arousal), rng.uniform(-0.15, 0.15, 2), strict=True))  # fmt: skip
    return replace(
        scene,
        share=scene.share * float(rng.uniform(0.75, 1.3)),
        valence=(valence[0], valence[1]),
        arousal=(arousal[0], arousal[1]),
        shot_s=scene.shot_s * float(rng.uniform(0.8, 1.25)),
    )


def _shots(
    scene: Scene,
    start: int,
    end: int,
    rate: Fraction,
    places: dict[str, int],
    colours: dict[str, tuple[float, ...]],
    rng: np.random.Generator,
) -> list[Shot]:
    """Shots of a scene between two pictures: its places in turn, now and then one held for another shot."""
    count = max(1, round((end - start) / float(rate) / scene.shot_s))
    lengths = np.maximum(_SHORTEST_S, rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, count)) if count > 1 else np.ones(1)
    inner = start + np.rint(np.cumsum(lengths)[:-1] / lengths.sum() * (end - start)).astype(int)
    edges = [start, *(int(f) for f in inner), end]
    place = int(rng.integers(len(scene.places)))
    shots: list[Shot] = []
    for i, (first, last) in enumerate(itertools.pairwise(edges)):
        if last - first < _SHORTEST_S * rate and shots:
            shots[-1] = replace(shots[-1], end_s=float(last / rate))
            continue
        place = (place + (rng.random() < 0.85)) % len(scene.places)
        letter = scene.places[place]
        brightness, saturation, motion = np.clip(np.asarray(colours[letter]) + rng.normal(0, 0.02, 3), 0, 1)
        opens, strength, transition_s = _opening(i == 0, rng)
        shots.append(
            Shot(
                float(first / rate), float(last / rate), opens, strength, round(float(rng.uniform(0.75, 1.0)), 3), transition_s, float(brightness),
                float(saturation), float(min(1.0, motion + 0.2 * max(0.0, scene.arousal[0]))), places[letter], float((first + last) / 2 / rate),
            )
        )  # fmt: skip
    return shots


def _opening(is_new_scene: bool, rng: np.random.Generator) -> tuple[Transition, float, float]:
    """How a shot begins, how strong that is, and how long it takes: scenes may dissolve or fade, and differ more."""
    if not is_new_scene:
        return "cut", round(float(rng.uniform(0.35, 0.95)), 3), 0.0
    roll = rng.random()
    if roll < 0.72:
        return "cut", round(float(rng.uniform(0.6, 1.0)), 3), 0.0
    return ("dissolve" if roll < 0.9 else "fade"), round(float(rng.uniform(0.5, 1.0)), 3), round(float(rng.uniform(0.4, 1.2)), 2)


def _feeling(scenes: Sequence[Scene], shots: Sequence[Shot], ends_s: Floats, seconds: int, which: str, rng: np.random.Generator) -> Floats:
    """(seconds,) the scenes' lines, every shot a little off them, a slow wander and noise."""
    middle = np.arange(seconds) + 0.5
    number = np.searchsorted(ends_s, middle).clip(0, len(scenes) - 1)
    starts_s = np.concatenate([[0.0], ends_s[:-1]])
    line = np.array([getattr(scene, which) for scene in scenes])[number]
    place = ((middle - starts_s[number]) / np.maximum(ends_s - starts_s, 1e-9)[number]).clip(0, 1)
    base = line[:, 0] + (line[:, 1] - line[:, 0]) * place
    shot = np.searchsorted([s.end_s for s in shots], middle).clip(0, len(shots) - 1)
    own = rng.normal(0, 0.1, len(shots))[shot]
    wander = 0.08 * np.sin(middle / rng.uniform(6, 17) + rng.uniform(0, 6))
    return np.asarray(np.clip(base + own + wander + rng.normal(0, 0.04, seconds), -1, 1))


def _speech(scene: Scene, start_s: float, end_s: float, rng: np.random.Generator) -> list[Span]:
    """Sentences of 1.5 to 5 s with pauses, so that they fill the scene's share."""
    spans, now = [], start_s + 0.5
    while scene.speech and now < end_s - 2:
        length = float(rng.uniform(1.5, 5.0))
        spans.append(Span(round(now, 2), round(min(end_s - 0.2, now + length), 2)))
        now += length + max(0.35, length * (1 / scene.speech - 1) * float(rng.uniform(0.5, 1.5)))
    return spans


def _curve(valence: Floats, arousal: Floats) -> AffectCurve:
    even = tuple(1 / len(EMOTIONS) for _ in EMOTIONS)
    return AffectCurve(tuple(float(i) for i in range(len(valence))), (even,) * len(valence), _rounded(valence), _rounded(arousal))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(v), 3) for v in values)
