"""How fast a score becomes sound, beside one FluidSynth command line: `python -m benchmarks.rendering` (part of `make bench`).

Method
------
Scores of three minutes are composed by the rules and written as score.json and score.mid. By turns, whole processes from start to end:

1. *notes*: what the FluidSynth command line does and no more: two processes play all parts with our synthesizer and add the sound up;
2. *render*: our whole stage: every part a 24-bit stem with its hall, their exact sum, the mastered mix;
3. the FluidSynth command line on the same MIDI file with the same bank, at 48 kHz with its own reverb and chorus: one 16-bit file of all parts together.

Medians over the rounds; wall seconds. Making stems with the command line would take one run of it per part.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from composer.instruments import INSTRUMENTS

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


def play_share(score_file: Path, bank: Path, share: int, shares: int) -> None:
    """Play every so manieth part and add the sound up: what one of the processes does."""
    import numpy as np

    from composer.render.soundfont import open_soundfont
    from composer.render.synth import Player, play
    from composer.render.tasks import stem_tasks
    from composer.stages import read_score

    tasks = sorted(stem_tasks(read_score(score_file), Path(), open_soundfont(bank)), key=lambda task: -task.work)
    total = np.zeros((2, tasks[0].length_samples), np.float32).T
    for task in tasks[share::shares]:
        with Player(task.bank, task.presets[0], INSTRUMENTS[task.instrument], task.presets[1:]) as player:
            at = 0
            for chunk in play(player, list(task.cues), task.length_samples):
                total[at : at + len(chunk)] += chunk * np.float32(task.gain)
                at += len(chunk)


def _notes(score_file: Path, bank: Path) -> float:
    """Seconds of the slower of two processes."""
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.rendering", "--play", str(score_file), str(bank)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    children = [subprocess.Popen([*command, str(share)], cwd=ROOT, env=environment) for share in range(2)]
    codes = [child.wait() for child in children]
    if any(codes):
        raise SystemExit("playing failed")
    return time.perf_counter() - began_s


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
                times = [(_notes(case / "score.json", bank), _seconds(ours), _seconds(bare)) for _ in range(rounds)]
                notes_s, ours_s, bare_s = (statistics.median(column) for column in zip(*times, strict=True))
                rows.append({"ensemble": label, "parts": parts, "bank": bank.name, "notes_s": round(notes_s, 2), "render_s": round(ours_s, 2), "fluidsynth_s": round(bare_s, 2)})  # fmt: skip
    return rows


def report(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [
        "Three minutes of music, beside the FluidSynth command line:\n",
        "| ensemble | parts | bank | notes to samples | whole `render` | fluidsynth | notes: times as fast | whole: times as fast |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        notes, whole = (row["fluidsynth_s"] / row[name] for name in ("notes_s", "render_s"))
        seconds = " | ".join(f"{row[name]:.2f} s" for name in ("notes_s", "render_s", "fluidsynth_s"))
        lines.append(f"| {row['ensemble']} | {row['parts']} | {row['bank']} | {seconds} | **{notes:.2f}** | **{whole:.2f}** |")
    return "\n".join(
        [*lines, f"\nAim ≥ {WANTED:g}. The whole stage also makes every part a 24-bit stem in its hall, and masters their sum.\n"]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--play", nargs=3, metavar=("SCORE", "BANK", "SHARE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.play:
        play_share(Path(asked.play[0]), Path(asked.play[1]), int(asked.play[2]), 2)
    else:
        print(report(measure(asked.rounds)))


if __name__ == "__main__":
    main()
