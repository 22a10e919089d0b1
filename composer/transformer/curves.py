"""Pictures of a training: what its log says, over the events it saw."""

from __future__ import annotations

import csv
from pathlib import Path

from composer.transformer.vocabulary import FACTORS


def read_log(log: Path) -> dict[str, list[float]]:
    """Columns of numbers by name; an empty field is NaN. Raises ValueError when that is no log of a training."""
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    needed = ("events", *(f"bits_{name}" for name in FACTORS), "bits", "valid_bits")
    if not rows or any(name not in rows[0] for name in needed):
        raise ValueError(f"{log} is no log of a training")
    try:
        return {name: [float(row[name] or "nan") for row in rows] for name in needed}
    except (TypeError, ValueError):
        raise ValueError(f"{log} holds something that is not a number") from None


def draw(log: Path, picture: Path) -> None:
    """Bits per note by factor in training, and on held-out music, over events, as a PNG.

    Raises OSError or ValueError when the log is missing or no log.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = read_log(log)
    events = [count / 1e6 for count in columns["events"]]
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name in FACTORS:
        axes.plot(events, columns[f"bits_{name}"], linewidth=0.9, label=name)
    axes.plot(events, columns["bits"], linewidth=1.2, color="0.4", label="all, training")
    held_out = [(at, bits) for at, bits in zip(events, columns["valid_bits"], strict=True) if bits == bits]
    if held_out:
        axes.plot(*zip(*held_out, strict=True), marker="o", markersize=3, color="black", label="all, held out")
    axes.set_xlabel("events seen, millions")
    axes.set_ylabel("bits per note")
    # the first steps would press all the rest flat
    settled = [bits for bits in columns["bits"][len(events) // 10 :] if bits == bits] + [bits for _, bits in held_out]
    if settled:
        axes.set_ylim(0, 1.15 * max(settled))
    axes.grid(alpha=0.3)
    axes.legend()
    part = picture.with_name(f".{picture.name}.part")
    try:
        figure.savefig(part, format="png", dpi=120, metadata={"Software": None})
        part.replace(picture)
    finally:
        part.unlink(missing_ok=True)
