"""Naming a CLIP model, and what is said where it, or the extra, is not there: none of this needs open_clip."""

import sys

import pytest

from composer.errors import MissingToolError, OptionError
from composer.options import Options
from composer.video.clip import available, open_eyes
from composer.video.clip_names import DEFAULT, ModelName, parse_name


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"1234")
    return file


@pytest.mark.parametrize(
    ("asked", "meant", "shown"),
    [
        (None, ModelName("known", *DEFAULT.split("/")), DEFAULT),
        ("ViT-L-14/openai", ModelName("known", "ViT-L-14", "openai"), "ViT-L-14/openai"),
        ("ViT-L/14/openai", ModelName("known", "ViT-L-14", "openai"), "ViT-L-14/openai"),
        ("hf-hub:laion/CLIP-ViT-B-32", ModelName("hub", "laion/CLIP-ViT-B-32"), "hf-hub:laion/CLIP-ViT-B-32"),
    ],
)
def test_names(asked, meant, shown):
    assert parse_name(asked) == meant
    assert meant.shown == meant.key == shown


def test_a_file_is_shown_without_its_folder_and_known_by_its_content(tmp_path, weights):
    name = parse_name(f"ViT-B-32={weights}")
    assert (name.architecture, name.weights, name.shown) == ("ViT-B-32", str(weights), "ViT-B-32=weights.safetensors")
    moved = weights.rename(tmp_path / "moved.pt")
    assert parse_name(f"ViT-B-32={moved}").key == parse_name(f"ViT-B-32={moved}").key
    before = parse_name(f"ViT-B-32={moved}").key
    moved.write_bytes(b"1235")
    assert parse_name(f"ViT-B-32={moved}").key != before
    config = tmp_path / "tiny.json"
    config.write_text("{}")
    assert parse_name(f"{config}={moved}").shown == "tiny.json=moved.pt"
    before = parse_name(f"{config}={moved}").key
    config.write_text("{ }")
    assert parse_name(f"{config}={moved}").key != before


def test_home_is_known_after_the_equals_sign(monkeypatch, tmp_path, weights):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_name("ViT-B-32=~/weights.safetensors").weights == str(weights)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ViT-B-32", "not named in a way"),
        ("", DEFAULT),
        ("/openai", "not named"),
        ("ViT-B-32/", "not named"),
        ("=x", "not named"),
        ("hf-hub:laion", "hf-hub:ORG/NAME"),
        ("hf-hub:a/b/c", "hf-hub:ORG/NAME"),
        ("ViT-B-32=nowhere.pt", "weights nowhere.pt cannot be read"),
        ("nowhere.json=nowhere.pt", "configuration nowhere.json cannot be read"),
    ],
)
def test_wrong_names(asked, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if not asked:
        assert parse_name(asked).shown == said
        return
    with pytest.raises(OptionError, match=said):
        parse_name(asked)


def test_a_file_of_another_kind_is_refused(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    with pytest.raises(OptionError, match=r"film.mp4 is no kind of CLIP weights.*\.safetensors"):
        parse_name(f"ViT-B-32={film}")


@pytest.mark.parametrize("module", ["open_clip", "torchvision"])
def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch, module):
    for name in ("open_clip", "torchvision"):
        monkeypatch.setitem(sys.modules, name, None if name == module else sys)
    assert available(Options()) is not None
    with pytest.raises(MissingToolError, match=rf"needs {module}.*pip install .*\[clip\]"):
        open_eyes(Options(emotion="clip"))
    assert available(Options()) == f"CLIP needs {module}, which is not installed."


def test_a_wrong_name_is_wrong_with_auto_too():
    with pytest.raises(OptionError, match="not named"):
        available(Options(clip_model="ViT-B-32"))
