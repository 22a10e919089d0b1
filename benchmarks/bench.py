"""How fast, beside the bare tools that do the heavy lifting: `make bench` (with LONG=1: does time and memory grow with length?).

Method
------
A minute of 1080p with cuts is made, then scored by the whole program. Beside it, in the same session and taking turns with it,
the bare tools do the three things that nobody can avoid: ffmpeg decodes the film to nowhere, the FluidSynth command line
renders the very score.mid that came out with the same sound bank, ffmpeg muxes film and music (picture copied, sound
encoded). Medians over the rounds; the ratio is program over the sum of the tools. `--long` scores the minute looped to 5 and to
20 minutes and watches the memory of the whole process tree (sum of resident sizes; pages that processes share count for each).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import composing, rendering, spotting, watching
from composer.manifest import read_manifest, versions
from composer.render.soundfont import find

ROOT = Path(__file__).resolve().parent.parent
os.environ["HITPOINT_CACHE"] = "off"  # a film is to be watched every time
SHOT_S = (7, 5, 9, 4, 6, 3, 8, 5, 2, 4, 7)  # together one minute
MUX = ("-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", "-c:a", "aac", "-b:a", "192k")
RATIO_WANTED, MEMORY_WANTED_GB = 3.0, 1.5


def make_minute(path: Path) -> None:
    """60 s of 1080p at 25 frames a second: moving pictures, hard cuts, sound."""
    sources = (
        "testsrc2=s=1920x1080:r=25",
        "mandelbrot=s=1920x1080:r=25:end_scale=0.005",
        "gradients=s=1920x1080:r=25:speed=0.02:seed=1",
        "life=s=480x270:r=25:seed=2:mold=10:life_color=white:death_color=navy,scale=1920:1080:flags=neighbor",
    )
    inputs: list[str] = []
    for number, length_s in enumerate(SHOT_S):
        shade = f"eq=brightness={(number * 7 % 5 - 2) * 0.08:.2f}:saturation={0.4 + number * 3 % 5 * 0.3:.1f}"
        inputs += ["-f", "lavfi", "-i", f"{sources[number % len(sources)]},trim=duration={length_s},{shade}"]
    count = len(SHOT_S)
    graph = "".join(f"[{i}:v]format=yuv420p,setsar=1[v{i}];" for i in range(count))
    graph += "".join(f"[v{i}]" for i in range(count)) + f"concat=n={count}[v]"
    sound = ["-f", "lavfi", "-i", f"anoisesrc=c=pink:a=0.02:r=48000:d={sum(SHOT_S)}:seed=3"]
    out = ["-map", "[v]", "-map", f"{count}:a", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac", str(path)]
    run([*_ffmpeg(), *inputs, *sound, "-filter_complex", graph, *out])


def loop(film: Path, times: int, path: Path) -> None:
    """The film `times` over, not encoded anew."""
    run([*_ffmpeg(), "-stream_loop", str(times - 1), "-i", str(film), "-c", "copy", str(path)])


def run(command: Sequence[str]) -> float:
    """Seconds a command took; it must succeed."""
    began_s = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def _ffmpeg() -> list[str]:
    return ["ffmpeg", "-v", "error", "-nostdin", "-y"]


def score(film: Path, out: Path) -> float:
    """Seconds the whole program took."""
    return run([sys.executable, str(ROOT / "cli.py"), "score", str(film), "-o", str(out), "--overwrite", "--instruments", "strings,brass"])


def bare_tools(film: Path, scored: Path, work: Path) -> dict[str, float]:
    """Seconds of each thing that cannot be avoided."""
    wav = work / "bare.wav"
    bank, midi = str(find()), str(scored / "score.mid")
    return {
        "ffmpeg decode to null": run([*_ffmpeg(), "-i", str(film), "-map", "0:v:0", "-f", "null", "-"]),
        "fluidsynth command line": run(["fluidsynth", "-ni", "-q", "-r", "48000", "-F", str(wav), bank, midi]),
        "ffmpeg mux": run([*_ffmpeg(), "-i", str(film), "-i", str(wav), *MUX, str(work / "bare.mp4")]),
    }


def compare(work: Path, rounds: int) -> dict[str, Any]:
    """The minute, program and tools by turns."""
    film, out = work / "minute.mp4", work / "minute.score"
    make_minute(film)
    whole: list[float] = []
    tools: list[dict[str, float]] = []
    stages: list[dict[str, float]] = []
    for _ in range(rounds):
        whole.append(score(film, out))
        stages.append(read_manifest(out)["timings_s"])
        tools.append(bare_tools(film, out, work))
    bare = {name: statistics.median(row[name] for row in tools) for name in tools[0]}
    total_s, bare_s = statistics.median(whole), statistics.median(sum(row.values()) for row in tools)
    return {
        "film_s": sum(SHOT_S),
        "rounds": rounds,
        "hitpoint_s": round(total_s, 2),
        "hitpoint_all_s": [round(s, 2) for s in whole],
        "stages_s": {name: round(statistics.median(row[name] for row in stages), 2) for name in stages[0]},
        "tools_s": {name: round(seconds, 2) for name, seconds in bare.items()},
        "tools_sum_s": round(bare_s, 2),
        "ratio": round(total_s / bare_s, 2),
        "real_time_factor": round(total_s / sum(SHOT_S), 3),
    }


def tree_bytes(root: int) -> int:
    """Resident memory of a process and all its descendants."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry.name)], sizes[int(entry.name)] = int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(sizes.get(pid, 0) for pid in family)


