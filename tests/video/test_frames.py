"""The decode pass: exact presentation times, whatever the file."""

import os
import signal
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.errors import VideoError
from composer.probe import probe
from composer.video.frames import CELL_PIXELS, SMALL_PIXELS, Clock, Pictures, small_size
from tests import films


def decoded(path) -> Clock:
    pictures = Pictures(probe(path))
    count = 0
    for block in pictures.blocks():
        assert block.first == count
        assert block.images.shape == (len(block.times_s), pictures.height, pictures.width, 3)
        count += len(block.times_s)
    clock = pictures.clock()
    assert len(clock.times_s) == count
    assert clock.times_s[0] == 0
    assert np.all(np.diff(clock.times_s) > 0)
    assert clock.duration_s > clock.times_s[-1]
    return clock


@given(st.integers(16, 16384), st.integers(16, 16384))
def test_small_size(width, height):
    small = small_size(width, height)
    assert all(side % CELL_PIXELS == 0 and 4 * CELL_PIXELS <= side <= 400 for side in small)
    assert small[0] * small[1] < 2 * SMALL_PIXELS
    if 0.5 <= width / height <= 2.5:
        assert small[0] / small[1] == pytest.approx(width / height, rel=0.12)


@pytest.mark.parametrize(
    ("rate", "exact"), [("25", Fraction(25)), ("24000/1001", Fraction(24000, 1001)), ("30000/1001", Fraction(30000, 1001))]
)
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_constant_rates(tmp_path, rate, exact, container):
    clock = decoded(films.film(tmp_path / f"f.{container}", ("chart", 2.0), rate=rate))
    tick = {"mp4": 1e-9, "mkv": 0.0011, "ts": 1.2e-5}[container]  # Matroska counts milliseconds, MPEG-TS 1/90000 s
    assert clock.frame_rate == exact
    assert np.abs(clock.times_s - np.arange(len(clock.times_s)) / float(exact)).max() <= tick
    assert clock.duration_s == pytest.approx(len(clock.times_s) / float(exact), abs=2 * tick)


def test_variable_rate_times_are_those_of_the_file(tmp_path):
    clock = decoded(films.variable_rate(tmp_path / "v.mp4"))
    wanted = [i / 25 for i in range(25)] + [1 + i / 10 for i in range(10)] + [2 + i / 50 for i in range(50)]
    assert clock.times_s == pytest.approx(wanted, abs=1e-9)
    assert clock.duration_s == pytest.approx(3.0, abs=0.021)
    assert float(clock.frame_rate) == pytest.approx(85 / 3, rel=0.02)


def test_start_offset_is_what_a_muxer_must_add(tmp_path):
    plain = films.film(tmp_path / "p.mp4", ("chart", 1.6))
    clock = decoded(films.delayed(tmp_path / "d.mkv", plain, "sine=d=2:r=48000", 0.52))
    assert clock.start_offset_s == pytest.approx(0.52, abs=0.03)  # Matroska's sound may begin a packet early
    assert clock.duration_s == pytest.approx(1.6, abs=0.002)
    assert decoded(plain).start_offset_s == 0


def test_edit_list_drops_what_is_not_shown(tmp_path):
    long = films.film(tmp_path / "long.mp4", ("bars", 1.0), ("chart", 1.5), extra=("-g", 50))
    cut = tmp_path / "cut.mp4"
    films.ffmpeg("-ss", 0.6, "-i", long, "-c", "copy", cut)  # keeps pictures from the key frame on, hides them by an edit list
    clock = decoded(cut)
    assert clock.duration_s == pytest.approx(1.9, abs=0.05)
    assert clock.frame_rate == 25


def test_rotation_and_stored_pixels_reach_the_pictures(tmp_path):
    plain = films.film(tmp_path / "p.mp4", ("bars", 1.2))
    for path, upright in [(plain, True), (films.rotated(tmp_path / "r.mp4", plain), False)]:
        pictures = Pictures(probe(path))
        assert (pictures.width > pictures.height) == upright
        first = next(iter(pictures.blocks())).images[0].astype(int)
        across, down = np.abs(np.diff(first, axis=1)).mean(), np.abs(np.diff(first, axis=0)).mean()
        assert (across > down) == upright  # colour bars that stand, and that lie


def test_interlaced_film_keeps_one_time_per_picture(tmp_path):
    extra = ("-flags", "+ildct+ilme", "-x264opts", "tff=1")
    clock = decoded(films.film(tmp_path / "i.mp4", ("fractal", 1.4), filters="scale=160:96,setfield=tff", extra=extra))
    assert (clock.frame_rate, len(clock.times_s)) == (Fraction(25), 35)


def test_truncated_tail(tmp_path):
    whole = films.film(tmp_path / "w.mp4", ("fractal", 4.0), extra=("-movflags", "+faststart", "-g", 10))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    clock = decoded(cut)
    assert 1 < clock.duration_s < 3.5
    assert any("cut short" in line and "4.0 s" in line for line in clock.warnings)


def test_damage_is_skipped_counted_and_reported(tmp_path):
    whole = films.film(tmp_path / "w.mp4", ("fractal", 3.0), extra=("-g", 5))
    clock = decoded(films.damaged(tmp_path / "d.mp4", whole))
    assert clock.duration_s == pytest.approx(3.0, abs=0.3)
    assert any("damaged" in line for line in clock.warnings)
    [missing] = [int(line.split()[-1]) for line in clock.warnings if line.startswith("pictures missing")] or [0]
    assert missing == round(clock.times_s[-1] * 25) + 1 - len(clock.times_s)
    # a picture that survived still has its own time
    assert np.abs(clock.times_s * 25 - np.round(clock.times_s * 25)).max() < 1e-6


def test_a_title_cannot_forge_times(tmp_path):
    title = "x\n[Parsed_showinfo_2 @ 0x0] [info] n:   0 pts:  99999 pts_time:1 "
    path = films.film(tmp_path / "t.mkv", ("chart", 1.2), extra=("-metadata", f"title={title}"))
    assert decoded(path).duration_s == pytest.approx(1.2, abs=0.002)


def test_progress_rises_to_one(tmp_path):
    seen: list[tuple[str, float]] = []
    pictures = Pictures(probe(films.film(tmp_path / "p.mp4", ("chart", 6.0))), lambda stage, done: seen.append((stage, done)))
    for _ in pictures.blocks():
        pass
    assert {stage for stage, _ in seen} == {"watch"}
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[-1][1] == 1.0
    assert len(seen) > 3


@pytest.mark.parametrize("shown", [1, 2, 20])
def test_too_short(tmp_path, shown):
    with pytest.raises(VideoError, match="only one picture" if shown == 1 else "only 0"):
        decoded(films.film(tmp_path / "s.mp4", ("chart", 1), extra=("-frames:v", shown)))


def test_a_killed_ffmpeg_is_no_end_of_the_film(tmp_path):
    pictures = Pictures(probe(films.film(tmp_path / "f.mp4", ("bars", 20.0), ("fractal", 20.0))))
    blocks = pictures.blocks()
    next(blocks)
    [child] = [int(pid) for pid in subprocess.run(["pgrep", "-P", str(os.getpid()), "ffmpeg"], stdout=subprocess.PIPE).stdout.split()]
    os.kill(child, signal.SIGKILL)
    with pytest.raises(VideoError, match=r"stopped \(signal 9\)"):
        list(blocks)
