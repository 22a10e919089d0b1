"""The film's own sound, lined up with the picture: loudness, samples, speech, and what happens when it is odd or broken."""

import os
import shutil
import signal
import threading
import time

import numpy as np
import pytest
import soundfile

from composer.errors import MissingToolError, VideoError
from composer.options import Options
from composer.probe import probe
from composer.process import streaming
from composer.sound_placing import in_a_row
from composer.video import sound as module, watch
from composer.video.sound import SILENCE_LUFS, Ears, Listening, listening, loudness_per_second
from composer.video.speech import SAMPLE_RATE
from tests import films

talks = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed (make setup)")
#: 0.2 s of a tone every 1.5 s, the first at 1 s
BEATS = "aevalsrc='if(lt(mod(t+0.5,1.5),0.2),0.5*sin(6000*t),0)':d=6:s={rate}"
BEATS_S = (1.0, 2.5, 4.0, 5.5)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return films.film(tmp_path_factory.mktemp("sound") / "p.mp4", ("chart", 6.0))


def loudness(path):
    return np.array(watch(path, Options()).loudness_lufs)


def test_steps_of_loudness(picture, tmp_path):
    """BS.1770: a 997 Hz sine at -20 dBFS in one channel is -23.0 LUFS."""
    tone = "sine=f=997:r=48000:d=6,volume='if(lt(t,3),0.8,0.08)':eval=frame"  # lavfi's sine peaks at 1/8
    levels = loudness(films.with_sound(tmp_path / "s.mkv", picture, tone, "-c:a", "flac"))
    assert levels.shape == (6,)
    assert levels[:2] == pytest.approx(-23.0, abs=0.3)
    assert levels[4:] == pytest.approx(-43.0, abs=0.4)
    assert -43 < levels[3] < levels[2] < -22


def test_silence_and_no_sound(picture, tmp_path):
    quiet = films.with_sound(tmp_path / "q.mkv", picture, "anullsrc=r=44100:cl=stereo:d=6", "-c:a", "flac")
    assert loudness(quiet) == pytest.approx([SILENCE_LUFS] * 6)
    silent = watch(picture, Options())
    assert (silent.audio_stream, silent.loudness_lufs) == (None, ())


def test_sound_that_ends_early(picture, tmp_path):
    film = watch(films.with_sound(tmp_path / "s.mkv", picture, "sine=d=2:r=48000", "-c:a", "flac"), Options())
    assert film.loudness_lufs[0] > -30
    assert film.loudness_lufs[4:] == (SILENCE_LUFS, SILENCE_LUFS)
    assert any("sound ends after 2.0 s" in line for line in film.warnings)


def test_times_are_the_picture_s(picture, tmp_path):
    """The picture starts 2 s after the sound: a bang at 5 s of the file is at 3 s of the film."""
    bang = "aevalsrc='if(between(t,5,5.5),0.5*sin(4000*t),0)':d=8:s=48000"
    film = watch(films.delayed(tmp_path / "d.mkv", picture, bang, 2.0), Options())
    assert film.start_offset_s == pytest.approx(2.0, abs=0.03)
    assert int(np.argmax(film.loudness_lufs)) in (2, 3, 4)
    heard = np.array(film.loudness_lufs) > -35
    assert list(np.flatnonzero(heard)) == [2, 3, 4]  # the window of 3 s around second 3


def test_broken_sound_is_a_warning(picture, tmp_path):
    whole = films.with_sound(tmp_path / "w.ts", picture, "sine=d=6:r=48000", "-c:a", "mp2")
    data = bytearray(whole.read_bytes())
    packets = range(0, len(data), 188)
    sound = [at for at in packets if (data[at + 1] & 0x1F) << 8 | data[at + 2] == 0x101]
    for at in sound[10:]:
        data[at + 12 : at + 188] = bytes(176)
    broken = tmp_path / "broken.ts"
    broken.write_bytes(data)
    film = watch(broken, Options())
    assert film.duration_s == pytest.approx(6.0, abs=0.1)
    assert any("sound" in line for line in film.warnings)


def test_real_broken_sound():
    film = watch(films.clip("odd/failing_audio_11s.mp4"), Options())
    assert len(film.loudness_lufs) == 12
    assert film.loudness_lufs[-1] == SILENCE_LUFS


