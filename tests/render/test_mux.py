"""The scored film: picture untouched, sound in sync and of the picture's length, everything else carried along."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from composer.errors import VideoError
from composer.film import Film
from composer.options import Options
from composer.probe import probe
from composer.render import film_sound
from composer.render.deliver import scored_name
from composer.render.mux import container_of, mux
from composer.render.wav import SAMPLE_RATE, WavWriter, to_ints
from composer.sound_placing import in_a_row
from composer.video import watch
from tests.render.conftest import ffmpeg, ffprobe, film_of, lag_samples

SECONDS = 3.0
PICTURE = ["-f", "lavfi", "-i", f"testsrc2=s=96x64:r=25:d={SECONDS}"]
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"]
KINDS = {
    "a.mp4": [*H264],
    "a.mov": [*H264],
    "a.m4v": [*H264, "-f", "mp4"],
    "a.mkv": [*H264],
    "a.webm": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    "a.avi": ["-c:v", "mpeg4"],
    "a.ts": [*H264],
}
MUSIC = Options(original="mute")


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> NDArray[np.float32]:
    """Noise without the highest octaves, which lossy codecs drop; the same on both sides."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE) + 7)
    mono = np.convolve(white, np.full(8, level / 8**0.5), mode="valid")
    return np.stack([mono, mono], axis=1).astype(np.float32)


def write(path: Path, sound: NDArray[np.float32]) -> Path:
    with WavWriter(path, len(sound)) as writer:
        writer.write(to_ints(sound))
    return path


def made(folder: Path, name: str, *sound: object) -> Path:
    """A small film; `sound` are further ffmpeg arguments (inputs, maps, codecs)."""
    ffmpeg(*PICTURE, *sound, *KINDS[name], folder / name)
    return folder / name


def score_it(video: Path, music: NDArray[np.float32], options: Options = MUSIC, film: Film | None = None) -> Path:
    folder = video.parent / "out"
    folder.mkdir(exist_ok=True)
    out = folder / scored_name(video)
    mux(video, probe(video), film or film_of(video), write(folder / "music.wav", music), out, options)
    assert {path.name for path in folder.iterdir()} == {out.name, "music.wav"}  # nothing else is left
    return out


def packets(video: Path) -> bytes:
    return ffmpeg("-i", video, "-map", "0:v", "-c", "copy", "-f", "streamhash", "-")


def picture_span_s(video: Path) -> tuple[float, float]:
    times = [float(p["pts_time"]) for p in ffprobe(video, "-select_streams", "v:0", "-show_entries", "packet=pts_time")["packets"]]
    return min(times), max(times) + 0.04


def heard(video: Path, stream: int = 0) -> NDArray[np.float64]:
    """The left side of a sound stream as decoded, index 0 at the first displayed frame."""
    start_s = float(ffprobe(video, "-show_entries", "format=start_time")["format"]["start_time"])
    filters = "aresample=48000:async=1:first_pts=0,pan=mono|c0=c0"
    raw = ffmpeg("-i", video, "-map", f"0:a:{stream}", "-af", filters, "-f", "f32le", "-")
    return np.frombuffer(raw, "<f4").astype(float)[round((picture_span_s(video)[0] - start_s) * SAMPLE_RATE) :]


