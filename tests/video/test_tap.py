"""The tap: one picture per second beside the small ones, out of one decode pass that it neither changes nor blocks."""

import contextlib
import gc
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.errors import MissingToolError
from composer.probe import probe
from composer.process import Child, run, streaming
from composer.video import frames, tap as tapping
from composer.video.frames import Pictures
from composer.video.tap import EPSILON_S, Framing, held
from tests import films


class Keeper:
    """Keeps what it is given."""

    framing = Framing(48, 32)

    def __init__(self):
        self.images: list[np.ndarray] = []
        self.seconds: list[int] = []
        self.sizes: list[int] = []

    def take(self, images, seconds):
        self.images.extend(images.copy())
        self.seconds.extend(seconds)
        self.sizes.append(len(seconds))


def watch(path, tap=None):
    """(pictures, time stamps) of the main output."""
    pictures = Pictures(probe(path), tap=tap)
    images = [block.images.copy() for block in pictures.blocks()]
    return np.concatenate(images), pictures.clock().times_s


def extracted(path, framing):
    """Every picture of the film as the tap should see it, decoded by a command of its own."""
    film = probe(path)
    filters = framing.filters(film.width, film.height)
    command = ["ffmpeg", "-v", "error", "-i", path, "-map", f"0:{film.video_stream}", "-vf", filters, "-fps_mode", "passthrough"]
    raw, _ = run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
    return np.frombuffer(raw, np.uint8).reshape(-1, framing.height, framing.width, 3)


def slow_show(path):
    """A slide show: pictures at 0, 0.4, 2.5, 3.0, 3.2, 7.9 seconds and so on, with seconds in which none begins."""
    stamps = "settb=1/1000,setpts='if(eq(N,0),0,if(eq(N,1),400,if(eq(N,2),2500,if(eq(N,3),3000,if(eq(N,4),3200,7900+(N-5)*40)))))'"
    extra = ("-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-video_track_timescale", 1000)
    return films.film(path, ("fractal", 2.0), rate="5", filters=stamps, extra=extra)


@pytest.fixture(scope="module")
def odd_films(tmp_path_factory):
    """Films whose time stamps, start or orientation are not plain, by name."""
    folder = tmp_path_factory.mktemp("odd")
    plain = films.film(folder / "plain.mp4", ("chart", 2.2), ("bars", 1.4), rate="30000/1001")
    return {
        "plain": plain,
        "variable rate": films.variable_rate(folder / "v.mp4"),
        "slides": slow_show(folder / "s.mp4"),
        "rotated": films.rotated(folder / "r.mp4", plain),
        "late start": films.delayed(folder / "d.mkv", plain, "sine=d=2:r=48000", 0.52),
    }


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    """Ten seconds, five pictures each."""
    return films.film(tmp_path_factory.mktemp("chart") / "f.mp4", ("chart", 10.0), rate="5")


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    """More pictures than the pipes hold."""
    return films.film(tmp_path_factory.mktemp("long") / "f.mp4", ("bars", 60.0))


@pytest.mark.parametrize("name", ["plain", "variable rate", "slides", "rotated", "late start"])
def test_pictures_second_by_second_and_the_main_output_as_without(odd_films, name):
    path, keeper = odd_films[name], Keeper()
    images, times = watch(path, keeper)
    alone, times_alone = watch(path)
    np.testing.assert_array_equal(times, times_alone)
    np.testing.assert_array_equal(images, alone)
    second, first = np.unique(np.floor(times + EPSILON_S).astype(int), return_index=True)  # the first picture of each second
    assert keeper.seconds == second.tolist()
    np.testing.assert_array_equal(np.array(keeper.images), extracted(path, keeper.framing)[first])


def test_a_second_without_a_picture_holds_the_last(odd_films):
    keeper = Keeper()
    watch(odd_films["slides"], keeper)
    assert keeper.seconds[:4] == [0, 2, 3, 7]
    assert held(keeper.seconds, 9).tolist() == [0, 0, 1, 2, 2, 2, 2, 3, 4]


def test_held_reaches_to_the_films_end():
    assert held([0, 1, 5], 8).tolist() == [0, 1, 1, 1, 1, 2, 2, 2]
    assert held([0], 3).tolist() == [0, 0, 0]


def test_without_a_tap_the_command_is_the_plain_one(odd_films):
    path = odd_films["plain"]
    pictures = Pictures(probe(path))
    assert pictures._command()[-16:] == [
        "-map", "0:0", "-f", "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "rgb24",
        "-vf", f"scale={pictures.width}:{pictures.height}:flags=area,setsar=1,showinfo=checksum=0", "pipe:1",
        "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info",
    ]  # fmt: skip
    assert "pipe:0" not in pictures._command()