def test_windows():
    ends = np.arange(1, 101) / 10
    levels = loudness_per_second(ends, np.full(100, -20.0), 10.0)
    assert levels == pytest.approx([-20.0] * 10, abs=0.2)
    assert len(loudness_per_second(ends, np.full(100, -20.0), 9.04)) == 10
    assert loudness_per_second(ends, np.full(100, np.nan), 10.0) == pytest.approx([SILENCE_LUFS] * 10)


class Recorder(Ears):
    """Ears that remember what came to them."""

    def __init__(self):
        super().__init__()
        self.blocks = []

    def add(self, block):
        self.blocks.append(block.copy())
        super().add(block)


def heard_samples(path):
    """(what was heard from ffmpeg's time zero on, (n, 2) samples)."""
    header, recorders = probe(path), []

    def make_ears():
        recorders.append(Recorder())
        return recorders[0]

    with listening(header, make_ears) as ears:
        heard = ears.hear(0.0, 6.0, timeout_s=60)
    return heard, np.concatenate(recorders[0].blocks)


def onsets_s(samples):
    """When tones begin."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 2000)
    return loud[np.flatnonzero(np.diff(loud, prepend=-SAMPLE_RATE) > 0.5 * SAMPLE_RATE)] / SAMPLE_RATE


@pytest.mark.parametrize(
    ("name", "codec", "channels", "rate"),
    [
        ("a.mkv", "flac", 2, 48000),
        ("b.mp4", "aac", 1, 44100),
        ("c.mp4", "aac", 6, 48000),
        ("d.avi", "pcm_s16le", 1, 8000),
        ("e.webm", "libopus", 2, 48000),
        ("f.ts", "mp2", 2, 48000),
    ],
)
def test_samples_keep_their_time(picture, tmp_path, name, codec, channels, rate):
    video = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8") if name.endswith("webm") else ("-c:v", "copy")
    films.ffmpeg("-i", picture, "-f", "lavfi", "-i", BEATS.format(rate=rate), "-map", "0:v", "-map", "1:a", *video, "-c:a", codec, "-ac", channels, tmp_path / name)  # fmt: skip
    heard, samples = heard_samples(tmp_path / name)
    assert onsets_s(samples) == pytest.approx(BEATS_S, abs=0.011)  # MP2 has 10 ms of delay of its own
    assert len(heard.loudness_lufs) == len(heard.roughness) == len(heard.pitch_hz) == 6
    assert heard.pitch_hz[1] == pytest.approx(6000 / 2 / np.pi, rel=0.02)
    assert not heard.speech
    assert not heard.warnings


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "flac"), ("b.mp4", "aac"), ("c.ts", "mp2")])
def test_late_sound_and_holes(picture, tmp_path, name, codec):
    """The sound starts 1.2 s late; then what it has between 3 and 4.5 s of the file is missing."""
    holed = ("-af", "aselect='not(between(t,3.0,4.5))'")
    films.ffmpeg("-i", picture, "-itsoffset", 1.2, "-f", "lavfi", "-i", BEATS.format(rate=48000), "-map", "0:v", "-map", "1:a", *holed, "-c:v", "copy", "-c:a", codec, tmp_path / name)  # fmt: skip
    samples = heard_samples(tmp_path / name)[1]
    assert onsets_s(samples) == pytest.approx([2.2, 5.2, 6.7], abs=0.011)


@talks
def test_speech_is_in_film_time(picture, tmp_path):
    """One sentence 3 s into the file: the same in a film whose picture starts 2 s after its sound, 2 s earlier; cut at the film's end."""
    from composer.evaluation.speech_material import say

    sentence = 0.3 * say("There is somebody in the garden, right behind the old wall.", "en-us+f3", 165)
    silence = np.zeros(3 * SAMPLE_RATE)
    soundfile.write(tmp_path / "s.wav", np.concatenate([silence, sentence, silence]), SAMPLE_RATE)
    films.ffmpeg("-i", picture, "-i", tmp_path / "s.wav", "-c:v", "copy", "-c:a", "flac", tmp_path / "plain.mkv")
    films.ffmpeg("-i", tmp_path / "s.wav", "-itsoffset", 2, "-i", picture, "-c:v", "copy", "-c:a", "flac", tmp_path / "late.mkv")
    with listening(probe(tmp_path / "plain.mkv")) as ears:
        plain = ears.hear(0.0, 6.0, timeout_s=60)
    late = watch(tmp_path / "late.mkv", Options())
    end_s = 3.0 + len(sentence) / SAMPLE_RATE
    assert [(s.start_s, s.end_s) for s in plain.speech] == [pytest.approx((3.0, min(6.0, end_s)), abs=0.08)]
    assert [(s.start_s, s.end_s) for s in late.speech] == [pytest.approx((1.0, min(6.0, end_s - 2)), abs=0.08)]
    assert late.speech[0].start_s == pytest.approx(plain.speech[0].start_s - late.start_offset_s, abs=0.01)


