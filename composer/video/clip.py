"""Affect and meaning from CLIP (Radford et al. 2021) through open_clip: one vector per second of film, six emotions from it.

`Watcher` is all that watching needs: its `tap` goes into the decode pass, and after the pass `seen` tells what was seen.
What a model saw of a film is cached (`composer.cache`), the model's words too: with both there, `Watcher` loads neither torch nor
open_clip, and there is no tap. (`available`, which "auto" asks first, does import open_clip where it is installed.)

Conventions
-----------
Row k is the picture of second k (see `composer.video.tap`). Vectors are as the image tower gives them, not normalised:
that is the semantic feature of Video2Music (Kang et al. 2024, Expert Systems with Applications 249).
The same pictures give the same vectors on the same kind of device; in batches of other sizes they differ by rounding.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from composer import cache
from composer.errors import MissingToolError, VideoError
from composer.film import EMOTIONS
from composer.options import Options
from composer.probe import Probe
from composer.video import feelings
from composer.video.clip_names import ModelName, parse_name
from composer.video.clip_weights import find_weights, import_open_clip, load_model, needs_transformers
from composer.video.feelings import Floats, Scale, Vectors
from composer.video.tap import Framing, Images, Tap, held

#: raised whenever the same film, words and model would give other numbers than before
VERSION = 1
#: seconds (M,) that have a picture of their own, rising, and its vector (M, D)
Pictures = tuple[npt.NDArray[np.int64], Vectors]

#: sentences encoded at once
_WORDS_AT_ONCE = 64


def available(options: Options) -> str | None:
    """None when the extra and the model's weights are on this machine (nothing is fetched); else the reason, as a sentence.

    Raises OptionError for a model that is named wrongly.
    """
    try:
        weights = find_weights(parse_name(options.clip_model), download=False)
    except MissingToolError as error:
        return f"{error.problem}."
    if needs_transformers(weights):
        return "The CLIP model reads words with the transformers library, which may fetch files: it runs only with --emotion clip."
    return None


def open_eyes(options: Options) -> Eyes:
    """Load the model; weights are fetched from the hub when they are not on this machine and `options.emotion` is "clip".

    Raises MissingToolError without the extra or the weights, OptionError for a name or file that is no such model.
    """
    name = parse_name(options.clip_model)
    weights = find_weights(name, download=options.emotion == "clip")
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Eyes(name, weights.architecture, load_model(weights, name.shown, device), device)


class Eyes:
    """A loaded CLIP model: pictures become vectors, vectors become emotions."""

    def __init__(self, name: ModelName, architecture: str, model: Any, device: str) -> None:
        self.name = name.shown
        self.device = device
        self._architecture = architecture
        self._model = model
        self._preprocess = dict(model.visual.preprocess_cfg)

    @functools.cached_property
    def framing(self) -> Framing:
        """How the model wants its pictures."""
        size = self._preprocess["size"]
        high, wide = (size, size) if isinstance(size, int) else size
        bilinear = self._preprocess["interpolation"] == "bilinear"
        ground = self._preprocess.get("fill_color") or 0
        return Framing(wide, high, self._preprocess["resize_mode"], "bilinear" if bilinear else "bicubic", ground)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures it takes."""
        return self.framing.width, self.framing.height

    def see(self, images: Images) -> Vectors:
        """(B, D) vectors, not normalised, of (B, H, W, 3) RGB pictures of the model's size (see `framing`)."""
        import torch

        def channels(name: str) -> torch.Tensor:
            return torch.tensor(self._preprocess[name], device=self.device).view(1, 3, 1, 1)

        with torch.inference_mode(), self._precision():
            pixels = torch.tensor(images, device=self.device).permute(0, 3, 1, 2).float() / 255
            vectors = self._model.encode_image((pixels - channels("mean")) / channels("std"))
            return np.asarray(vectors.float().cpu().numpy())

    def feel(self, vectors: Vectors) -> Floats:
        """(T, 6) probabilities in the order of EMOTIONS for (T, D) vectors; see `composer.video.feelings`."""
        return self.scale.feel(vectors)

    @functools.cached_property
    def scale(self) -> Scale:
        """What the vectors are measured against: the model's vectors of the emotions' words and of pictures without content."""
        words = np.stack([feelings.mean_direction(self._read(sentences)) for sentences in feelings.sentences()])
        blanks = self.see(feelings.blank_pictures(*self.size))
        return Scale.calibrated(words, float(self._model.logit_scale.detach().exp()), blanks)

    def _read(self, sentences: Sequence[str]) -> Vectors:
        """(N, D) vectors of N sentences."""
        import torch

        read = []
        with torch.inference_mode(), self._precision():
            for first in range(0, len(sentences), _WORDS_AT_ONCE):
                tokens = self._tokenizer(list(sentences[first : first + _WORDS_AT_ONCE])).to(self.device)
                read.append(self._model.encode_text(tokens).float().cpu().numpy())
        return np.concatenate(read)

    @functools.cached_property
    def _tokenizer(self) -> Any:
        try:
            return import_open_clip().get_tokenizer(self._architecture)
        except Exception as error:  # the transformers library is missing, or what it wanted to fetch
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            hint = "Install the transformers library, or use a model with open_clip's own words."
            raise MissingToolError(f"The CLIP model {self.name} cannot read words ({reason})", hint) from None

    def _precision(self) -> Any:
        """Half precision where it is fast and close enough, on CUDA; full precision elsewhere."""
        import torch

        return torch.autocast("cuda", torch.float16, enabled=self.device == "cuda")


