"""Who plays: names a model writes, read as instruments of the table, within what was asked for and what an instrument can do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from composer.errors import ComposerError, nearest
from composer.instruments import INSTRUMENTS, ROLES, expand, known_names
from composer.planner.llm.reply import RolesReply
from composer.planner.llm.spans import Findings
from composer.planner.llm.text import one_line

#: no plan has more parts of a model's own choice
MAX_PARTS = 24
#: of a longer list of names the rest is not read
_MAX_NAMES = 60
#: a name this like a known one is meant to be it
_ALIKE = 0.8


def chosen(names: Sequence[str] | None, asked: Sequence[str], base: Sequence[str], found: Findings) -> tuple[str, ...]:
    """Ids of who plays, in score order: those asked for, else those the model names, else the rules' own."""
    read = (names or ())[:_MAX_NAMES]
    if asked:
        allowed = [one.id for one in expand(asked)]
        others = [name for name in read if not set(_named(name, found, told=False)) & set(allowed)]
        if others:
            found.notes.append(f"only the instruments asked for play, not {_some(others)}")
        return tuple(allowed)
    ids: list[str] = []
    for name in read:
        known = _named(name, found, told=True)
        if not known:
            hint = nearest(one_line(name, 40), known_names()) or "Use names of the list."
            found.faults.append(f"instruments: there is no instrument {one_line(name, 40)!r}. {hint}")
        ids += [one for one in known if one not in ids]
    if len(names or ()) > _MAX_NAMES:
        found.notes.append(f"of {len(names or ())} names of instruments only the first {_MAX_NAMES} were read")
    if len(ids) > MAX_PARTS:
        found.notes.append(f"{len(ids)} instruments are too many: the first {MAX_PARTS} of them play")
        ids = ids[:MAX_PARTS]
    return tuple(one.id for one in expand(ids)) if ids else tuple(base)


def _named(name: str, found: Findings, *, told: bool) -> tuple[str, ...]:
    """Ids behind one name, family or ensemble, or behind the known name most like it; empty when none is."""
    word = one_line(name, 40).lower().replace(" ", "_").replace("-", "_")
    try:
        return tuple(one.id for one in expand([word]))
    except ComposerError:
        close = difflib.get_close_matches(word, known_names(), n=1, cutoff=_ALIKE)
    if close and told:
        found.notes.append(f"{one_line(name, 40)!r} was read as {close[0]}")
    return tuple(one.id for one in expand(close)) if close else ()


def _some(names: Sequence[str]) -> str:
    told = ", ".join(one_line(name, 40) for name in names[:5])
    return f"{told} and {len(names) - 5} more" if len(names) > 5 else told


def singer(name: str | None, players: Sequence[str], default: str | None, found: Findings) -> str:
    """Id of who carries a theme: the one named if it plays and can sing, else `default`, else who sings best."""
    able = [one for one in players if "melody" in INSTRUMENTS[one].roles] or list(players)
    wanted = [one for one in _named(name, found, told=False) if one in able] if name else []
    if wanted:
        return wanted[0]
    return default if default in able else min(able, key=lambda one: _rank(one, "melody"))


def cast(roles: RolesReply | None, players: Sequence[str], found: Findings) -> dict[str, tuple[str, ...]]:
    """Role → ids, of those who play and can do it; () = nobody shall; a role that is left out is cast by the rules."""
    given: dict[str, tuple[str, ...]] = {}
    left_out: list[str] = []
    for role in ROLES:
        names = getattr(roles, role) if roles is not None else None
        if names is None:
            continue
        able: dict[str, None] = {}
        for name in names[:_MAX_NAMES]:
            ids = [one for one in _named(name, found, told=False) if one in players and _can(one, role)]
            able.update(dict.fromkeys(ids))
            left_out += [] if ids else [f"{one_line(name, 40)} as {role}"]
        if able or not names:
            given[role] = tuple(able)
    if left_out:
        found.notes.append(f"left out {_some(list(dict.fromkeys(left_out)))}")
    return given


def _can(instrument: str, role: str) -> bool:
    """Drums only drum, nobody else does, and basses are born or reach down; any tune, chord or figure goes to any pitched instrument."""
    own = INSTRUMENTS[instrument].roles
    if role in ("bass", "percussion") or own == ("percussion",):
        return role in own
    return True


def _rank(instrument: str, role: str) -> int:
    own: Sequence[str] = INSTRUMENTS[instrument].roles
    return own.index(role) if role in own else len(own)


def table(players: Sequence[str] = ()) -> Mapping[str, str]:
    """Instruments to choose from, by family: what the model is told."""
    rows = [INSTRUMENTS[one] for one in players] if players else list(INSTRUMENTS.values())
    families = dict.fromkeys(row.family for row in rows)
    return {family: " ".join(row.id for row in rows if row.family == family) for family in families}
