"""From CLIP's vectors to the six emotions: what is asked of the pictures in words, and the arithmetic of the answer.

How
---
1. Words. Every emotion has several phrases, each put into several sentences about a film's picture (prompt ensembling,
   Radford et al. 2021, "Learning transferable visual models from natural language supervision", section 3.1.4): one sentence
   says too much about its own wording. The sentences' vectors are normalised, averaged per emotion, normalised again.
2. Picture. The cosine of its vector with each emotion's, times the model's own logit scale, gives six logits.
3. Calibration. Such a model prefers some of the six whatever it is shown. What it answers to pictures without content (flat
   grey, noise) is that preference; their mean logits are taken off before the softmax (contextual calibration, Zhao et al. 2021,
   "Calibrate before use"). So a picture that says nothing gets equal probabilities, and "neutral" has to be earned like the rest.

Everything here is numpy on small arrays: with vectors from the cache no model is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from composer.film import EMOTIONS

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]

#: sentences about a picture; each phrase takes the place of {}
TEMPLATES = (
    "a film still whose mood is {}",
    "this scene feels {}",
    "{} atmosphere in a movie",
    "the picture looks {}",
    "viewers find this moment {}",
)
#: phrases of each emotion; adjectives, so that they fit every sentence
PHRASES = {
    "exciting": ("exciting", "thrilling", "exhilarating", "energetic"),
    "fearful": ("frightening", "terrifying", "scary", "horrifying"),
    "tense": ("tense", "suspenseful", "uneasy", "nerve-racking"),
    "sad": ("sad", "melancholic", "sorrowful", "mournful"),
    "relaxing": ("relaxing", "calm", "peaceful", "serene"),
    "neutral": ("neutral", "ordinary", "unemotional", "matter-of-fact"),
}
#: grey levels of the flat pictures without content; fades are made of such
GREYS = (0, 64, 128, 192)
#: the noise pictures: sides of their squares as a share of the picture, from fine to coarse
GRAINS = (1 / 64, 1 / 16, 1 / 4)


def sentences() -> list[list[str]]:
    """For each emotion, in the order of EMOTIONS, every phrase in every template."""
    return [[template.format(phrase) for phrase in PHRASES[emotion] for template in TEMPLATES] for emotion in EMOTIONS]


def blank_pictures(width: int, height: int) -> npt.NDArray[np.uint8]:
    """(B, height, width, 3) pictures without content: flat greys, and coloured noise of several grains; always the same."""
    flat = [np.full((height, width, 3), grey, np.uint8) for grey in GREYS]
    noise = [_noise(np.random.default_rng(seed), width, height, grain) for seed, grain in enumerate(GRAINS)]
    return np.stack([*flat, *noise])


def _noise(random: np.random.Generator, width: int, height: int, grain: float) -> npt.NDArray[np.uint8]:
    side = max(1, round(grain * min(width, height)))
    cells = random.integers(0, 256, (-(-height // side), -(-width // side), 3), np.uint8)
    return cells.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]


def mean_direction(vectors: npt.NDArray[np.floating]) -> Floats:
    """(D,) unit vector: the mean of the directions of (N, D) vectors."""
    return np.asarray(unit(unit(vectors).mean(axis=0, keepdims=True))[0])


def unit(vectors: npt.NDArray[np.floating]) -> Floats:
    """(N, D) vectors brought to length 1; a zero vector stays zero."""
    wide = np.asarray(vectors, np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


@dataclass(frozen=True)
class Scale:
    """What pictures of one model are measured against."""

    #: (6, D) directions of the emotions' words, unit length, in the order of EMOTIONS
    words: Floats
    #: the model's logit scale: how much a cosine counts
    sharpness: float
    #: (6,) mean logits of the pictures without content
    bias: Floats

    @classmethod
    def calibrated(cls, words: Floats, sharpness: float, blanks: Vectors) -> Scale:
        """The scale whose zero is the mean answer to the (B, D) vectors of pictures without content."""
        return cls(words, sharpness, (sharpness * unit(blanks) @ words.T).mean(axis=0))

    def feel(self, vectors: Vectors) -> Floats:
        """(T, 6) probabilities of the emotions for (T, D) picture vectors of any length."""
        logits = self.sharpness * unit(vectors) @ self.words.T - self.bias
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
