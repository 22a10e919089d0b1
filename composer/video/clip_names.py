"""Which CLIP model is meant: the ways to name one.

``ARCHITECTURE/PRETRAINED``   what open_clip knows, e.g. "ViT-B-32/laion2b_s34b_b79k"
``hf-hub:ORG/NAME``           a model on the hub that open_clip can read
``ARCHITECTURE=FILE``         weights in a file (.safetensors, or .pt, .pth, .bin, .ckpt of tensors only) for an architecture that
                              open_clip knows; or CONFIG.json=FILE for any other: a configuration as open_clip's own, or the
                              open_clip_config.json that lies beside weights from the hub
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from composer import cache
from composer.errors import OptionError

#: LAION's ViT-B/32 trained on LAION-2B: MIT licence, 605 MB, 512 numbers per picture; about 0.1 s per second of film on one core
DEFAULT = "ViT-B-32/laion2b_s34b_b79k"

_FORMS = f'Give ARCHITECTURE/PRETRAINED ("{DEFAULT}"), hf-hub:ORG/NAME, or ARCHITECTURE=FILE with weights on this machine.'
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


@dataclass(frozen=True)
class ModelName:
    """A model as asked for."""

    kind: Literal["known", "hub", "file"]
    #: open_clip's name of the architecture, or a configuration file; for the hub ORG/NAME
    architecture: str
    #: the pretrained weights' name, or their file; empty for the hub
    weights: str = ""

    @property
    def shown(self) -> str:
        """The name without folders, as film.json and the manifest tell it."""
        if self.kind == "file":
            return f"{Path(self.architecture).name}={Path(self.weights).name}"
        return f"hf-hub:{self.architecture}" if self.kind == "hub" else f"{self.architecture}/{self.weights}"

    @property
    def key(self) -> str:
        """What tells the model from every other: for files what is in them, not where they are."""
        if self.kind != "file":
            return self.shown
        config = Path(self.architecture)
        architecture = cache.content_hash(config) if config.suffix == ".json" else self.architecture
        return f"{architecture}={cache.content_hash(Path(self.weights))}"


def parse_name(asked: str | None) -> ModelName:
    """What `Options.clip_model` means.

    Raises OptionError for anything that is none of the three forms, or a file that is not there.
    """
    text = (asked or DEFAULT).strip()
    if text.startswith("hf-hub:"):
        if not re.fullmatch(r"hf-hub:[\w.-]+/[\w.-]+", text):
            raise OptionError(f"The CLIP model {text!r} is no name on the hub", "It is written hf-hub:ORG/NAME.")
        return ModelName("hub", text.removeprefix("hf-hub:"))
    architecture, sign, file = text.partition("=")
    if sign and architecture and file:
        return _named_file(architecture, Path(file).expanduser())
    architecture, slash, pretrained = text.rpartition("/")
    if slash and architecture and pretrained:
        return ModelName("known", architecture.replace("/", "-"), pretrained)
    raise OptionError(f"The CLIP model {text!r} is not named in a way that is known", _FORMS)


def _named_file(architecture: str, weights: Path) -> ModelName:
    files = [weights]
    if architecture.endswith(".json"):
        architecture = str(Path(architecture).expanduser())
        files.insert(0, Path(architecture))
    for file in files:
        try:
            file.open("rb").close()
        except OSError as error:
            what = "weights" if file is weights else "configuration"
            raise OptionError(f"The CLIP {what} {file} cannot be read ({error.strerror})", "Check the name.") from None
    if weights.suffix.lower() not in _SUFFIXES:
        raise OptionError(f"{weights.name} is no kind of CLIP weights that is read", f"It must end in one of {', '.join(_SUFFIXES)}.")
    return ModelName("file", architecture, str(weights))
