"""Bits per note of the model beside counted baselines, on music that training never saw, with conditions of several kinds.

Who is asked (all about the same notes, see `composer.transformer.bits`):

* ``unigram``: plain frequencies of the train split;
* ``n-gram``: counted contexts of the train split alone, the classic baseline (interpolated absolute discounting, Ney, Essen & Kneser 1994);
* ``n-gram + cache``: the same mixed with contexts counted in the window before the note (Kuhn & De Mori 1990; IDyOM's short-term model);
* the transformer with conditions as labelled, planned, shuffled and without, in full precision as trained.

*Planned* conditions are what our rule planner would ask for at the window's own role, instrument, arousal and tempo: density, register,
loudness and voices come from the checkpoint's `lane.Practice`, at the share and dynamic that the planner gives a film that holds that
arousal at valence 0; cut rhythm, place in the section (since, until) and marked moments (hit_in, hit_at) are unknown. Metre, tempo, number
of lines, key, chords, valence, arousal and tension, who plays which role, and what a line remembers (before, held, slot) stay as found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from composer.errors import OptionError
from composer.evaluation.dose import film_of
from composer.instruments import INSTRUMENTS
from composer.options import Options
from composer.plan import Part
from composer.planner import plan as arrange, spot
from composer.scene import ROLE_WEIGHT, Scene, scenes
from composer.transformer import vocabulary as V
from composer.transformer.batches import Batch, Store, collate
from composer.transformer.bits import VARIANTS, Array, BitsTable, Change, Scorer, Window, chosen_windows, measure_bits, planned
from composer.transformer.echoes import HEADER
from composer.transformer.lane import Practice, Voice, density_share, hands
from composer.transformer.model import Transformer
from composer.transformer.ngram import NGram, train_ngram
from composer.transformer.ngram_features import CHAINS, COLUMNS, features

#: told while measuring: who is asked
Told = Callable[[str], None]
#: fields that a plan says nothing of
UNKNOWN = ("cut_rhythm", "since", "until", "hit_in", "hit_at")
#: windows per collection that are measured, notes that are counted, windows per collection that mixtures are fitted to
_SIZES = {False: (96, 2_000_000, 40), True: (2, 60_000, 2)}


@dataclass(frozen=True)
class BitsReport:
    """Costs by who was asked; `tables` are over the same windows."""

    tables: dict[str, BitsTable]

    def to_plain(self) -> dict[str, Any]:
        """Bits per note by factor with 95 % intervals over pieces; `more` is what each costs beyond the model as labelled."""
        found: dict[str, Any] = {}
        labelled = self.tables["as labelled"]
        for name, table in self.tables.items():
            low, high = labelled.interval(other=table)
            more = table.per_note()["total"] - labelled.per_note()["total"]
            found[name] = {
                "all": _rounded(table.per_note()),
                "interval": [round(x, 4) for x in table.interval()],
                "more": {"total": round(more, 4), "interval": [round(low, 4), round(high, 4)]},
                "collections": {one: _rounded(table.per_note(one)) for one in table.sizes},
            }
        return {"notes": int(labelled.notes.sum()), "pieces": len(labelled.notes), "tables": found}


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def measure_all(
    model: Transformer, meta: dict[str, Any], store: Store, *, quick: bool = False, seed: int = 0, told: Told | None = None
) -> BitsReport:
    """Everything of the module's text, on the test split; `meta` is the checkpoint's. `quick` measures few windows.

    Raises OptionError when data and checkpoint list different instruments, or the data has no test pieces.
    """
    if meta["instruments"] != store.instruments:
        raise OptionError("the data and the checkpoint list different instruments", "Prepare the data with the version that trained it.")
    if missing := [split for split in ("train", "valid", "test") if not store.split(split)]:
        raise OptionError(f"the prepared data has no {missing[0]} pieces", "Prepare more scores.")
    tell = told or (lambda what: None)
    windows, notes, fitting = _SIZES[quick]
    context = model.config.context
    tell("counting n-grams")
    counted = train_ngram(store, seed, context=context, max_notes=notes, valid_windows=fitting)
    tell("fitting n-grams")
    static = static_ngram(counted, store, context, fitting, seed)
    plan = planned(planned_fields(store, "test", context, Practice(meta["practice"])))
    asked: dict[str, tuple[Transformer | Scorer, Change | None]] = {
        "unigram": (counted.unigram, None),
        "n-gram": (static, None),
        "n-gram + cache": (counted.bits, None),
        "as labelled": (model, None),
        "planned": (model, plan),
        "shuffled": (model, VARIANTS["shuffled"]),
        "without": (model, VARIANTS["without"]),
    }
    tables = {}
    for name, (scorer, change) in asked.items():
        tell(name)
        tables[name] = measure_bits(scorer, store, "test", change=change, context=context, max_windows=windows, seed=seed)
    return BitsReport(tables)


# --- the n-gram without what it counts in the window -------------------------------------------------------------------------------


def static_ngram(model: NGram, store: Store, context: int, valid_windows: int, seed: int = 0) -> Scorer:
    """A scorer of the model's long-term chains alone, with a mixture of their own fitted on `valid_windows` a collection of valid."""
    rng = np.random.default_rng([seed, 3])
    kept = {factor.name: _static_columns(factor.name) for factor in model.factors}
    factors = [replace(factor, gate=None) for factor in model.factors]

    def estimates(batch: Batch) -> tuple[dict[str, Array], list[tuple[Array, Array, Array]]]:
        columns = {name: column for name, column in features(batch).items() if name in COLUMNS}
        found = []
        for factor in factors:
            ask = np.flatnonzero(columns["learn"] & ((columns["is_note"] > 0) | (factor.name == "onset")))
            likely, seen = factor.estimates(columns, ask, columns[f"y_{factor.name}"][ask])
            chains, signs = kept[factor.name]
            found.append((ask, likely[:, chains], seen[:, signs]))
        return columns, found

    windows = chosen_windows(store, "valid", context, valid_windows, seed)
    parts = [estimates(collate(windows[i : i + 64], context))[1] for i in range(0, len(windows), 64)]
    for k, factor in enumerate(factors):
        factor.fit(np.concatenate([p[k][1] for p in parts]), np.concatenate([p[k][2] for p in parts]), rng)

    def score(batch: Batch) -> Array:
        columns, found = estimates(batch)
        bits = np.zeros((len(batch.kind), len(V.FACTORS)))
        for k, (factor, (ask, likely, seen)) in enumerate(zip(factors, found, strict=True)):
            np.add.at(bits[:, k], columns["row"][ask], -np.log2(factor.mixed(likely, seen)))
        return bits

    return score


