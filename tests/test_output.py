"""The output folder: whole or not at all, whatever happens, and never somebody else's."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from composer import output
from composer.errors import OutputError
from composer.manifest import listed_files, read_manifest, sha256_of, write_manifest
from composer.options import Options
from composer.output import check_folder, default_folder, into_file, into_folder, new_folder, put_right
from tests.conftest import listing

DEAD_PID = 2**22 + 5  # above any pid the kernel hands out


def fill(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def make(target: Path, overwrite: bool = False, **files: str) -> None:
    with new_folder(target, overwrite) as folder:
        fill(folder, **files)
        write_manifest(folder, Options(), seed=0)


def test_the_default_place_is_beside_the_film():
    assert default_folder(Path("films/my film.mp4")) == Path("films/my film.score")
    assert default_folder(Path(".hidden")) == Path(".hidden.score")


def test_a_folder_appears_whole(tmp_path):
    with new_folder(tmp_path / "out") as folder:
        fill(folder, a__txt="1")
        assert not (tmp_path / "out").exists()
        assert folder.parent == tmp_path
        assert folder.name.startswith(".out.partial-")
    assert listing(tmp_path) == {"out", "out/a.txt"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing_not_even_new_parents(tmp_path, failure):
    with pytest.raises(failure), new_folder(tmp_path / "a" / "b" / "out") as folder:
        fill(folder, a__txt="1")
        raise failure
    assert listing(tmp_path) == set()


def test_an_existing_output_is_refused_before_any_work(tmp_path):
    make(tmp_path / "out", a__txt="old")
    with pytest.raises(OutputError, match="--overwrite"), new_folder(tmp_path / "out"):
        pytest.fail("the block must not run")


def test_overwrite_replaces_and_a_failure_keeps_the_old(tmp_path):
    make(tmp_path / "out", a__txt="old")
    before = listing(tmp_path)
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "out", overwrite=True) as folder:
        fill(folder, b__txt="new")
        raise KeyboardInterrupt
    assert listing(tmp_path) == before
    make(tmp_path / "out", overwrite=True, b__txt="new")
    assert listing(tmp_path) == {"out", "out/b.txt", "out/manifest.json"}


def test_a_failing_swap_puts_the_old_folder_back(tmp_path, monkeypatch):
    make(tmp_path / "out", a__txt="old")
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(self)
        if len(calls) == 2:  # the first moved the old one aside
            raise OSError(errno.EIO, "disk trouble")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="disk trouble"):
        make(tmp_path / "out", overwrite=True, b__txt="new")
    assert listing(tmp_path) == {"out", "out/a.txt", "out/manifest.json"}


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    home = tmp_path / "documents"
    home.mkdir()
    fill(home, letter__txt="dear")
    with pytest.raises(OutputError, match="not made by Hitpoint"):
        make(home, overwrite=True)
    assert (home / "letter.txt").read_text() == "dear"


def test_an_empty_folder_may_become_the_output(tmp_path):
    (tmp_path / "out").mkdir()
    make(tmp_path / "out", a__txt="1")
    assert (tmp_path / "out" / "a.txt").exists()


def test_what_a_person_added_is_carried_over(tmp_path):
    make(tmp_path / "out", a__txt="old", b__txt="old")
    (tmp_path / "out" / "session").mkdir()
    (tmp_path / "out" / "session" / "my.song").write_text("mine")
    make(tmp_path / "out", overwrite=True, a__txt="new")
    assert (tmp_path / "out" / "session" / "my.song").read_text() == "mine"
    assert (tmp_path / "out" / "a.txt").read_text() == "new"
    assert not (tmp_path / "out" / "b.txt").exists()


@pytest.mark.parametrize("name", ["film.mp4", "folder/film.mp4"])
def test_an_output_that_is_or_holds_the_input_is_refused(tmp_path, name):
    film = tmp_path / "folder" / "film.mp4"
    film.parent.mkdir()
    film.write_text("film")
    place = film if name == "film.mp4" else film.parent
    with pytest.raises(OutputError, match="input"):
        check_folder(place, True, [film])
    assert film.read_text() == "film"


def test_a_link_to_the_input_is_the_input(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_text("film")
    (tmp_path / "link").symlink_to(film)
    with pytest.raises(OutputError):
        check_folder(tmp_path / "link", True, [film])


def test_a_file_in_the_way_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        check_folder(tmp_path / "out", True)
    with pytest.raises(OutputError):
        check_folder(tmp_path / "out" / "below", True)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_place_that_cannot_be_written_is_told(tmp_path, monkeypatch, number):
    def mkdir(self, *_, **__):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(OutputError, match="cannot write"):
        check_folder(tmp_path / "out", False)
    assert listing(tmp_path) == set()


def test_a_disk_that_fills_up_is_told_and_tidied(tmp_path):
    with pytest.raises(OutputError, match="disk is full"), new_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "no space left on device")
    assert listing(tmp_path) == set()


def test_other_trouble_is_not_called_an_output_error(tmp_path):
    with pytest.raises(PermissionError), new_folder(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "no", "/somewhere/else.sf2")


def test_a_read_only_folder_is_told(tmp_path):
    place = Path("/proc/self")  # not even root can make a folder here
    if not place.is_dir():
        pytest.skip("no /proc on this system")
    with pytest.raises(OutputError, match="cannot write"):
        check_folder(place / "out", False)


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "a b'c\"d", "-dash", "new\nline", "*?[]"])
def test_any_name_the_disk_takes_will_do(tmp_path, name):
    make(tmp_path / name, a__txt="1")
    make(tmp_path / name, overwrite=True, a__txt="2")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_name_the_disk_does_not_take_is_told(tmp_path):
    with pytest.raises(OutputError, match="too long"):
        check_folder(tmp_path / ("x" * 300), False)


# --- what killed runs leave behind -----------------------------------------------------------------------------------


def test_the_next_run_clears_what_a_killed_one_left(tmp_path):
    (tmp_path / f".out.partial-{DEAD_PID}-01234567" / "stems").mkdir(parents=True)
    (tmp_path / f".other.partial-{DEAD_PID}-01234567").mkdir()
    (tmp_path / f".out.partial-{os.getpid()}-01234567").mkdir()
    (tmp_path / ".out.partial-notes").mkdir()
    make(tmp_path / "out", a__txt="1")
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"out", f".other.partial-{DEAD_PID}-01234567", f".out.partial-{os.getpid()}-01234567", ".out.partial-notes"}


def test_an_old_folder_whose_successor_never_came_gets_its_name_back(tmp_path):
    make(tmp_path / "out", a__txt="old")
    (tmp_path / "out").rename(tmp_path / f".out.old-{DEAD_PID}-01234567")
    put_right(tmp_path / "out")
    assert listing(tmp_path) == {"out", "out/a.txt", "out/manifest.json"}


def test_a_killed_process_leaves_a_folder_that_counts_as_abandoned(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from composer.output import new_folder
with new_folder(Path({str(tmp_path / "out")!r})) as folder:
    (folder / "a").write_text("1")
    print("ready", flush=True)
    time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == b"ready\n"
        put_right(tmp_path / "out")
        assert len(list(tmp_path.iterdir())) == 1, "a living owner's folder stays"
        child.send_signal(signal.SIGKILL)
        child.wait()
    put_right(tmp_path / "out")
    assert listing(tmp_path) == set()


def test_ctrl_c_during_the_last_renames_waits_for_them(tmp_path, monkeypatch):
    make(tmp_path / "out", a__txt="old")
    real = output._carry_over

    def interrupted(place, work):
        signal.raise_signal(signal.SIGINT)
        real(place, work)

    monkeypatch.setattr(output, "_carry_over", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "out", overwrite=True, b__txt="new")
    assert listing(tmp_path) == {"out", "out/b.txt", "out/manifest.json"}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- single files and additions --------------------------------------------------------------------------------------


def test_one_file_is_written_whole(tmp_path):
    with into_file(tmp_path / "my.yaml", "plan.yaml") as folder:
        fill(folder, plan__yaml="1", prompt__txt="2")
    assert listing(tmp_path) == {"my.yaml"}
    with pytest.raises(OutputError, match="already exists"), into_file(tmp_path / "my.yaml", "plan.yaml"):
        pytest.fail("the block must not run")
    with pytest.raises(ValueError, match="x"), into_file(tmp_path / "my.yaml", "plan.yaml", overwrite=True):
        raise ValueError("x")
    assert (tmp_path / "my.yaml").read_text() == "1"


def test_a_stage_adds_its_files_and_leaves_the_rest(tmp_path):
    make(tmp_path / "out", film__json="film", plan__yaml="old")
    with into_folder(tmp_path / "out", ["plan.yaml", "stems/audio"], overwrite=True) as folder:
        assert (folder / "film.json").read_text() == "film"
        assert not (folder / "plan.yaml").exists()
        fill(folder, plan__yaml="new")
        (folder / "stems" / "audio").mkdir(parents=True)
        fill(folder / "stems" / "audio", v__wav="~")
    assert listing(tmp_path) == {"out", "out/film.json", "out/plan.yaml", "out/manifest.json", "out/stems", "out/stems/audio", "out/stems/audio/v.wav"}  # fmt: skip
    assert (tmp_path / "out" / "plan.yaml").read_text() == "new"


def test_a_killed_run_for_one_file_is_cleared_up_by_the_next(tmp_path):
    (tmp_path / f".k.ogg.partial-{DEAD_PID}-01234567").mkdir()
    (tmp_path / f".k.ogg.partial-{DEAD_PID}-01234567" / "k.wav").write_text("~")
    (tmp_path / f".k.ogg.partial-{os.getpid()}-01234567").mkdir()
    with into_file(tmp_path / "k.ogg", "k.ogg") as folder:
        fill(folder, k__ogg="~")
    assert {entry.name for entry in tmp_path.iterdir()} == {"k.ogg", f".k.ogg.partial-{os.getpid()}-01234567"}


def test_what_is_outdated_goes_but_what_a_person_added_stays(tmp_path):
    def build(folder: Path) -> None:
        (folder / "daw" / "audio").mkdir(parents=True)
        fill(folder / "daw" / "audio", v__wav="old")
        fill(folder / "daw", readme="old")
        fill(folder, mix="old", pdf="old")

    with new_folder(tmp_path / "out") as folder:
        build(folder)
        write_manifest(folder, Options(), seed=0)
    (tmp_path / "out" / "daw" / "mine").write_text("mine")
    (tmp_path / "out" / "pdf2").write_text("mine")
    with (
        pytest.raises(KeyboardInterrupt),
        into_folder(tmp_path / "out", ["mix"], overwrite=True, outdated=["daw", "pdf", "pdf2"]) as folder,
    ):
        assert not (folder / "daw").exists() and (folder / "manifest.json").exists() is False
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "daw" / "audio" / "v.wav").read_text() == "old"
    with into_folder(tmp_path / "out", ["mix"], overwrite=True, outdated=["daw", "pdf", "pdf2"]) as folder:
        fill(folder, mix="new")
    assert listing(tmp_path) == {"out", "out/mix", "out/manifest.json", "out/daw", "out/daw/mine", "out/pdf2"}
    assert (tmp_path / "out" / "mix").read_text() == "new"


def test_a_removal_that_fails_half_way_is_undone(tmp_path, monkeypatch):
    make(tmp_path / "out", a="old a", b="old b", c="old c")
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(self)
        if len(calls) == 4:  # a aside, a in, b away, c away
            raise OSError(errno.EIO, "disk trouble")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="disk trouble"), into_folder(tmp_path / "out", ["a"], overwrite=True, outdated=["b", "c"]) as folder:
        fill(folder, a="new a")
    assert {entry.name: entry.read_text() for entry in (tmp_path / "out").iterdir() if entry.name in "abc"} == {
        "a": "old a", "b": "old b", "c": "old c",
    }  # fmt: skip


def test_a_folder_that_is_made_anew_keeps_what_a_person_put_into_it(tmp_path):
    with new_folder(tmp_path / "out") as folder:
        (folder / "daw").mkdir()
        fill(folder / "daw", a="old", b="old")
        write_manifest(folder, Options(), seed=0)
    (tmp_path / "out" / "daw" / "mine").write_text("mine")
    with into_folder(tmp_path / "out", ["daw"], overwrite=True) as folder:
        (folder / "daw").mkdir()
        fill(folder / "daw", a="new")
    assert {entry.name: entry.read_text() for entry in (tmp_path / "out" / "daw").iterdir()} == {"a": "new", "mine": "mine"}


def test_an_addition_that_fails_half_way_is_undone(tmp_path, monkeypatch):
    make(tmp_path / "out", a="old a", b="old b")
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(self)
        if len(calls) == 4:  # a aside, a in, b aside, b in
            raise OSError(errno.EIO, "disk trouble")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="disk trouble"), into_folder(tmp_path / "out", ["a", "b"], overwrite=True) as folder:
        fill(folder, a="new a", b="new b")
    assert (tmp_path / "out" / "a").read_text() == "old a"
    assert (tmp_path / "out" / "b").read_text() == "old b"
    assert listing(tmp_path) == {"out", "out/a", "out/b", "out/manifest.json"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=st.sets(st.sampled_from("abcd")),
    new=st.sets(st.sampled_from("abcd")),
    own=st.sets(st.sampled_from("xyab")),
    fails=st.booleans(),
)
def test_any_history_ends_old_or_new(tmp_path_factory, old, new, own, fails):
    place = tmp_path_factory.mktemp("history") / "out"
    make(place, False, **dict.fromkeys(old, "old"))
    fill(place, **dict.fromkeys(own - old, "own"))
    try:
        with new_folder(place, overwrite=True) as folder:
            fill(folder, **dict.fromkeys(new, "new"))
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    have = {entry.name: entry.read_text() for entry in place.iterdir() if entry.name != "manifest.json"}
    mine = dict.fromkeys(own - old, "own")
    assert have == ({**dict.fromkeys(old, "old"), **mine} if fails else {**mine, **dict.fromkeys(new, "new")})
    assert [entry.name for entry in place.parent.iterdir()] == ["out"]


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_tells_every_file_by_its_hash(tmp_path):
    (tmp_path / "stems").mkdir()
    fill(tmp_path, a__txt="1")
    fill(tmp_path / "stems", v__wav="2")
    write_manifest(
        tmp_path, Options(seed=5, soundfont=Path("/opt/banks/my.sf2")), seed=5, command=["film.mp4"], inputs=[tmp_path / "a.txt"]
    )
    manifest = read_manifest(tmp_path)
    assert manifest["files"] == {name: sha256_of(tmp_path / name) for name in ("a.txt", "stems/v.wav")}
    assert manifest["inputs"] == {"a.txt": sha256_of(tmp_path / "a.txt")}
    assert manifest["options"]["soundfont"] == "my.sf2"
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()
    assert set(listed_files(tmp_path) or ()) == {"a.txt", "stems/v.wav", "manifest.json"}
    assert "date" not in manifest


def test_a_date_comes_only_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    write_manifest(tmp_path, Options(), seed=0)
    assert read_manifest(tmp_path)["date"] == "1970-01-01T00:00:00+00:00"


def test_a_later_stage_continues_the_manifest(tmp_path):
    earlier = {"files": {"film.json": "1", "stems/audio/old.wav": "2"}, "timings_s": {"watch": 1.0}}
    write_manifest(tmp_path, Options(), seed=0, timings_s={"plan": 2.0}, earlier=earlier, replaced=["stems/audio"])
    manifest = read_manifest(tmp_path)
    assert manifest["files"] == {"film.json": "1"}
    assert manifest["timings_s"] == {"watch": 1.0, "plan": 2.0}


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_a_spoiled_manifest_counts_as_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert read_manifest(tmp_path) == {}
    assert listed_files(tmp_path) is None
