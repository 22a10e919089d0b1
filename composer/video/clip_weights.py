"""The weights of a CLIP model: found on this machine or fetched, checked, loaded.

No file is ever unpickled in a way that could run code in it. open_clip, torch and the hub's client are imported only when
something is asked of them.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import json
import logging
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from composer import cache
from composer.errors import MissingToolError, OptionError
from composer.video.clip_names import ModelName

INSTALL = "Install the extra: `pip install -c constraints.txt -e '.[clip]'`, or leave the affect to --emotion embedded."
#: what the hub calls weights that open_clip reads, the preferred first
_HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_HUB_CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class Weights:
    """A model that can be loaded without any network access."""

    #: a name in open_clip's table of architectures
    architecture: str
    path: Path
    #: differences from open_clip's usual preprocessing
    preprocess: dict[str, Any] = field(default_factory=dict)
    #: the weights were trained with the faster form of GELU
    quick_gelu: bool = False


def import_open_clip() -> Any:
    """The open_clip module.

    Raises MissingToolError saying how to install it.
    """
    for name in ("open_clip", "torchvision"):
        if importlib.util.find_spec(name) is None:
            raise MissingToolError(f"CLIP needs {name}, which is not installed", INSTALL)
    try:
        return _tolerant_import("open_clip")
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingToolError(f"open_clip is installed but cannot be loaded ({str(error)[:200]})", INSTALL) from None


def _tolerant_import(name: str) -> Any:
    """Import what needs torchvision, also where its compiled part does not fit torch (a CUDA build beside a CPU one).

    CLIP uses only torchvision's transforms, written in Python. The import stops all the same where torchvision describes two
    of its compiled operators (for object detection) that were not loaded; once their names are declared it goes on.
    Who calls one of them is still told that it is missing.
    """
    import torch

    for _ in range(8):
        try:
            return importlib.import_module(name)
        except RuntimeError as error:
            missing = re.search(r"operator (torchvision::\w+) does not exist", str(error))
            if missing is None:
                raise
            torch.library.define(missing[1], "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    return importlib.import_module(name)


def find_weights(model: ModelName, download: bool) -> Weights:
    """The model's files on this machine; fetched from the hub when they are not there and `download` allows it.

    Raises MissingToolError without the extra or the weights, OptionError for a model that open_clip does not know.
    """
    open_clip = import_open_clip()
    if model.kind == "known":
        return _known(open_clip, model, download)
    if model.kind == "hub":
        config = _from_hub(model.architecture, (_HUB_CONFIG,), download)
        return _configured(open_clip, config, _from_hub(model.architecture, _HUB_WEIGHTS, download))
    if model.architecture.endswith(".json"):
        return _configured(open_clip, Path(model.architecture), Path(model.weights))
    _check_architecture(open_clip, model.architecture)
    return Weights(model.architecture, Path(model.weights), _usual_preprocess(open_clip, model.architecture))


def needs_transformers(weights: Weights) -> bool:
    """Whether the model's words pass through the transformers library, which fetches files by itself."""
    text = import_open_clip().get_model_config(weights.architecture)["text_cfg"]
    return bool(text.get("hf_model_name") or text.get("hf_tokenizer_name"))


def _known(open_clip: Any, model: ModelName, download: bool) -> Weights:
    _check_architecture(open_clip, model.architecture)
    entry = open_clip.get_pretrained_cfg(model.architecture, model.weights)
    if not entry:
        tags = open_clip.list_pretrained_tags_by_model(model.architecture)
        hint = _meant(model.weights, tags) or f"It has: {', '.join(tags) or 'none; give ARCHITECTURE=FILE'}."
        raise OptionError(f"open_clip knows no weights {model.weights!r} for {model.architecture}", hint)
    path = _of_entry(open_clip, entry, download)
    return Weights(model.architecture, path, _preprocess_of(entry), bool(entry.get("quick_gelu")))


def _of_entry(open_clip: Any, entry: dict[str, Any], download: bool) -> Path:
    """Weights of an entry in open_clip's table: on the hub, else at an address of their own."""
    if entry.get("hf_hub"):
        repository, _, file = str(entry["hf_hub"]).rpartition("/")
        safe = (f"{Path(file).stem}.safetensors", file) if file else _HUB_WEIGHTS
        return _from_hub(repository, safe, download)
    name = str(entry.get("url", "")).rpartition("/")[2]
    path = Path.home() / ".cache/clip" / name  # where open_clip puts them
    if path.is_file():
        return path
    if not download:
        raise MissingToolError(f"The CLIP weights {name} are not on this machine", _how_to_get(f"the file {name}"))
    with _download_errors(name):
        return Path(open_clip.download_pretrained(entry))