@pytest.mark.parametrize("name", KINDS)
def test_picture_is_copied_and_music_is_in_sync(tmp_path: Path, name: str) -> None:
    video, music = made(tmp_path, name), noise(SECONDS)
    out = score_it(video, music)
    assert out.suffix == ({".avi": ".mkv", ".ts": ".mkv"}.get(Path(name).suffix, Path(name).suffix))
    if out.suffix == Path(name).suffix:
        assert packets(out) == packets(video)
    sound = heard(out)
    assert abs(lag_samples(sound, music[:, 0])) <= 48
    assert abs(len(sound) / SAMPLE_RATE - SECONDS) <= 0.043  # one packet of the longest kind
    assert np.corrcoef(sound[2000:100_000], music[2000:100_000, 0])[0, 1] > 0.9
    sequence = picture_span_s(out)
    assert sequence[1] - sequence[0] == pytest.approx(SECONDS, abs=0.002)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_the_original_stays_in_sync_and_at_its_level(tmp_path: Path, name: str) -> None:
    own = noise(SECONDS, 0.1, seed=5)
    codec = {"a.webm": ["-c:a", "libvorbis", "-q:a", "8"], "a.mkv": ["-c:a", "pcm_s16le"], "a.mp4": ["-c:a", "aac", "-b:a", "256k"]}[name]
    video = made(tmp_path, name, "-i", write(tmp_path / "own.wav", own), *codec)
    music = noise(SECONDS, 0.02)
    sound = heard(score_it(video, music, Options(original="keep")))
    assert abs(lag_samples(sound, own[:, 0])) <= 48
    gain = float(sound[4800:96_000] @ own[4800:96_000, 0] / (own[4800:96_000, 0] @ own[4800:96_000, 0]))
    lossy_db = {"a.mkv": 0.05, "a.mp4": 0.2, "a.webm": 1.0}[name]  # noise through Vorbis twice
    assert 20 * np.log10(gain) == pytest.approx(0, abs=lossy_db)
    rest = sound[4800:96_000] - gain * own[4800:96_000, 0]
    assert np.corrcoef(rest, music[4800:96_000, 0])[0, 1] > 0.5


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("late.mkv", ("-c:a", "pcm_s16le")),
        ("later.mkv", ("-c:a", "pcm_s16le", "-output_ts_offset", "5")),
        ("late.ts", ("-c:a", "ac3", "-b:a", "640k")),
        ("later.ts", ("-c:a", "ac3", "-b:a", "640k", "-output_ts_offset", "5")),
    ],
)
def test_a_film_whose_sound_begins_first_keeps_its_offset(tmp_path: Path, name: str, how: tuple[str, ...]) -> None:
    """The picture starts 0.4 s after the sound, wherever the file itself starts: music starts with the picture, the sound stays where it was."""
    own = noise(SECONDS + 0.4, 0.1, seed=5)
    video = tmp_path / name
    ffmpeg("-itsoffset", "0.4", *PICTURE, "-i", write(tmp_path / "own.wav", own), *H264, *how, video)
    seen = watch(video, Options(emotion="embedded"))
    assert seen.start_offset_s == pytest.approx(film_of(video).start_offset_s, abs=0.006)  # coders shift the sound's start a little
    assert seen.start_offset_s == pytest.approx(0.4, abs=0.02)
    music = noise(SECONDS, 0.05)
    sound = heard(score_it(video, music, Options(original="keep"), seen))
    coder = 0 if "pcm_s16le" in how else 256  # AC-3 as ffmpeg writes it begins 256 samples early
    assert abs(lag_samples(sound, own[round(0.4 * SAMPLE_RATE) :, 0])) <= 48 + coder
    only = heard(score_it(video, music, film=seen))
    assert abs(lag_samples(only, music[:, 0])) <= 48
    assert abs(len(only) / SAMPLE_RATE - SECONDS) < 0.045


def test_a_film_whose_sound_begins_late_is_filled_with_silence(tmp_path: Path) -> None:
    own = noise(SECONDS - 0.5, 0.1, seed=5)
    ffmpeg(*PICTURE, "-itsoffset", "0.5", "-i", write(tmp_path / "own.wav", own), *H264, "-c:a", "aac", tmp_path / "late.mp4")
    music = noise(SECONDS, 0.02)
    sound = heard(score_it(tmp_path / "late.mp4", music, Options(original="keep")))
    placed = np.concatenate([np.zeros(24_000), own[:, 0]])
    assert abs(lag_samples(sound, placed)) <= 48
    assert np.std(sound[2400:20_000]) == pytest.approx(0.02, rel=0.2)


def test_a_picture_that_begins_late_in_the_container_is_time_zero(tmp_path: Path) -> None:
    ffmpeg("-itsoffset", "1.5", *PICTURE, *H264, "-copyts", tmp_path / "offset.mkv")
    video, music = tmp_path / "offset.mkv", noise(SECONDS)
    assert probe(video).start_s == pytest.approx(1.5, abs=0.1)
    assert film_of(video).start_offset_s == pytest.approx(0)
    assert abs(lag_samples(heard(score_it(video, music)), music[:, 0])) <= 48


