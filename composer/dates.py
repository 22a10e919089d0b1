"""The one date that goes into outputs: SOURCE_DATE_EPOCH, else a constant, so that one command writes the same bytes twice."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

from composer.errors import OptionError

_CONSTANT_S = 1_577_836_800  # 2020-01-01 00:00:00 UTC
_LATEST_S = 253_402_300_799  # the last second of the year 9999


def source_date_epoch() -> int | None:
    """Seconds since 1970 from SOURCE_DATE_EPOCH; None when it is not set. Source: reproducible-builds.org/specs/source-date-epoch.

    Raises OptionError when it is set to something else.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) > _LATEST_S:
        raise OptionError(f"SOURCE_DATE_EPOCH is {text[:40]!r}", "Set it to whole seconds since 1970, or unset it.")
    return int(text)


def fixed_date() -> datetime:
    """The date for headers and metadata (UTC).

    Raises OptionError for a bad SOURCE_DATE_EPOCH.
    """
    epoch_s = source_date_epoch()
    return datetime.fromtimestamp(_CONSTANT_S if epoch_s is None else epoch_s, UTC)
