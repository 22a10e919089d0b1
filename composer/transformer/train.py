"""Training: `python -m composer.transformer.train --data DIR --out DIR` (also `cli.py train`, also under torchrun).

* imports only torch, numpy, safetensors, click and the standard library: a borrowed GPU machine has no more;
* bfloat16 by autocast, float32 weights; Muon (Jordan et al. 2024) for the matrices inside, AdamW for embeddings, outputs and vectors;
* learning rate: warm-up, then constant, then a linear cool-down over the last `--cooldown` events (warmup–stable–decay,
  arXiv 2405.18392): the constant trunk can be continued any day, and every cool-down off it gives a model to ship;
* `state.safetensors` holds all that the next step depends on. It replaces its predecessor by rename, and batches and dropout are
  functions of (seed, step, rank): a run that was killed at any moment continues exactly as it would have gone on.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
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
    augment: Augment = Augment()


@dataclass
class Progress:
    """Where a run stands; all of it is saved."""

    step: int = 0
    events: int = 0
    notes: int = 0
    seconds: float = 0.0


def to_tensors(batch: Batch, device: torch.device) -> tuple[Events, Targets]:
    """A batch as the model reads it."""

    def move(array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)

    events = Events(*(move(getattr(batch, name)) for name in Events._fields))
    return events, Targets(*(move(batch.targets[name]) for name in Targets._fields))


def optimizers(model: Transformer, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for matrices that map the stream to itself or its like, AdamW for everything else."""
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and (name.startswith("blocks.") or name.startswith("mix_") or ".read." in name or ".mix." in name)
        (matrices if inside else rest).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=config.matrix_lr, weight_decay=config.weight_decay, momentum=0.95),
        torch.optim.AdamW(rest, lr=config.vector_lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate(config: TrainConfig, progress: Progress, until: int, cooldown: int) -> float:
    """Share of the full learning rate at this point of the run."""
    up = min(1.0, (progress.step + 1) / config.warmup)
    return up if cooldown <= 0 else min(up, max(0.0, (until - progress.events) / cooldown))


class Run:
    """One training, on one process of perhaps several."""

    def __init__(self, data: Path, out: Path, model: ModelConfig, config: TrainConfig, compiled: bool = False) -> None:
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")
        self.device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if cuda else "cpu")
        self.out, self.config = out, config
        self.store = Store(data)
        self.progress = Progress()
        torch.manual_seed(config.seed)
        saved = self._saved()
        if saved is not None:
            model = ModelConfig(**{**saved[1]["config"], "dropout": model.dropout})
        self.model = Transformer(model).to(self.device)
        self.optimizers = optimizers(self.model, config)
        if saved is not None:
            self._restore(*saved)
        self.trained: Callable[..., Tensor] = self.model
        if compiled:
            self.trained = torch.compile(self.model, dynamic=True)
        if self.world > 1:
            self.trained = nn.parallel.DistributedDataParallel(self.model)
        self.sampler = Sampler(self.store, "train", model.context, config.batch, config.seed, config.augment)
        self.valid: list[Batch] = []
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
        meta = {"config": asdict(self.model.config), "progress": asdict(self.progress), "scalars": scalars, "train": asdict(self.config)}
        checkpoint.save_tensors(self.out / STATE, tensors, {**meta, "instruments": self.store.instruments})
        self.save_weights()

    def save_weights(self) -> None:
        """The model alone, for use."""
        if not self.rank:
            checkpoint.save_model(self.out / WEIGHTS, self.model, {"instruments": self.store.instruments, "progress": asdict(self.progress)})

    def _restore(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        if meta["instruments"] != self.store.instruments:
            raise click.UsageError("the data lists other instruments than the saved state: prepare the data with this version anew.")
        self.model.load_state_dict({name[6:]: t for name, t in tensors.items() if name.startswith("model/")})
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

    # --- steps -----------------------------------------------------------------------------------------------------------

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if _has_bf16(self.device) else nullcontext()

    def step(self, share: float) -> tuple[list[float], int]:
        """One step at a share of the full learning rate: bits by factor (summed) and notes, of this process."""
        progress, config = self.progress, self.config
        torch.manual_seed((config.seed * 1_000_003 + progress.step) * 64 + self.rank)
        batch = self.sampler.draw(progress.step, self.rank)
        events, targets = to_tensors(batch, self.device)
        self.model.train()
        with self._autocast():
            nats = self.trained(events, targets)
        (nats.sum() / max(1, batch.notes)).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimizer, base in zip(self.optimizers, (config.matrix_lr, config.vector_lr), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.events += int((batch.kind > 0).sum()) * self.world
        progress.notes += batch.notes * self.world
        return [float(x) / math.log(2) for x in nats.detach()], batch.notes

    def validate(self) -> list[float]:
        """Bits per note by factor on batches that never change."""
        if not self.valid:
            sampler = Sampler(self.store, "valid", self.model.config.context, self.config.batch, 1, PLAIN)
            self.valid = [sampler.draw(i) for i in range(self.config.valid_batches)]
        self.model.eval()
        total, notes = np.zeros(4), 0
        with torch.inference_mode(), self._autocast():
            for batch in self.valid:
                total += self.model(*to_tensors(batch, self.device)).double().cpu().numpy() / math.log(2)
                notes += batch.notes
        return [float(x) for x in total / max(1, notes)]

    def train(self, until: int, cooldown: int, minutes: float, say: Callable[[str], None]) -> None:
        """Steps until so many events were seen or so much time has passed; saved at the end and now and then."""
        peak = measured_peak(self.device)
        began = saved_at = time.monotonic()
        before_s = self.progress.seconds
        window = _Window()
        while self.progress.events < until and time.monotonic() - began < minutes * 60:
            share = rate(self.config, self.progress, until, cooldown)
            events_before = self.progress.events
            window.add(*self.step(share), self.progress.events - events_before)
            self.progress.seconds = before_s + time.monotonic() - began
            due = self.progress.step % self.config.valid_every == 0
            if due or self.progress.step % 20 == 0:
                self._report(window, share, self.validate() if due and not self.rank else None, peak, say)
                window = _Window()
            if self.world == 1 and time.monotonic() - saved_at > self.config.save_every_s:
                self.save()
                saved_at = time.monotonic()
        self._report(window, 0.0, self.validate() if not self.rank else None, peak, say)
        self.save()

    def _report(self, window: _Window, share: float, valid: list[float] | None, peak: float, say: Callable[[str], None]) -> None:
        if self.rank:
            return
        p, bits = self.progress, window.bits_per_note()
        speed = window.events / max(1e-9, time.monotonic() - window.began)
        mfu = speed * self.flops / peak
        row = [p.step, p.events, p.notes, round(p.seconds, 1), round(share, 4), *(round(b, 4) for b in bits), round(sum(bits), 4)]
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
    """Sums between two reports."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.bits, self.notes, self.events = np.zeros(4), 0, 0

    def add(self, bits: list[float], notes: int, events: int) -> None:
        self.bits += bits
        self.notes += notes
        self.events += events

    def bits_per_note(self) -> list[float]:
        return [float(b) for b in self.bits / max(1, self.notes)]


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cuda" or torch.backends.mkldnn.is_available()


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
@click.option("--out", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the run: state, weights, log. A run that is there goes on.")
@click.option("--until", type=float, default=1e12, help="Stop when so many events were seen in all (1e8).")
@click.option("--cooldown", type=float, default=0, help="Lower the learning rate to nothing over the last so many events before --until.")
@click.option("--minutes", type=float, default=1e9, help="Stop after so many minutes.")
@click.option("--width", default=ModelConfig.width, show_default=True, help="Channels.")
@click.option("--layers", default=ModelConfig.layers, show_default=True, help="Blocks.")
@click.option("--heads", default=ModelConfig.heads, show_default=True, help="Attention heads.")
@click.option("--context", default=ModelConfig.context, show_default=True, help="Events of look-back.")
@click.option("--dropout", default=ModelConfig.dropout, show_default=True, help="Share of activations dropped.")
@click.option("--batch", default=TrainConfig.batch, show_default=True, help="Windows a step and process.")
@click.option("--matrix-lr", default=TrainConfig.matrix_lr, show_default=True, help="Learning rate of the matrices.")
@click.option("--vector-lr", default=TrainConfig.vector_lr, show_default=True, help="Learning rate of the rest.")
@click.option("--valid-every", default=TrainConfig.valid_every, show_default=True, help="Steps between validations.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=0, help="Threads on a CPU (0: torch decides).")
@click.option("--compiled", is_flag=True, help="Compile the model first (minutes; pays on long runs).")
@click.option("--no-time-rotary", is_flag=True, help="Positions by place alone (for comparison).")
def main(data: Path, out: Path, until: float, cooldown: float, minutes: float, width: int, layers: int, heads: int, context: int, dropout: float,
         batch: int, matrix_lr: float, vector_lr: float, valid_every: int, seed: int, threads: int, compiled: bool, no_time_rotary: bool) -> None:  # fmt: skip
    """Train the affective transformer; go on where the run in --out was left."""
    if threads:
        torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    shape = ModelConfig(width, layers, heads, context=context, dropout=dropout, time_rotary=not no_time_rotary)
    config = replace(TrainConfig(), batch=batch, matrix_lr=matrix_lr, vector_lr=vector_lr, valid_every=valid_every, seed=seed)
    try:
        run = Run(data, out, shape, config, compiled)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"{run.model.parameter_count():,} weights, {len(run.sampler.pieces)} pieces, from step {run.progress.step} on {run.device}")
    try:
        run.train(int(until), int(cooldown), minutes, click.echo)
    except KeyboardInterrupt:
        click.echo("interrupted: the last saved state stands; run the same command to go on", err=True)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
