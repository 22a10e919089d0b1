"""How fast the transformer writes: `python -m benchmarks.composing` (part of `make bench`).

A three-minute film is planned for full orchestra; loading the weights and composing are timed apart, each round in a fresh process.
Notes are counted twice: all that sound, and those that the model chose (doublings follow for free). Published systems write 4 to 52
notes a second; the issue's experiment, plain sampling on one thread, 257 events a second alone and 1,213 in a batch of sixteen.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any
from unittest import mock

SECONDS = 180.0
ROUND = "--round"


def one_round() -> dict[str, float]:
    """Load and compose once, in this process."""
    from composer.options import Options
    from composer.planner import plan, spot
    from tests.filmmaker import random_film

    film = random_film(3, SECONDS)
    options = Options(instruments=("orchestra",))
    given = plan(film, spot(film, options), options)
    began_s = time.perf_counter()
    import torch

    imported_s = time.perf_counter()
    from composer.transformer import compose as generator, sampling

    generator.load()
    loaded_s = time.perf_counter()
    written: list[int] = []

    def counted(*args: Any, **more: Any) -> Any:
        music = sampling.write(*args, **more)
        written.extend(int((one.events[:, 0] >= 0).sum()) for one in music)
        return music

    with mock.patch.object(generator, "write", counted):
        score = generator.compose(given)
    done_s = time.perf_counter()
    return {
        "import_torch_s": imported_s - began_s,
        "load_s": loaded_s - imported_s,
        "compose_s": done_s - loaded_s,
        "notes": sum(len(track.notes) for track in score.tracks),
        "written": sum(written),
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "torch_threads": torch.get_num_threads(),
    }


def measure(rounds: int = 3) -> dict[str, Any]:
    """Medians over fresh processes."""
    found = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-m", "benchmarks.composing", ROUND], check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    middle = {name: statistics.median(row[name] for row in found) for name in found[0]}
    middle["notes_per_s"] = middle["notes"] / middle["compose_s"]
    middle["written_per_s"] = middle["written"] / middle["compose_s"]
    return {name: round(value, 3) for name, value in middle.items()}


def report(found: dict[str, Any]) -> str:
    """One paragraph."""
    return (
        f"The transformer writes three minutes for full orchestra, {found['notes']:,.0f} notes of which it chose {found['written']:,.0f}, in "
        f"{found['compose_s']:.1f} s: **{found['notes_per_s']:,.0f} notes a second** ({found['written_per_s']:,.0f} chosen). "
        f"Weights load in {found['load_s']:.2f} s, torch in {found['import_torch_s']:.1f} s; peak memory {found['peak_gb']:.2f} GB.\n"
    )


if __name__ == "__main__":
    if ROUND in sys.argv:
        print(json.dumps(one_round()))
    else:
        sys.stdout.write(report(measure()))
