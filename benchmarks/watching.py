"""How fast a film is watched, beside bare ffmpeg doing the part nobody can avoid: decode it and make it small.

Method
------
By turns, on the same film, in processes of their own: (1) our pass over the pictures: decode, measure, shots, movement, looks; the
clock starts when everything is imported; (2) `ffmpeg -vf scale=… -f null -` to the same size with the same scaler; (3) our pass over
the sound: loudness, speech, roughness, pitch; (4) ffmpeg's ebur128 alone; (5) both passes at once, as a film is really watched. Wall
seconds and CPU seconds (children included), medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["HITPOINT_CACHE"] = "off"  # a film is to be watched every time
VISUAL_WANTED = 1.25
WAYS = ("pictures", "bare pictures", "sound", "bare sound", "both")


def one(way: str, film: Path) -> dict[str, float]:
    """Wall and CPU seconds of one way of watching, in this process."""
    from composer.options import Options
    from composer.probe import probe
    from composer.video import watch
    from composer.video.frames import small_size
    from composer.video.sight import see
    from composer.video.sound import listening

    header = probe(film)
    width, height = small_size(header.width, header.height)
    bare = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film)]
    before, began_s = _cpu_s(), time.perf_counter()
    if way == "pictures":
        see(header)
    elif way == "sound":
        with listening(header) as ears:
            ears.hear(0.0, header.duration_s or 0.0, timeout_s=600)
    elif way == "both":
        watch(film, Options(emotion="embedded"))
    elif way == "bare pictures":
        subprocess.run([*bare, "-map", "0:v:0", "-vf", f"scale={width}:{height}:flags=area", "-f", "null", "-"], check=True)
    else:
        subprocess.run([*bare, "-map", "0:a:0", "-af", "ebur128", "-f", "null", "-"], check=True)
    wall_s = time.perf_counter() - began_s
    return {"wall_s": wall_s, "cpu_s": _cpu_s() - before}


def _cpu_s() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(film: Path, rounds: int) -> dict[str, Any]:
    """Every way by turns; medians."""
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.watching", "--way", way, str(film)]
            rows[way].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    medians = {
        way: {unit: round(statistics.median(row[unit] for row in found), 2) for unit in ("wall_s", "cpu_s")} for way, found in rows.items()
    }
    ratios = [ours["wall_s"] / bare["wall_s"] for ours, bare in zip(rows["pictures"], rows["bare pictures"], strict=True)]
    return {"ways": medians, "rounds": rounds, "visual_ratio": round(statistics.median(ratios), 2)}


def report(found: dict[str, Any]) -> str:
    """A table of it."""
    names = {
        "pictures": "our pass over the pictures",
        "bare pictures": "ffmpeg, decode and scale to null",
        "sound": "our pass over the sound",
        "bare sound": "ffmpeg, ebur128 to null",
        "both": "both passes at once",
    }
    lines = ["Watching it:\n", "| what | wall s | CPU s |\n|---|---|---|"]
    lines += [f"| {names[way]} | {row['wall_s']:.2f} | {row['cpu_s']:.2f} |" for way, row in found["ways"].items()]
    lines.append(f"\nThe pictures take **{found['visual_ratio']:.2f}** times as long as bare ffmpeg does (aim ≤ {VISUAL_WANTED:g}).")
    return "\n".join(lines) + "\n"


def main() -> None:
    """One way as JSON (for `measure`), or all of them as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("film", type=Path, nargs="?")
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(one(asked.way, asked.film)))
        return
    with tempfile.TemporaryDirectory() as folder:
        film = asked.film
        if film is None:
            from benchmarks.bench import make_minute

            film = Path(folder) / "minute.mp4"
            make_minute(film)
        print(report(measure(film, asked.rounds)))


if __name__ == "__main__":
    main()
