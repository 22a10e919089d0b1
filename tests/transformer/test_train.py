"""Training: goes on after any death as if nothing had happened, agrees between processes, needs little, refuses in one line."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from composer.cli.main import main
from composer.transformer import checkpoint, train
from composer.transformer.batches import Sampler, Store
from composer.transformer.checkpoint import load_model, load_tensors
from composer.transformer.model import ModelConfig
from composer.transformer.train import LOG, LOG_COLUMNS, STATE, WEIGHTS, TrainConfig, keep_log, rate
from tests.conftest import ROOT, environment
from tests.transformer.tiny import build

SMALL = [
    "--width",
    "32",
    "--layers",
    "1",
    "--heads",
    "2",
    "--context",
    "64",
    "--batch",
    "2",
    "--valid-every",
    "4",
    "--threads",
    "1",
    "--dropout",
    "0.1",
]
#: columns that tell of clocks
TIMES = {"seconds", "events_per_s", "mfu"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("store"))


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Little to validate on, and no measuring of the machine."""
    patch = pytest.MonkeyPatch()
    patch.setattr(train, "measured_peak", lambda device: 1e12)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    patch.undo()


def command(data: Path, out: Path, *more: object) -> list[str]:
    return [sys.executable, "-m", "composer.transformer.train", "--data", str(data), "--out", str(out), *SMALL, *map(str, more)]


def run(data: Path, out: Path, *more: object) -> str:
    done = CliRunner().invoke(train.main, ["--data", str(data), "--out", str(out), *SMALL, *map(str, more)])
    assert done.exit_code == 0, done.output
    return done.output


def rows(out: Path) -> list[dict[str, str]]:
    with (out / LOG).open(newline="") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


def same_state(a: Path, b: Path) -> bool:
    (one, meta), (other, other_meta) = load_tensors(a / STATE), load_tensors(b / STATE)
    for told in (meta, other_meta):
        told["progress"].pop("seconds")
        told["window"].pop("seconds")
    return (
        one.keys() == other.keys()
        and all(torch.equal(one[name], other[name]) for name in one)
        and meta["progress"] == other_meta["progress"]
    )


def steps(data: Path, count: int) -> int:
    """Events after so many steps: what --until takes."""
    store = Store(data)
    sampler = Sampler(store, "train", 64, 2, 0, TrainConfig().augment)
    return sum(int((sampler.draw(step).kind > 0).sum()) for step in range(count))


