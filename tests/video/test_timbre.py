"""Roughness and pitch: doses of known sounds, order that psychoacoustics demands, the same whatever the level and the pieces."""

import numpy as np
import pytest

from composer.video.timbre import SAMPLE_RATE, Timbre

SECONDS = 3
T = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE


def tone(*frequencies_hz):
    return sum(np.sin(2 * np.pi * f * T) for f in frequencies_hz)


def instrument(pitch_hz, harmonics=20):
    """A steady tone with harmonics, as a string has."""
    return sum(np.sin(2 * np.pi * pitch_hz * k * T + k) / k for k in range(1, harmonics + 1) if pitch_hz * k < 7000)


def chord(*semitones):
    return sum(instrument(220 * 2 ** (s / 12)) for s in semitones)


def trembling(depth, rate_hz=45.0, carrier_hz=1000.0):
    return (1 + depth * np.cos(2 * np.pi * rate_hz * T)) * np.sin(2 * np.pi * carrier_hz * T)


def noise(seed=0):
    return np.random.default_rng(seed).standard_normal(len(T))


def measured(sound, level=0.1, start_s=0.0, seconds=SECONDS):
    timbre = Timbre()
    timbre.add((sound * level / np.sqrt(np.mean(sound**2))).astype(np.float32))
    return timbre.per_second(start_s, seconds)


def rough(sound, level=0.1):
    return float(measured(sound, level)[0][1])


def test_smooth_sounds_are_smooth():
    for frequency in (110, 440, 2000):
        assert rough(tone(frequency)) < 0.02
    assert rough(tone(440, 880)) < 0.02
    assert rough(tone(440, 660)) < 0.02


def test_silence_has_neither():
    roughness, pitch = measured(tone(440) + 1e-9, level=10 ** (-70 / 20))
    assert not roughness.any()
    assert not pitch.any()


def test_two_tones():
    """Plomp & Levelt 1965: roughest at about a quarter of a critical band (a semitone at 440 Hz), gone at a fifth."""
    by_interval = {s: rough(tone(440, 440 * 2 ** (s / 12))) for s in (0, 0.25, 1, 3, 5, 12)}
    assert by_interval[1] > 0.5
    assert by_interval[0] < by_interval[0.25] < by_interval[1] > by_interval[3] > by_interval[5] + 0.1
    assert by_interval[12] < 0.02


def test_the_deeper_it_trembles_the_rougher():
    doses = [rough(trembling(depth)) for depth in (0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert np.all(np.diff(doses) > 0.03)
    assert doses[0] < 0.02 and doses[-1] > 0.6


def test_slow_and_fast_trembling_is_not_rough():
    """Zwicker & Fastl 2007, fig. 11.2: a band-pass between beats that can be followed and tones of their own."""
    assert rough(trembling(1.0, 3)) < 0.3 * rough(trembling(1.0, 45))
    assert rough(trembling(1.0, 250)) < 0.1 * rough(trembling(1.0, 45))


def test_harmony_in_order():
    single, fifth, major, cluster = (rough(chord(*notes)) for notes in ((0,), (0, 7), (0, 4, 7), (0, 1, 2)))
    assert single <= fifth + 0.02 < major < cluster
    assert cluster > 0.6


def test_growl_and_hiss_are_rough():
    growl = np.tanh(5 * instrument(80) * (1 + 0.8 * np.sin(2 * np.pi * 33 * T)))
    assert rough(growl) > 0.8
    assert rough(noise()) > 0.6
    blends = [rough((1 - share) * chord(0, 4, 7) / 2 + share * noise()) for share in (0, 0.25, 0.5, 1)]
    assert np.all(np.diff(blends) > 0.01)


@pytest.mark.parametrize("sound", [chord(0, 4, 7), noise(), trembling(0.5)], ids=["chord", "noise", "trembling"])
def test_the_level_does_not_matter(sound):
    assert rough(sound, 0.3) == pytest.approx(rough(sound, 0.003), abs=0.01)


def test_a_quiet_second_says_nothing_about_a_loud_one():
    """What sounds counts, not how long: a second that is half silent is as rough as its sound."""
    sound = chord(0, 1, 2)
    halved = sound * (T % 1 < 0.5)
    assert rough(halved) == pytest.approx(rough(sound), abs=0.1)


@pytest.mark.parametrize("pitch_hz", [62.0, 98.0, 220.0, 440.0, 784.0, 990.0])
def test_pitch(pitch_hz):
    for sound in (tone(pitch_hz), instrument(pitch_hz), instrument(pitch_hz) + 0.1 * noise()):
        assert measured(sound)[1] == pytest.approx([pitch_hz] * SECONDS, rel=0.01)


def test_the_missing_fundamental_is_heard():
    assert measured(tone(600, 800, 1000))[1][1] == pytest.approx(200, rel=0.01)


def test_what_has_no_pitch():
    rng = np.random.default_rng(1)
    brown = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(T))) / (np.arange(len(T) // 2 + 1) + 60), len(T))
    clicks = (rng.random(len(T)) < 0.001).astype(float)
    for sound in (noise(), brown, clicks, chord(0, 1, 2, 3), tone(2400), tone(5000), tone(40)):
        assert not measured(sound)[1].any()


def test_seconds_are_the_film_s():
    """A tone from 4.3 to 6.3 s of a sound whose film begins at 2.3 s is in the film's third and fourth second."""
    at = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    sound = np.where((at >= 4.3) & (at < 6.3), np.sin(2 * np.pi * 300 * at), 0)
    roughness, pitch = measured(sound, start_s=2.3, seconds=7)
    assert roughness.shape == pitch.shape == (7,)
    assert pitch == pytest.approx([0, 0, 300, 300, 0, 0, 0], rel=0.01)


def test_pieces_change_nothing():
    rng = np.random.default_rng(3)
    sound = np.tile(chord(0, 5) + noise(), 4).astype(np.float32) * 0.05
    whole = Timbre()
    whole.add(sound)
    pieces, at = Timbre(), 0
    while at < len(sound):
        size = int(rng.integers(1, 20_000))
        pieces.add(sound[at : at + size])
        at += size
    seconds = len(sound) // SAMPLE_RATE
    for a, b in zip(whole.per_second(0.0, seconds), pieces.per_second(0.0, seconds), strict=True):
        assert np.array_equal(a, b)


def test_no_sound_at_all():
    assert [values.tolist() for values in Timbre().per_second(0.0, 2)] == [[0, 0], [0, 0]]
