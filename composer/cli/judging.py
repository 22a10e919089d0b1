"""The commands that judge what is seen, planned and heard: `evaluate shots`, `affect`, `spotting`, `plan`, `sync`, `render`."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click

from composer.cli import parameters
from composer.cli.progress import showing
from composer.errors import OptionError


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


@click.command("sync")
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR", help="Folder for sync.json and sync.md  [sync.json of each FOLDER]"
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write this one file instead.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def sync(folders: tuple[Path, ...], out: Path | None, json_file: Path | None, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Judge how the music in each FOLDER (of `score`) keeps with its film: hits heard in mix, stems and film, beside chance and a steady tempo."""
    from composer.evaluation import sync_report as report
    from composer.output import into_file, into_folder
    from composer.serial import write_text

    if out is not None and json_file is not None:
        raise OptionError("--out and --json exclude each other", "Give one of them.")
    named = {str(folder): folder for folder in folders}
    with showing(sys.stderr, wanted=not quiet) as progress:
        found = {}
        for number, (name, folder) in enumerate(named.items()):
            progress("listen", number / len(named))
            found[name] = report.measure_folder(folder)
        progress("listen", 1.0)
    if out is not None:
        with into_folder(out, report.FILES, overwrite) as place:
            report.write_report(found, place)
        written = [out / name for name in report.FILES]
    elif json_file is not None:
        with into_file(json_file, report.FILE, overwrite) as place:
            write_text(place / report.FILE, report.as_text(found))
        written = [json_file]
    else:
        for name, folder in named.items():
            _renew(folder, report.FILE, report.as_text({name: found[name]}))
        written = [folder / report.FILE for folder in named.values()]
    if not quiet:
        _show(report.tables(found), written)