def test_sound_that_ends_early_is_silent_after(picture, tmp_path):
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=f=300:d=2:r=48000", "-c:a", "flac")
    with listening(probe(film)) as ears:
        heard = ears.hear(0.0, 6.0, timeout_s=60)
    assert heard.pitch_hz == pytest.approx([300, 300, 0, 0, 0, 0], rel=0.01)
    assert heard.roughness[2:].tolist() == [0] * 4


def test_sound_longer_than_the_film(picture, tmp_path):
    """What follows the film is not waited for, and changes nothing."""
    film = films.with_sound(tmp_path / "s.mkv", picture, "anoisesrc=d=600:r=48000:c=pink:seed=4", "-c:a", "pcm_s16le")
    results, ends_s = [], []
    for patient in (False, True):
        with listening(probe(film), SlowEars) as ears:
            if patient:
                time.sleep(2.0)  # the picture takes its time
            results.append(ears.hear(0.5, 5.3, timeout_s=60))
            assert ears._ears is not None
            ends_s.append(ears._ears.end_s)
    hurried, late = results
    assert ends_s[0] < ends_s[1] < 300
    assert len(hurried.loudness_lufs) == len(hurried.roughness) == len(hurried.pitch_hz) == 6
    assert hurried.loudness_lufs.tolist() == late.loudness_lufs.tolist()
    assert hurried.roughness.tolist() == late.roughness.tolist()
    assert (hurried.pitch_hz.tolist(), hurried.speech, hurried.warnings) == (late.pitch_hz.tolist(), late.speech, ())


def test_what_was_heard_counts_when_time_is_up(picture, tmp_path):
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=f=300:d=100:r=48000", "-c:a", "flac")

    class Stuck(Ears):
        """Stops for a while after 8 s of sound."""

        def add(self, block):
            super().add(block)
            time.sleep(1.5 if 8 < self.end_s < 9 else 0)

    with listening(probe(film), Stuck) as ears:
        heard = ears.hear(0.0, 6.0, timeout_s=0.8)
    assert heard.pitch_hz == pytest.approx([300] * 6, rel=0.01)
    assert not heard.warnings
    with listening(probe(film), Stuck) as ears:
        assert not ears.hear(0.0, 90.0, timeout_s=0.8).usable


def test_sound_that_changes_midway(tmp_path):
    """A broadcast: stereo, then 5.1 at another rate, then stereo again. Every part keeps its time."""
    parts = []
    for i, (tone_hz, channels, rate) in enumerate([(300, 2, 48000), (600, 6, 44100), (900, 2, 48000)]):
        shot = films.film(tmp_path / f"{i}.mp4", ("chart", 2.0))
        tone = f"aevalsrc='{'|'.join([f'0.3*sin(2*PI*{tone_hz}*t)'] * channels)}':d=2:s={rate}"
        films.ffmpeg("-i", shot, "-f", "lavfi", "-i", tone, "-c:v", "copy", "-c:a", "ac3", "-output_ts_offset", 2 * i, tmp_path / f"{i}.ts")
        parts.append((tmp_path / f"{i}.ts").read_bytes())
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(parts))
    heard = heard_samples(whole)[0]
    assert heard.pitch_hz == pytest.approx([300, 300, 600, 600, 900, 900], rel=0.01)
    assert heard.loudness_lufs.min() > -30


def test_no_sound_is_not_usable(picture):
    with listening(probe(picture)) as ears:
        heard = ears.hear(0.0, 6.0, timeout_s=60)
    assert not heard.usable
    assert (len(heard.roughness), heard.speech, heard.warnings) == (0, (), ())


def test_sound_that_cannot_be_decoded(picture, tmp_path):
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=d=6:r=48000", "-c:a", "flac")
    data = bytearray(film.read_bytes())
    first = data.index(b"\xff\xf8")  # the sync code of the first frame of FLAC
    for at in range(first, len(data)):
        data[at] = 0x55 if data[at] == 0xFF else data[at]
    film.write_bytes(data)
    with listening(probe(film)) as ears:
        heard = ears.hear(0.0, 6.0, timeout_s=60)
    assert not heard.usable
    assert any("cannot be decoded" in line for line in heard.warnings)


