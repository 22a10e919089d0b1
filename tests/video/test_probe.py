"""The header: which streams, which size, what is refused and that nothing else is opened."""

from fractions import Fraction
from pathlib import Path

import pytest

from composer.errors import VideoError
from composer.probe import locked_input, probe
from tests import films


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return films.film(tmp_path_factory.mktemp("probe") / "plain.mp4", ("chart", 1.2))


def test_plain_film(plain):
    seen = probe(plain)
    assert (seen.width, seen.height, seen.rotation_degrees, seen.frame_rate) == (160, 90, 0, Fraction(25))
    assert (seen.video_stream, seen.audio_stream, seen.sound) == (0, None, None)
    assert seen.frame_count == 30
    assert seen.picture_end_s == pytest.approx(1.2)
    assert seen.extension == ".mp4"
    assert "mov" in seen.container


@pytest.mark.parametrize("name", ["-dash.mp4", "two words.mp4", 'it\'s "quoted".mp4', "фильм é 映画.mp4", "http:x%03d.mp4", "no extension"])
def test_any_name(plain, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(plain.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).frame_count == 30


def test_rotation_is_as_displayed(plain, tmp_path):
    seen = probe(films.rotated(tmp_path / "r.mp4", plain))
    assert (seen.width, seen.height, seen.rotation_degrees) == (90, 160, 90)
    assert (seen.coded_width, seen.coded_height) == (160, 90)


def test_pixel_aspect_is_as_displayed(tmp_path):
    seen = probe(films.film(tmp_path / "wide.mp4", ("chart", 1.2), filters="setsar=4/3"))
    assert (seen.width, seen.height, seen.pixel_aspect) == (213, 90, Fraction(4, 3))


def test_the_cover_is_not_the_film(plain, tmp_path):
    films.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x640", "-frames:v", 1, tmp_path / "cover.jpg")
    path = tmp_path / "covered.mp4"
    films.ffmpeg("-i", tmp_path / "cover.jpg", "-i", plain, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v:0", "attached_pic", path)
    seen = probe(path)
    assert (seen.width, seen.height, seen.video_streams) == (160, 90, 1)


def test_default_then_largest_picture_is_chosen(plain, tmp_path):
    large = tmp_path / "large.mp4"
    films.ffmpeg("-i", plain, "-vf", "scale=320:180", large)
    both = tmp_path / "both.mkv"
    films.ffmpeg("-i", plain, "-i", large, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v", "0", both)
    assert probe(both).video_stream == 1
    films.ffmpeg("-i", plain, "-i", large, "-map", 0, "-map", 1, "-c", "copy", "-disposition:v:0", "default", "-disposition:v:1", "0", both)
    assert probe(both).video_stream == 0


def test_sound_stream(plain, tmp_path):
    seen = probe(films.with_sound(tmp_path / "s.mp4", plain, "sine=d=1.2:r=44100"))
    assert seen.sound is not None
    assert (seen.sound.index, seen.sound.codec, seen.sound.sample_rate, seen.sound.channels) == (1, "aac", 44100, 1)


def _refused(path, *words):
    with pytest.raises(VideoError) as caught:
        probe(path)
    message = str(caught.value)
    assert str(path) in message
    assert caught.value.hint
    for word in words:
        assert word in message
    assert len(message.splitlines()) == 1


def test_what_is_no_film_is_refused(tmp_path):
    _refused(tmp_path / "absent.mp4", "no file")
    _refused(tmp_path, "folder")
    for name, content, word in [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"Dear diary, today I renamed a letter.\n" * 50, "holds text"),
        ("noise.mp4", bytes(range(256)) * 64, "not"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "playlist"),
        ("concat.mp4", b"ffconcat version 1.0\nfile 'other.mp4'\n", "playlist"),
        ("late.mp4", b"\n\n#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n", "playlist"),
    ]:
        (tmp_path / name).write_bytes(content)
        _refused(tmp_path / name, word)


def test_a_playlist_reads_no_other_file(plain, tmp_path):
    """Even one that the sniffing misses: a film that ffmpeg opens happily without the lock."""
    (tmp_path / "other.ts").write_bytes(b"")
    films.ffmpeg("-i", plain, "-c", "copy", tmp_path / "other.ts")
    listed = tmp_path / "list.mp4"
    listed.write_text(";\nffconcat version 1.0\nfile other.ts\n")
    _refused(listed)
    listed.write_text("#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(Exception, match="returned non-zero"):
        films.ffmpeg(*locked_input(listed), "-f", "null", "-")


def test_odd_streams_are_refused(plain, tmp_path):
    sound = tmp_path / "sound.mp4"
    films.ffmpeg("-f", "lavfi", "-i", "sine=d=1", sound)
    _refused(sound, "sound only")
    picture = tmp_path / "picture.mp4"
    films.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", 1, "-f", "image2", "-update", 1, "-c:v", "png", picture)
    _refused(picture)
    tiny = tmp_path / "tiny.mp4"
    films.ffmpeg("-f", "lavfi", "-i", "color=red:s=2x2:d=2", "-c:v", "libx264", "-pix_fmt", "yuv444p", tiny)
    _refused(tiny, "2×2", "16×16")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(plain.read_bytes()[: plain.stat().st_size // 2])
    _refused(cut, "incomplete")


def test_a_giant_header_is_refused_before_decoding(plain, tmp_path):
    giant = bytearray(plain.read_bytes())
    at = giant.index(b"avc1", giant.index(b"stsd")) + 4 + 24
    giant[at : at + 4] = (16384).to_bytes(2, "big") * 2
    for box in (b"avcC",):  # without its parameters the decoder cannot correct the size
        giant[giant.index(box) : giant.index(box) + 4] = b"free"
    path = tmp_path / "giant.mp4"
    path.write_bytes(giant)
    _refused(path, "claims", "16384×16384")