def _renew(folder: Path, name: str, text: str) -> None:
    """Make one file of an output folder anew, and its line in the folder's manifest."""
    from composer.manifest import MANIFEST, read_manifest, sha256_of
    from composer.output import into_folder
    from composer.serial import write_text

    manifest = read_manifest(folder)
    with into_folder(folder, [name], overwrite=True) as place:
        write_text(place / name, text)
        if "files" in manifest:
            manifest["files"] = dict(sorted({**manifest["files"], name: sha256_of(place / name)}.items()))
            write_text(place / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


@click.command("spotting")
@click.option("--clips", type=click.Path(path_type=Path), metavar="DIR", help="The test clips (film/), judged beside the made lists.")
@click.option("--count", type=click.IntRange(0), default=108, show_default=True, help="Made cut lists, kinds in turn.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for spotting.json and spotting.md."
)
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="Other lists; 5 is the one for tuning.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def spotting(clips: Path | None, count: int, out: Path, seed: int, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Judge which cuts the bent tempo reaches, and how gently it bends, on made cut lists and real clips, beside constant tempo and chance."""
    from composer.evaluation import spotting as work
    from composer.options import Options
    from composer.output import into_folder
    from composer.video import watch

    places = sorted((clips / "film").iterdir()) if clips is not None and (clips / "film").is_dir() else []
    if clips is not None and not places:
        raise OptionError(f"there are no clips in {clips / 'film'}", "Give the folder that holds film/.")
    if not places and not count:
        raise OptionError("nothing to judge", "Give --clips, or a --count of at least 1.")
    with into_folder(out, work.FILES, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        films = [(place.stem, watch(place, Options(emotion="embedded"), progress)) for place in places]
        found = work.evaluate(count, seed, films, progress)
        work.write_report(found, folder)
    if not quiet:
        _show(work.tables(found), [out / name for name in work.FILES])


@click.command("plan")
@click.option("--clips", type=click.Path(path_type=Path), metavar="DIR", help="The test clips (film/), judged first; made stories fill up.")
@click.option(
    "--scores", type=click.Path(path_type=Path), metavar="DIR", help="Collections of people's scores: keys are found in them, too."
)
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for plan.json and plan.md.")
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="Other stories; 5 is the one for tuning.")
@click.option("--quick", is_flag=True, help="Small samples: to see that it works.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def plan(clips: Path | None, scores: Path | None, out: Path, seed: int, quick: bool, overwrite: bool, quiet: bool, verbose: bool) -> None:
    """Judge plans of 40 films: valid, on the film's turns, heard as asked, in key, and another one for every seed. Some minutes of work."""
    from composer.evaluation import plan as work, plan_report as report
    from composer.options import Options
    from composer.output import into_folder
    from composer.transformer.data.corpus import collections_in
    from composer.video import watch

    places = sorted((clips / "film").iterdir()) if clips is not None and (clips / "film").is_dir() else []
    if clips is not None and not places:
        raise OptionError(f"there are no clips in {clips / 'film'}", "Give the folder that holds film/.")
    if scores is not None:
        collections_in([scores])
    with into_folder(out, report.FILES, overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        films = [(place.stem, watch(place, Options(emotion="embedded"), progress)) for place in places]
        found = work.evaluate(work.Work(seed, films, [scores] if scores else [], quick), progress)
        report.write_report(found, folder)
    if not quiet:
        _show(report.tables(found), [out / name for name in report.FILES])


@click.command("render")
@click.argument("folders", metavar="[FOLDER...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--clips", type=click.Path(path_type=Path), metavar="DIR", help="The test clips (film/, odd/): scored first; made films fill up."
)
@click.option("--only", type=click.Choice(["onsets", "levels", "speech", "pictures"]), multiple=True, help="Only this part; repeatable.")
@click.option("--count", type=click.IntRange(1), default=12, show_default=True, help="Films whose levels are judged, each with three ensembles on every bank.")  # fmt: skip
@click.option(
    "--soundfont",
    "banks",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Sound bank; repeatable  [the best two installed]",
)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for render.json, render.md and pictures."
)
@click.option("--seed", type=parameters.Seed(), default=0, show_default=True, help="Other made films, other music.")
@click.option("--quick", is_flag=True, help="Small samples: to see that it works.")
@click.option("--overwrite", is_flag=True, help="Replace what is there (renders whose levels were measured are not made again).")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
def render(
    folders: tuple[Path, ...], clips: Path | None, only: tuple[str, ...], count: int, banks: tuple[Path, ...], out: Path, seed: int,
    quick: bool, overwrite: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Judge the sound: onsets against the MIDI file, loudness and null of many renders, words over music, and each FOLDER's mix as a picture.

    With FOLDERs (made by `score` or `render`) their mixes are measured and drawn, too (with --only pictures, drawn alone). About a quarter of an
    hour of work on two cores: levels 6 to 10 minutes, words 3, onsets 1; --only names one part.
    """
    from composer.evaluation import render as work, render_report as report
    from composer.options import Options
    from composer.output import into_folder
    from composer.render.soundfont import open_soundfont
    from composer.video import watch

    places = _clips_in(clips)
    for bank in banks:
        open_soundfont(bank)
    asked = work.Work(folders, (), only or work.PARTS, count, seed, banks, quick)
    work.check(asked)
    with into_folder(out, [*report.FILES, *asked.picture_names()], overwrite) as folder, showing(sys.stderr, wanted=not quiet) as progress:
        films = tuple((place.stem, place, watch(place, Options(emotion="embedded"), progress)) for place in places)
        found = work.evaluate(dataclasses.replace(asked, clips=films), folder, out / report.KEPT, progress)
        report.write_report(found, folder)
    if not quiet:
        _show(report.tables(found), [out / name for name in (*report.FILES, *asked.picture_names())])


#: clips of the odd ones that have a picture to be scored by
_USABLE_ODD = ("audio_first_6s.mp4", "av1_5s.mkv", "failing_audio_11s.mp4", "flower_cc0_5s.mp4", "nasa_multi_stream_13s.mp4")


def _clips_in(clips: Path | None) -> list[Path]:
    """The films of a folder of test clips, and those of the odd ones that are usable."""
    if clips is None:
        return []
    places = sorted((clips / "film").iterdir()) if (clips / "film").is_dir() else []
    if not places:
        raise OptionError(f"there are no clips in {clips / 'film'}", "Give the folder that holds film/.")
    return places + [clips / "odd" / name for name in _USABLE_ODD if (clips / "odd" / name).is_file()]


def _show(lines: list[str], written: list[Path]) -> None:
    """Tables for people, headings in bold (plain when piped), and where they were written."""
    click.echo("\n".join([*(click.style(line, bold=True) if line.startswith("#") else line for line in lines), *map(str, written)]))
