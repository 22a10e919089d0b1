"""Which files hold the same work, and which part of the corpus (train, valid, test) a work belongs to.

A work is known by its composer with a catalogue number (or a set or title) from file names and catalogues, and by its music: hashed
shingles of eight melodic intervals, which do not change under transposition. Either joins files into one group, so that a symphony
that stands in two collections can never be trained on in one and tested in the other. Opus numbers group whole sets (op. 18 nos. 1–6).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from composer.theory.passage import Ints, Passage

Shingles = NDArray[np.uint64]

#: intervals per shingle, how many different ones it needs and the widest at least, semitones: runs, trills and repeated notes are everybody's
SHINGLE = 8
DISTINCT = 5
LEAP = 3
#: shared share of the smaller set of shingles from which two files hold the same work / the same notes
SAME_WORK = 0.3
SAME_NOTES = 0.8
#: between files of different composers chance and borrowing weigh more
SAME_WORK_ACROSS = 0.5
#: a shingle in more movements than this is a commonplace
COMMONPLACE = 24
#: a shingle that more composers than this wrote is a commonplace too
COMPOSERS = 2
#: fewer shingles than this prove nothing
FEWEST = 30
SPLITS = ("train", "valid", "test")
#: no composer: each file counts as its own
NOBODY = frozenset({"anonymous", "traditional"})

_CATALOGUE = re.compile(
    r"(?<![a-z])(op|opus|o|bwv|kv|k|d|hob|wab|hwv|rv|woo|wq|sz|s|l|b|bux|buxwv|twv|h|anh)[ ._]*([ivx]+[: ]*)?(\d+)(?![a-z]*\d*th)"
)
#: catalogues that name one work without its composer's help, and their spellings
_SPELLING = {"opus": "op", "o": "op", "kv": "k", "buxwv": "bux"}
#: letters that count as a catalogue only for their composer
_OWN = {"k": "mozart", "d": "schubert", "hob": "haydn", "wab": "bruckner", "hwv": "handel", "bwv": "bach", "s": "liszt", "l": "debussy", "b": "dvorak", "h": "bridge", "rv": "vivaldi", "sz": "bartok"}  # fmt: skip
_AMBIGUOUS = {"bach", "schumann", "strauss"}


def plain(text: str) -> str:
    """Lower case, no accents, words apart by single spaces."""
    flat = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9.:]+", " ", flat.lower()).strip()


def composer_key(name: str) -> str:
    """The surname in lower case; with the first initial where several composers share it.

    Reads "Bach,_Johann_Sebastian", "Bach, J. S.", Mutopia's "BachJS" and "Mendelssohn-BartholdyF", and bare surnames.
    """
    surname, _, given = name.replace("_", " ").partition(",")
    mutopia = re.fullmatch(r"((?:[a-z]+)?[A-Z][a-z]+(?:-[A-Z][a-z]+)*)([A-Z][A-Za-z]{0,4})", surname.strip())
    if mutopia and not given:
        surname, given = mutopia.group(1), mutopia.group(2)
    key = plain(surname).replace(" ", "-") or "anonymous"
    key = "mendelssohn" if key.startswith("mendelssohn") else key  # with and without Bartholdy
    initial = plain(given)[:1]
    return f"{key}-{initial}" if key in _AMBIGUOUS and initial else key


def catalogue_numbers(text: str, composer: str) -> list[str]:
    """Normalised numbers such as "op67", "bwv1048", "hobiii32"."""
    numbers = []
    for kind, roman, number in _CATALOGUE.findall(plain(text)):
        kind = _SPELLING.get(kind, kind)
        if kind in _OWN and not composer.startswith(_OWN[kind]):
            continue
        if kind == "hob" and not roman:
            continue
        numbers.append(f"{kind}{roman.strip(': ') if kind == 'hob' else ''}{int(number)}")
    return numbers


def work_keys(composer: str, texts: Iterable[str], title: str) -> list[str]:
    """Every name a work goes by: composer with each catalogue number; without any, composer with the title."""
    numbers = sorted({n for text in texts for n in catalogue_numbers(text, composer)})
    if numbers:
        return [f"{composer} {number}" for number in numbers]
    return [f"{composer} {plain(title)}"]


def shingles(passage: Passage) -> Shingles:
    """Distinct hashes of eight successive intervals of the skyline and of every pitched line's top notes."""
    pitched = passage.pitched()
    onset, pitch, line = passage.onset[pitched], passage.pitch[pitched], passage.line[pitched]
    tick = np.round(onset * 24).astype(np.int64)
    found = [_hashes(tick, pitch)] + [_hashes(tick[line == i], pitch[line == i]) for i in np.unique(line).tolist()]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)


