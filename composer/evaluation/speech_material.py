"""Sound for measuring the speech detector: synthetic speech with known pauses, noises, and music by our own engine.

Conventions
-----------
Everything is float64 at 16 kHz, (n,) mono or (n, 2) stereo, of power LEVEL², seeded: the same on every run. Speech comes from the program espeak-ng (formant synthesis: clean,
so that its own energy tells where it is), music from the rule-based generator and the sound bank that a film would get.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from composer.evaluation.dose import film_of
from composer.generators import generator
from composer.instruments import INSTRUMENTS
from composer.options import Options
from composer.planner import plan as arrange, spot
from composer.process import run
from composer.render.levels import part_gain, voice_volumes
from composer.render.perform import perform
from composer.render.soundfont import choose_soundfont
from composer.render.synth import Player, cues_for, play, voices_of
from composer.render.wav import SAMPLE_RATE as MUSIC_RATE
from composer.score import Score, Track

Floats = npt.NDArray[np.float64]

SAMPLE_RATE = 16_000
#: root mean square of everything made here (−26 dBFS, where dialogue is mixed)
LEVEL = 0.05
_HEADER_BYTES = 44
#: (voice of espeak-ng, its words a minute, what it says): five languages, women and men
VOICES: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("en-us+f3", 165, ("The train leaves at half past nine.", "Nobody told me that you were coming home tonight, and now it is late.", "Wait!", "I have seen that man before.")),
    ("en-gb+m3", 150, ("We should not have opened that door.", "Listen.", "There is somebody in the garden, right behind the old wall.", "Do you remember what she said?")),
    ("de+m7", 160, ("Guten Morgen, Herr Doktor.", "Ich habe die ganze Nacht auf dich gewartet, aber du bist nicht gekommen.", "Warum?", "Das Schiff ist gestern abgefahren.")),
    ("fr-fr+f2", 170, ("Je ne sais pas où il est parti.", "Il faut que tu me racontes toute cette histoire depuis le début.", "Attends.", "La mer est calme ce soir.")),
    ("es+m2", 175, ("No tengo miedo de la noche.", "Dime la verdad, porque mañana será demasiado tarde para todos.", "Ven.", "El viento viene del norte.")),
    ("it+f4", 165, ("Non dimenticare la chiave.", "Quando ero bambina, passavamo ogni estate in quella casa sul lago.", "Basta!", "Ci vediamo domani mattina.")),
)  # fmt: skip


def speech(seconds: float, seed: int = 0, voices: Sequence[tuple[str, int, tuple[str, ...]]] = VOICES) -> Floats:
    """Sentences of several voices with pauses of 0.5–3 s, cut off at `seconds`; digital silence between.

    Raises MissingToolError without espeak-ng.
    """
    rng = np.random.default_rng(seed)
    said: list[Floats] = []
    length = 0
    for voice, rate, text in _turns(rng, voices):
        pause = np.zeros(round(rng.uniform(0.5, 3.0) * SAMPLE_RATE))
        sentence = say(text, voice, rate)
        said += [pause, sentence / np.sqrt(np.mean(sentence**2))]
        length += len(pause) + len(sentence)
        if length >= seconds * SAMPLE_RATE:
            break
    return LEVEL * np.concatenate(said)[: round(seconds * SAMPLE_RATE)]


def _turns(rng: np.random.Generator, voices: Sequence[tuple[str, int, tuple[str, ...]]]) -> Iterator[tuple[str, int, str]]:
    """Who speaks next, and what: one or two sentences, then another voice."""
    while True:
        for index in rng.permutation(len(voices)):
            voice, rate, texts = voices[index]
            for text in rng.permutation(texts)[: rng.integers(1, 3)]:
                yield voice, rate, str(text)


def say(text: str, voice: str, words_a_minute: int) -> Floats:
    """One sentence, without the silence that espeak-ng puts around it.

    Raises MissingToolError without espeak-ng.
    """
    wav, _ = run(["espeak-ng", "-v", voice, "-s", str(words_a_minute), "--stdout", text], timeout_s=30)
    # a plain 44-byte header; the lengths in it mean nothing, since it was written to a pipe
    rate = int.from_bytes(wav[24:28], "little")
    samples = np.frombuffer(wav[_HEADER_BYTES : len(wav) // 2 * 2], "<i2") / 32768
    sound = resample_poly(samples, SAMPLE_RATE, rate)
    heard = np.flatnonzero(np.abs(sound) > 1e-3)
    return np.asarray(sound[heard[0] : heard[-1] + 1], np.float64)


def noise(kind: str, seconds: float, seed: int = 0) -> Floats:
    """White, pink (−3 dB per octave), brown (−6 dB), or traffic: a rumbling road with engines and cars that pass."""
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    if kind == "traffic":
        return _traffic(rng, count)
    slope = {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind]
    return _coloured(rng, count, slope)


def _coloured(rng: np.random.Generator, count: int, slope: float) -> Floats:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 20.0)
    sound = np.fft.irfft(spectrum * frequency**-slope, count)
    return np.asarray(LEVEL * sound / sound.std(), np.float64)


def _traffic(rng: np.random.Generator, count: int) -> Floats:
    time_s = np.arange(count) / SAMPLE_RATE
    road = _coloured(rng, count, 0.9)
    tyres = sosfilt(butter(2, (300, 2500), "band", fs=SAMPLE_RATE, output="sos"), rng.standard_normal(count))
    near = np.full(count, 0.05)
    hum = np.zeros(count)
    for passing_s in np.arange(rng.uniform(1, 4), count / SAMPLE_RATE, 5.5):
        bell = np.exp(-0.5 * ((time_s - passing_s - rng.uniform(-1, 1)) / rng.uniform(0.5, 1.2)) ** 2)
        # the pitch of the engine falls as it passes (Doppler)
        pitch = rng.uniform(70, 130) * (1 - 0.08 * np.tanh(time_s - passing_s))
        turns = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        hum += bell * sum(np.sin(k * turns) / k for k in range(1, 9))
        near += bell
    sound = road + 0.05 * near * tyres / tyres.std() + 0.02 * hum
    return np.asarray(LEVEL * sound / sound.std(), np.float64)


def music(instruments: Sequence[str], seconds: int, seed: int = 0) -> Floats:
    """(n, 2) what the engine writes and plays for a film of changing mood scored with these instruments; all parts equally loud, no hall.

    Raises SoundfontError or MissingToolError where nothing can be rendered.
    """
    rng = np.random.default_rng([seed, *map(ord, "".join(instruments))])
    feeling = np.repeat(rng.uniform(-0.8, 0.8, (2, -(-seconds // 12))), 12, axis=1)[:, :seconds]
    options = Options(seed=seed, instruments=tuple(instruments))
    film = film_of(seed, feeling[0], feeling[1], rng)
    planned = arrange(film, spot(film, options), options)
    score = perform(generator("chords")(planned), planned)
    total = sum((_part(score, track, seconds * MUSIC_RATE) for track in score.tracks), np.zeros((seconds * MUSIC_RATE, 2)))
    sound = resample_poly(total, 1, MUSIC_RATE // SAMPLE_RATE)
    return np.asarray(LEVEL * sound / np.sqrt(np.mean(sound**2)), np.float64)


def _part(score: Score, track: Track, count: int) -> Floats:
    """(count, 2) one part at 48 kHz, of power 1 while it sounds."""
    instrument, bank = INSTRUMENTS[track.instrument], choose_soundfont()
    rows = bank.rows_for(instrument, voices_of(track))
    first, *others = presets = [bank.preset_for(row) for row in rows]
    _, volumes = voice_volumes([part_gain(bank, row, preset) for row, preset in zip(rows, presets, strict=True)])
    with Player(bank.path, first, instrument, others) as player:
        part = np.concatenate(list(play(player, cues_for(score, track, count, volumes=volumes), count))).astype(np.float64)
    sounding = part[np.abs(part) > 1e-4]
    return part / np.sqrt(np.mean(sounding**2)) if len(sounding) else part
