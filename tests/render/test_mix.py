"""Sums are exact, mastering reaches its preset and ceiling, and nothing moves in time."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from composer.errors import MissingToolError, RenderError
from composer.options import Options
from composer.render import render
from composer.render.limiter import Limiter
from composer.render.loudness import measure, short_term
from composer.render.mix import MOST_DB, PRESETS_LUFS, master, sum_stems
from composer.render.wav import FULL_SCALE, SAMPLE_RATE, WavReader, WavWriter, to_floats, to_ints
from composer.rendering import Rendering
from composer.score import Score
from tests.render.conftest import build_score, lag_samples, read_wav

PARTS = ("flute", "horns", "timpani", "piano", "violins_1", "contrabasses")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, bank: Path) -> tuple[Path, Rendering, Score]:
    folder, score = tmp_path_factory.mktemp("rendered"), build_score(PARTS, 8.0)
    return folder, render(score, folder, Options(soundfont=bank)), score


def test_files_are_48_khz_24_bit_of_one_length(rendered: tuple[Path, Rendering, Score]) -> None:
    import soundfile

    folder, rendering, score = rendered
    assert [stem.part for stem in rendering.stems] == [track.part for track in score.tracks]
    for name in (*(stem.path for stem in rendering.stems), rendering.premaster, rendering.mix):
        info = soundfile.info(folder / name)
        assert (info.samplerate, info.subtype, info.channels, info.frames) == (48_000, "PCM_24", 2, 8 * 48_000)
    assert rendering.length_samples == 8 * 48_000


def test_stems_null_against_the_premaster(rendered: tuple[Path, Rendering, Score]) -> None:
    folder, rendering, _ = rendered
    total = np.sum([read_wav(folder / stem.path) for stem in rendering.stems], axis=0)
    assert np.abs(total - read_wav(folder / rendering.premaster)).max() == 0
    assert -20 < 20 * np.log10(np.abs(total).max()) < -1


def test_the_mix_meets_its_preset_by_two_meters(rendered: tuple[Path, Rendering, Score]) -> None:
    folder, rendering, _ = rendered
    mix = read_wav(folder / rendering.mix)
    assert pyloudnorm.Meter(48_000).integrated_loudness(mix) == pytest.approx(-14.0, abs=0.3)
    assert measure(folder / rendering.mix).integrated_lufs == pytest.approx(-14.0, abs=0.3)
    assert rendering.loudness_lufs == pytest.approx(-14.0, abs=0.3)
    assert 20 * np.log10(np.abs(resample_poly(mix, 8, 1, axis=0)).max()) <= -0.95
    assert rendering.true_peak_dbtp <= -1.0


def test_every_part_is_heard_and_none_drowns_the_others(rendered: tuple[Path, Rendering, Score]) -> None:
    folder, rendering, _ = rendered
    levels = [measure(folder / stem.path, true_peak=False).integrated_lufs for stem in rendering.stems]
    assert max(levels) - min(levels) < 12
    assert all(stem.note_count > 0 for stem in rendering.stems)


def test_the_mix_is_not_shifted(rendered: tuple[Path, Rendering, Score]) -> None:
    folder, rendering, _ = rendered
    assert lag_samples(read_wav(folder / rendering.mix)[:, 0], read_wav(folder / rendering.premaster)[:, 0]) == 0


def test_the_same_score_gives_the_same_bytes(rendered: tuple[Path, Rendering, Score], bank: Path, tmp_path: Path) -> None:
    folder, rendering, score = rendered
    assert render(score, tmp_path, Options(soundfont=bank)) == rendering
    for name in (*(stem.path for stem in rendering.stems), rendering.premaster, rendering.mix):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("preset", PRESETS_LUFS)
def test_every_preset_is_met(rendered: tuple[Path, Rendering, Score], preset: str, tmp_path: Path) -> None:
    folder, rendering, _ = rendered
    result = master(folder / rendering.premaster, tmp_path / "mix.wav", preset)
    assert result.loudness.integrated_lufs == pytest.approx(PRESETS_LUFS[preset], abs=0.3)
    assert result.loudness.true_peak_dbtp <= -1.0


def test_nothing_to_play_is_an_error(bank: Path, tmp_path: Path) -> None:
    score = build_score(("piano",), 2.0)
    with pytest.raises(RenderError, match="no notes"):
        render(replace(score, tracks=(replace(score.tracks[0], notes=()),)), tmp_path, Options(soundfont=bank))
    with pytest.raises(RenderError, match="silent"):
        late = replace(score.tracks[0], notes=tuple(replace(note, start_beat=note.start_beat + 100) for note in score.tracks[0].notes))
        render(replace(score, tracks=(late,)), tmp_path, Options(soundfont=bank))


def test_without_ffmpeg_the_error_names_it(rendered: tuple[Path, Rendering, Score], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="ffmpeg"):
        measure(rendered[0] / rendered[1].mix)


def noise(seconds: float, level: float, seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal((round(seconds * SAMPLE_RATE), 2)) * level).astype(np.float32)


def write(path: Path, sound: NDArray[np.float32]) -> Path:
    with WavWriter(path, len(sound), description=path.stem) as writer:
        writer.write(to_ints(sound))
    return path


def test_a_sum_beyond_full_scale_lowers_all_stems_by_one_factor(tmp_path: Path) -> None:
    sounds = [np.clip(noise(1.0, 0.3, seed), -0.95, 0.95) for seed in range(4)]
    stems = [write(tmp_path / f"{i}.wav", sound) for i, sound in enumerate(sounds)]
    factor = sum_stems(stems, tmp_path / "sum.wav").factor
    assert factor < 1
    total = read_wav(tmp_path / "sum.wav")
    assert np.abs(total).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert np.abs(np.sum([read_wav(stem) for stem in stems], axis=0) - total).max() == 0
    for stem, sound in zip(stems, sounds, strict=True):
        assert np.abs(read_wav(stem) - sound * factor).max() < 1e-6


def test_silence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="silent"):
        sum_stems([write(tmp_path / "a.wav", noise(1, 0))], tmp_path / "sum.wav")
    with pytest.raises(RenderError, match="too quiet"):
        master(write(tmp_path / "b.wav", noise(1, 1e-6)), tmp_path / "mix.wav", "web")


def limited(sound: NDArray[np.float32], gain_db: float = 0.0) -> NDArray[np.float32]:
    def read(start: int, count: int) -> NDArray[np.float32]:
        first, last = max(start, 0), min(start + count, len(sound))
        return np.pad(sound[first:last], ((first - start, start + count - last), (0, 0)))

    return np.concatenate(list(Limiter(read, len(sound), gain_db, -1.0).blocks()))


def test_the_limiter_keeps_the_true_peak_under_its_ceiling() -> None:
    from scipy.signal import butter, sosfilt

    sound = sosfilt(butter(4, 12_000, fs=SAMPLE_RATE, output="sos"), noise(6.0, 0.5), axis=0).astype(np.float32)
    out = limited(sound)
    assert 20 * np.log10(np.abs(out).max()) <= -1.0 + 1e-4
    assert 20 * np.log10(np.abs(resample_poly(out, 8, 1, axis=0)).max()) < -0.8
    assert lag_samples(out[:, 0], sound[:, 0]) == 0


def test_peaks_between_samples_are_seen() -> None:
    phase = np.pi / 2 * np.arange(SAMPLE_RATE) + np.pi / 4  # samples miss every crest by 3 dB
    out = limited(np.stack([np.sin(phase)] * 2, axis=1).astype(np.float32))
    assert 20 * np.log10(np.abs(out[1000:-1000]).max()) == pytest.approx(-1.0 - 3.01, abs=0.1)


def test_below_the_ceiling_the_limiter_changes_nothing() -> None:
    sound = np.clip(noise(4.0, 0.1), -0.5, 0.5)
    assert np.array_equal(limited(sound), sound)


def test_the_limiter_lets_go_after_a_peak_and_does_not_see_block_borders() -> None:
    sound = np.full((400_000, 2), 0.1, np.float32)
    sound[131_072 - 3 : 131_072 + 3] = 1.0
    gain = limited(sound, 3.0)[:, 0] / (sound[:, 0] * 10 ** (3 / 20))
    assert np.allclose(gain[:130_000], 1)
    assert np.allclose(gain[131_072 + 48_000 :], 1)
    assert np.abs(np.diff(gain)).max() < 0.02
    assert gain[131_072] < 0.72


def test_wav_round_trip_and_broadcast_header(tmp_path: Path) -> None:
    values = np.array([[0, 1], [-1, FULL_SCALE - 1], [-FULL_SCALE, 12345]], np.int32)
    with WavWriter(tmp_path / "a.wav", 3, description="Violins", time_reference_samples=(1 << 33) + 7) as writer:
        writer.write(values)
    with WavReader(tmp_path / "a.wav") as reader:
        assert np.array_equal(reader.read(0, 3), values)
        assert np.array_equal(reader.read(-1, 5)[1:4], values)
        assert reader.description == "Violins"
    assert np.array_equal(read_wav(tmp_path / "a.wav"), to_floats(values))
    data = (tmp_path / "a.wav").read_bytes()
    at = data.index(b"bext") + 8
    assert data[at + 320 : at + 338] == b"2020-01-0100:00:00"
    assert struct.unpack_from("<II", data, at + 338) == (7, 2)


def test_short_term_loudness_follows_the_sound(tmp_path: Path) -> None:
    quiet_loud = np.concatenate([noise(6, 0.01), noise(6, 0.1)])
    levels = short_term(write(tmp_path / "a.wav", quiet_loud))
    assert len(levels) == 240
    assert levels[200] - levels[40] == pytest.approx(20, abs=0.5)


def test_strokes_alone_are_not_crushed_to_reach_the_preset(tmp_path: Path) -> None:
    strokes = np.zeros((SAMPLE_RATE * 6, 2), np.float32)
    for second in range(6):
        strokes[second * SAMPLE_RATE : second * SAMPLE_RATE + 240] = noise(0.005, 0.2, second)
    result = master(write(tmp_path / "a.wav", strokes), tmp_path / "mix.wav", "web")
    assert result.reduction_db == pytest.approx(MOST_DB, abs=0.7)
    assert result.loudness.integrated_lufs < -14.5
    assert result.loudness.true_peak_dbtp <= -1.0
