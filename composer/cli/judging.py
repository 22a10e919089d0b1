"""The commands that judge what is seen: `evaluate shots`, `evaluate affect`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from composer.cli import parameters
from composer.cli.progress import showing


@click.command("shots")
@click.option("--clips", type=click.Path(path_type=Path), metavar="DIR", required=True, help="The test clips (film/, odd/, cuts/).")
@click.option("--count", type=click.IntRange(1), default=200, show_default=True, help="Montages; half as many single takes come on top.")
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for shots.json and shots.md.")
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="First montage; from 10000 on those for tuning.")
@click.option("--quick", is_flag=True, help="Small samples: to see that it works.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def shots(clips: Path, count: int, out: Path, seed: int, quick: bool, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Judge the detector of cuts, dissolves and fades on montages of known takes, beside PySceneDetect's detectors."""
    from composer.evaluation import shots as work, shots_report as report
    from composer.output import into_folder

    with into_folder(out, report.FILES, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        found = work.evaluate(clips, count, seed, progress, quick)
        report.write_report(found, folder)
    if not quiet:
        _show(report.tables(found), [out / name for name in report.FILES])


@click.command("affect")
@click.option("--clips", type=click.Path(path_type=Path), metavar="DIR", required=True, help="The test clips (film/, odd/).")
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for affect.json and affect.md.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def affect(clips: Path, out: Path, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Judge the measured feeling: passages in order, doses step by step, copies of one passage. Some minutes of work."""
    from composer.evaluation import affect as work
    from composer.output import into_folder

    work.check_clips(clips)
    with into_folder(out, work.FILES, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        judgement = work.evaluate(clips, progress)
        work.write_report(judgement, folder)
    if not quiet:
        _show(work.tables(judgement), [out / name for name in work.FILES])


def _show(lines: list[str], written: list[Path]) -> None:
    """Tables for people, headings in bold (plain when piped), and where they were written."""
    click.echo("\n".join([*(click.style(line, bold=True) if line.startswith("#") else line for line in lines), *map(str, written)]))
