"""`Rendering`: where the sound is on disk and how loud it measured. Never the sound itself: audio streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stem:
    """One part alone."""

    #: the part's id
    part: str
    #: file, relative to the output folder
    path: str
    #: largest sample, dBFS
    peak_dbfs: float
    #: sounding notes in it
    note_count: int


@dataclass(frozen=True)
class Rendering:
    """Files of one render, all of one length, starting at film time 0."""

    #: samples per second
    sample_rate: int
    #: length of every file, samples
    length_samples: int
    #: one per part, in score order
    stems: tuple[Stem, ...]
    #: sum of the stems, relative to the output folder
    premaster: str
    #: mastered music (not ducked), relative to the output folder
    mix: str
    #: integrated loudness of the mix, LUFS
    loudness_lufs: float
    #: true peak of the mix, dBTP
    true_peak_dbtp: float
    #: static gain from premaster to mix before the limiter, dB
    gain_db: float
    #: sound bank used: file name
    soundfont: str
    #: its SHA-256
    soundfont_sha256: str
    #: constant delay between a note's written time and its sounding start, samples (already compensated: 0)
    onset_latency_samples: int = 0
    #: how loud the premaster is, LUFS; 0 where an older version did not tell
    premaster_lufs: float = 0.0
    #: how far all stems were lowered so that their sum fits, dB
    lowered_db: float = 0.0
    #: what a listener may want to know, one line each
    warnings: tuple[str, ...] = ()
