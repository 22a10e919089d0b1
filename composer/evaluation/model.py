"""`evaluate model`: what the music model is worth, in four parts, each beside what it should beat.

* ``bits``: bits per note on the test split (`model_bits`);
* ``control``: does the music do what the plan asks (`control`), beside the `chords` generator;
* ``style``: outputs beside held-out music by people, and what is copied (`model_style`), beside `chords`; needs the scores;
* ``speed``: notes per second, size, memory (`model_speed`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.baselines.chords import compose as chords
from composer.errors import OptionError
from composer.evaluation.control import measure_control
from composer.evaluation.dose import ENSEMBLES, dose_plans
from composer.evaluation.model_bits import measure_all
from composer.evaluation.model_report import GENERATORS, PARTS
from composer.evaluation.model_speed import FILM_S, measure_speed
from composer.evaluation.model_style import measure_generator, read_human
from composer.options import Progress, silent
from composer.plan import Plan
from composer.score import Score
from composer.transformer.batches import Store
from composer.transformer.checkpoint import load_model, sha256
from composer.transformer.compose import CheckpointError, compose, load


@dataclass(frozen=True)
class Subject:
    """What is evaluated, on what, how thoroughly."""

    checkpoint: Path
    store: Store
    #: collections of scores that the store was made of; () leaves the part `style` out
    scores: tuple[Path, ...] = ()
    #: small samples: to see that it works, not to be quoted
    quick: bool = False
    seed: int = 0

    def composer(self, name: str, told: Callable[[], None]) -> Callable[[Plan], Score]:
        """A generator's compose, telling whenever it is done."""
        write = chords if name == "chords" else functools.partial(compose, checkpoint=self.checkpoint)

        def work(plan: Plan) -> Score:
            score = write(plan)
            told()
            return score

        return work


def open_subject(data: Path, checkpoint: Path, scores: Sequence[Path] = (), *, quick: bool = False, seed: int = 0) -> Subject:
    """Check everything that can be checked before any long work.

    Raises OptionError for a folder that holds no prepared data or no scores, CheckpointError for weights that cannot be used.
    """
    try:
        store = Store(data)
    except (OSError, KeyError, json.JSONDecodeError):
        raise OptionError(f"{data} holds no prepared data", "Give the folder that `data prepare` wrote.") from None
    except ValueError as error:
        raise OptionError(str(error), "Run `data prepare` again.") from None
    if scores:
        from composer.transformer.data.corpus import collections_in

        collections_in(scores)
    _, meta = load(checkpoint)
    if not {"instruments", "practice"} <= set(meta):
        raise CheckpointError(f"{checkpoint} tells no instruments or no practice", "Give the weights that `train` wrote for use.")
    return Subject(checkpoint, store, tuple(scores), quick, seed)


def evaluate(subject: Subject, parts: Sequence[str] = PARTS, progress: Progress = silent) -> dict[str, Any]:
    """Measure the parts; plain data for `model.json`. The part `style` is left out without scores."""
    work: dict[str, Callable[[Subject, Progress], dict[str, Any]]] = {
        "bits": bits_part, "control": control_part, "style": style_part, "speed": speed_part,
    }  # fmt: skip
    found: dict[str, Any] = {
        "checkpoint": {"name": subject.checkpoint.name, "sha256": sha256(subject.checkpoint)},
        "quick": subject.quick,
        "seed": subject.seed,
    }
    for name in parts:
        if name == "style" and not subject.scores:
            continue
        found[name] = work[name](subject, progress)
        progress(name, 1.0)
    return found


def bits_part(subject: Subject, progress: Progress = silent) -> dict[str, Any]:
    """Bits per note by factor and collection (`model_bits.BitsReport.to_plain`)."""
    model, meta = load_model(subject.checkpoint)
    step = _counter(progress, "bits", 9, 0)
    return measure_all(model, meta, subject.store, quick=subject.quick, seed=subject.seed, told=lambda _: step()).to_plain()


def control_part(subject: Subject, progress: Progress = silent) -> dict[str, Any]:
    """Dose and response of every generator: 54 plans × 3 seeds (quick: 6 × 1, of 12 s)."""
    plans = dose_plans(6, subject.seed, (12, 14)) if subject.quick else dose_plans(54, subject.seed)
    seeds = 1 if subject.quick else 3
    found = {}
    for name in GENERATORS:
        told = _counter(progress, "control", len(plans) * seeds * len(GENERATORS), GENERATORS.index(name) * len(plans) * seeds)
        found[name] = measure_control(subject.composer(name, told), plans, seeds).to_plain()
    return found


def style_part(subject: Subject, progress: Progress = silent) -> dict[str, Any]:
    """Style of every generator over 42 plans of 60–80 s, seven for every ensemble (quick: six of 30 s)."""
    plans = dose_plans(6, subject.seed, (30, 32)) if subject.quick else dose_plans(42, subject.seed, (60, 80))
    names = [",".join(ENSEMBLES[i % len(ENSEMBLES)]) for i in range(len(plans))]
    human = read_human(subject.store, subject.scores, lambda done, total: progress("style", 0.4 * done / total))
    found: dict[str, Any] = {"plans": len(plans)}
    for name in GENERATORS:
        told = _counter(progress, "style", len(plans) * len(GENERATORS), GENERATORS.index(name) * len(plans), 0.4)
        found[name] = measure_generator(subject.composer(name, told), plans, names, human, subject.seed).to_plain()
    return found


def speed_part(subject: Subject, progress: Progress = silent) -> dict[str, Any]:
    """Speed and size over an orchestral film of 3 minutes (quick: 12 s for strings)."""
    del progress
    seconds, ensemble = (12, "strings") if subject.quick else (FILM_S, "orchestra")
    return measure_speed(subject.checkpoint, seconds, subject.seed, ensemble)


def _counter(progress: Progress, stage: str, total: int, before: int, base: float = 0.0) -> Callable[[], None]:
    """Tells progress from `base` to 1 when it is called for every of `total` pieces of work, `before` of which are done."""
    done = iter(range(before + 1, total + 1))
    return lambda: progress(stage, base + (1 - base) * next(done, total) / total)
