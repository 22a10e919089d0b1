"""Copying: how long the melodic n-grams are that a piece shares with a corpus, in any key and tempo.

A share says little by itself, since people share figures, too: hold it against unseen human music of the same length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from composer.evaluation.style import Bools, Hashes, mixed, tune
from composer.theory.passage import Passage

#: lengths of melodic n-grams that are looked for, in steps from note to note
NGRAMS = (6, 8, 10, 12, 16, 20, 24, 32)
#: n-grams with fewer different steps (repeated notes, scales, trills) are nobody's own
FEWEST_STEPS = 4


def _ngrams(passage: Passage) -> dict[int, tuple[Hashes, Bools]]:
    """Per n the hash of every n-gram of every tune, and whether it has enough different steps to be told from others.

    A step is an interval (semitones) and the ratio of its time to the one before (to half an octave of tempo, the first step without), so
    neither key nor tempo matters.
    """
    found: dict[int, list[tuple[Hashes, Bools]]] = {n: [] for n in NGRAMS}
    pitched = ~passage.is_drum()
    for line in np.unique(passage.line):
        onset, pitch, _ = tune(passage, int(line))
        if not pitched[line] or len(onset) <= NGRAMS[0]:
            continue
        interval, wait = np.diff(pitch) + 128, np.log2(np.diff(onset))
        ratio = np.round(2 * np.diff(wait, prepend=wait[:1])).astype(np.int64).clip(-16, 16)
        step = (interval << 8) + ratio + 32
        hashes, total = mixed(step), mixed(interval)
        for n in range(1, min(NGRAMS[-1], len(step)) + 1):
            if n > 1:
                total = total[:-1] * np.uint64(0x100000001B3) + hashes[n - 1 :]
            if n in found:
                inside = np.sort(np.lib.stride_tricks.sliding_window_view(step, n), axis=1)
                found[n].append((total.copy(), (np.diff(inside, axis=1) != 0).sum(axis=1) + 1 >= FEWEST_STEPS))
    none = (np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=bool))
    return {n: (np.concatenate([h for h, _ in [none, *of_n]]), np.concatenate([t for _, t in [none, *of_n]])) for n, of_n in found.items()}


def ngram_index(corpus: Sequence[Passage]) -> dict[int, Hashes]:
    """Per n the sorted hashes of all telling n-grams of a corpus: what may have been copied."""
    tables = [_ngrams(passage) for passage in corpus]
    return {n: np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *(t[n][0][t[n][1]] for t in tables)])) for n in NGRAMS}


def longest_shared_ngram(passages: Sequence[Passage], index: Mapping[int, Hashes]) -> list[int]:
    """Per passage the longest of `NGRAMS` that some tune shares with the corpus of the index; 0 for none. Long passages find more."""
    longest = []
    for passage in passages:
        ours = _ngrams(passage)
        longest.append(max((n for n in NGRAMS if _any_in(ours[n][0][ours[n][1]], index[n])), default=0))
    return longest


def _any_in(hashes: Hashes, known: Hashes) -> bool:
    """Whether any is among the sorted known ones (a search: `np.isin` would sort a whole corpus again)."""
    place = np.searchsorted(known, hashes)
    return bool((known[place[place < len(known)]] == hashes[place < len(known)]).any())


def ngram_shares(longest: Sequence[int]) -> dict[int, float]:
    """Per n the share of passages whose longest shared n-gram has at least n steps, to be held against that of unseen human pieces."""
    return {n: float(np.mean([found >= n for found in longest])) if longest else float("nan") for n in NGRAMS}
