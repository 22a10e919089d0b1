"""A small strict reader of Reaper's project files, written apart from the writer: blocks, lines, quotation marks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|`([^`]*)`|(\S+))""")


@dataclass
class Block:
    """`<TAG word word` … `>`."""

    words: list[str]
    lines: list[list[str]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def tag(self) -> str:
        return self.words[0]

    def all(self, tag: str) -> list[Block]:
        """Child blocks of a tag."""
        return [block for block in self.blocks if block.tag == tag]

    def one(self, tag: str) -> Block:
        """The one child block of a tag."""
        (found,) = self.all(tag)
        return found

    def values(self, tag: str) -> list[list[str]]:
        """What follows a tag, line by line."""
        return [line[1:] for line in self.lines if line[0] == tag]

    def value(self, tag: str) -> list[str]:
        """What follows a tag that stands once."""
        (found,) = self.values(tag)
        return found

    def number(self, tag: str, place: int = 0) -> float:
        return float(self.value(tag)[place])


def words_of(line: str) -> list[str]:
    """Words of a line; those in quotation marks without them."""
    found, place = [], 0
    while place < len(line.rstrip()):
        match = _WORD.match(line, place)
        assert match, line
        found.append(next(group for group in match.groups() if group is not None))
        place = match.end()
    return found


def parse(text: str) -> Block:
    """The project; an assertion fails when blocks are not balanced or something stands outside."""
    lines = text.splitlines()
    root = Block([""])
    open_blocks = [root]
    for line in lines:
        bare = line.strip()
        assert bare, "an empty line"
        assert line == "  " * (len(open_blocks) - (2 if bare == ">" else 1)) + bare, f"indented wrongly: {line!r}"
        if bare == ">":
            open_blocks.pop()
            assert open_blocks, "a block is closed that was never opened"
        elif bare.startswith("<"):
            block = Block(words_of(bare[1:]))
            open_blocks[-1].blocks.append(block)
            open_blocks.append(block)
        else:
            open_blocks[-1].lines.append(words_of(bare))
    assert open_blocks == [root], "a block is never closed"
    assert not root.lines
    (project,) = root.blocks
    assert project.tag == "REAPER_PROJECT"
    return project


@dataclass(frozen=True)
class TempoPoints:
    """Held tempo points, (seconds, quarter notes a minute): what Reaper's time map knows."""

    points: tuple[tuple[float, float], ...]

    def seconds(self, beat: float) -> float:
        """Seconds of a position in quarter notes."""
        left = beat
        for (start_s, qpm), following in zip(self.points, [*self.points[1:], None], strict=True):
            length = (following[0] - start_s) * qpm / 60 if following else float("inf")
            if left <= length + 1e-6:
                return start_s + left * 60 / qpm
            left -= length
        raise AssertionError("no last point")


def tempo_points(project: Block) -> TempoPoints:
    """The tempo envelope; every point must hold (shape 1)."""
    points = project.one("TEMPOENVEX").values("PT")
    assert all(point[2] == "1" for point in points)
    return TempoPoints(tuple((float(point[0]), float(point[1])) for point in points))


def midi_events(source: Block) -> list[tuple[int, int, int, int]]:
    """(tick, status, data, data) of a block `SOURCE MIDI`, ticks counted from its beginning."""
    now, events = 0, []
    for delta, *data in source.values("E"):
        assert len(data) == 3
        assert all(re.fullmatch("[0-9a-f]{2}", byte) for byte in data)
        now += int(delta)
        events.append((now, *(int(byte, 16) for byte in data)))
    return events  # type: ignore[return-value]