def test_a_killed_run_goes_on_as_if_nothing_had_happened(data: Path, tmp_path: Path) -> None:
    until = steps(data, 12)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(data, whole, "--until", until, "--cooldown", until // 2)
    goal = ("--until", until, "--cooldown", until // 2, "--save-every", 0)
    child = subprocess.Popen(command(data, killed, *goal), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while child.poll() is None and not (killed / STATE).exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.15))
    child.kill()
    _, err = child.communicate(timeout=30)
    assert (killed / STATE).exists(), err
    run(data, killed, *goal)
    assert load_tensors(whole / STATE)[1]["progress"]["step"] == 12
    assert same_state(whole, killed)
    assert rows(whole) == rows(killed)
    assert [row["step"] for row in rows(whole)] == ["4", "8", "12"]
    assert all(row["valid_bits"] for row in rows(whole))
    assert (whole / WEIGHTS).read_bytes()[-4096:] == (killed / WEIGHTS).read_bytes()[-4096:]
    assert not [p for p in killed.iterdir() if p.name.startswith(".")]


def test_stops_anywhere_leave_no_seam(data: Path, tmp_path: Path) -> None:
    """As above without luck: saved in the middle of a window of the log, with rows of steps after that already written."""
    parts = tmp_path / "parts"
    config = TrainConfig(batch=2, valid_every=4, valid_batches=2, save_every_s=0)
    shape = ModelConfig(width=32, layers=1, heads=2, head_width=32, context=64, dropout=0.1)
    until = steps(data, 8)
    said: list[str] = []
    parts.mkdir()
    first = train.Run(data, parts, shape, config)
    saved = first.save

    def save_once_at_six() -> None:
        if first.progress.step == 6:
            saved()

    first.save = save_once_at_six  # type: ignore[method-assign]
    first.train(until, 0, 1e9, said.append)
    assert [row["step"] for row in rows(parts)] == ["4", "8"]
    with (parts / LOG).open("a") as file:
        file.write("9,torn")
    second = train.Run(data, parts, shape, config)
    assert second.progress.step == 6 and [row["step"] for row in rows(parts)] == ["4"]
    second.train(until, 0, 1e9, said.append)
    whole = tmp_path / "whole"
    whole.mkdir()
    train.Run(data, whole, shape, config).train(until, 0, 1e9, said.append)
    assert rows(parts) == rows(whole) and same_state(parts, whole)
    before = (whole / LOG).read_bytes()
    train.Run(data, whole, shape, config).train(until, 0, 1e9, said.append)  # nothing left to do
    assert (whole / LOG).read_bytes() == before and same_state(parts, whole)


def test_the_log_is_kept_up_to_the_saved_step(tmp_path: Path) -> None:
    path = tmp_path / LOG
    assert keep_log(path, 5) == -1 and not path.exists()

    def row(step: int, valid: str) -> list[str]:
        return [str(step), *["1"] * 9, valid, "1", "1"]

    def write(*lines: list[str]) -> None:
        path.write_text("\n".join(",".join(line) for line in (list(LOG_COLUMNS), *lines)))

    write(row(20, ""), row(40, "9.5"), row(60, ""), ["80", "torn"])
    assert keep_log(path, 40) == 40
    assert len(path.read_text().splitlines()) == 3
    assert keep_log(path, 30) == -1 and keep_log(path, 0) == -1
    assert path.read_text().splitlines() == [",".join(LOG_COLUMNS)]


def test_a_state_without_a_window_is_still_read(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path, "--until", steps(data, 2))
    tensors, meta = load_tensors(tmp_path / STATE)
    for name in ("window", "vocabulary"):
        del meta[name]
    checkpoint.save_tensors(tmp_path / STATE, tensors, meta)
    assert "from step 2" in run(data, tmp_path, "--until", steps(data, 3))
    assert load_model(tmp_path / WEIGHTS)[1]["progress"]["step"] == 3


def test_learning_makes_it_better(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path, "--until", steps(data, 60), "--vector-lr", 0.01)
    bits = [float(row["valid_bits"]) for row in rows(tmp_path) if row["valid_bits"]]
    assert bits[-1] < 0.9 * bits[0]


def test_the_rate_warms_up_stays_and_cools_down() -> None:
    config = TrainConfig(warmup=10)
    assert rate(config, train.Progress(0, 0), 1000, 0) == pytest.approx(0.1)
    assert rate(config, train.Progress(50, 500), 1000, 400) == 1
    assert rate(config, train.Progress(50, 800), 1000, 400) == pytest.approx(0.5)
    assert rate(config, train.Progress(50, 1000), 1000, 400) == 0
    assert rate(config, train.Progress(50, 500, begun=50), 1000, 0) == pytest.approx(0.1)


def test_a_new_run_begins_with_shipped_weights(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "first", "--until", steps(data, 4))
    shipped = tmp_path / "first" / WEIGHTS
    run(data, tmp_path / "second", "--begin-with", shipped, "--width", 64, "--until", 1)  # nothing more to see: as shipped
    one, other = load_model(shipped)[0], load_model(tmp_path / "second" / WEIGHTS)[0]
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert load_tensors(tmp_path / "second" / STATE)[1]["progress"]["begun"] == 4
    run(data, tmp_path / "second", "--begin-with", shipped, "--until", steps(data, 8))
    assert load_tensors(tmp_path / "second" / STATE)[1]["progress"] | {"seconds": 0} == {
        "step": 8,
        "events": steps(data, 8),
        "notes": load_tensors(tmp_path / "second" / STATE)[1]["progress"]["notes"],
        "seconds": 0,
        "begun": 4,
    }


TWO = """
import sys
from pathlib import Path
import torch
from composer.transformer import train
from composer.transformer.model import ModelConfig
train.measured_peak = lambda device: 1e12
data, out = Path(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(1)
config = train.TrainConfig(batch=2, valid_every=3, valid_batches=2, save_every_s=0)
run = train.Run(data, out, ModelConfig(width=32, layers=1, heads=2, head_width=32, context=64, dropout=0.1), config)
run.train(3000, 1500, 1e9, lambda text: None)
torch.save({"model": run.model.state_dict(), "at": (run.progress.step, run.progress.events)}, out / f"rank{run.rank}.pt")
run.train(10**9, 0, 0.01, lambda text: None)  # by the clock: both must leave at the same step
(out / f"last{run.rank}").write_text(str(run.progress.step))
run.close()
"""


@pytest.mark.slow
def test_two_processes_learn_the_same(data: Path, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(TWO)
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(29500 + os.getpid() % 3000)]
    done = subprocess.run(
        [*words, str(tmp_path / "two.py"), str(data), str(tmp_path)],
        cwd=ROOT, env=environment(PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES=""), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, other = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one["at"] == other["at"] and one["at"][1] >= 3000
    assert all(torch.equal(one["model"][name], other["model"][name]) for name in one["model"])
    assert (tmp_path / "last0").read_text() == (tmp_path / "last1").read_text()
    assert load_tensors(tmp_path / STATE)[1]["progress"]["step"] == int((tmp_path / "last0").read_text())


def test_a_borrowed_machine_needs_little() -> None:
    forbidden = ("yaml", "rich", "symusic", "scipy", "mido", "pretty_midi", "matplotlib", "cv2", "soundfile", "fluidsynth", "ffmpeg", "scenedetect", "miditok", "music21", "PIL")  # fmt: skip
    code = (
        "import sys, json, composer.transformer.train; "
        "print(json.dumps([n for n in sys.modules if n.split('.')[0] in sys.argv[1:] or n.startswith('composer')]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *forbidden], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    ours = {"composer", "composer.transformer", *(f"composer.transformer.{name}" for name in ("train", "vocabulary", "batches", "echoes", "checkpoint", "model"))}  # fmt: skip
    assert set(json.loads(done.stdout)) == ours


# --- what can be wrong -------------------------------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *line: object) -> str:
    capsys.readouterr()
    assert main(["train", *map(str, line)]) == 2
    _, err = capsys.readouterr()
    assert err.startswith("Error: ") and err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def copy(data: Path, to: Path) -> Path:
    to.mkdir()
    for path in data.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_data_that_cannot_be_read(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "holds no prepared data" in refused(capsys, "--data", tmp_path, "--out", out)
    broken = copy(data, tmp_path / "broken")
    for name, content in (("index.json", "[{"), ("meta.json", "{}"), ("meta.json", "[]"), ("bars.npy", ""), ("bars.npy", "no numbers")):
        before = (broken / name).read_bytes()
        (broken / name).write_text(content)
        assert "cannot be read" in refused(capsys, "--data", broken, "--out", out, *SMALL), name
        (broken / name).write_bytes(before)
    meta = json.loads((broken / "meta.json").read_text())
    (broken / "meta.json").write_text(json.dumps({**meta, "version": 99}))
    assert "version 99" in refused(capsys, "--data", broken, "--out", out, *SMALL)
    (broken / "meta.json").write_text(json.dumps({**meta, "counts": {**meta["counts"], "events": 5}}))
    assert "cannot be read" in refused(capsys, "--data", broken, "--out", out, *SMALL)
    (broken / "meta.json").write_text(json.dumps(meta))
    index = json.loads((broken / "index.json").read_text())
    (broken / "index.json").write_text(json.dumps([{**piece, "split": "train"} for piece in index]))
    assert "no valid pieces" in refused(capsys, "--data", broken, "--out", out, *SMALL)
    assert not out.exists()


def test_a_state_that_cannot_be_read(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / STATE).write_bytes(b"no state")
    assert "no readable safetensors" in refused(capsys, "--data", data, "--out", tmp_path, *SMALL)


def test_options_that_make_no_sense(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "multiple of 10" in refused(capsys, "--data", data, "--out", tmp_path / "x", "--width", 32, "--heads", 5)
    assert "--batch" in refused(capsys, "--data", data, "--out", tmp_path / "x", "--batch", 0)
    assert "--data" in refused(capsys, "--out", tmp_path / "x")
    (tmp_path / "file").touch()
    refused(capsys, "--data", data, "--out", tmp_path / "file", *SMALL, "--until", 100)
    assert (tmp_path / "file").read_bytes() == b""


def test_the_command_trains_and_draws(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["train", "--data", str(data), "--out", str(out), *SMALL, "--until", "300"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "curve.png")
    assert {p.name for p in out.iterdir()} == {STATE, WEIGHTS, LOG, "curve.png"}
    assert (out / "curve.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_without_torch_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from composer.cli import learning

    def missing() -> None:
        raise learning._missing(ModuleNotFoundError("No module named 'torch'", name="torch"))

    monkeypatch.setattr(learning, "_training", missing)
    assert "torch is missing" in refused(capsys, "--data", "x", "--out", "y")


def test_help_does_not_load_torch() -> None:
    code = "import sys; from composer.cli.main import main; main(['--help']); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=True, capture_output=True)
