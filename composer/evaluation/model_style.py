"""Style of what generators write, held against held-out music by people for the same kind of ensemble, and what it copies.

Like is compared with like: our scores go the way of the corpus (keyboards split into hands, cleaned, doublings folded), and people's
excerpts (test split of the prepared data) have as many bars as ours. A measure is *inside* when the median of our outputs lies between
people's quartiles. As so few outputs scatter, `people` says how often measures of as many excerpts by people, drawn at random, lie inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from composer.errors import OptionError
from composer.evaluation.copying import NGRAMS, longest_shared_ngram, ngram_index, ngram_shares
from composer.evaluation.style import Comparison, compare, ensemble_of, measure_style, share_inside, windows
from composer.instruments import INSTRUMENTS
from composer.plan import Plan
from composer.score import Score
from composer.theory.passage import Floats, Passage, of_score
from composer.transformer.batches import Store
from composer.transformer.data.cleaning import cleaned
from composer.transformer.data.corpus import load_corpus
from composer.transformer.data.folding import fold
from composer.transformer.data.hands import inner_voices, right_hand, two_handed
from composer.transformer.data.mapping import KEYBOARDS

Table = Mapping[str, float]
#: excerpts of one movement that count at most, and excerpts by people below which an ensemble is not judged
MOST_PER_MOVEMENT, FEWEST_HUMAN = 4, 8
#: bars a human excerpt has at least, however short ours are
FEWEST_BARS = 8


@dataclass(frozen=True)
class Human:
    """What people wrote: held-out movements, and the hashes of everything that was learnt from."""

    held_out: list[Passage]
    learnt: Mapping[int, Any]


def read_human(store: Store, folders: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Human:
    """The scores that the store was made of, by the store's own splits.

    Raises OptionError when the folders lack most of the store's test movements.
    """
    split = {str(piece["id"]): str(piece["split"]) for piece in store.pieces}
    held_out, learnt = [], []
    for movement in load_corpus(folders, progress, seed=int(store.meta.get("seed", 0))):
        if split.get(movement.id) == "test":
            held_out.append(movement.passage)
        elif split.get(movement.id) == "train":
            learnt.append(movement.passage)
    wanted = sum(1 for name in split.values() if name == "test")
    if 2 * len(held_out) < wanted or not held_out:
        raise OptionError(f"only {len(held_out)} of the data's {wanted} test movements are among the scores", "Give the folders that `data prepare` read.")  # fmt: skip
    return Human(held_out, ngram_index(learnt))


def like_the_corpus(score: Score) -> Passage | None:
    """One of our scores the way the corpus went: hands apart, cleaned, folded; None when too little is left (8 bars, 40 notes)."""
    clean = cleaned(by_hands(of_score(score))).passage if any(track.notes for track in score.tracks) else None
    return None if clean is None else fold(clean).passage


def by_hands(passage: Passage) -> Passage:
    """Two-handed lines of keyboards (and of the guitar, outside bands) as right, inner and left hand, as `data.reading` splits them."""
    lines, line = list(passage.lines), passage.line.copy()
    split = KEYBOARDS | (set() if not len(line) or ensemble_of(passage) == "band" else {"guitar"})
    for i, one in enumerate(passage.lines):
        mine = np.flatnonzero(passage.line == i)
        onset, pitch = passage.onset[mine], passage.pitch[mine]
        if one.instrument not in split or not two_handed(onset, pitch):
            continue
        name = INSTRUMENTS[one.instrument].name
        above = right_hand(onset, pitch, passage.bar_of(onset))
        inner = inner_voices(onset[above], passage.duration[mine][above], pitch[above])
        lines[i] = replace(one, name=f"{name} (right)")
        for who, where in ((mine[~above], "left"), (mine[above][inner] if inner is not None else mine[:0], "inner")):
            if len(who):
                line[who] = len(lines)
                lines.append(replace(one, name=f"{name} ({where})"))
    order = np.lexsort((passage.pitch, line, passage.onset))
    return replace(
        passage, onset=passage.onset[order], duration=passage.duration[order], pitch=passage.pitch[order],
        velocity=passage.velocity[order], line=line[order], lines=tuple(lines),
    )  # fmt: skip


@dataclass(frozen=True)
class Ensemble:
    """Outputs for one ensemble beside people's excerpts."""

    #: who was asked to play, and what kind of ensemble that is (style.ensemble_of)
    name: str
    kind: str
    #: bars of an excerpt, and how many excerpts ours and people's are
    bars: int
    outputs: int
    human: int
    rows: list[Comparison]
    #: share of measures inside, its 95 % bootstrap interval over outputs, and the share for people's own excerpts
    inside: float
    interval: tuple[float, float]
    people: float
    #: length in steps → share of outputs (of people's excerpts) that have a melodic n-gram of this length, or longer, in common with train
    shared: dict[int, float]
    shared_human: dict[int, float]