def test_twice_the_same(picture, tmp_path):
    film = films.with_sound(tmp_path / "s.mkv", picture, "anoisesrc=d=6:r=44100:c=pink:seed=4", "-c:a", "flac")
    results = []
    for slow in (False, True):
        with listening(probe(film), SlowEars if slow else Ears) as ears:
            results.append(ears.hear(0.0, 6.0, timeout_s=60))
    first, second = results
    assert first.roughness.tolist() == second.roughness.tolist()
    assert (first.pitch_hz.tolist(), first.speech) == (second.pitch_hz.tolist(), second.speech)


class SlowEars(Ears):
    """Slower than ffmpeg: the pipe fills up."""

    def add(self, block):
        time.sleep(0.05)
        super().add(block)


class BrokenEars(Ears):
    """A bug, or no memory left."""

    def add(self, block):
        raise MemoryError("no more")


def test_what_goes_wrong_in_the_thread_reaches_the_caller(picture, tmp_path):
    """And does not leave ffmpeg before a full pipe: 100 s of samples are far more than one holds."""
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=d=100:r=48000", "-c:a", "flac")
    before = threading.active_count()
    with listening(probe(film), BrokenEars) as ears, pytest.raises(MemoryError, match="no more"):
        ears.hear(0.0, 6.0, timeout_s=60)
    assert threading.active_count() == before


def test_an_error_of_the_caller_ends_the_thread(picture, tmp_path):
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=d=100:r=48000", "-c:a", "flac")
    before, started = threading.active_count(), time.monotonic()
    with pytest.raises(ZeroDivisionError), listening(probe(film), SlowEars):
        raise ZeroDivisionError
    assert threading.active_count() == before
    assert time.monotonic() - started < 5


def test_ffmpeg_that_hangs_is_given_up():
    started = time.monotonic()
    with streaming(["sleep", "60"], tolerate=True) as child:
        heard = Listening([child]).hear(0.0, 6.0, timeout_s=0.3)
    assert not heard.usable
    assert any("could not be read" in line for line in heard.warnings)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("which", [0, 1])
def test_ffmpeg_that_is_killed_is_an_error(picture, tmp_path, which):
    """Not a film whose sound ends there."""
    film = films.with_sound(tmp_path / "s.mkv", picture, "sine=d=600:r=48000", "-c:a", "flac")
    with in_a_row(*module._commands(probe(film))) as children:
        ears = Listening(children, film, SlowEars)
        time.sleep(0.2)
        os.kill(children[which].pid, signal.SIGKILL)
        with pytest.raises(VideoError, match=r"stopped \(signal 9\) while it read the sound of .*s\.mkv.* Run it again"):
            ears.hear(0.0, 600.0, timeout_s=60)


def test_without_the_speech_detector(picture, tmp_path, monkeypatch):
    """The rest is measured, and what to install is said once."""

    def missing():
        raise MissingToolError("the speech detector silero-vad is not installed", "Install it.")

    monkeypatch.setattr(module, "SpeechDetector", missing)
    film = watch(films.with_sound(tmp_path / "s.mkv", picture, "sine=f=300:d=6:r=48000", "-c:a", "flac"), Options())
    assert film.speech == ()
    assert len(film.loudness_lufs) == 6
    assert [line for line in film.warnings if "speech" in line] == [
        "speech is not looked for: the speech detector silero-vad is not installed. Install it."
    ]


def test_speech_of_a_real_film():
    """The lines of the trailer that stand clear of its music, and none elsewhere."""
    path = films.clip("film/sintel_trailer_480x204.mp4")
    with listening(probe(path)) as ears:
        speech = ears.hear(0.0, 52.2, timeout_s=60).speech
    for first_s, last_s in ((12.5, 14.4), (18.9, 19.9)):
        assert any(span.start_s <= first_s and span.end_s >= last_s for span in speech)
    # the speaker is on from 12 to 15, 18 to 21, 36 to 39.5 and 41 to 45 s
    assert all(any(a <= span.start_s and span.end_s <= b for a, b in ((12, 15), (18, 21), (36, 39.5), (41, 45))) for span in speech)


@pytest.mark.parametrize("name", ["film/bbb_35s_320x180.mp4", "film/drive_car_31s.webm"])
def test_no_speech_in_films_without(name):
    with listening(probe(films.clip(name))) as ears:
        assert ears.hear(0.0, 30.0, timeout_s=60).speech == ()
