"""What comes out of the real clips: `python -m benchmarks.films` scores every film with three ensembles and every odd file, and prints tables.

The clips stand outside the repository (HITPOINT_CLIPS, else ../shared/video).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pretty_midi
import soundfile

from composer.instruments import expand
from tests.conftest import ROOT, environment
from tests.evaluation.test_montage import sync_of
from tests.test_films import FILMS, ODD, packet_s
from tests.test_story import end_s, picture_hash

ENSEMBLES = ("strings,brass", "piano", "cello")


def score(video: Path, out: Path, instruments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does."""
    command = [sys.executable, str(ROOT / "cli.py"), "score", "--instruments", instruments, "-o", str(out), "--", str(video)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def row(video: Path, out: Path, instruments: str) -> str:
    """One line of the table."""
    scored = next(out.glob("*.scored.*"))
    gap_s = end_s(scored, "a") - end_s(scored, "v")
    samples, _ = soundfile.read(out / "mix.wav", dtype="float32")
    song = pretty_midi.PrettyMIDI(str(out / "score.mid"))
    heard = {(i.program, i.is_drum) for i in song.instruments if i.notes}
    asked = {(i.program, i.is_drum) for i in expand(instruments.split(","))}
    picture = "identical" if picture_hash(scored) == picture_hash(video) else "CHANGED"
    peak = 20 * np.log10(np.abs(samples).max())
    notes = sum(len(i.notes) for i in song.instruments)
    told = next(line for line in (out.parent / f"{out.name}.txt").read_text().splitlines() if line.startswith("hits"))
    numbers = f"{1000 * gap_s:8.2f} {1000 * packet_s(scored):8.1f} {picture:>9} {peak:6.1f} {notes:6}"
    return f"{video.name:36} {instruments:14} {numbers} {heard == asked!s:>6}  {told[5:].strip()}"


def main() -> None:
    """Print the tables."""
    if not FILMS:
        sys.exit("No clips: set HITPOINT_CLIPS to a folder with film/, odd/ and cuts/.")
    with tempfile.TemporaryDirectory() as place:
        heads = f"{'gap ms':>8} {'packet':>8} {'picture':>9} {'peak':>6} {'notes':>6} {'asked':>6}"
        print(f"{'film':36} {'instruments':14} {heads}  hits")
        for video in FILMS:
            for instruments in ENSEMBLES:
                out = Path(place) / f"{video.stem} {instruments}"
                said = score(video, out, instruments)
                Path(f"{out}.txt").write_text(said.stdout)
                print(row(video, out, instruments) if said.returncode == 0 else f"{video.name} {instruments}: {said.stderr.strip()}")
        count, share, chance = sync_of(Path(place) / "montage_accelerating_known_cuts strings,brass")
        print(f"\nmontage: {count} cuts a second from their neighbours: {share:.0%} on a beat within a frame, {chance:.0%} by chance\n")
        for video in ODD:
            said = score(video, Path(place) / f"odd {video.name}".replace(".", "_"), "piano")
            print(f"{video.name:34} exit {said.returncode}: {said.stderr.strip().replace(str(video), video.name) or 'scored'}")


if __name__ == "__main__":
    main()
