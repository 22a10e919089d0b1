"""Training: `python -m composer.transformer.train --data DIR --out DIR` (also `cli.py train`, also under torchrun).

* imports only torch, numpy, safetensors, click and the standard library: a borrowed GPU machine has no more;
* bfloat16 by autocast, float32 weights; Muon (Jordan et al. 2024) for the matrices inside, AdamW for embeddings, outputs and vectors;
* learning rate: warm-up, then constant, then a linear cool-down over the last `--cooldown` events (warmup–stable–decay,
  arXiv 2405.18392): the constant trunk can be continued any day, and every cool-down off it gives a model to ship;
* where no state was kept, `--begin-with` starts from shipped weights with a new warm-up;
* `state.safetensors` holds all that the next step depends on. It replaces its predecessor by rename, and batches and dropout are
  functions of (seed, step, rank): a run that was killed at any moment continues exactly as it would have gone on;
* under torchrun every process counts what all have seen, so that learning rates and the end are the same for all.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from composer.transformer import checkpoint, vocabulary as V
from composer.transformer.batches import PLAIN, Augment, Batch, Sampler, Store
from composer.transformer.model import Events, ModelConfig, Targets, Transformer

STATE, WEIGHTS, LOG = "state.safetensors", "model.safetensors", "log.csv"
#: steps between rows of the log
REPORT_EVERY = 20
LOG_COLUMNS = ("step", "events", "notes", "seconds", "lr", "bits_onset", "bits_pitch", "bits_duration", "bits_velocity", "bits", "valid_bits", "events_per_s", "mfu")  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """What shapes a run besides the model."""

    #: windows per step (per process)
    batch: int = 16
    #: learning rates of Muon and of AdamW
    matrix_lr: float = 0.02
    vector_lr: float = 0.003
    #: steps of warm-up
    warmup: int = 100
    #: decay of the matrices per unit of learning rate
    weight_decay: float = 0.05
    #: largest norm of the gradient
    clip: float = 1.0
    #: everything random comes from this
    seed: int = 0
    #: steps between validations, and batches in each
    valid_every: int = 250
    valid_batches: int = 16
    #: seconds between saved states
    save_every_s: float = 120.0
    augment: Augment = field(default_factory=Augment)


@dataclass
class Progress:
    """Where a run stands; all of it is saved."""

    step: int = 0
    events: int = 0
    notes: int = 0
    seconds: float = 0.0
    #: step at which the optimizers began: warm-up counts from there
    begun: int = 0


def to_tensors(batch: Batch, device: torch.device) -> tuple[Events, Targets]:
    """A batch as the model reads it."""

    def move(array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

    events = Events(*(move(getattr(batch, name)) for name in Events._fields))
    return events, Targets(*(move(batch.targets[name]) for name in Targets._fields))


def optimizers(model: Transformer, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for matrices that map the stream to itself or its like, AdamW for everything else."""
    matrices: list[Tensor] = []
    rest: list[Tensor] = []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and (name.startswith(("blocks.", "mix_")) or ".read." in name or ".mix." in name)
        (matrices if inside else rest).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=config.matrix_lr, weight_decay=config.weight_decay, momentum=0.95),
        torch.optim.AdamW(rest, lr=config.vector_lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate(config: TrainConfig, progress: Progress, until: int, cooldown: int) -> float:
    """Share of the full learning rate at this point of the run."""
    up = min(1.0, (progress.step - progress.begun + 1) / config.warmup)
    return up if cooldown <= 0 else min(up, max(0.0, (until - progress.events) / cooldown))


class Run:
    """One training, on one process of perhaps several."""

    def __init__(
        self, data: Path, out: Path, model: ModelConfig, config: TrainConfig, compiled: bool = False, begin_with: Path | None = None
    ) -> None:
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        self.device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if cuda else "cpu")
        self.out, self.config = out, config
        self.store = _open(data)
        if cuda:
            torch.cuda.set_device(self.device)
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")
        self.progress, self.window = Progress(), _Window()
        torch.manual_seed(config.seed)
        saved = self._saved()
        shipped = checkpoint.load_model(begin_with) if begin_with is not None and saved is None else None
        if saved is not None:
            model = ModelConfig(**{**saved[1]["config"], "dropout": model.dropout})
        elif shipped is not None:
            model = replace(shipped[0].config, dropout=model.dropout)
        self.model = Transformer(model).to(self.device)
        if shipped is not None:
            self._begin_with(*shipped)
        self.optimizers = optimizers(self.model, config)
        if saved is not None:
            self._restore(*saved)
        self.trained: Callable[..., Tensor] = self.model
        if self.world > 1:
            self.trained = nn.parallel.DistributedDataParallel(self.model)
        if compiled:
            self.trained = torch.compile(self.trained, dynamic=True)
        self.sampler = Sampler(self.store, "train", model.context, config.batch, config.seed, config.augment)
        self.held_out = Sampler(self.store, "valid", model.context, config.batch, 1, PLAIN)
        self.valid: list[Batch] = []
        #: step of the last validation in the log
        self.validated = -1 if self.rank else keep_log(out / LOG, self.progress.step)
        self.flops = _flops_per_event(self.model)

    # --- state -----------------------------------------------------------------------------------------------------------

    def _saved(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        path = self.out / STATE
        return checkpoint.load_tensors(path) if path.exists() else None

    def save(self) -> None:
        """State to continue from and weights to use, each replaced whole."""
        if self.rank:
            return
        tensors = {f"model/{name}": tensor.detach() for name, tensor in self.model.state_dict().items()}
        scalars: dict[str, Any] = {}
        for i, optimizer in enumerate(self.optimizers):
            for key, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    if isinstance(value, Tensor):
                        tensors[f"optimizer/{i}/{key}/{name}"] = value
                    else:
                        scalars[f"{i}/{key}/{name}"] = value
        meta: dict[str, Any] = {
            "config": asdict(self.model.config),
            "progress": asdict(self.progress),
            "scalars": scalars,
            "train": asdict(self.config),
        }
        meta |= {"instruments": self.store.instruments, "vocabulary": V.VERSION, "window": self.window.state()}
        checkpoint.save_tensors(self.out / STATE, tensors, meta)
        self.save_weights()

    def save_weights(self) -> None:
        """The model alone, for use."""
        if not self.rank:
            checkpoint.save_model(
                self.out / WEIGHTS,
                self.model,
                {"instruments": self.store.instruments, "practice": self.store.meta["practice"], "progress": asdict(self.progress)},
            )

    def _begin_with(self, shipped: Transformer, meta: dict[str, Any]) -> None:
        """Weights of a shipped checkpoint where no state was kept: the optimizers begin anew, what was seen is counted on."""
        if meta["instruments"] != self.store.instruments:
            raise ValueError("the data lists other instruments than the weights to begin with: prepare the data with this version anew")
        self.model.load_state_dict(shipped.state_dict())
        self.progress = replace(Progress(**meta["progress"]), begun=int(meta["progress"]["step"]))

    def _restore(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        if meta["instruments"] != self.store.instruments:
            raise ValueError("the data lists other instruments than the saved state: prepare the data with this version anew")
        if meta.get("vocabulary", V.VERSION) != V.VERSION:
            raise ValueError(f"{self.out / STATE} speaks vocabulary {meta['vocabulary']}, this program {V.VERSION}")
        try:
            self.model.load_state_dict({name[6:]: t for name, t in tensors.items() if name.startswith("model/")})
        except RuntimeError as error:
            raise ValueError(f"{self.out / STATE} does not fit the model it names ({str(error).splitlines()[0]})") from None
        for i, optimizer in enumerate(self.optimizers):
            whole = optimizer.state_dict()
            state: dict[int, dict[str, Any]] = {}
            for name, tensor in tensors.items():
                if name.startswith(f"optimizer/{i}/"):
                    _, _, key, field = name.split("/")
                    state.setdefault(int(key), {})[field] = tensor
            for name, value in meta["scalars"].items():
                which, key, field = name.split("/")
                if int(which) == i:
                    state.setdefault(int(key), {})[field] = value
            optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        self.progress = Progress(**meta["progress"])
        self.window = _Window.of(meta.get("window"))

    # --- steps -----------------------------------------------------------------------------------------------------------

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if _has_bf16(self.device) else nullcontext()

    def step(self, share: float) -> tuple[list[float], int]:
        """One step at a share of the full learning rate: bits by factor (summed) and notes, of all processes."""
        progress, config = self.progress, self.config
        torch.manual_seed((config.seed * 1_000_003 + progress.step) * 64 + self.rank)
        batch = self.sampler.draw(progress.step, self.rank)
        events, targets = to_tensors(batch, self.device)
        self.model.train()
        with self._autocast():
            nats = self.trained(events, targets)
        (nats.sum() / max(1, batch.notes)).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimizer, base in zip(self.optimizers, (config.matrix_lr, config.vector_lr), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        counted = torch.tensor([int((batch.kind > 0).sum()), batch.notes], dtype=torch.float64, device=self.device)
        sums = torch.cat([nats.detach().double() / math.log(2), counted])
        if self.world > 1:
            dist.all_reduce(sums)
        *bits, events_seen, notes = sums.tolist()
        progress.step += 1
        progress.events += int(events_seen)
        progress.notes += int(notes)
        return bits, int(notes)

    def validate(self) -> list[float]:
        """Bits per note by factor on batches that never change."""
        if not self.valid:
            self.valid = [self.held_out.draw(i) for i in range(self.config.valid_batches)]
        self.model.eval()
        total, notes = np.zeros(4), 0
        with torch.inference_mode(), self._autocast():
            for batch in self.valid:
                total += self.model(*to_tensors(batch, self.device)).double().cpu().numpy() / math.log(2)
                notes += batch.notes
        return [float(x) for x in total / max(1, notes)]

    def train(self, until: int, cooldown: int, minutes: float, say: Callable[[str], None]) -> None:
        """Steps until so many events were seen or so much time has passed; saved at the end and now and then."""
        peak = measured_peak(self.device) * self.world
        began = saved_at = time.monotonic()
        before_s, share = self.progress.seconds, 0.0
        self.window.go_on()
        while self._agreed(self.progress.events < until and time.monotonic() - began < minutes * 60):
            share = rate(self.config, self.progress, until, cooldown)
            events_before = self.progress.events
            self.window.add(*self.step(share), self.progress.events - events_before)
            self.progress.seconds = before_s + time.monotonic() - began
            due = self.progress.step % self.config.valid_every == 0
            if due or self.progress.step % REPORT_EVERY == 0:
                self._report(share, due, peak, say)
            if time.monotonic() - saved_at > self.config.save_every_s:
                self.save()
                saved_at = time.monotonic()
        if self.window.events or (not self.rank and self.validated != self.progress.step):
            self._report(share, True, peak, say)
        self.save()

    def _agreed(self, go_on: bool) -> bool:
        """What the first process thinks: clocks differ."""
        if self.world == 1:
            return go_on
        flag = torch.tensor([int(go_on)], device=self.device)
        dist.broadcast(flag, 0)
        return bool(flag.item())

    def close(self) -> None:
        """Part from the other processes, when the first has saved."""
        if self.world > 1:
            dist.barrier()
            dist.destroy_process_group()

    def _report(self, share: float, validate: bool, peak: float, say: Callable[[str], None]) -> None:
        """A row of the log, from the first process; a new window begins."""
        window, self.window = self.window, _Window()
        if self.rank:
            return
        p, bits = self.progress, window.bits_per_note()
        valid = self.validate() if validate else None
        self.window.go_on()
        self.validated = p.step if valid else self.validated
        speed = window.events / max(1e-9, window.elapsed_s)
        mfu = speed * self.flops / peak
        row: list[float | str] = [p.step, p.events, p.notes, round(p.seconds, 1), round(share, 4)]
        row += [round(b, 4) if window.notes else "" for b in (*bits, sum(bits))]  # nothing learnt since: only the validation counts
        row += [round(sum(valid), 4) if valid else "", round(speed), round(mfu, 3)]
        with (self.out / LOG).open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(LOG_COLUMNS)
            writer.writerow(row)
        words = " ".join(f"{name} {b:.3f}" for name, b in zip(V.FACTORS, bits, strict=True))
        say(f"step {p.step:6d}  {p.events / 1e6:8.2f} M events  {sum(bits):.3f} bits/note ({words})  {speed:,.0f} events/s  MFU {mfu:.0%}")
        if valid:
            say(f"held out: {sum(valid):.3f} bits/note (" + " ".join(f"{n} {b:.3f}" for n, b in zip(V.FACTORS, valid, strict=True)) + ")")


class _Window:
    """Sums between two reports; saved as well, so that the log of a run that was cut off shows no seam."""

    def __init__(self) -> None:
        self.bits, self.notes, self.events = np.zeros(4), 0, 0
        self.before_s, self.began = 0.0, time.monotonic()

    @classmethod
    def of(cls, state: dict[str, Any] | None) -> _Window:
        """One that was saved; states of earlier versions have none."""
        window = cls()
        if state is not None:
            window.bits, window.notes, window.events = np.array(state["bits"], dtype=float), state["notes"], state["events"]
            window.before_s = state["seconds"]
        return window

    def state(self) -> dict[str, Any]:
        """What `of` reads."""
        return {"bits": self.bits.tolist(), "notes": self.notes, "events": self.events, "seconds": self.elapsed_s}

    def go_on(self) -> None:
        """Time that has passed since it was made does not count."""
        self.began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training in it."""
        return self.before_s + time.monotonic() - self.began

    def add(self, bits: list[float], notes: int, events: int) -> None:
        """One step."""
        self.bits += bits
        self.notes += notes
        self.events += events

    def bits_per_note(self) -> list[float]:
        """By factor."""
        return [float(b) for b in self.bits / max(1, self.notes)]


def keep_log(path: Path, step: int) -> int:
    """Drop rows of steps after `step` (and torn ones): they will be written again. Returns the step of the last row if it validated, or −1."""
    if not path.exists():
        return -1
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = [row for row in csv.reader(text.splitlines()) if len(row) == len(LOG_COLUMNS) and row[0].isdecimal() and int(row[0]) <= step]
    kept = [list(LOG_COLUMNS), *rows]
    part = path.with_name(f".{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(kept)
    part.replace(path)
    valid = LOG_COLUMNS.index("valid_bits")
    return step if rows and int(rows[-1][0]) == step and rows[-1][valid] else -1


def _open(data: Path) -> Store:
    """The prepared data. Raises ValueError with one line when they are not there, broken or of another version."""
    try:
        store = Store(data)
        counts = store.meta["counts"]
        found = {name: len(store.arrays[name]) for name in counts}
        if found != counts:
            raise ValueError(f"{found} is there, {counts} was written")
        return store
    except FileNotFoundError as error:
        raise ValueError(f"{data} holds no prepared data ({Path(str(error.filename)).name} is missing)") from None
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        text = str(error)
        if not text.startswith(str(data)):
            text = f"the prepared data in {data} cannot be read ({type(error).__name__}: {error})"
        raise ValueError(" ".join(text.split())) from None


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cuda" or torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def _flops_per_event(model: Transformer) -> float:
    """Forward and backward: six per weight that is multiplied, and attention over half the context."""
    config = model.config
    looked_up = sum(module.weight.numel() for module in model.modules() if isinstance(module, nn.Embedding))
    return 6.0 * (model.parameter_count() - looked_up) + 6.0 * config.layers * config.width * config.context


def measured_peak(device: torch.device) -> float:
    """What a plain bfloat16 product reaches here, FLOP/s: the measure that MFU is given in."""
    a = torch.randn(4096, 1024, dtype=torch.bfloat16, device=device)
    b = torch.randn(1024, 1024, dtype=torch.bfloat16, device=device)
    best = 0.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(4):
            a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 4 * 2 * 4096 * 1024 * 1024 / (time.perf_counter() - began))
    return best


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder that `data prepare` wrote.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the run: state, weights, log. A run that is there goes on.",
)
@click.option("--until", type=float, default=1e12, help="Stop when so many events were seen in all (1e8).")
@click.option("--cooldown", type=float, default=0, help="Lower the learning rate to nothing over the last so many events before --until.")
@click.option("--minutes", type=float, default=1e9, help="Stop after so many minutes.")
@click.option("--width", type=click.IntRange(1), default=ModelConfig.width, show_default=True, help="Channels.")
@click.option("--layers", type=click.IntRange(1), default=ModelConfig.layers, show_default=True, help="Blocks.")
@click.option("--heads", type=click.IntRange(1), default=ModelConfig.heads, show_default=True, help="Attention heads.")
@click.option("--context", type=click.IntRange(16), default=ModelConfig.context, show_default=True, help="Events of look-back.")
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, max_open=True),
    default=ModelConfig.dropout,
    show_default=True,
    help="Share of activations dropped.",
)
@click.option("--batch", type=click.IntRange(1), default=TrainConfig.batch, show_default=True, help="Windows a step and process.")
@click.option("--matrix-lr", default=TrainConfig.matrix_lr, show_default=True, help="Learning rate of the matrices.")
@click.option("--vector-lr", default=TrainConfig.vector_lr, show_default=True, help="Learning rate of the rest.")
@click.option(
    "--valid-every", type=click.IntRange(1), default=TrainConfig.valid_every, show_default=True, help="Steps between validations."
)
@click.option("--save-every", default=TrainConfig.save_every_s, show_default=True, help="Seconds between saved states.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="All chance comes from this number.")
@click.option(
    "--begin-with", type=click.Path(path_type=Path), help="Weights a new run begins with (its shape too); a run that is there goes on."
)
@click.option("--threads", type=click.IntRange(0), default=0, help="Threads on a CPU (0: torch decides).")
@click.option("--compiled", is_flag=True, help="Compile the model first (minutes; pays on long runs).")
@click.option("--no-time-rotary", is_flag=True, help="Positions by place alone (for comparison).")
def main(data: Path, out: Path, until: float, cooldown: float, minutes: float, width: int, layers: int, heads: int, context: int, dropout: float,
         batch: int, matrix_lr: float, vector_lr: float, valid_every: int, save_every: float, seed: int, begin_with: Path | None, threads: int, compiled: bool, no_time_rotary: bool) -> None:  # fmt: skip
    """Train the affective transformer; go on where the run in --out was left."""
    if threads:
        torch.set_num_threads(threads)
    if width % (2 * heads):
        raise click.UsageError(f"--width {width} cannot be shared by {heads} heads: it must be a multiple of {2 * heads}")
    shape = ModelConfig(width, layers, heads, context=context, dropout=dropout, time_rotary=not no_time_rotary)
    config = replace(
        TrainConfig(), batch=batch, matrix_lr=matrix_lr, vector_lr=vector_lr, valid_every=valid_every, save_every_s=save_every, seed=seed
    )
    try:
        run = Run(data, out, shape, config, compiled, begin_with)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from None

    def say(text: str) -> None:
        if not run.rank:
            click.echo(text)

    say(f"{run.model.parameter_count():,} weights, {len(run.sampler.pieces)} pieces, from step {run.progress.step} on {run.device}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        run.train(int(until), int(cooldown), minutes, say)
        run.close()
    except OSError as error:
        raise click.UsageError(f"the run could not be written ({error}); the last saved state stands") from None
    except KeyboardInterrupt:
        click.echo("interrupted: the last saved state stands; run the same command to go on", err=True)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
