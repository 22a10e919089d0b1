"""Golden files: what a known film is planned and played as. `make golden` writes them anew; look at the difference before you commit it."""

from __future__ import annotations

import math
from pathlib import Path

from composer.baselines.chords import compose
from composer.film import Film
from composer.options import Options
from composer.plan import Plan, plan_to_yaml
from composer.planner import plan, spot
from composer.render.perform import perform
from composer.score import Score
from tests.filmmaker import film_of

HERE = Path(__file__).parent

CASES: dict[str, tuple[Film, Options]] = {
    "chase": (
        film_of([4.0, 7.52, 10.0, 11.4, 12.2, 13.0, 16.48], 20.0, [-0.4] * 20, [-0.2 + 1.1 * math.sin(i / 6.5) for i in range(20)]),
        Options(seed=3, instruments=("strings", "brass"), hit_s=(13.0,)),
    ),
    "meadow": (
        film_of([6.0, 14.0], 24.0, [0.6] * 24, [-0.6] * 24),
        Options(instruments=("piano",), key="G major", tempo_qpm=72.0, steady=True),
    ),
}


def scored(film: Film, options: Options) -> tuple[Plan, Score]:
    """The plan and the performed score of a case."""
    made = plan(film, spot(film, options), options)
    return made, perform(compose(made), made, options.humanize)


def notes_text(score: Score) -> str:
    """One line per note: part, onset and length in beats, pitch, velocity."""
    lines = [f"{t.part} {n.start_beat:.3f} {n.duration_beats:.3f} {n.pitch} {n.velocity}" for t in score.tracks for n in t.notes]
    return "\n".join(lines) + "\n"


def texts(name: str) -> dict[str, str]:
    """File name → content of one case."""
    made, score = scored(*CASES[name])
    return {f"{name}.plan.yaml": plan_to_yaml(made), f"{name}.notes.txt": notes_text(score)}


if __name__ == "__main__":
    for case in CASES:
        for file, text in texts(case).items():
            (HERE / file).write_text(text, encoding="utf-8")
            print(HERE / file)
