"""How fast the model writes and how much it takes, measured in a process of its own (so nothing else is loaded, and the peak is its own).

Wall-clock seconds on this machine, one thread, weights in 8 bits where the machine can: as a user's film is composed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from composer.errors import MissingToolError

#: length of the film that is composed, seconds
FILM_S = 180


def measure_speed(checkpoint: Path, seconds: int = FILM_S, seed: int = 0, ensemble: str = "orchestra") -> dict[str, Any]:
    """Speed and size with a checkpoint: notes, notes_per_second, film_per_second, compose_s, import_s, load_s, file_mb, peak_rss_mb.

    MB are 10⁶ bytes. Raises MissingToolError when the process could not be run to its end.
    """
    command = [sys.executable, "-m", "composer.evaluation.model_speed", str(checkpoint), str(seconds), str(seed), ensemble]
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": paths})
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise MissingToolError(f"composing in a process of its own failed ({last})", "Try `hitpoint generate` with this checkpoint.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _work(checkpoint: Path, seconds: int, seed: int, ensemble: str) -> dict[str, Any]:
    from composer.evaluation.dose import film_of
    from composer.options import Options
    from composer.planner import plan as arrange, spot

    rng = np.random.default_rng(seed)
    # feelings wander: a new one every twenty seconds
    knots = rng.uniform(-0.8, 0.8, (2, seconds // 20 + 2))
    valence, arousal = (np.interp(np.arange(seconds), 20.0 * np.arange(len(row)), row) for row in knots)
    film, options = film_of(0, valence, arousal, rng), Options(seed=seed, instruments=(ensemble,))
    plan = arrange(film, spot(film, options), options)
    began = time.perf_counter()
    from composer.transformer.compose import compose, load

    imported = time.perf_counter()
    load(checkpoint)
    loaded = time.perf_counter()
    score = compose(plan, checkpoint)
    done = time.perf_counter()
    notes, took = sum(len(track.notes) for track in score.tracks), done - loaded
    return {
        "film_s": seconds,
        "ensemble": ensemble,
        "notes": notes,
        "notes_per_second": round(notes / took, 1),
        "film_per_second": round(seconds / took, 2),
        "compose_s": round(took, 2),
        "import_s": round(imported - began, 2),
        "load_s": round(loaded - imported, 4),
        "file_mb": round(checkpoint.stat().st_size / 1e6, 2),
        "peak_rss_mb": round(_peak_bytes() / 1e6, 1),
    }


def _peak_bytes() -> int:
    """Most memory this process held. On Linux `ru_maxrss` would count what the process held that started it, so the kernel's own mark is read."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(_work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
