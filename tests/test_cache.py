"""The cache: what is kept comes back, what is damaged does not, and it never grows beyond its limit or stands in the way."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from composer import cache
from composer.errors import OptionError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HITPOINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HITPOINT_CACHE_LIMIT", raising=False)
    return tmp_path / "cache"


def some(value: int, count: int = 1000) -> dict[str, np.ndarray]:
    return {"rows": np.full(count, value, np.int64)}


def entries(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def age(place: Path, kind: str, key: str, seconds: float) -> None:
    when = time.time() - seconds
    os.utime(place / kind / f"{key}.npz", (when, when))


def test_what_is_kept_comes_back(place):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(7), "none": np.empty((0, 4), np.uint8)}
    key = cache.key_of("film", 1)
    assert cache.load("k", key) is None
    cache.store("k", key, arrays)
    found = cache.load("k", key)
    assert found is not None
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert cache.load("other kind", key) is None
    assert cache.load("k", cache.key_of("film", 2)) is None


@given(st.lists(st.text(max_size=6), max_size=4), st.lists(st.text(max_size=6), max_size=4))
def test_keys_tell_different_parts_apart(one, other):
    assert (cache.key_of(*one) == cache.key_of(*other)) == (one == other)


def test_content_counts_not_the_name(tmp_path):
    for name, text in [("a", "film"), ("b", "film"), ("c", "films")]:
        (tmp_path / name).write_text(text)
    a, b, c = (cache.content_hash(tmp_path / name) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("how", ["cut short", "one byte changed", "no archive", "empty", "pickled"])
def test_damaged_entries_are_dropped_and_made_anew(place, how):
    key = cache.key_of(how)
    cache.store("k", key, some(1))
    (path,) = entries(place)
    data = bytearray(path.read_bytes())
    if how == "one byte changed":
        data[len(data) // 2] ^= 1
    path.write_bytes({"cut short": bytes(data[: len(data) // 2]), "no archive": b"film", "empty": b""}.get(how, bytes(data)))
    if how == "pickled":
        np.savez(path, rows=np.array([{"code": "runs"}], object))
    assert cache.load("k", key) is None
    assert entries(place) == []
    cache.store("k", key, some(2))
    found = cache.load("k", key)
    assert found is not None and found["rows"][0] == 2


def test_what_was_not_used_for_longest_goes_first(place, monkeypatch):
    keys = [cache.key_of(i) for i in range(4)]
    for i, key in enumerate(keys[:3]):
        cache.store("k", key, some(i))
        age(place, "k", key, 100 - i)
    cache.load("k", keys[0])  # the oldest, but used now
    size = entries(place)[0].stat().st_size
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", str(3 * size))
    cache.store("k", keys[3], some(3))
    assert [cache.load("k", key) is not None for key in keys] == [True, False, True, True]
    assert sum(path.stat().st_size for path in entries(place)) <= 3 * size


def test_an_entry_beyond_the_limit_is_not_kept_and_pushes_nothing_out(place, monkeypatch):
    small, large = cache.key_of("small"), cache.key_of("large")
    cache.store("k", small, some(1, 10))
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", "2K")
    cache.store("k", large, some(1, 1000))
    assert cache.load("k", large) is None
    assert cache.load("k", small) is not None


def test_nothing_but_its_own_files_is_removed(place, monkeypatch):
    (place / "mine").mkdir(parents=True)
    mine = [place / "mine" / name for name in ("data.npz", ".note.part", "film.mp4")]
    ours = [place / "mine" / name for name in (".hitpoint-abandoned.part", ".hitpoint-busy.part")]
    for path in (*mine, *ours):
        path.write_bytes(bytes(5000))
    for path in (*mine, ours[0]):
        os.utime(path, (0, 0))
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", "1K")
    cache.store("k", cache.key_of(1), some(1, 10))
    assert all(path.exists() for path in mine)
    assert [path.exists() for path in ours] == [False, True]


@pytest.mark.parametrize("off", ["", " ", "off", "OFF"])
def test_off(place, monkeypatch, off):
    monkeypatch.setenv("HITPOINT_CACHE", off)
    assert cache.folder() is None
    cache.store("k", cache.key_of(1), some(1))
    assert cache.load("k", cache.key_of(1)) is None
    assert not place.exists()


def test_the_platforms_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("HITPOINT_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg/hitpoint"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.folder() == tmp_path / ".cache/hitpoint"
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == tmp_path / "Library/Caches/hitpoint"


def test_a_place_that_cannot_be_written_keeps_nothing_and_says_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    for blocked in (tmp_path / "file", tmp_path / "file/below"):
        monkeypatch.setenv("HITPOINT_CACHE", str(blocked))
        cache.store("k", cache.key_of(1), some(1))
        assert cache.load("k", cache.key_of(1)) is None


def test_a_full_disk_leaves_nothing_half_written(place, monkeypatch):
    def full(file, **kept):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    cache.store("k", cache.key_of(1), some(1))
    assert entries(place) == []


@pytest.mark.parametrize(
    ("said", "meant"), [("1000", 1000), ("3K", 3072), ("1.5 m", 3 << 19), ("2G", 2 << 30), ("4GB", 4 << 30), ("", 2 << 30)]
)
def test_limits(monkeypatch, said, meant):
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", said)
    assert cache.limit_bytes() == meant


@pytest.mark.parametrize("said", ["much", "-1", "1T", "1e9"])
def test_a_limit_that_is_none_is_said_before_the_work(monkeypatch, said):
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", said)
    with pytest.raises(OptionError, match="HITPOINT_CACHE_LIMIT"):
        cache.load("k", cache.key_of(1))


def test_who_is_reading_an_entry_when_it_is_replaced_reads_the_old_one(place):
    key = cache.key_of(1)
    cache.store("k", key, some(1))
    (path,) = entries(place)
    old = path.read_bytes()
    with path.open("rb") as reader:
        cache.store("k", key, some(2))
        assert reader.read() == old
    assert path.read_bytes() != old


def _busy(number: int, bad: "multiprocessing.Queue[str]") -> None:
    for i in range(40):
        key = cache.key_of(i % 4)
        cache.store("k", key, some(i % 4))
        found = cache.load("k", key)
        if found is not None and not (found["rows"] == i % 4).all():
            bad.put(f"process {number} read {found['rows'][:3]} for {i % 4}")


def test_two_processes_share_it(place, monkeypatch):
    monkeypatch.setenv("HITPOINT_CACHE_LIMIT", "20K")  # room for two of four entries: both keep throwing out what the other reads
    context = multiprocessing.get_context("fork")
    bad = context.Queue()
    processes = [context.Process(target=_busy, args=(number, bad)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert bad.empty()
    assert sum(path.stat().st_size for path in entries(place)) <= 20 << 10
    assert not list(place.rglob("*.part"))
