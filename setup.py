"""Install Hitpoint: `pip install -c constraints.txt -e .[dev]` (or `make setup`, which also sees to the system packages)."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# Ranges say what should work; constraints.txt says what was tested.
RUN = [
    "click>=8.1,<9",
    "ffmpeg-python>=0.2,<0.3",
    "matplotlib>=3.8,<4",
    "mido>=1.3,<2",
    "music21>=9.1,<11",  # writes MusicXML; Krumhansl-Schmuckler key finding, a second opinion on our keys
    "numpy>=2.0,<3",
    "onnxruntime>=1.17,<2",
    "openai>=1.60,<3",
    "OpenTimelineIO>=0.17,<0.19",  # before 1.0 any minor version may change; both were read with
    "pretty_midi>=0.2.10,<0.3",
    "pydantic>=2.7,<3",
    "pyfluidsynth>=1.3.4,<2",
    "pyyaml>=6,<7",
    "rich>=13.7,<16",
    "safetensors>=0.4,<1",
    "scenedetect-headless>=0.7,<0.8",
    "scipy>=1.13,<2",
    "silero-vad>=6.2.3,<7",  # the speech detector's weights; its code is not imported
    "soundfile>=0.12,<0.15",
    "symusic>=0.5,<0.7",
    "threadpoolctl>=3.1,<4",
    "torch>=2.9,<3",  # Muon came with 2.9
]
EXTRAS = {
    # what a change must pass
    "dev": [
        "hypothesis>=6.100,<7",
        "mypy>=1.13",
        "otio-cmx3600-adapter>=1,<2",  # a second opinion on EDLs, for the tests alone
        "pyloudnorm>=0.1.1,<0.3",
        "pytest>=8,<10",
        "pytest-xdist>=3.5,<4",
        "ruff>=0.8",
        "types-PyYAML>=6,<7",
        "xmlschema>=3,<5",  # holds our DAWproject files against the format's schemas
    ],
    # affect from CLIP instead of the embedded measures (composer/video/clip.py)
    "clip": ["open_clip_torch>=3.0,<4", "torchvision>=0.24,<1"],
}


def version() -> str:
    """The one version number, read without importing the package."""
    match = re.search(r'^__version__ = "(.+)"$', (HERE / "composer/__init__.py").read_text(encoding="utf-8"), re.M)
    if match is None:
        raise RuntimeError("composer/__init__.py names no version")
    return match.group(1)


setup(
    name="hitpoint",
    version=version(),
    description="Scores a film: watches a video and composes, performs and renders music that lands on its pictures.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["composer", "composer.*"]),
    package_data={
        "composer.render": ["levels.json", "leads.json"],
        "composer.render.report": ["template.html", "*.css", "*.js"],
    },
    python_requires=">=3.11",
    install_requires=RUN,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["hitpoint = composer.cli:run"]},
)
