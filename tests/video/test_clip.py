"""CLIP through the real open_clip: a small model with random weights, saved to disk and loaded as a user's would be (`make test-clip`)."""

from __future__ import annotations

import importlib
import json
import math
import os
import pickle
import socket
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from composer.errors import MissingToolError, OptionError
from composer.options import Options
from composer.probe import probe
from composer.process import run
from composer.video import clip, feelings
from composer.video.clip import Watcher, available, open_eyes
from composer.video.clip_names import DEFAULT, parse_name
from composer.video.clip_weights import find_weights, import_open_clip, needs_transformers
from composer.video.frames import Pictures
from tests import films
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.clip

#: a vision transformer of two small layers for 64×64 pictures, and as small a reader
TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def make_model(folder: Path, seed: int, config: dict[str, Any] = TINY) -> str:
    """A model with random weights on disk; returns its name for Options.clip_model."""
    import torch
    from safetensors.torch import save_file

    open_clip = import_open_clip()
    (folder / "tiny.json").write_text(json.dumps(config))
    torch.manual_seed(seed)
    model = open_clip.CLIP(**config)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "tiny.safetensors")
    return f"{folder}/tiny.json={folder}/tiny.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return make_model(tmp_path_factory.mktemp("tiny"), 1)


@pytest.fixture(scope="module")
def eyes(tiny) -> clip.Eyes:
    return open_eyes(Options(clip_model=tiny))


@pytest.fixture(scope="module")
def reference(tiny) -> tuple[Any, Any, Any]:
    """(model, preprocessing, tokenizer) as open_clip itself makes them."""
    config, weights = tiny.split("=")
    open_clip = import_open_clip()
    open_clip.add_model_config(config)
    model, _, preprocess = open_clip.create_model_and_transforms("tiny", pretrained=weights)
    return model.eval(), preprocess, open_clip.get_tokenizer("tiny")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HITPOINT_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    shots = (("bars", 1.0), ("fractal", 1.3), ("fire", 1.0), ("chart", 1.5), ("sea", 0.8))
    return films.film(tmp_path_factory.mktemp("films") / "f.mp4", *shots, rate="24000/1001")


def look(path: Path, options: Options) -> clip.Seen:
    watcher = Watcher(probe(path), options)
    pictures = Pictures(probe(path), tap=watcher.tap)
    for _ in pictures.blocks():
        pass
    return watcher.seen(int(np.ceil(pictures.clock().duration_s - 1e-6)))