def _hashes(tick: Ints, pitch: Ints) -> Shingles:
    if not len(tick):
        return np.zeros(0, dtype=np.uint64)
    order = np.argsort(tick, kind="stable")
    tops = np.maximum.reduceat(pitch[order], np.flatnonzero(np.diff(tick[order], prepend=-1)))
    steps = np.diff(tops)
    if len(steps) < SHINGLE:
        return np.zeros(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(steps, SHINGLE)
    distinct = (np.diff(np.sort(windows, axis=1), axis=1) != 0).sum(axis=1) + 1
    hashed = np.zeros(len(windows), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in range(SHINGLE):
            hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + (windows[:, column] + 128).astype(np.uint64)
            hashed ^= hashed >> np.uint64(29)
    return np.asarray(np.unique(hashed[(distinct >= DISTINCT) & (np.abs(windows).max(axis=1) >= LEAP)]))


def shared(sets: Sequence[Shingles], composers: Sequence[str]) -> dict[tuple[int, int], float]:
    """(i, j), i < j → shared share of the smaller set, where it means the same work; commonplaces and tiny sets do not count."""
    if not sets:
        return {}
    owner = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
    value = np.concatenate(list(sets))
    order = np.argsort(value, kind="stable")
    value, owner = value[order], owner[order]
    people = np.unique(np.array([c if c not in NOBODY else f"{c} {i}" for i, c in enumerate(composers)]), return_inverse=True)[1]
    wrote = np.unique(np.stack([value, people[owner].astype(np.uint64)]), axis=1)[0]
    distinct, writers = np.unique(wrote, return_counts=True)
    everybodys = np.isin(value, distinct[writers > COMPOSERS])
    value, owner = value[~everybodys], owner[~everybodys]
    starts = np.append(np.flatnonzero(np.diff(value, prepend=value[:1] + np.uint64(1))), len(value))
    common: Counter[tuple[int, int]] = Counter()
    rare = np.zeros(len(sets), dtype=np.int64)
    sizes = np.diff(starts)
    np.add.at(rare, owner[np.repeat(sizes <= COMMONPLACE, sizes)], 1)
    for size in range(2, COMMONPLACE + 1):
        rows = owner[starts[:-1][sizes == size][:, None] + np.arange(size)]
        for a in range(size):
            for b in range(a + 1, size):
                pairs, counts = np.unique(rows[:, a] * len(sets) + rows[:, b], return_counts=True)
                for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
                    common[divmod(pair, len(sets))] += count
    shares: dict[tuple[int, int], float] = {}
    for (i, j), count in common.items():
        smaller = min(int(rare[i]), int(rare[j]))
        alike = SAME_WORK if people[i] == people[j] else SAME_WORK_ACROSS
        if smaller >= FEWEST and count >= alike * smaller:
            shares[min(i, j), max(i, j)] = count / smaller
    return shares


class Groups:
    """Union–find over 0 … n − 1."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, i: int) -> int:
        """The representative of i's group."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Make i and j one group."""
        a, b = self.root(i), self.root(j)
        self._parent[max(a, b)] = min(a, b)


def group_works(keys: Sequence[Sequence[str]], shares: Mapping[tuple[int, int], float]) -> list[str]:
    """The group's name of every movement: joined by a common key or by shared music; named by its first key in the alphabet."""
    groups = Groups(len(keys))
    first: dict[str, int] = {}
    for i, own in enumerate(keys):
        for key in own:
            groups.join(i, first.setdefault(key, i))
    for i, j in shares:
        groups.join(i, j)
    names: dict[int, str] = {}
    for i, own in enumerate(keys):
        root = groups.root(i)
        names[root] = min([*own, *([names[root]] if root in names else [])])
    return [names[groups.root(i)] for i in range(len(keys))]


def split(groups: Mapping[str, Mapping[str, int]], seed: int = 0, share: float = 0.05) -> dict[str, str]:
    """Group → "train", "valid" or "test", whole works at a time.

    `groups`: name → collection → notes. In every collection, works in the order of a hash of their name fill first valid, then test,
    up to `share` of its notes each; works that hold more than twice that share are left to train. A work in several collections counts
    where most of its notes are. Every collection with three works or more has at least one in valid and one in test. Composers are not
    held out as such: works are drawn one by one, so a held-out work's composer may be heard in training.
    """
    totals: Counter[str] = Counter()
    homes: dict[str, list[str]] = defaultdict(list)
    for name, notes in groups.items():
        totals.update(notes)
        homes[max(sorted(notes), key=lambda c: notes[c])].append(name)
    chosen = dict.fromkeys(groups, "train")
    for collection, names in sorted(homes.items()):
        total = totals[collection]
        if len(names) < 3:
            continue
        order = sorted(names, key=lambda name: hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest())
        fit = [name for name in order if groups[name][collection] <= 2 * share * total]
        fit = fit if len(fit) >= 2 else sorted(order, key=lambda name: groups[name][collection])
        filled = {"valid": 0, "test": 0}
        for name in fit:
            part = next((p for p in ("valid", "test") if filled[p] < 0.8 * share * total or not filled[p]), None)
            if part is None:
                break
            chosen[name] = part
            filled[part] += groups[name][collection]
    return chosen
