"""Draw six pieces the transformer writes: `python -m examples.piano_rolls` → docs/rolls/*.png.

Each is half a minute for a film that never was, with four cuts and one steady feeling: calm strings, tense brass, a sad cello with
piano, a heroic tutti, comic woodwinds, a chase with percussion. Darker bars are louder; red lines begin sections, dashed ones are hits.
"""

from __future__ import annotations

import sys
from pathlib import Path

from composer.generators import DEFAULT_GENERATOR, generator
from composer.options import Options
from composer.plan import Plan
from composer.planner import plan, spot
from composer.score import Score
from tests.filmmaker import film_of

#: name → who plays, mood, valence, arousal
PIECES: dict[str, tuple[tuple[str, ...], str, float, float]] = {
    "calm_strings": (("strings",), "peaceful", 0.5, -0.7),
    "tense_brass": (("brass",), "tense", -0.4, 0.4),
    "sad_cello_piano": (("cello", "piano"), "sad", -0.5, -0.5),
    "heroic_tutti": (("orchestra",), "heroic", 0.5, 0.7),
    "comic_woodwinds": (("woodwinds",), "playful", 0.65, 0.3),
    "percussion_chase": (("percussion", "cellos", "horns"), "furious", -0.35, 0.8),
}
CUTS_S = [7.2, 13.0, 19.4, 25.0]


def make(name: str, seed: int = 1, who: str = DEFAULT_GENERATOR) -> tuple[Plan, Score]:
    """One of PIECES, planned and composed."""
    players, mood, valence, arousal = PIECES[name]
    film = film_of(CUTS_S, 32.0, [valence] * 32, [arousal] * 32)
    options = Options(instruments=players, mood=mood, seed=seed)
    given = plan(film, spot(film, options), options)
    return given, generator(who)(given)


def draw(given: Plan, score: Score, title: str, path: Path) -> None:
    """A piano roll of all parts."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    tempo = given.tempo
    figure, axes = plt.subplots(figsize=(15, 7))
    colours = plt.get_cmap("tab20")
    for i, track in enumerate(track for track in score.tracks if track.notes):
        for note in track.notes:
            axes.barh(
                note.pitch, note.duration_beats, left=note.start_beat, height=0.85,
                color=colours(i % 20), alpha=0.3 + 0.65 * note.velocity / 127, edgecolor="black", linewidth=0.2,
            )  # fmt: skip
        axes.plot([], [], color=colours(i % 20), linewidth=6, label=f"{track.name} ({len(track.notes)})")
    low, high = axes.get_ylim()
    for edge in tempo.bar_beats:
        axes.axvline(float(edge), color="black", linewidth=0.3, alpha=0.5)
    for hit in given.hits:
        axes.axvline(tempo.beat_of(hit.bar, hit.beat), color="tab:red", linewidth=0.8, linestyle="--")
    for section in given.sections:
        start = tempo.beat_of(section.first_bar)
        axes.axvline(start, color="tab:red", linewidth=1.5)
        axes.text(start + 0.1, high, f"{section.id} {section.mood}, {section.key}", color="tab:red", fontsize=9, va="bottom")
        for k, chords in enumerate(section.chords):
            axes.text(float(tempo.bar_beats[section.first_bar - 1 + k]) + 0.1, low, chords, fontsize=7, va="bottom")
    axes.set(ylim=(low - 2, high), xlim=(0, tempo.total_beats), xlabel="beats", ylabel="MIDI pitch")
    axes.set_title(title.replace("_", " "), loc="right")
    axes.legend(loc="upper right", fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(path, dpi=70, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Draw those named, or all."""
    folder = Path(__file__).parent.parent / "docs" / "rolls"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PIECES:
        given, score = make(name)
        draw(given, score, name, folder / f"{name}.png")
        print(f"{name}: " + ", ".join(f"{track.name} {len(track.notes)}" for track in score.tracks))


if __name__ == "__main__":
    main()