def _static_columns(factor: str) -> tuple[Array, Array]:
    """Which columns of a factor's estimates and of its gate's input are of long-term chains (the gate sees two numbers a level, of the last three)."""
    chains = CHAINS[factor]
    signs = [True] * (2 + len(V.ROLE_ORDER))
    for chain in chains:
        signs += [not chain.local] * (2 * min(3, len(chain.levels)))
    return np.array([not chain.local for chain in chains]), np.array(signs)


# --- conditions as a plan gives them -------------------------------------------------------------------------------------------------


def planned_fields(store: Store, split: str, context: int, practice: Practice) -> Callable[[Window], Array]:
    """A function from a window (of `bits.chosen_windows` with this split and context) to its fields as planned."""
    pieces, stages = store.split(split), [_scene(arousal) for arousal in _centres(V.BAR_FIELDS["arousal"], -1.0, 1.0)]

    def fields_of(window: Window) -> Array:
        fields = window["fields"].copy()
        shift = reference_of(store, pieces[int(window["piece"])], window, context)
        fields[:, [V.FIELD_INDEX[name] for name in UNKNOWN]] = 0
        for row in fields:
            for name, value in _own(row, store.instruments, practice, stages, shift).items():
                row[V.FIELD_INDEX[name]] = value
        return np.asarray(fields)

    return fields_of


def _own(row: Array, instruments: list[str], practice: Practice, stages: list[Scene], shift: int) -> dict[str, int]:
    """Density, register, loudness and voices as `lane.section_task` asks for them; nothing for a line of unknown instrument or role."""
    known = {name: int(row[V.FIELD_INDEX[name]]) for name in ("instrument", "role", "arousal", "tempo")}
    if not known["instrument"] or not known["role"]:
        return {}
    name, role = instruments[known["instrument"] - 1], V.ROLE_ORDER[known["role"] - 1]
    info = INSTRUMENTS[name]
    scene = stages[known["arousal"] - 1 if known["arousal"] else len(stages) // 2]
    bar = scene.bars[0]
    share = density_share(scene, bar)
    qpm = 30.0 * 8.0 ** ((known["tempo"] - 0.5) / V.BAR_FIELDS["tempo"]) if known["tempo"] else bar.plan.qpm
    register = practice.register(info, role, float(np.clip(0.5 + 0.3 * bar.plan.arousal, 0.1, 0.9)))
    return {
        "density": practice.density(role, qpm, share),
        "register": int(V.register_field(register - (0 if role == "percussion" else shift))),
        "loudness": int(V.velocity_class(min(124, scene.velocity(bar.start + 1e-3) + ROLE_WEIGHT[role]))) + 1,
        "voices": min(practice.voices(info, role, 0.35 + 0.4 * share), 4 if hands(Voice(Part(name, name), role)) > 1 else 1),
    }


def _centres(classes: int, low: float, high: float) -> list[float]:
    return [low + (high - low) * (i + 0.5) / classes for i in range(classes)]


def _scene(arousal: float) -> Scene:
    """The first section that the rule planner makes of a film of 30 s that holds one arousal (−1…1)."""
    film = film_of(0, np.zeros(30), np.full(30, arousal), np.random.default_rng(0))
    options = Options(instruments=("strings",))
    return scenes(arrange(film, spot(film, options), options))[0]


def reference_of(store: Store, piece: dict[str, Any], window: Window, context: int) -> int:
    """Semitones from the reference C up to the tonic that a window's pitches are counted from; 0 where only drums play.

    Windows do not keep it, so the window is looked up in its piece.
    """
    event = window["event"]
    drum = window["fields"][:, V.FIELD_INDEX["role"]] == V.ROLE_ORDER.index("percussion") + 1
    pitched = (event[:, 0] != HEADER) & ~drum[window["segment"]]
    first, last = piece["events"]
    for start in range(first, last, max(1, context // 2)):
        raw = store.arrays["events"][start : min(start + context, last)].astype(np.int64)
        if len(raw) == len(event) and (raw[:, [0, 2, 3]] == event[:, [0, 2, 3]]).all():
            # pitches at the very ends fold by an octave: most do not
            return int(np.median(raw[pitched, 1] - event[pitched, 1])) if pitched.any() else 0
    raise ValueError("the window is not of this piece and context")