def score_watched(film: Path, out: Path) -> tuple[float, float]:
    """(seconds, peak GB of the whole process tree) of scoring a film."""
    began_s = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "score", str(film), "-o", str(out), "--overwrite", "--instruments", "strings,brass"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, tree_bytes(child.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = child.wait()
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"scoring {film.name} ended with {code}")
    return time.perf_counter() - began_s, peak / 1e9


def compare_lengths(work: Path) -> dict[str, Any]:
    """5 and 20 minutes: time should grow fourfold, memory hardly."""
    minute = work / "minute.mp4"
    found: dict[str, Any] = {}
    for minutes in (5, 20):
        film, out = work / f"{minutes}.mp4", work / f"{minutes}.score"
        loop(minute, minutes, film)
        seconds, peak_gb = score_watched(film, out)
        found[f"{minutes} min"] = {
            "hitpoint_s": round(seconds, 1),
            "peak_gb": round(peak_gb, 2),
            "stages_s": read_manifest(out)["timings_s"],
        }
        film.unlink()
    found["growth"] = round(found["20 min"]["hitpoint_s"] / found["5 min"]["hitpoint_s"], 2)
    return found


def report(results: dict[str, Any]) -> str:
    """The results as a page."""
    minute = results["minute"]
    rows = [("hitpoint, all of it", minute["hitpoint_s"]), *((f"· {stage}", s) for stage, s in minute["stages_s"].items())]
    rows += [("the bare tools together", minute["tools_sum_s"]), *((f"· {tool}", s) for tool, s in minute["tools_s"].items())]
    lines = [
        "# Speed\n",
        f"{results['machine']}; ffmpeg {results['versions']['ffmpeg']}, FluidSynth {results['versions']['fluidsynth']}, bank {results['soundfont']}. "
        f"`make bench`, medians of {minute['rounds']} rounds by turns.\n",
        f"A film of {minute['film_s']} s, 1080p, strings and brass:\n",
        "| what | seconds |\n|---|---|",
        *(f"| {name} | {seconds:.2f} |" for name, seconds in rows),
        f"\nRatio **{minute['ratio']:.2f}** (aim ≤ {RATIO_WANTED:g}); {minute['real_time_factor']:.2f} of the film's length.",
    ]
    lines.append("\n" + watching.report(results["watching"]))
    lines += ["\n" + rendering.report(results["rendering"])]
    lines.append(composing.report(results["composing"]))
    lines += ["", "## Spotting and tempo", "", *(f"* {line}" for line in spotting.show(results["spotting"])), ""]
    if "long" in results:
        long = results["long"]
        lines += ["\n| film | seconds | peak memory, whole process tree |\n|---|---|---|"]
        lines += [f"| {name} | {row['hitpoint_s']:.0f} | {row['peak_gb']:.2f} GB |" for name, row in long.items() if name != "growth"]
        lines += [f"\nFour times the length took {long['growth']:.2f} times as long (aim about 4); memory aim < {MEMORY_WANTED_GB:g} GB."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write results.json and results.md beside this file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also 5 and 20 minutes")
    asked = parser.parse_args()
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": versions(),
        "soundfont": find().name,
    }
    with tempfile.TemporaryDirectory(prefix="hitpoint-bench-") as folder:
        work = Path(folder)
        results["minute"] = compare(work, asked.rounds)
        results["watching"] = watching.measure(work / "minute.mp4", asked.rounds)
        results["rendering"] = rendering.measure(asked.rounds)
        results["composing"] = composing.measure()
        results["spotting"] = spotting.measure(asked.rounds)
        if asked.long:
            results["long"] = compare_lengths(work)
    page = report(results)
    place = Path(__file__).parent
    (place / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (place / "results.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