@pytest.fixture
def rich_film(tmp_path: Path) -> Path:
    """Two sound tracks, subtitles, chapters, a title: in Matroska."""
    (tmp_path / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nHello\n")
    (tmp_path / "meta").write_text(
        ";FFMETADATA1\ntitle=My film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\ntitle=Two\n"
    )
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    sounds = [str(write(tmp_path / f"{seed}.wav", noise(SECONDS, 0.1, seed))) for seed in (5, 6)]
    ffmpeg(
        *PICTURE, "-i", sounds[0], "-i", sounds[1], "-i", tmp_path / "s.srt", "-i", tmp_path / "meta",
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", "-map_chapters", "4"), *H264, "-c:a", "flac", "-c:s", "srt",
        *("-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=fra", "-disposition:a:0", "default", "-disposition:a:1", "0"),
        *("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font"), tmp_path / "rich.mkv",
    )  # fmt: skip
    return tmp_path / "rich.mkv"


def _languages(video: Path) -> list[tuple[str, str]]:
    streams = ffprobe(video, "-show_entries", "stream=codec_type:stream_tags=language")["streams"]
    return [
        (s["codec_type"], s.get("tags", {}).get("language", "")) for s in streams if s["codec_type"] in ("audio", "subtitle", "attachment")
    ]


@pytest.mark.parametrize(
    ("options", "sounds"),
    [
        (Options(original="keep"), ["deu", "fra"]),
        (Options(original="mute"), ["deu"]),
        (Options(as_track=True), ["deu", "fra", ""]),
    ],
)
def test_subtitles_chapters_titles_and_other_tracks_come_along(rich_film: Path, options: Options, sounds: list[str]) -> None:
    out = score_it(rich_film, noise(SECONDS), options)
    found = _languages(out)
    assert [language for kind, language in found if kind == "audio"] == sounds
    assert [kind for kind, _ in found if kind != "audio"] == ["subtitle", "attachment"]
    chapters = ffprobe(out, "-show_chapters")["chapters"]
    assert [chapter["tags"]["title"] for chapter in chapters] == ["One", "Two"]
    assert ffprobe(out, "-show_entries", "format_tags=title")["format"]["tags"]["title"] == "My film"


def test_music_as_a_track_of_its_own_leaves_the_original_untouched(rich_film: Path) -> None:
    music = noise(SECONDS)
    out = score_it(rich_film, music, Options(as_track=True))
    for stream in ("0:a:0", "0:a:1"):
        command = ("-map", stream, "-c", "copy", "-f", "streamhash", "-")
        assert ffmpeg("-i", out, *command) == ffmpeg("-i", rich_film, *command)
    assert abs(lag_samples(heard(out, 2), music[:, 0])) <= 48
    defaults = ffprobe(out, "-select_streams", "a", "-show_entries", "stream_disposition=default")["streams"]
    assert [stream["disposition"]["default"] for stream in defaults] == [1, 0, 0]


def test_five_point_one_stays_five_point_one_with_music_left_and_right(tmp_path: Path) -> None:
    surround = ["-f", "lavfi", "-i", f"sine=d={SECONDS},pan=5.1|FC=0.2*c0"]
    video = made(tmp_path, "a.mkv", *surround, "-c:a", "flac")
    music = noise(SECONDS, 0.05)
    out = score_it(video, music, Options(original="keep"))
    raw = ffmpeg("-i", out, "-map", "0:a:0", "-f", "f32le", "-")
    sound = np.frombuffer(raw, "<f4").reshape(-1, 6)
    assert np.corrcoef(sound[1000:100_000, 0], music[1000:100_000, 0])[0, 1] > 0.99
    assert np.abs(sound[:, 2]).max() == pytest.approx(0.2 / 8, rel=0.3)  # lavfi's sine has an amplitude of 1/8
    assert np.abs(sound[:, 3:]).max() < 1e-3


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 1), (96_000, 2)])
def test_odd_sounds_keep_their_level_and_place(tmp_path: Path, rate: int, channels: int) -> None:
    wave = "|".join(["0.3*sin(2*PI*440*t)*gt(t\\,1)"] * channels)
    tone = ["-f", "lavfi", "-i", f"aevalsrc={wave}:d={SECONDS}:s={rate}", "-c:a", "pcm_s16le"]
    video = made(tmp_path, "a.mkv", *tone)
    sound = heard(score_it(video, np.zeros((round(SECONDS * SAMPLE_RATE), 2), np.float32), Options(original="keep")))
    assert np.abs(sound[50_000:140_000]).max() == pytest.approx(0.3, rel=0.03)
    assert int(np.argmax(np.abs(sound) > 0.05)) == pytest.approx(48_000, abs=60)


def test_rotation_survives(tmp_path: Path) -> None:
    video = made(tmp_path, "a.mp4")
    ffmpeg("-i", video, "-c", "copy", "-metadata:s:v:0", "rotate=90", tmp_path / "turned.mp4")
    shown = ("-select_streams", "v", "-show_entries", "stream_side_data=rotation")
    before, after = tmp_path / "turned.mp4", score_it(tmp_path / "turned.mp4", noise(SECONDS))
    assert ffprobe(after, *shown) == ffprobe(before, *shown)
    assert "90" in str(ffprobe(after, *shown))


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_same_inputs_same_bytes(tmp_path: Path, name: str) -> None:
    video, music = made(tmp_path, name), noise(SECONDS)
    assert score_it(video, music).read_bytes() == score_it(video, music).read_bytes()