@dataclass(frozen=True)
class StyleReport:
    """Style of one generator."""

    ensembles: list[Ensemble]
    inside: float
    interval: tuple[float, float]
    people: float
    #: as `Ensemble`, every ensemble weighing the same
    shared: dict[int, float]
    shared_human: dict[int, float]
    #: ensembles for which people wrote too few excerpts, and outputs that were too short to be judged
    not_judged: list[str]
    too_short: int

    def to_plain(self) -> dict[str, Any]:
        """Plain form for JSON (nan becomes None)."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


def measure_generator(compose: Callable[[Plan], Score], plans: Sequence[Plan], names: Sequence[str], human: Human, seed: int = 0) -> StyleReport:  # fmt: skip
    """Compose every plan once and compare; `names` says of each plan which ensemble was asked for."""
    ours: dict[str, list[Passage]] = {}
    for plan, name in zip(plans, names, strict=True):
        passage = like_the_corpus(compose(plan))
        if passage is not None:
            ours.setdefault(name, []).append(passage)
    rng = np.random.default_rng([seed, 7])
    found: list[Ensemble] = []
    drawn: list[tuple[Floats, Floats]] = []
    for name, outputs in ours.items():
        kinds = [ensemble_of(passage) for passage in outputs]
        kind, bars = max(sorted(set(kinds)), key=kinds.count), max(FEWEST_BARS, round(float(np.median([p.bars for p in outputs]))))
        theirs = [one for piece in human.held_out for one in _excerpts(piece, bars) if ensemble_of(one) == kind]
        if len(theirs) < FEWEST_HUMAN:
            continue
        mine, other = [measure_style(p) for p in outputs], [measure_style(p) for p in theirs]
        rows = compare(mine, other, seed)
        draws = _inside_when_drawn(mine, rows, len(mine), rng), _inside_when_drawn(other, rows, len(mine), rng)
        drawn.append(draws)
        low, high = _interval([draws[0]])
        shared, shared_human = (ngram_shares(longest_shared_ngram(side, human.learnt)) for side in (outputs, theirs))
        people = float(np.nanmean(draws[1]))
        found.append(
            Ensemble(name, kind, bars, len(mine), len(theirs), rows, share_inside(rows), (low, high), people, shared, shared_human)
        )
    judged = {one.name for one in found}
    return StyleReport(
        found,
        share_inside([row for one in found for row in one.rows]),
        _interval([d for d, _ in drawn]),
        float(np.nanmean(np.concatenate([d for _, d in drawn], axis=1))) if drawn else float("nan"),
        {n: _mean([one.shared[n] for one in found]) for n in NGRAMS},
        {n: _mean([one.shared_human[n] for one in found]) for n in NGRAMS},
        [name for name in dict.fromkeys(names) if name not in judged],
        len(plans) - sum(map(len, ours.values())),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _excerpts(piece: Passage, bars: int) -> list[Passage]:
    """At most a few excerpts of exactly so many bars, evenly spread over a piece."""
    cut = windows(piece, bars, bars)
    step = max(1.0, len(cut) / MOST_PER_MOVEMENT)
    return [cut[int(i)] for i in np.arange(0, len(cut), step)]


def _inside_when_drawn(tables: Sequence[Table], rows: Sequence[Comparison], size: int, rng: np.random.Generator, draws: int = 1000) -> Floats:  # fmt: skip
    """(draws, rows) 1 where the median of `size` tables, drawn with replacement, lies between people's quartiles; nan without values."""
    values = np.array([[table[row.measure] for row in rows] for table in tables]).reshape(len(tables), len(rows))
    low, high = np.array([(row.human[0], row.human[2]) for row in rows]).reshape(-1, 2).T
    found = np.full((draws, len(rows)), np.nan)
    for i in range(draws):
        some = values[rng.integers(len(values), size=size)]
        known = np.isfinite(some).any(axis=0)
        median = np.nanmedian(some[:, known], axis=0)
        found[i, known] = (low[known] <= median) & (median <= high[known])
    return found


def _interval(drawn: Sequence[Floats]) -> tuple[float, float]:
    """95 % interval of the share inside over all columns of the draws."""
    if not drawn or not any(d.size for d in drawn):
        return float("nan"), float("nan")
    low, high = np.nanquantile(np.nanmean(np.concatenate(drawn, axis=1), axis=1), [0.025, 0.975])
    return float(low), float(high)