def _from_hub(repository: str, files: tuple[str, ...], download: bool) -> Path:
    """The first of the files that is on this machine; else the first that the hub has."""
    hub: Any = importlib.import_module("huggingface_hub")
    try:
        found = [hub.try_to_load_from_cache(repository, file) for file in files]
    except ValueError as error:
        raise OptionError(f"The CLIP model hf-hub:{repository} is no name on the hub ({error})", "Check its spelling.") from None
    for path in found:
        if isinstance(path, str):
            return Path(path)
    if not download:
        raise MissingToolError(f"The CLIP model {repository} is not on this machine", _how_to_get(f"hf-hub:{repository}"))
    errors: Any = importlib.import_module("huggingface_hub.errors")
    with _download_errors(repository):
        for file in files[:-1]:
            try:
                return Path(hub.hf_hub_download(repository, file))
            except errors.LocalEntryNotFoundError:  # the hub was not reached; it is a kind of the next one
                raise
            except errors.EntryNotFoundError:
                continue
        return Path(hub.hf_hub_download(repository, files[-1]))


@contextlib.contextmanager
def _download_errors(name: str) -> Iterator[None]:
    try:
        with _quiet():  # the client tells of every try
            yield
    except Exception as error:  # the hub's client raises its own, its transport's, and the operating system's
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise MissingToolError(f"The CLIP model {name} could not be downloaded ({first})", _how_to_get(name)) from None


def _how_to_get(what: str) -> str:
    return (
        f"--emotion clip downloads it where there is a network; or get {what} elsewhere and give ARCHITECTURE=FILE as the CLIP model; "
        "or use --emotion embedded."
    )


def _check_architecture(open_clip: Any, name: str) -> None:
    known = open_clip.list_models()
    if name not in known:
        hint = _meant(name, known) or "`python -c 'import open_clip; print(open_clip.list_models())'` lists them."
        raise OptionError(f"open_clip knows no architecture {name!r}", hint)


def _meant(word: str, known: Iterable[str]) -> str:
    """A hint that names the known words closest to `word`, spelled as open_clip does; empty when none is close."""
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelled, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(spelled[name] for name in close)}?" if close else ""


def _usual_preprocess(open_clip: Any, architecture: str) -> dict[str, Any]:
    """The preprocessing that all pretrained weights of this architecture agree on; open_clip's usual one when they do not."""
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    known = [_preprocess_of(open_clip.get_pretrained_cfg(architecture, tag)) for tag in tags]
    return known[0] if known and all(entry == known[0] for entry in known) else {}


def _preprocess_of(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")
    return {name: entry[name] for name in names if entry.get(name) is not None}


def _configured(open_clip: Any, config: Path, weights: Path) -> Weights:
    """A model whose architecture is described in a file: open_clip takes it into its table under a name of ours."""
    try:
        described = json.loads(config.read_text(encoding="utf-8"))
        model = described.get("model_cfg", described)
        if not all(isinstance(model[part], dict) for part in ("vision_cfg", "text_cfg")) or int(model["embed_dim"]) < 1:
            raise ValueError("it describes no model")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "It must hold embed_dim, vision_cfg and text_cfg, as open_clip's configurations do."
        raise OptionError(f"{config.name} is no CLIP configuration ({error})", hint) from None
    name = f"hitpoint-{cache.key_of(json.dumps(model, sort_keys=True))[:16]}"
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"{name}.json"
        table.write_text(json.dumps(model), encoding="utf-8")
        open_clip.add_model_config(table)
    return Weights(name, weights, _preprocess_of(described.get("preprocess_cfg", {})))


def load_model(weights: Weights, shown: str, device: str) -> Any:
    """The model with its weights, ready to be asked, on "cpu" or "cuda".

    Raises OptionError when the file is damaged, holds more than tensors, or does not fit the architecture.
    """
    open_clip = import_open_clip()
    try:
        with _quiet():
            model = open_clip.create_model(
                weights.architecture,
                pretrained=str(weights.path),
                device=device,
                force_quick_gelu=weights.quick_gelu,
                force_preprocess_cfg=weights.preprocess,
                weights_only=True,
            )
    except ImportError as error:
        raise MissingToolError(f"The CLIP model {shown} needs more than open_clip ({error})", "Install what it names.") from None
    except Exception as error:  # torch, safetensors, zipfile and pickle each raise their own
        problem, hint = _why_not_loaded(str(error))
        raise OptionError(f"The CLIP weights {weights.path.name} cannot be loaded: {problem}", hint) from None
    return model.eval()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps others' log lines from the terminal: what matters in them comes back as an error."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def _why_not_loaded(message: str) -> tuple[str, str]:
    if re.search(r"size mismatch|width changed|Missing key|Unexpected key|must match the size|state_dict", message):
        return "they do not fit the architecture", "Name the one they were trained with before the equals sign (ViT-B-32, ViT-L-14, …)."
    if re.search(r"[Ww]eights.only|TorchScript|pickle", message):
        return "they hold more than tensors, which could run code", "Give a .safetensors file, or a .pt file that holds only a state dict."
    return message.strip().splitlines()[0][:200] if message.strip() else "the file is damaged", "Get the file again."
