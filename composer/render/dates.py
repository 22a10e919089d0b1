"""The one date that goes into outputs: SOURCE_DATE_EPOCH, else a constant, so that one command writes the same bytes twice."""

from __future__ import annotations

import os
from datetime import UTC, datetime

_CONSTANT_S = 1_577_836_800  # 2020-01-01 00:00:00 UTC


def fixed_date() -> datetime:
    """The date for headers and metadata (UTC). Source: reproducible-builds.org/specs/source-date-epoch."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(text) if text.isdigit() else _CONSTANT_S, UTC)