@dataclass(frozen=True)
class Seen:
    """What CLIP saw, per second of film."""

    #: the model's name
    model: str
    #: (S, D) vectors, not normalised
    vectors: Vectors
    #: (S, 6) probabilities in the order of EMOTIONS
    emotions: Floats


class Watcher:
    """CLIP beside the decode pass: give `tap` to `Pictures`, then ask `seen`.

    Raises MissingToolError or OptionError here, before the pass, when the model cannot be had.
    """

    def __init__(self, film: Probe, options: Options) -> None:
        name = parse_name(options.clip_model)
        self.model = name.shown
        self._film = film
        self._keys = _keys(film, name) if cache.folder() is not None else {}
        self._pictures = _read_pictures(self._load("clip-film"))
        self._scale = _read_scale(self._load("clip-words"))
        self._eyes = open_eyes(options) if self._pictures is None or self._scale is None else None
        self._live = _Live(self._eyes) if self._eyes is not None and self._pictures is None else None

    @property
    def tap(self) -> Tap | None:
        """What the decode pass must feed; None when this model's vectors of this film are in the cache."""
        return self._live

    def seen(self, seconds: int) -> Seen:
        """What was seen in the `seconds` seconds of the film; call it after the pass.

        Raises VideoError when no picture of the film has a time stamp.
        """
        if self._pictures is None:
            self._pictures = self._new_pictures()
        if self._scale is None:
            self._scale = self._new_scale()
        at, vectors = self._pictures
        rows = vectors[held(at.tolist(), seconds)]
        return Seen(self.model, rows, self._scale.feel(rows))

    def _new_pictures(self) -> Pictures:
        assert self._live is not None
        if not self._live.seconds:
            hint = "Export it again, or use --emotion embedded."
            raise VideoError(f"{self._film.path} has no time stamps by which CLIP could choose pictures", hint)
        at, vectors = np.array(self._live.seconds, np.int64), np.concatenate(self._live.vectors)
        self._store("clip-film", seconds=at, vectors=vectors)
        return at, vectors

    def _new_scale(self) -> Scale:
        assert self._eyes is not None
        scale = self._eyes.scale
        self._store("clip-words", words=scale.words, sharpness=np.array(scale.sharpness), bias=scale.bias)
        return scale

    def _load(self, kind: str) -> cache.Arrays:
        return (cache.load(kind, self._keys[kind]) or {}) if self._keys else {}

    def _store(self, kind: str, **arrays: npt.NDArray[Any]) -> None:
        if self._keys:
            cache.store(kind, self._keys[kind], arrays)


class _Live:
    """The tap: sees each batch of pictures as it comes; keeps D numbers per second of film."""

    def __init__(self, eyes: Eyes) -> None:
        self._eyes = eyes
        self.seconds: list[int] = []
        self.vectors: list[Vectors] = []

    @property
    def framing(self) -> Framing:
        return self._eyes.framing

    def take(self, images: Images, seconds: Sequence[int]) -> None:
        self.vectors.append(self._eyes.see(images))
        self.seconds.extend(seconds)


def _keys(film: Probe, name: ModelName) -> dict[str, str]:
    """The cache's keys: everything that the vectors, and the scale, follow from."""
    model = name.key
    asked = (feelings.sentences(), feelings.GREYS, feelings.GRAINS)
    return {
        "clip-film": cache.key_of(VERSION, model, film.video_stream, cache.content_hash(film.path)),
        "clip-words": cache.key_of(VERSION, model, asked),
    }


def _read_pictures(kept: cache.Arrays) -> Pictures | None:
    at, vectors = kept.get("seconds"), kept.get("vectors")
    if at is None or vectors is None or vectors.ndim != 2 or not len(at) == len(vectors) > 0:
        return None
    return at, vectors


def _read_scale(kept: cache.Arrays) -> Scale | None:
    words, sharpness, bias = kept.get("words"), kept.get("sharpness"), kept.get("bias")
    if words is None or sharpness is None or bias is None or len(words) != len(EMOTIONS):
        return None
    return Scale(words, float(sharpness), bias)
