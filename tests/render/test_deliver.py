"""The last stage over a small film: film, preview and picture appear, together and again the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from composer.options import Options
from composer.render import render
from composer.render.deliver import deliver, scored_name
from composer.render.wav import SAMPLE_RATE
from tests.render.conftest import ffmpeg, film_of, lag_samples, read_wav
from tests.render.test_timeline import nouns


def test_a_score_becomes_a_film_with_music(tmp_path: Path, bank: Path) -> None:
    video = tmp_path / "my film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=6", "-c:v", "libx264", "-preset", "veryfast", video)
    film, (_, plan, score) = film_of(video), nouns(6.0)
    options = Options(soundfont=bank)
    told: list[float] = []
    (tmp_path / "music").mkdir()
    rendering = render(score, tmp_path / "music", options, lambda _stage, done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 1
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
        mixed = tmp_path / name / rendering.mix
        mixed.symlink_to(tmp_path / "music" / rendering.mix)
        out = deliver(video, film, plan, score, rendering, tmp_path / name, options)
        mixed.unlink()
        assert out == tmp_path / name / "my film.scored.mp4" == tmp_path / name / scored_name(video)
        assert {path.name for path in (tmp_path / name).iterdir()} == {out.name, "preview.ogg", "timeline.png"}
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes()

    mix = read_wav(tmp_path / "music" / rendering.mix)
    for sound in (out, out.with_name("preview.ogg")):
        raw = ffmpeg("-i", sound, "-map", "0:a", "-af", "pan=mono|c0=c0", "-ar", SAMPLE_RATE, "-f", "f32le", "-")
        heard = np.frombuffer(raw, "<f4")
        assert abs(lag_samples(heard, mix[:, 0])) <= 48
        assert np.corrcoef(heard[: len(mix) - 2000], mix[: len(heard)][: len(mix) - 2000, 0])[0, 1] > 0.98


def test_delivering_from_the_folder_itself(tmp_path: Path, bank: Path) -> None:
    """Without a folder of its own the sound is looked for where the film goes."""
    video = tmp_path / "a.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2", "-c:v", "libx264", "-preset", "veryfast", video)
    (tmp_path / "out").mkdir()
    film, (_, plan, score) = film_of(video), nouns(2.0)
    options = Options(soundfont=bank, original="mute")
    rendering = render(score, tmp_path / "out", options)
    deliver(video, film, plan, score, rendering, tmp_path / "out", options)
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert kept == {"stems", "premaster.wav", "mix.wav", "a.scored.mkv", "preview.ogg", "timeline.png"}
