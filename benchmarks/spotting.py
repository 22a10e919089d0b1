"""How long spotting and tempo fitting take, and that it grows with the film's length and no faster: two hours with some 1,800 cuts.

Method
------
Made films (composer/evaluation/cut_lists.py) of half an hour, one and two hours, shots log-normal with a mean of 4 s; `spot` and the rule
planner's tempo are timed apart in this process, medians over the rounds. There is no bare tool to stand beside: the comparison is with the
film itself half as long.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

SECONDS_WANTED = 10.0
_HOURS = (0.5, 1.0, 2.0)


def measure(rounds: int) -> dict[str, Any]:
    """Seconds by length of film, and how they grow."""
    from composer.evaluation.cut_lists import made_film
    from composer.options import Options
    from composer.planner import plan, spot

    options = Options(instruments=("strings",))
    rows: list[dict[str, Any]] = []
    for hours in _HOURS:
        film = made_film("log-normal 4 s", 1, hours * 3600)
        spots, plans = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            cues = spot(film, options)
            between = time.perf_counter()
            made = plan(film, cues, options)
            spots.append(between - began)
            plans.append(time.perf_counter() - between)
        row = {"hours": hours, "cuts": len(film.shots) - 1, "bars": len(made.bars), "hits": len(made.hits)}
        rows.append({**row, "spot_s": round(statistics.median(spots), 3), "plan_s": round(statistics.median(plans), 2)})
    return {"lengths": rows, "growth": round(rows[-1]["plan_s"] / rows[-2]["plan_s"], 2)}


def show(found: dict[str, Any]) -> list[str]:
    """Lines for people."""
    lines = [
        f"spot and plan {row['hours']:g} h ({row['cuts']} cuts, {row['bars']} bars, {row['hits']} hits): {row['spot_s']:.2f} + {row['plan_s']:.2f} s"
        for row in found["lengths"]
    ]
    return [*lines, f"two hours take {found['growth']:.2f} times as long as one (aim: under {SECONDS_WANTED:g} s)"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    found = measure(parser.parse_args().rounds)
    print("\n".join([*show(found), json.dumps(found)]))


if __name__ == "__main__":
    main()
