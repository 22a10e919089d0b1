"""The report's file: whole, self-contained, the same every time, true to the nouns, harmless whatever the texts and names are."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer.errors import RenderError
from composer.film import Film
from composer.plan import Plan
from composer.render.report import FILE, page, write_report
from composer.render.report.data import url_of
from composer.render.report.tables import clock, signed
from composer.render.wav import SAMPLE_RATE, WavWriter, to_ints
from composer.rendering import Rendering, Stem
from composer.score import Note, Score
from tests.render.test_timeline import nouns

HOSTILE = '</script><script>window.harmed=1</script><img src=x onerror="window.harmed=1"> & "q" \'a\' {{film}} {{data}} <!-- \u202e'
Nouns = tuple[Film, Plan, Score]


def tone(path: Path, seconds: float, hz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.repeat(0.2 * np.sin(2 * np.pi * hz * times)[:, None], 2, axis=1).astype(np.float32)
    with WavWriter(path, len(sound)) as writer:
        writer.write(to_ints(sound))


def sync_of(plan: Plan) -> dict[str, Any]:
    """A sync.json whose hits are hit, near and missed in turn."""
    verdicts = [("hit", 0.25, 10.0), ("near", -1.5, -60.0), ("missed", None, None)]
    hits = [
        {"number": n, "time_s": hit.time_s, "verdict": verdicts[n % 3][0], "frames_off": verdicts[n % 3][1], "ms_off": verdicts[n % 3][2], "parts": ["piano_0"]}
        for n, hit in enumerate(plan.hits, 1)
    ]  # fmt: skip
    counts = {kind: sum(hit["verdict"] == word for hit in hits) for kind, word in (("hits", "hit"), ("near", "near"), ("missed", "missed"))}
    return {"hits": hits, "heard": {"all": counts, "share": 0.3, "chance": 0.04, "steady": 0.11}}


def folder_of(folder: Path, given: Nouns, film: bytes = b"no film", name: str = "a.scored.mp4", stems: int = 2) -> tuple[Rendering, Path]:
    """An output folder as the report finds it: sound, sync.json, the film."""
    _, plan, score = given
    folder.mkdir(parents=True, exist_ok=True)
    seconds = score.end_s
    tone(folder / "mix.wav", seconds, 220)
    paths = [f"stems/audio/{n + 1:02d}_{track.name.replace(' ', '_')}_96bpm.wav" for n, track in enumerate(score.tracks)]
    for n, path in enumerate(paths[:stems]):
        tone(folder / path, seconds, 300 + 100 * n)
    rows = tuple(Stem(track.part, path, -9.5, len(track.notes)) for track, path in zip(score.tracks, paths, strict=True))
    (folder / "sync.json").write_text(json.dumps(sync_of(plan)), encoding="utf-8")
    (folder / name).write_bytes(film)
    rendering = Rendering(
        SAMPLE_RATE, round(seconds * SAMPLE_RATE), rows, "premaster.wav", "mix.wav", -14.0, -1.0, 6.0, "bank.sf2", "0" * 64
    )
    return rendering, folder / name


def written(folder: Path, given: Nouns, film: bytes = b"no film", name: str = "a.scored.mp4") -> str:
    rendering, scored = folder_of(folder, given, film, name)
    write_report(*given, rendering, folder, scored)
    return (folder / FILE).read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Every element with its attributes and the text directly inside it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("", {}, []))  # what follows is outside

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def texts(self, tag: str, **wanted: str) -> list[str]:
        return ["".join(text) for name, attrs, text in self.found if name == tag and wanted.items() <= attrs.items()]


def data_of(text: str) -> dict[str, Any]:
    (found,) = Elements(text).texts("script", id="data")
    data: dict[str, Any] = json.loads(found)
    return data


def test_same_inputs_same_bytes_and_nothing_else_is_left(tmp_path: Path) -> None:
    given = nouns(12.0)
    first, second = (written(tmp_path / name, given) for name in ("a", "b"))
    assert first == second
    assert [path.name for path in (tmp_path / "a").iterdir() if "report" in path.name] == [FILE]
    assert str(tmp_path) not in first


def test_the_film_is_inside_byte_for_byte(tmp_path: Path) -> None:
    film = np.random.default_rng(0).bytes(2_000_001)
    blocks = Elements(written(tmp_path, nouns(4.0), film)).texts("script", type="video/mp4;base64")
    assert len(blocks) > 1
    assert b"".join(base64.b64decode(block, validate=True) for block in blocks) == film


@pytest.mark.parametrize(("name", "limit"), [("a.scored.mkv", 1 << 20), ("a.scored.mov", 1 << 20), ("a.scored.mp4", 10)])
def test_large_films_and_other_containers_stay_beside_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(page, "EMBED_BYTES", limit)
    text = written(tmp_path, nouns(4.0), bytes(1000), name)
    assert data_of(text)["film"] == {"url": f"./{name}", "embedded": False}
    assert len(Elements(text).texts("script")) == 2


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    rendering, scored = folder_of(tmp_path, given := nouns(4.0))
    os.truncate(scored, page.EMBED_BYTES)
    write_report(*given, rendering, tmp_path, scored)  # whatever is imported or cached comes now
    tracemalloc.start()
    write_report(*given, rendering, tmp_path, scored)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < page.EMBED_BYTES / 3


@pytest.mark.parametrize("name", ['-a "b" #1 50%.mp4', "a:b?c=d&e.mp4", "<b>.mp4", "東京 ü.mp4", os.fsdecode(b"\xff\xfe.mp4")])
def test_any_file_name_becomes_a_relative_url(name: str) -> None:
    url = url_of(Path(name))
    assert re.fullmatch(r"\./[A-Za-z0-9%._~-]+", url)
    assert unquote_to_bytes(url[2:]) == os.fsencode(name)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    film, plan, score = nouns(12.0, title=HOSTILE)
    sections = tuple(replace(section, reason=HOSTILE) for section in plan.sections)
    hits = tuple(replace(hit, label=HOSTILE) for hit in plan.hits)
    plan = replace(
        plan, sections=sections, hits=hits, reasons=(HOSTILE, f"form: {HOSTILE}"), notes=(HOSTILE,), style=HOSTILE, origin=HOSTILE
    )
    score = replace(score, tracks=tuple(replace(track, name=HOSTILE) for track in score.tracks))
    film = replace(film, warnings=(HOSTILE,))
    plain = Elements(written(tmp_path / "plain", nouns(12.0)))
    found = Elements(written(tmp_path / "hostile", (film, plan, score), name="a.mp4"))
    counted = [
        sorted(tag for tag, *_ in elements.found if tag not in ("", "div", "dt", "dd", "li", "ul", "p", "dl"))
        for elements in (plain, found)
    ]
    assert counted[0] == counted[1]
    assert not [name for _, attrs, _ in found.found for name in attrs if name.startswith("on")]
    assert found.texts("bdi") == [HOSTILE]
    (data,) = found.texts("script", id="data")
    assert json.loads(data)["sections"][0]["reason"] == HOSTILE


@pytest.mark.parametrize("title", ["", "\r\n", "a\rb\x00c\x1b", "\ud800 \udcff", "東京物語", "%s {0} $x \\1"])
def test_odd_titles_do_no_harm(tmp_path: Path, title: str) -> None:
    found = Elements(written(tmp_path, nouns(4.0, title=title)))
    script = found.texts("script")[1]
    (policy,) = [attrs["content"] for _, attrs, _ in found.found if attrs.get("http-equiv")]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in str(policy)
    assert json.loads(found.texts("script", id="data")[0])["duration_s"] == 4.0


def test_the_policy_allows_these_two_blocks_and_no_network(tmp_path: Path) -> None:
    text = written(tmp_path, nouns(4.0))
    found = Elements(text)
    (policy,) = [attrs["content"] for tag, attrs, _ in found.found if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,), script = found.texts("style"), found.texts("script")[1]
    for rule, block in (("script-src", script), ("style-src", style)):
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"
    assert rules["default-src"] == "'none'"
    allowed = {"'none'", "'self'", "file:", "blob:", "data:"}
    assert {source for rule, sources in rules.items() if rule not in ("script-src", "style-src") for source in sources.split()} <= allowed
    # the one address in the page is a name, never asked for
    assert set(re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+[^\s\"']*", text)) == {"http://www.w3.org/2000/svg"}
    assert not [attrs for _, attrs, _ in found.found if {"src", "href", "style"} & attrs.keys()]


def test_data_follow_the_nouns(tmp_path: Path) -> None:
    film, plan, score = nouns(20.0)
    data = data_of(written(tmp_path, (film, plan, score)))
    for part, track in zip(data["parts"], score.tracks, strict=True):
        rows = np.array(part["notes"]).reshape(-1, 4)
        starts = np.cumsum(rows[:, 0]) / 1000
        assert np.abs(starts - score.tempo.beat_to_s([note.start_beat for note in track.notes])).max() <= 0.00051
        ends = np.maximum(np.minimum(score.tempo.beat_to_s([note.end_beat for note in track.notes]), score.end_s), starts)
        assert np.abs(starts + rows[:, 1] / 1000 - ends).max() <= 0.0011
        assert rows[:, 2].tolist() == [note.pitch for note in track.notes]
        assert rows[:, 3].tolist() == [note.velocity for note in track.notes]
    assert [bar[0] for bar in data["bars"]] == pytest.approx(score.tempo.bar_seconds[:-1], abs=0.00051)
    assert [hit["time_s"] for hit in data["hits"]] == pytest.approx([hit.time_s for hit in plan.hits], abs=1e-4)
    assert [hit["music_s"] - hit["time_s"] for hit in data["hits"]] == pytest.approx([hit.error_s for hit in plan.hits], abs=2e-4)
    assert [shot[0] for shot in data["shots"]] == pytest.approx([shot.start_s for shot in film.shots], abs=0.00051)
    planned = sum(len(entry.split()) for section in plan.sections for entry in section.chords)
    assert 0 < len(data["chords"]) <= planned
    assert all(a[0] < b[0] for a, b in zip(data["chords"], data["chords"][1:], strict=False))
    assert len(data["music_lufs"]["values"]) == pytest.approx(20 * data["music_lufs"]["per_s"], abs=1)


def test_notes_out_of_order_are_told_in_order(tmp_path: Path) -> None:
    film, plan, score = nouns(8.0)
    notes = (Note(5.0, 1.0, 60, 80), Note(1.0, 1.0, 64, 80), Note(1.0, 0.00001, 62, 80))
    mixed = replace(score, tracks=(replace(score.tracks[0], notes=notes), *score.tracks[1:]))
    rows = np.array(data_of(written(tmp_path, (film, plan, mixed)))["parts"][0]["notes"]).reshape(-1, 4)
    assert rows[:, 2].tolist() == [62, 64, 60]
    assert rows[:, :2].min(initial=1, where=[False, True]) >= 1


def test_what_was_heard_is_told(tmp_path: Path) -> None:
    given = nouns(40.0)
    text = written(tmp_path, given)
    rows = re.findall(r'<tr data-row="\d+">.*?</tr>', text.split('id="hits"')[1].split("</table>")[0], re.S)
    assert len(rows) == len(given[1].hits)
    for number, row in enumerate(rows, 1):
        assert (("+0.25", "−1.50", ">–<")[number % 3]) in row
        assert ("● </span>hit", "near", "missed")[number % 3].split(">")[-1] in row
    counts = sync_of(given[1])["heard"]["all"]
    assert f"{counts['hits']} of {len(rows)} on the frame, {counts['near']} near, {counts['missed']} missed (by chance 4%" in text


@pytest.mark.parametrize("content", [None, "", "[]", '{"hits": 3}', "\udcff"])
def test_it_does_without_sync(tmp_path: Path, content: str | None) -> None:
    given = nouns(12.0)
    rendering, scored = folder_of(tmp_path, given)
    (tmp_path / "sync.json").unlink()
    if content is not None:
        (tmp_path / "sync.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    write_report(*given, rendering, tmp_path, scored)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    assert f"{len(given[1].hits)} planned, not measured" in text
    assert {hit["verdict"] for hit in data_of(text)["hits"]} == {""}


def test_bare_nouns_are_enough(tmp_path: Path) -> None:
    film, plan, score = nouns(5.0, title="  ")
    bare = replace(
        film,
        shots=film.shots[:1],
        motion=(),
        loudness_lufs=(),
        affect=replace(film.affect, times_s=(), emotions=(), valence=(), arousal=()),
    )
    empty = replace(score, tracks=tuple(replace(track, notes=()) for track in score.tracks))
    text = written(tmp_path, (bare, replace(plan, hits=(), reasons=(), candidates_s=()), empty))
    assert "<title>A film – score report</title>" in text
    assert "No hits were planned." in text


def test_a_mix_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    rendering, scored = folder_of(tmp_path, given := nouns(4.0))
    (tmp_path / "mix.wav").unlink()
    with pytest.raises(RenderError):
        write_report(*given, rendering, tmp_path, scored)
    assert not [path for path in tmp_path.iterdir() if "report" in path.name]


def test_a_long_film_stays_small(tmp_path: Path) -> None:
    many = ("piano", "oboe", "clarinet", "horns", "trumpets", "violins_1", "violins_2", "violas", "cellos", "contrabasses")
    given = nouns(1200.0, many)
    assert given[2].note_count > 10_000
    rendering, scored = folder_of(tmp_path, (*given[:2], replace(given[2], end_s=2.0)))
    write_report(*given, rendering, tmp_path, scored)
    assert (tmp_path / FILE).stat().st_size < 100_000 + 50 * given[2].note_count


@given(st.floats(0, 36_000), st.integers(1, 3))
def test_clock_reads_back(time_s: float, digits: int) -> None:
    fields = [float(field) for field in clock(time_s, digits).split(":")]
    assert all(field < 60 for field in fields[1:])
    assert sum(field * 60**place for place, field in enumerate(reversed(fields))) == pytest.approx(time_s, abs=0.5001 * 10**-digits)


def test_numbers_have_signs() -> None:
    assert [signed(value) for value in (0.27, -0.456, 0.0, -0.004, None)] == ["+0.27", "−0.46", "0.00", "0.00", "–"]