def test_batches_are_of_one_size_so_memory_is_constant(chart, monkeypatch):
    monkeypatch.setattr(tapping, "BATCH", 3)
    keeper = Keeper()
    watch(chart, keeper)
    assert keeper.sizes == [3, 3, 3, 1]
    np.testing.assert_array_equal(np.array(keeper.images), extracted(chart, keeper.framing)[::5])


class Slow(Keeper):
    """Takes its time with the first picture; one of them is more than a pipe holds."""

    framing = Framing(640, 640)

    def __init__(self, pause_s):
        super().__init__()
        self.pause_s = pause_s

    def take(self, images, seconds):
        if not self.seconds:
            time.sleep(self.pause_s)
        super().take(images[:, :1, :1], seconds)


def test_a_slow_tap_makes_the_film_wait_and_is_not_taken_for_a_hanging_ffmpeg(chart, monkeypatch):
    monkeypatch.setattr(tapping, "BATCH", 1)
    monkeypatch.setattr(frames, "STALL_S", 0.8)
    keeper = Slow(1.7)
    watch(chart, keeper)
    assert keeper.seconds == list(range(10))


def test_a_slow_reader_of_the_small_pictures_does_not_block_the_tap(long_film):
    keeper = Keeper()
    pictures = Pictures(probe(long_film), tap=keeper)
    for _ in pictures.blocks():
        time.sleep(0.02)
    assert keeper.seconds == list(range(60))


def test_what_the_tap_raises_reaches_the_caller(long_film, monkeypatch):
    monkeypatch.setattr(tapping, "BATCH", 2)

    class Failing(Keeper):
        def take(self, images, seconds):
            if seconds[0] >= 2:
                raise MemoryError("the model's memory is full")
            super().take(images, seconds)

    keeper = Failing()
    with pytest.raises(MemoryError, match="model's memory"):
        watch(long_film, keeper)
    assert keeper.seconds == [0, 1]
    assert "tap" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("keeper", [Keeper(), Slow(0.1)], ids=["waiting for ffmpeg", "ffmpeg waiting for it"])
def test_when_the_main_side_fails_ffmpeg_and_the_thread_end(long_film, monkeypatch, keeper):
    children: list[Child] = []

    @contextlib.contextmanager
    def remembered(*arguments, **options):
        with streaming(*arguments, **options) as child:
            children.append(child)
            yield child

    monkeypatch.setattr("composer.video.frames.streaming", remembered)
    monkeypatch.setattr(tapping, "BATCH", 1)
    pictures = Pictures(probe(long_film), tap=keeper)
    with pytest.raises(RuntimeError, match="spilled"):
        for block in pictures.blocks():
            time.sleep(0.4)  # until every pipe is full and every side waits
            raise RuntimeError(f"spilled at {block.first}")
    del block  # pytest keeps the traceback, and with it the generator, as long as it likes
    gc.collect()
    assert [child.returncode for child in children] == [-signal.SIGKILL]
    assert "tap" not in {thread.name for thread in threading.enumerate()}


def test_no_pipe_is_left_open(chart, tmp_path, monkeypatch):
    def count():
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list open files")
    watch(chart, Keeper())
    before = count()
    watch(chart, Keeper())
    assert count() == before
    film = probe(chart)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="ffmpeg is not installed"):
        list(Pictures(film, tap=Keeper()).blocks())
    assert count() == before


@pytest.mark.parametrize(
    ("framing", "size", "resized", "tail"),
    [
        (Framing(224, 224), (1920, 1080), (398, 224), "crop=224:224:87:0:exact=1"),
        (Framing(224, 224), (1080, 1920), (224, 398), "crop=224:224:0:87:exact=1"),
        (Framing(224, 224), (300, 300), (224, 224), "flags=bicubic+accurate_rnd"),
        (Framing(64, 32), (160, 90), (64, 36), "crop=64:32:0:2:exact=1"),
        (Framing(224, 224, "squash", "bilinear"), (1920, 1080), (224, 224), "scale=224:224:flags=bilinear+accurate_rnd"),
        (Framing(224, 224, "longest", ground=127), (1920, 1080), (224, 126), "pad=224:224:0:49:color=0x7f7f7f"),
    ],
)
def test_framing(framing, size, resized, tail):
    assert framing.resized(*size) == resized
    assert framing.filters(*size).endswith(tail)


@given(
    st.integers(16, 4096), st.integers(16, 4096), st.sampled_from(["shortest", "longest", "squash"]), st.sampled_from([(32, 32), (48, 32)])
)
def test_framing_covers_or_fits(width, height, mode, size):
    framing = Framing(size[0], size[1], mode)
    wide, high = framing.resized(width, height)
    if mode == "shortest":
        assert wide >= size[0] and high >= size[1] and (wide == size[0] or high == size[1])
    else:
        assert wide <= size[0] and high <= size[1]