def test_names_with_quotes_spaces_and_percent_signs(tmp_path: Path) -> None:
    odd = tmp_path / "it's 100%03d [x] ünïcode:.mp4"
    made(tmp_path, "a.mp4").rename(odd)
    assert score_it(odd, noise(SECONDS)).stat().st_size > 1000


def test_a_film_that_cannot_be_carried_over_is_one_clear_error(tmp_path: Path) -> None:
    """Named .webm and Matroska inside, but holding what WebM may not."""
    made(tmp_path, "a.mkv").rename(tmp_path / "a.webm")
    with pytest.raises(VideoError, match=r"cannot be written as \.webm"):
        score_it(tmp_path / "a.webm", noise(SECONDS))


def test_the_first_bytes_decide_the_container(tmp_path: Path) -> None:
    matroska, iso = b"\x1a\x45\xdf\xa3" + bytes(8), bytes(4) + b"ftypisom"
    for name, head, suffix in [
        ("a.webm", matroska, ".webm"), ("a.mp4", matroska, ".mkv"), ("a.mov", iso, ".mov"), ("a.bin", iso, ".mp4"), ("a.mp4", b"RIFFxxxxAVI ", ".mkv"),
    ]:  # fmt: skip
        (tmp_path / name).write_bytes(head)
        assert container_of(tmp_path / name).suffix == suffix


def test_a_sound_without_one_good_packet_counts_as_none(tmp_path: Path) -> None:
    video = made(tmp_path, "a.mp4")
    film = replace(film_of(video), audio_stream=None)
    mux(video, probe(video), film, write(tmp_path / "m.wav", noise(SECONDS)), tmp_path / "out.mp4", Options())
    assert len(heard(tmp_path / "out.mp4")) == pytest.approx(SECONDS * SAMPLE_RATE, abs=1100)


@pytest.mark.parametrize("layouts", [(2, 6, 2), (1, 2, 1)])
def test_sound_that_changes_midway_keeps_its_place_and_level(tmp_path: Path, layouts: tuple[int, ...]) -> None:
    """As broadcasts do: other channels, and another rate."""
    parts = []
    for i, (tone_hz, channels, rate) in enumerate(zip((300, 600, 900), layouts, (48_000, 44_100, 48_000), strict=True)):
        wave = "|".join([f"0.3*sin(2*PI*{tone_hz}*t)"] * channels)
        sound = ["-f", "lavfi", "-i", f"aevalsrc={wave}:d={SECONDS}:s={rate}", "-c:a", "ac3", "-output_ts_offset", i * SECONDS]
        parts.append(made(tmp_path, "a.ts", *sound).read_bytes())
    (tmp_path / "whole.ts").write_bytes(b"".join(parts))
    music = np.zeros((round(3 * SECONDS * SAMPLE_RATE), 2), np.float32)
    own = heard(score_it(tmp_path / "whole.ts", music, Options(original="keep")))
    for second, tone_hz in enumerate([300, 300, 300, 600, 600, 600, 900, 900, 900]):
        piece = own[second * SAMPLE_RATE + 12_000 :][:24_000]
        assert np.argmax(np.abs(np.fft.rfft(piece))) * 2 == tone_hz
        if layouts[second // 3] != 6:  # whether those are mixed down depends on how far ffprobe reads
            assert np.abs(piece).max() == pytest.approx(0.3, rel=0.1)


def test_a_sound_that_turns_out_empty_counts_as_none(tmp_path: Path) -> None:
    """A header that promises a stream, and no packet of it."""
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", "sine=d=1", "-af", "atrim=end_sample=0", *H264, "-c:a", "aac", tmp_path / "a.mkv")
    assert probe(tmp_path / "a.mkv").sound is not None
    music = noise(SECONDS)
    assert abs(lag_samples(heard(score_it(tmp_path / "a.mkv", music, Options(original="keep"))), music[:, 0])) <= 48


def test_a_killed_ffmpeg_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a film whose sound ends there."""
    video = made(tmp_path, "a.mkv", "-f", "lavfi", "-i", f"sine=d={SECONDS}", "-c:a", "flac")
    dying = ["sh", "-c", "kill -9 $$"]
    monkeypatch.setattr(film_sound, "in_a_row", lambda first, second: in_a_row(dying, second))
    with pytest.raises(VideoError, match=r"stopped \(signal 9\)"):
        score_it(video, noise(SECONDS), Options(original="keep"))
