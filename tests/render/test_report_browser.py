"""The report in a real browser (headless Chromium, driven over W3C WebDriver): it plays, follows, and asks no network."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from composer.render.report import FILE, page, write_report
from composer.score import TechniqueChange
from composer.timecode import timecode
from tests.render.conftest import ffmpeg
from tests.render.test_report import HOSTILE, Nouns, folder_of
from tests.render.test_timeline import nouns

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium chromium-driver)")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """Headless Chromium behind chromedriver's own protocol (W3C WebDriver 2): no client library needed."""

    def __init__(self, driver: str, chromium: str, profile: Path) -> None:
        self._process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        found = None
        for line in self._process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                break
        assert found, "chromedriver did not start"
        self._base = f"http://127.0.0.1:{found[1]}"
        quiet = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio")  # fmt: skip
        arguments = ["--headless=new", *quiet, f"--user-data-dir={profile}", "--window-size=1280,800"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": chromium, "args": arguments}, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}  # fmt: skip
        self._session = ""
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._ask("DELETE", "", None)
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _ask(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + self._session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()[:600]) from None

    def open(self, page: Path) -> None:
        self.log("performance")
        self.log("browser")
        self._ask("POST", "/url", {"url": page.absolute().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def tell(self, command: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width: int, height: int) -> None:
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def theme(self, name: str) -> None:
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def click(self, selector: str) -> None:
        element = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{element[_ELEMENT]}/click", {})

    def click_at(self, x: float, y: float) -> None:
        """Press the pointer at a place of the window, CSS pixels."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left", clickCount=1)

    def press(self, key: str) -> None:
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def log(self, kind: str) -> list[dict[str, Any]]:
        return list(self._ask("POST", "/se/log", {"type": kind}))

    def requests(self) -> list[str]:
        """URLs asked for since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        shot = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def until(self, script: str, seconds: float = 8.0) -> Any:
        """Wait for a script to answer something true."""
        end_s = time.monotonic() + seconds
        while True:
            found = self.run(script)
            if found or time.monotonic() > end_s:
                assert found, f"never came true: {script}"
                return found
            time.sleep(0.05)


LENGTH_S = 16.0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert DRIVER
    assert CHROMIUM
    one = Browser(DRIVER, CHROMIUM, tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small H.264 film with sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    picture, sound = f"testsrc=size=320x180:rate=25:duration={LENGTH_S}", f"sine=frequency=440:duration={LENGTH_S}"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", 25, "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *coded, path)
    return path.read_bytes()


def build(folder: Path, film: bytes, given: Nouns | None = None, *, name: str = "a.scored.mp4", stems: int = 2) -> Path:
    given = given or nouns(LENGTH_S)
    rendering, scored = folder_of(folder, given, film, name, stems)
    write_report(*given, rendering, folder, scored)
    return folder / FILE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, film: bytes) -> Path:
    """A report with everything, its film inside."""
    return build(tmp_path_factory.mktemp("made"), film)


def opened(browser: Browser, path: Path) -> None:
    browser.size(1280, 800)
    browser.theme("light")
    browser.open(path)
    browser.until("return video.readyState > 2 || sound.filmFailed")


def is_clean(browser: Browser) -> None:
    """No word in the console, and nothing asked for but files beside the page and what is made from it."""
    assert not [entry["message"] for entry in browser.log("browser")]
    asked = browser.requests()
    assert asked
    assert {url.split(":")[0] for url in asked} <= {"file", "blob", "data"}


def test_it_opens_in_silence_and_draws_every_row(browser: Browser, made: Path) -> None:
    opened(browser, made)
    blank = """return rows.filter((row) => {
        const data = row.canvas.getContext('2d').getImageData(0, 0, row.canvas.width, row.canvas.height).data;
        return !data.some((value) => value);
    }).map((row) => row.name)"""
    time.sleep(0.3)
    assert browser.run(blank) == []
    browser.until("return shots.strip.pictures.size === data.shots.length")
    # every tooltip, everywhere
    assert (
        browser.run(
            "for (let t = 0; t <= duration; t += 0.11) for (const row of rows) for (const y of [0, 9, 18]) row.tell(t, y, view); return rows.length"
        )
        > 10
    )
    is_clean(browser)


def test_the_film_plays_and_everything_follows(browser: Browser, made: Path) -> None:
    opened(browser, made)
    before = browser.run("return $('playhead').getBoundingClientRect().left")
    browser.click("#play")
    browser.until("return sound.time_s > 1")
    assert browser.run("return $('play').textContent") == "Pause"
    time_s, playhead, left, width = browser.run(
        "timeline.place(); const box = surface.getBoundingClientRect(); return [sound.time_s, $('playhead').getBoundingClientRect().left, box.left, box.width]"
    )
    assert playhead > before
    assert playhead == pytest.approx(left + width * time_s / LENGTH_S, abs=3)
    shown = browser.run("return $('timecode').textContent")
    browser.press(" ")
    browser.until("return video.paused")
    end = browser.run("return timecode(sound.time_s)")
    assert "01:00:00:20" < shown <= end == browser.run("return $('timecode').textContent")
    is_clean(browser)


def test_places_are_reached(browser: Browser, made: Path) -> None:
    """By the table, by the row of hits, by keys; at a hit, the very frame of its picture is shown."""
    opened(browser, made)
    hits = nouns(LENGTH_S)[1].hits
    browser.click("#hits tr[data-row='1'] button")
    browser.until("return !video.seeking && video.currentTime > 0")
    assert browser.run("return sound.time_s") == pytest.approx(hits[1].time_s - 1, abs=0.01)
    x, y = browser.run(
        "scrollTo(0, 0); const b = hits.lane.getBoundingClientRect(); return [b.left + view.x(data.hits[2].time_s) + 4, b.top + 10]"
    )
    browser.click_at(x, y)
    assert browser.run("return sound.time_s") == pytest.approx(hits[2].time_s, abs=0.01)
    assert browser.run("return $('timecode').textContent") == timecode(hits[2].time_s, Fraction(25))
    x, y = browser.run("const b = sections.lane.getBoundingClientRect(); return [b.left + 200, b.top + 5]")
    browser.click_at(x, y)
    assert browser.run("return Math.abs(view.x(sound.time_s) - 200) < 1.5")
    browser.run("sound.seek(0)")
    for hit in hits:
        browser.until("return !video.seeking")
        browser.run("window.shown = -1; video.requestVideoFrameCallback((now, frame) => { window.shown = frame.mediaTime; })")
        browser.press("h")
        browser.until("return window.shown >= 0")
        assert browser.run("return window.shown") == pytest.approx(hit.time_s, abs=0.001)
    browser.run("sound.seek(0)")
    browser.press("h")
    assert browser.run("return sound.time_s") == pytest.approx(hits[0].time_s, abs=0.01)
    for key, frames in ((".", 1), (",", 0), ("\ue014", 25), ("\ue012", 0)):
        browser.press(key)
        browser.until("return !video.seeking")
        assert browser.run("return frameAt(sound.time_s)") == round(hits[0].time_s * 25) + frames
    is_clean(browser)


def test_timecode_is_that_of_the_house(browser: Browser, tmp_path: Path, film: bytes) -> None:
    plan_film, plan, score = nouns(LENGTH_S)
    for rate, start in ((Fraction(25), "01:00:00:00"), (Fraction(30000, 1001), "00:58:59;20"), (Fraction(24000, 1001), "23:59:50:00")):
        given = replace(plan_film, frame_rate=rate), replace(plan, frame_rate=rate, start_tc=start), replace(score, frame_rate=rate)
        opened(browser, build(tmp_path / str(rate.numerator), film, given))
        frames = [*range(200), *np.random.default_rng(0).integers(0, 2_000_000, 500).tolist()]
        times_s = [float(n / rate) for n in frames]
        assert browser.run("return arguments[0].map(timecode)", times_s) == [timecode(time_s, rate, start) for time_s in times_s]


def stems_apart_s(browser: Browser) -> float:
    """How far the stem farthest from the film is off, seconds; all must play."""
    apart = browser.run("return sound.stems.map((stem) => stem.element.paused ? 99 : Math.abs(stem.element.currentTime - sound.time_s))")
    return float(max(apart))


def get_together(browser: Browser) -> None:
    """Within two seconds all stems keep with the film."""
    end_s = time.monotonic() + 2
    while (apart_s := stems_apart_s(browser)) >= 0.06 and time.monotonic() < end_s:
        time.sleep(0.1)
    assert apart_s < 0.06


def test_stems_play_with_the_film(browser: Browser, made: Path) -> None:
    opened(browser, made)
    browser.click("#sounds label:nth-of-type(3)")
    browser.click("#play")
    time.sleep(2)
    assert stems_apart_s(browser) < 0.06
    assert browser.run("return video.muted && !video.paused")
    browser.run("sound.seek(8)")
    time.sleep(2)
    assert browser.run("return sound.time_s") > 9
    assert stems_apart_s(browser) < 0.06
    browser.run("$('rate').value = '0.5'; $('rate').dispatchEvent(new Event('change'))")
    get_together(browser)
    browser.press("1")
    assert browser.run("return [sound.mode, video.muted, ...sound.stems.map((stem) => stem.element.paused)]") == ["film", False, True, True]
    browser.press("2")
    browser.until("return !sound.mix.element.paused && !sound.mix.element.muted && video.muted")
    is_clean(browser)


def test_a_picture_that_begins_late_is_film_time_0(browser: Browser, tmp_path: Path, film: bytes) -> None:
    of_film, plan, score = nouns(LENGTH_S)
    opened(browser, build(tmp_path, film, (replace(of_film, start_offset_s=0.4), plan, score)))
    browser.run("sound.setMode('stems'); sound.seek(3)")
    assert browser.run("return [sound.time_s, video.currentTime]") == pytest.approx([3, 3.4])
    browser.until("return !video.seeking && sound.stems.every((stem) => Math.abs(stem.element.currentTime - 3) < 0.01)")
    browser.click("#play")
    get_together(browser)


def test_mute_and_solo(browser: Browser, made: Path) -> None:
    def silent() -> Any:
        return browser.run("return sound.stems.map((stem) => stem.element.muted)")

    opened(browser, made)
    mute, solo = (f"#rows .label.part button.{which}" for which in ("mute", "solo"))
    browser.click(mute)
    assert browser.run("return sound.mode") == "stems"
    assert silent() == [True, False]
    assert browser.run("return document.querySelector(arguments[0]).getAttribute('aria-pressed')", mute) == "true"
    browser.click(mute)
    browser.click(solo)
    assert silent() == [False, True]
    browser.click(solo)
    assert silent() == [False, False]
    volumes = browser.run(
        "$('volume').value = 0.5; $('volume').dispatchEvent(new Event('input')); return [video.volume, sound.stems[0].element.volume]"
    )
    assert volumes == [0.5, 0.5]


def test_without_its_folder_the_film_still_plays(browser: Browser, tmp_path: Path, made: Path) -> None:
    moved = tmp_path / "elsewhere.html"
    shutil.copy(made, moved)
    opened(browser, moved)
    browser.until("return sound.stemsFail && sound.mix.failed")
    assert "cannot be read" in browser.run("return $('sound-notice').hidden ? '' : $('sound-notice').textContent")
    state = "return [...document.querySelectorAll('#sounds input')].map((input) => input.disabled).concat([...document.querySelectorAll('.mute, .solo')].every((b) => b.disabled))"
    assert browser.run(state) == [False, True, True, True]
    browser.press("3")
    browser.click("#play")
    browser.until("return sound.time_s > 0.5")
    assert browser.run("return [sound.mode, video.muted]") == ["film", False]


def test_one_missing_stem_is_told(browser: Browser, tmp_path: Path, film: bytes) -> None:
    opened(browser, build(tmp_path, film, stems=1))
    browser.until("return sound.stemsFail")
    assert browser.run("return $('sound-notice').textContent").startswith("The stems cannot be read")
    assert not browser.run("return sound.mix.failed")


def test_a_film_no_browser_plays_leaves_the_music(browser: Browser, tmp_path: Path) -> None:
    opened(browser, build(tmp_path, b"this is no film" * 100, name='-a "b" #1 50%.mp4'))
    browser.until("return sound.filmFailed")
    assert browser.run("return $('film-notice').querySelector('a').textContent") == '-a "b" #1 50%.mp4'
    browser.click("#play")
    browser.until("return sound.time_s > 0.5")
    browser.press("3")
    get_together(browser)


def test_a_film_beside_the_page_is_played_from_there(
    browser: Browser, tmp_path: Path, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "EMBED_BYTES", 10)
    opened(browser, build(tmp_path, film, name='-a "b" #1 50%.mp4'))
    assert browser.run("return video.src").endswith("%22b%22%20%231%2050%25.mp4")
    assert browser.run("return video.videoWidth") == 320
    is_clean(browser)


def test_hostile_texts_do_no_harm(browser: Browser, tmp_path: Path, film: bytes) -> None:
    of_film, plan, score = nouns(LENGTH_S, title=HOSTILE)
    sections = tuple(replace(section, reason=HOSTILE, mood=HOSTILE) for section in plan.sections)
    hits = tuple(replace(hit, label=HOSTILE) for hit in plan.hits)
    plan = replace(plan, sections=sections, hits=hits, notes=(HOSTILE,), reasons=(HOSTILE,))
    tracks = tuple(replace(track, name=HOSTILE, techniques=(TechniqueChange(2.0, "tremolo"),)) for track in score.tracks)
    opened(browser, build(tmp_path, film, (of_film, plan, replace(score, tracks=tracks))))
    browser.run("sound.seek(data.hits[0].time_s); timeline.reveal(3)")
    assert browser.run("return window.harmed || document.images.length") == 0
    assert browser.run("return document.querySelector('h1').textContent") == HOSTILE
    is_clean(browser)


def test_the_network_is_out_of_reach(browser: Browser, made: Path) -> None:
    opened(browser, made)
    browser.run(
        "window.refused = []; document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective))"
    )
    browser.run(
        "fetch('http://127.0.0.1:9/a').catch(() => {}); new Image().src = 'http://127.0.0.1:9/b'; new Audio('http://127.0.0.1:9/c').load()"
    )
    browser.run("const script = document.createElement('script'); script.textContent = 'window.harmed = 1'; document.body.append(script)")
    browser.until("return refused.length >= 4")
    assert {"connect-src", "img-src", "media-src"} < set(browser.run("return refused"))
    assert browser.run("return window.harmed") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_narrow_windows_in_both_themes(browser: Browser, made: Path, theme: str) -> None:
    opened(browser, made)
    browser.theme(theme)
    for width in (1280, 900, 420):
        browser.size(width, 800)
        time.sleep(0.2)
        assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert browser.run("return Math.abs(view.width - surface.clientWidth)") < 1
    # text stands out from what lies behind it (WCAG 2.2, 1.4.3)
    colours = browser.run("return ['ink', 'soft', 'good', 'near', 'missed', 'accent'].map((name) => [ink[name], ink.card, ink.paper])")
    assert min(contrast(front, back) for front, *backs in colours for back in backs) > 4.5


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours "#rrggbb" (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_zoom_keeps_the_moment_under_the_pointer(browser: Browser, made: Path) -> None:
    opened(browser, made)
    browser.run("sound.seek(5)")
    browser.run("for (let i = 0; i < 4; i++) timeline.zoom(0.5, 6)")
    assert browser.run("return [view.length, view.x(6) / view.width]") == pytest.approx([1.0, 6 / LENGTH_S], abs=0.02)
    time.sleep(0.3)
    assert browser.run("return view.length") == pytest.approx(1.0)  # the scroll bar did not answer back
    browser.click("#zoom-fit")
    assert browser.run("return [view.start, view.length]") == pytest.approx([0, LENGTH_S])
    browser.run("timeline.show(0, 2); sound.seek(1.5)")
    browser.click("#play")
    browser.until("return sound.time_s > 2.3 && view.start > 1.5 && sound.time_s < view.end")


def test_the_film_stays_in_sight(browser: Browser, made: Path) -> None:
    opened(browser, made)
    assert browser.run("return $('screen').className") == "screen"
    browser.run("document.querySelector('#sections').scrollIntoView()")
    browser.click("#sections .jump[data-time]")
    browser.press("h")
    browser.until("return $('screen').classList.contains('small')")
    box = browser.run("const b = video.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]")
    assert 0 < box[0] < box[2] <= 1280
    assert 0 < box[1] < box[3] <= 800
    browser.run("scrollTo(0, 0)")
    browser.until("return !$('screen').classList.contains('small') && !$('seat').style.minHeight")


def test_a_long_film_opens_quickly(browser: Browser, tmp_path: Path) -> None:
    many = ("piano", "oboe", "clarinet", "horns", "trumpets", "violins_1", "violins_2", "violas", "cellos", "contrabasses")
    given = nouns(1200.0, many)
    assert given[2].note_count > 10_000
    # the sound may be short: what counts here are the nouns
    rendering, scored = folder_of(tmp_path, (given[0], given[1], replace(given[2], end_s=2.0)), stems=0)
    write_report(*given, rendering, tmp_path, scored)
    browser.size(1280, 800)
    browser.open(tmp_path / FILE)
    opens_ms = browser.run("return performance.getEntriesByType('navigation')[0].domComplete")
    paint_ms = browser.run(
        "const began = performance.now(); for (let i = 0; i < 10; i++) for (const row of rows) row.paint(prepared(row.canvas, view.width, row.height), view, row.height); return (performance.now() - began) / 10"
    )
    print(f"{(tmp_path / FILE).stat().st_size / 1e3:.0f} kB, opens in {opens_ms:.0f} ms, one drawing of everything {paint_ms:.1f} ms")
    assert opens_ms < 3000
    assert paint_ms < 150
