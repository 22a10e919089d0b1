"""Nouns to plain JSON/YAML values and back, strictly: a file a person edited is checked field by field.

Conventions
-----------
A noun is a frozen dataclass whose fields are ``int``, ``float``, ``bool``, ``str``, ``Fraction``, ``Literal``,
``X | None``, ``tuple[X, ...]``, ``dict[str, X]`` or other nouns. Fractions are written ``"30000/1001"``.
A class may define ``to_plain()`` / ``from_plain(value, where)`` to have a shape of its own (see ``composer.plan``).
Every error names the place (``sections[2].key``) and, for an unknown field, the nearest known one.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import types
import typing
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from composer.errors import PlanError, nearest

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """The JSON-ready form of a noun (dicts, lists, numbers, strings, None)."""
    if hasattr(value, "to_plain"):
        return value.to_plain()
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value


def from_plain(kind: Any, value: Any, where: str = "") -> Any:
    """Build a value of type `kind` from plain data.

    Raises PlanError naming `where` when a field is unknown, missing or of the wrong type.
    """
    if hasattr(kind, "from_plain"):
        return kind.from_plain(value, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass_from_plain(typing.cast(type, kind), value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return from_plain(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        _expect(isinstance(value, (list, tuple)), "a list", value, where)
        return tuple(from_plain(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        _expect(isinstance(value, dict), "a mapping", value, where)
        return {str(k): from_plain(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            raise PlanError(f"{where} is {value!r}", f"It must be one of {', '.join(map(str, arguments))}.")
        return value
    return _scalar_from_plain(kind, value, where)


def _scalar_from_plain(kind: Any, value: Any, where: str) -> Any:
    if kind is Fraction:
        try:
            return Fraction(value)
        except (TypeError, ValueError, ZeroDivisionError):
            raise PlanError(f"{where} is {value!r}", 'It must be a fraction such as "25/1".') from None
    if kind is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _expect(number and math.isfinite(value), "a finite number", value, where)
        return float(value)
    if kind is int:
        _expect(isinstance(value, int) and not isinstance(value, bool), "a whole number", value, where)
        return value
    if kind is bool:
        _expect(isinstance(value, bool), "true or false", value, where)
        return value
    if kind is str:
        _expect(isinstance(value, str), "text", value, where)
        return value
    raise TypeError(f"serial does not know {kind!r}")  # a bug in a noun, not in a file


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _dataclass_from_plain(kind: type, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), "a mapping", value, where or kind.__name__)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    prefix = f"{where}." if where else ""
    for name in value:
        if name not in fields:
            hint = nearest(str(name), fields) or f"Known fields: {', '.join(fields)}."
            raise PlanError(f"{prefix}{name} is not a known field", hint)
    arguments = {}
    for name, field in fields.items():
        if name in value:
            arguments[name] = from_plain(_hints(kind)[name], value[name], f"{prefix}{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise PlanError(f"{prefix}{name} is missing", f"Every {kind.__name__} needs it.")
    return kind(**arguments)


def _expect(good: bool, wanted: str, value: Any, where: str) -> None:
    if not good:
        raise PlanError(f"{where or 'the file'} is {str(value)[:60]!r}", f"It must be {wanted}.")


def write_text(path: Path, text: str) -> None:
    """Write `text` whole or not at all: into a neighbour first, then by atomic rename."""
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        neighbour.write_text(text, encoding="utf-8")
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)


def save_json(noun: Any, path: Path) -> None:
    """Write one noun as JSON (same noun, same bytes)."""
    write_text(path, json.dumps(to_plain(noun), indent=1, ensure_ascii=False) + "\n")


def load_json(kind: type[T], path: Path) -> T:
    """Read a noun of type `kind`.

    Raises PlanError when the file is missing, not JSON, or does not fit the noun.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path} cannot be read ({error.strerror})", "Check the path.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is not JSON ({error})", f"It should hold a {kind.__name__}.") from None
    try:
        return typing.cast(T, from_plain(kind, data))
    except PlanError as error:
        raise PlanError(f"{path.name}: {error.problem}", error.hint) from None
