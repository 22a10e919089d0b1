"""Real films and odd ones: every one is scored as promised, or refused in one clear line; none hangs or leaves half a folder."""

from __future__ import annotations

import os
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile

from composer.instruments import expand
from tests.conftest import ROOT, Cli, listing
from tests.test_story import end_s, picture_hash, probe

CLIPS = Path(os.environ.get("HITPOINT_CLIPS", ROOT / "../shared/video")).resolve()
FILMS = sorted((CLIPS / "film").glob("*.*"))
ODD = sorted((CLIPS / "odd").glob("*.*"))
NAMES = ["a name with spaces.mp4", 'it\'s "quoted".mp4', "фильм ü 映画.mp4", "-dash.mp4", "12:30 100%d.mp4", "no_extension"]


needs_clips = pytest.mark.skipif(not FILMS, reason=f"no films in {CLIPS / 'film'}: set HITPOINT_CLIPS")


def packet_s(path: Path) -> float:
    """Length of the longest audio packet, seconds."""
    packets = probe(path, "-select_streams", "a:0", "-show_entries", "packet=duration_time")["packets"]
    return max(float(packet.get("duration_time", 0)) for packet in packets)


def check_scored(film: Path, folder: Path, instruments: str) -> None:
    scored = next(folder.glob("*.scored.*"))
    assert picture_hash(scored) == picture_hash(film)
    assert abs(end_s(scored, "a") - end_s(scored, "v")) <= packet_s(scored) + 1e-3
    mix, _ = soundfile.read(folder / "mix.wav")
    assert 20 * np.log10(np.abs(mix).max()) > -20
    assert mido.MidiFile(folder / "score.mid").type == 1
    song = pretty_midi.PrettyMIDI(str(folder / "score.mid"))
    heard = {(i.program, i.is_drum) for i in song.instruments if i.notes}
    asked = expand(instruments.split(","))
    ways = [{(i.program_for(technique), i.is_drum) for technique in ("ordinary", *i.techniques)} for i in asked]
    assert all(way & heard for way in ways)
    assert heard <= set().union(*ways)


@needs_clips
@pytest.mark.slow
@pytest.mark.parametrize("instruments", ["strings,brass", "piano", "cello"])
@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.stem)
def test_a_real_film_is_scored(film: Path, instruments: str, cli: Cli, tmp_path: Path) -> None:
    done = cli(film, "--instruments", instruments, "-o", "out")
    assert done.returncode == 0, done.stderr
    check_scored(film, tmp_path / "out", instruments)


@needs_clips
@pytest.mark.slow
@pytest.mark.parametrize("film", ODD, ids=lambda film: film.name)
def test_an_odd_film_is_scored_or_refused(film: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("--instruments", "piano", "-o", "out", "--", film, timeout=120)
    if done.returncode == 0:
        assert done.stderr == ""
        assert "out/manifest.json" in listing(tmp_path)
        assert abs(end_s(next((tmp_path / "out").glob("*.scored.*")), "a") - end_s(next((tmp_path / "out").glob("*.scored.*")), "v")) <= 0.1
    else:
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        assert listing(tmp_path) == set()


@pytest.mark.parametrize("name", [NAMES[3], *(pytest.param(name, marks=pytest.mark.slow) for name in (*NAMES[:3], *NAMES[4:]))])
def test_any_name_will_do(name: str, small_film: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(small_film.read_bytes())
    done = cli("--instruments", "piano", "--", name)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / f"{Path(name).stem}.score"
    check_scored(tmp_path / name, folder, "piano")
    assert {entry.name for entry in tmp_path.iterdir()} == {name, folder.name}
