"""How fast a score becomes sound, beside one FluidSynth command line: `python -m benchmarks.rendering` (part of `make bench`).

Method
------
Scores of three minutes are composed by the rules and written as score.json and score.mid. By turns, whole processes from start to end: our
`render` (every part a 24-bit stem with its hall, their sum, the mastered mix) and the FluidSynth command line on the same MIDI file with the same
bank, at 48 kHz with its own reverb and chorus (one 16-bit file of all parts together). Medians over the rounds; wall seconds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 180.0
WANTED = 1.7
#: name → instruments
ENSEMBLES = {"strings, piano": ("strings", "piano"), "strings, brass": ("strings", "brass"), "orchestra": ("orchestra",)}


def write_case(folder: Path, instruments: Sequence[str]) -> int:
    """Write a score of three minutes into `folder`; returns how many parts it has."""
    from composer.baselines.chords import compose
    from composer.options import Options
    from composer.planner import plan, spot
    from composer.render.perform import perform
    from composer.stages import write_score
    from tests.filmmaker import random_film

    film = random_film(3, SECONDS)
    options = Options(instruments=tuple(instruments))
    given = plan(film, spot(film, options), options)
    score = perform(compose(given), given)
    write_score(score, folder)
    return len(score.tracks)


def _seconds(command: Sequence[str]) -> float:
    began_s = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began_s


def measure(rounds: int) -> list[dict[str, Any]]:
    """One row a bank and ensemble."""
    from composer.render.soundfont import installed

    rows = []
    with tempfile.TemporaryDirectory(prefix="hitpoint-bench-") as name:
        work = Path(name)
        for label, instruments in ENSEMBLES.items():
            case = work / label.replace(", ", "-")
            case.mkdir()
            parts = write_case(case, instruments)
            for bank in installed()[:2]:
                ours = [sys.executable, "cli.py", "render", str(case / "score.json"), "-o", str(work / "out"), "--overwrite", "--soundfont", str(bank)]  # fmt: skip
                bare = ["fluidsynth", "-ni", "-q", "-r", "48000", "-F", str(work / "bare.wav"), str(bank), str(case / "score.mid")]
                times = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
                ours_s, bare_s = (statistics.median(column) for column in zip(*times, strict=True))
                rows.append({"ensemble": label, "parts": parts, "bank": bank.name, "ours_s": round(ours_s, 2), "fluidsynth_s": round(bare_s, 2), "ratio": round(bare_s / ours_s, 2)})  # fmt: skip
    return rows


def report(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [
        "Three minutes of music to stems, premaster and mix, beside the FluidSynth command line (which makes one 16-bit file):\n",
        "| ensemble | parts | bank | our `render` | fluidsynth | times as fast |\n|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['ensemble']} | {row['parts']} | {row['bank']} | {row['ours_s']:.2f} s | {row['fluidsynth_s']:.2f} s | **{row['ratio']:.2f}** |"
        for row in rows
    ]
    return "\n".join([*lines, f"\nAim ≥ {WANTED:g}.\n"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    print(report(measure(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