def whole_pictures(path: Path, indices: list[int]) -> list[Any]:
    """The film's pictures at these indices, whole, as PIL images."""
    from PIL import Image

    chosen = "+".join(f"eq(n,{i})" for i in indices)
    filters = f"select='{chosen}'"
    output, _ = run(
        ["ffmpeg", "-v", "error", "-i", path, "-vf", filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    )
    film = probe(path)
    pixels = np.frombuffer(output, np.uint8).reshape(-1, film.height, film.width, 3)
    return [Image.fromarray(picture) for picture in pixels]


def test_vectors_second_by_second_are_open_clips_own(film, tiny, reference):
    import torch

    model, preprocess, _ = reference
    seen = look(film, Options(clip_model=tiny))
    assert seen.model == "tiny.json=tiny.safetensors"
    assert seen.vectors.dtype == np.float32 and seen.vectors.shape == (6, 32) and seen.emotions.shape == (6, 6)
    indices = [math.ceil(second * Fraction(24000, 1001)) for second in range(6)]
    with torch.inference_mode():
        wanted = model.encode_image(torch.stack([preprocess(picture) for picture in whole_pictures(film, indices)])).numpy()
    off = np.linalg.norm(seen.vectors - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    assert off.max() < 0.01  # ffmpeg's bicubic is not PIL's to the last digit
    shifted = np.linalg.norm(seen.vectors[:-1] - wanted[1:], axis=1) / np.linalg.norm(wanted[1:], axis=1)
    assert np.median(shifted) > 10 * off.max()  # one second off would be seen
    assert np.linalg.norm(seen.vectors, axis=1) != pytest.approx(np.ones(6), abs=0.1)  # not normalised


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("shape", ["wide", "upright", "small"])
def test_pictures_are_preprocessed_as_open_clip_does(tmp_path, reference, mode, shape):
    import torch

    filters = {"wide": "scale=640:272,setsar=1", "upright": "scale=180:320,setsar=1", "small": "scale=48:36,setsar=1"}[shape]
    path = films.film(tmp_path / "f.mp4", ("fractal", 1.5), filters=filters)
    watched = Keeper(fake_eyes(reference[0], mode).framing)
    for _ in Pictures(probe(path), tap=watched).blocks():
        pass
    transforms = import_open_clip().transform
    config = transforms.PreprocessCfg(size=(64, 64), resize_mode=mode, mean=(0, 0, 0), std=(1, 1, 1))
    wanted = torch.stack([transforms.image_transform_v2(config, is_train=False)(picture) for picture in whole_pictures(path, [0, 25])])
    pixels = wanted.permute(0, 2, 3, 1).numpy() * 255
    assert watched.images.shape == pixels.shape
    off = np.abs(watched.images - pixels)
    assert off.mean() < 1.0 and np.percentile(off, 99) < 6
    moved = np.abs(np.roll(watched.images, 1, axis=2) - pixels)
    assert moved.mean() > 3 * off.mean()  # one pixel off would be seen


class Keeper:
    """A tap that keeps its pictures."""

    def __init__(self, framing):
        self.framing = framing
        self.images = np.empty((0, framing.height, framing.width, 3))

    def take(self, images, seconds):
        self.images = np.concatenate([self.images, images])


def fake_eyes(model, mode):
    """Eyes whose model wants its pictures resized in this way."""
    from types import SimpleNamespace

    visual = SimpleNamespace(preprocess_cfg={**model.visual.preprocess_cfg, "resize_mode": mode})
    return clip.Eyes(parse_name(None), "tiny", SimpleNamespace(visual=visual), "cpu")


def test_a_real_film_gives_nearly_the_same_vectors_as_open_clips_own_preprocessing(tiny, reference):
    import torch

    path = films.clip("film/montage_accelerating_known_cuts.mp4")
    model, preprocess, _ = reference
    vectors = look(path, Options(clip_model=tiny)).vectors[::5]
    with torch.inference_mode():
        wanted = model.encode_image(torch.stack([preprocess(p) for p in whole_pictures(path, list(range(0, 25 * 35, 125)))])).numpy()
    off = np.linalg.norm(vectors - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    assert off.max() < 0.005  # neighbouring rows differ by 0.07 and more


def test_batches_change_nothing(eyes):
    images = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), np.uint8)
    at_once = eyes.see(images)
    one_by_one = np.concatenate([eyes.see(image[None]) for image in images])
    assert np.abs(at_once - one_by_one).max() < 1e-4
    assert np.abs(np.diff(at_once, axis=0)).max() > 1e-2
    np.testing.assert_array_equal(eyes.see(images), at_once)


def test_see_normalises_as_open_clip_does(eyes, reference):
    import torch
    from PIL import Image

    model, preprocess, _ = reference
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), np.uint8)
    with torch.inference_mode():
        wanted = model.encode_image(torch.stack([preprocess(Image.fromarray(image)) for image in images])).numpy()
    assert eyes.size == (64, 64)
    np.testing.assert_allclose(eyes.see(images), wanted, atol=1e-4)


def test_words_are_normalised_averaged_and_normalised(eyes, reference):
    import torch

    model, _, tokenizer = reference
    with torch.inference_mode():
        for emotion, sentences in enumerate(feelings.sentences()):
            each = model.encode_text(tokenizer(sentences), normalize=True).mean(dim=0)
            np.testing.assert_allclose(eyes.scale.words[emotion], (each / each.norm()).numpy(), atol=1e-5)
    assert eyes.scale.sharpness == pytest.approx(float(model.logit_scale.detach().exp()), rel=1e-6)


def test_blank_pictures_lean_to_no_emotion(eyes):
    felt = eyes.feel(eyes.see(feelings.blank_pictures(*eyes.size)))
    lean = np.log(felt).mean(axis=0)
    assert np.ptp(lean) < 1e-5
    images = np.random.default_rng(2).integers(0, 256, (4, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(eyes.feel(eyes.see(images)).sum(axis=1), 1, rtol=1e-9)


def test_a_second_run_asks_neither_open_clip_nor_torch(film, tiny):
    first = look(film, Options(clip_model=tiny))
    again = """
import sys; sys.modules.update(open_clip=None, torch=None, torchvision=None)
import numpy as np; from pathlib import Path
from composer.options import Options; from composer.probe import probe; from composer.video.clip import Watcher
watcher = Watcher(probe(Path(sys.argv[1])), Options(clip_model=sys.argv[2]))
seen = watcher.seen(6); assert watcher.tap is None
np.savez(sys.argv[3], vectors=seen.vectors, emotions=seen.emotions)
"""
    kept = film.with_name("again.npz")
    changed = environment(HITPOINT_CACHE=os.environ["HITPOINT_CACHE"], PYTHONPATH=str(ROOT))
    subprocess.run([sys.executable, "-c", again, str(film), tiny, str(kept)], check=True, env=changed)
    with np.load(kept) as arrays:
        np.testing.assert_array_equal(arrays["vectors"], first.vectors)
        np.testing.assert_array_equal(arrays["emotions"], first.emotions)


def test_other_weights_are_another_model(film, tiny, tmp_path):
    first = look(film, Options(clip_model=tiny))
    other = look(film, Options(clip_model=make_model(tmp_path, 2)))
    assert np.abs(first.vectors - other.vectors).max() > 1e-2


def test_a_state_dict_of_tensors_is_as_good_as_safetensors(tiny, eyes, tmp_path):
    import torch
    from safetensors.torch import load_file

    config, weights = tiny.split("=")
    torch.save({"state_dict": load_file(weights)}, tmp_path / "tiny.pt")
    images = feelings.blank_pictures(64, 64)
    np.testing.assert_array_equal(open_eyes(Options(clip_model=f"{config}={tmp_path}/tiny.pt")).see(images), eyes.see(images))


def test_a_configuration_from_the_hub_brings_its_preprocessing(tiny, tmp_path):
    config, weights = tiny.split("=")
    described = {
        "model_cfg": json.loads(Path(config).read_text()),
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    }
    (tmp_path / "open_clip_config.json").write_text(json.dumps(described))
    opened = open_eyes(Options(clip_model=f"{tmp_path}/open_clip_config.json={weights}"))
    assert opened.framing.mode == "squash"
    assert opened._preprocess["mean"] == [0.5] * 3 or opened._preprocess["mean"] == (0.5,) * 3


def test_a_pickle_that_would_run_code_does_not_run(tiny, tmp_path):
    import torch

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    config = tiny.split("=")[0]
    torch.save({"state_dict": {"logit_scale": Evil()}}, tmp_path / "evil.pt")
    (tmp_path / "evil.bin").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pt", "evil.bin"):
        with pytest.raises(OptionError, match=rf"{name} cannot be loaded: they hold more than tensors.*safetensors"):
            open_eyes(Options(clip_model=f"{config}={tmp_path / name}"))
    assert not (tmp_path / "ran").exists()
    with warnings.catch_warnings(action="ignore"):  # deprecated, but OpenAI's own files are of this kind
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "scripted.pt")
    with pytest.raises(OptionError, match="more than tensors"):
        open_eyes(Options(clip_model=f"{config}={tmp_path / 'scripted.pt'}"))


def test_weights_of_another_architecture(tiny, tmp_path):
    weights = tiny.split("=")[1]
    wider = {**TINY, "vision_cfg": {**TINY["vision_cfg"], "width": 96}}  # type: ignore[dict-item]
    (tmp_path / "wider.json").write_text(json.dumps(wider))
    for architecture in (tmp_path / "wider.json", "RN50"):
        with pytest.raises(OptionError, match="do not fit the architecture"):
            open_eyes(Options(clip_model=f"{architecture}={weights}"))


@pytest.mark.parametrize("content", [b"", b"not tensors", "half"])
def test_damaged_weights(tiny, tmp_path, content):
    config, weights = tiny.split("=")
    data = Path(weights).read_bytes()
    (tmp_path / "w.safetensors").write_bytes(data[: len(data) // 2] if content == "half" else content)
    with pytest.raises(OptionError, match=r"w.safetensors cannot be loaded"):
        open_eyes(Options(clip_model=f"{config}={tmp_path}/w.safetensors"))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"embed_dim": 3}', '{"embed_dim": 32, "vision_cfg": {}, "text_cfg": 3}', '{"model_cfg": null}']
)
def test_a_configuration_that_is_none(tiny, tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(OptionError, match=r"c\.json is no CLIP configuration"):
        open_eyes(Options(clip_model=f"{tmp_path}/c.json={tiny.split('=')[1]}"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ViT-B-23/openai", "no architecture 'ViT-B-23'.*Did you mean ViT-B-32"),
        ("ViT-B-32/opneai", "no weights 'opneai' for ViT-B-32.*Did you mean openai"),
        ("ViT-B-23={weights}", "no architecture 'ViT-B-23'"),
    ],
)
def test_what_open_clip_does_not_know(tiny, name, said):
    options = Options(clip_model=name.format(weights=tiny.split("=")[1]))
    for ask in (open_eyes, available):
        with pytest.raises(OptionError, match=said):
            ask(options)


def test_architectures_know_their_preprocessing(tiny):
    weights = tiny.split("=")[1]
    assert find_weights(parse_name(f"ViT-B-16-SigLIP={weights}"), download=False).preprocess["resize_mode"] == "squash"
    assert find_weights(parse_name(f"ViT-B-32={weights}"), download=False).preprocess.get("resize_mode", "shortest") == "shortest"


@pytest.fixture
def no_network(monkeypatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"the network was asked: {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub client's own store on this machine, empty."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path / "hub"


def put_on_hub(hub: Path, repository: str, files: dict[str, Path]) -> None:
    """As the hub's client lays out what it has downloaded."""
    place = hub / f"models--{repository.replace('/', '--')}"
    snapshot = place / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs/main").write_text("0" * 40)
    for name, file in files.items():
        (snapshot / name).write_bytes(file.read_bytes())


def test_the_default_is_a_model_that_open_clip_knows():
    assert tuple(DEFAULT.split("/")) in import_open_clip().list_pretrained()


@pytest.mark.usefixtures("no_network", "hub")
@pytest.mark.parametrize("name", [None, "RN50/yfcc15m", "hf-hub:somebody/something"])
def test_auto_never_asks_the_network(name):
    options = Options(emotion="auto", clip_model=name)
    reason = available(options)
    assert reason is not None and "not on this machine" in reason
    with pytest.raises(MissingToolError, match=r"--emotion clip downloads it.*ARCHITECTURE=FILE"):
        open_eyes(options)


@pytest.mark.usefixtures("no_network")
def test_what_was_downloaded_before_is_used_without_the_network(hub, tiny, eyes):
    config, weights = map(Path, tiny.split("="))
    described = config.with_name("described.json")
    described.write_text(json.dumps({"model_cfg": json.loads(config.read_text()), "preprocess_cfg": {}}))
    put_on_hub(hub, "somebody/tiny", {"open_clip_config.json": described, "open_clip_model.safetensors": weights})
    options = Options(clip_model="hf-hub:somebody/tiny")
    assert available(options) is None
    images = feelings.blank_pictures(64, 64)
    opened = open_eyes(options)
    assert opened.name == "hf-hub:somebody/tiny"
    np.testing.assert_array_equal(opened.see(images), eyes.see(images))


@pytest.mark.usefixtures("no_network")
def test_known_weights_are_found_where_the_hubs_client_keeps_them(hub, tiny):
    put_on_hub(hub, "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", {"open_clip_model.safetensors": Path(tiny.split("=")[1])})
    assert available(Options()) is None
    with pytest.raises(OptionError, match="do not fit the architecture"):  # found and read: they are the tiny model's
        open_eyes(Options())


def test_words_through_another_library_are_not_for_auto(hub, tiny):
    weights = find_weights(parse_name(f"xlm-roberta-base-ViT-B-32={tiny.split('=')[1]}"), download=False)
    assert needs_transformers(weights)
    reason = available(Options(clip_model=f"xlm-roberta-base-ViT-B-32={tiny.split('=')[1]}"))
    assert reason is not None and "--emotion clip" in reason


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", [None, "RN50/yfcc15m", "hf-hub:somebody/something"])
def test_a_download_that_fails_says_what_else_can_be_done(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("urllib.request.urlopen", _no_route)
    with pytest.raises(MissingToolError, match=r"could not be downloaded.*ARCHITECTURE=FILE"):
        open_eyes(Options(emotion="clip", clip_model=name))


class Hub:
    """The hub's client as it answers when it is reached, or not; counts how often it is asked."""

    def __init__(self, monkeypatch, has: dict[str, Path], error: str = "EntryNotFoundError"):
        self.asked: list[str] = []
        self.has, self.error = has, error
        monkeypatch.setattr("huggingface_hub.hf_hub_download", self.download)

    def download(self, repository: str, file: str) -> str:
        self.asked.append(file)
        if file not in self.has:
            kind = getattr(importlib.import_module("huggingface_hub.errors"), self.error)
            raise kind.__new__(kind)
        return str(self.has[file])


@pytest.mark.usefixtures("hub", "no_network")
def test_the_safest_form_that_the_hub_has_is_taken(tiny, monkeypatch, tmp_path):
    import torch
    from safetensors.torch import load_file

    config, weights = tiny.split("=")
    torch.save(load_file(weights), tmp_path / "w.bin")
    described = tmp_path / "c.json"
    described.write_text(json.dumps({"model_cfg": json.loads(Path(config).read_text())}))
    client = Hub(monkeypatch, {"open_clip_config.json": described, "open_clip_pytorch_model.bin": tmp_path / "w.bin"})
    assert open_eyes(Options(emotion="clip", clip_model="hf-hub:somebody/tiny")).size == (64, 64)
    assert client.asked[-1] == "open_clip_pytorch_model.bin" and client.asked[1].endswith(".safetensors")
    client = Hub(monkeypatch, {"open_clip_config.json": described, "open_clip_model.safetensors": Path(weights)})
    assert open_eyes(Options(emotion="clip", clip_model="hf-hub:somebody/tiny")).size == (64, 64)
    assert client.asked == ["open_clip_config.json", "open_clip_model.safetensors"]


@pytest.mark.usefixtures("hub", "no_network")
def test_a_hub_that_is_not_reached_is_asked_once(monkeypatch):
    client = Hub(monkeypatch, {}, "LocalEntryNotFoundError")
    with pytest.raises(MissingToolError, match="could not be downloaded"):
        open_eyes(Options(emotion="clip"))
    assert len(client.asked) == 1


def _no_route(*arguments: Any, **options: Any) -> Any:
    raise OSError("no route to host")
