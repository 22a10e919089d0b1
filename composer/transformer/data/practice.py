"""How players are written for: quantiles of density by role and tempo, of register and chord size by instrument and role.

A plan says how full a section is (0…1), not how many notes a second violin plays. Composing reads it off human practice: a section of
density 0.7 asks each role for what stands at 70 % of what that role was given, at that tempo, in the training music.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from composer.transformer import vocabulary as V
from composer.transformer.batches import BAR_COLUMNS, SEGMENT_COLUMNS

#: shares at which quantiles are kept
SHARES = np.linspace(0.02, 0.98, 13)
#: fewer segments than this say nothing
ENOUGH = 200
#: tempo fields at which the second, third and fourth band begin: about 66, 95 and 138 qpm
TEMPO_BANDS = (6, 9, 12)


def practice(segments: Any, bars: Any, instruments: list[str]) -> dict[str, Any]:
    """Plain tables for a checkpoint from (S, …) segments and the rows of their bars.

    ``density`` role → band → field quantiles; ``register`` (sounding pitch) and ``voices`` "instrument role" → quantiles.
    """
    segments, tempo = segments.astype(np.int64), bars[:, BAR_COLUMNS.index("tempo")]
    column = {name: segments[:, i] for i, name in enumerate(SEGMENT_COLUMNS)}
    role, instrument = column["role"] - 1, column["instrument"] - 1
    band = np.digitize(tempo, TEMPO_BANDS)
    tables: dict[str, Any] = {
        "shares": [round(float(s), 4) for s in SHARES],
        "tempo_bands": list(TEMPO_BANDS),
        "density": {},
        "register": {},
        "voices": {},
    }
    for r, name in enumerate(V.ROLE_ORDER):
        own = role == r
        rows = [own & (band == b) for b in range(len(TEMPO_BANDS) + 1)]
        tables["density"][name] = [_quantiles(column["density"][x if x.sum() >= ENOUGH else own]) for x in rows]
        for i in np.unique(instrument[own]):
            mine = own & (instrument == i)
            if mine.sum() >= ENOUGH:
                key = f"{instruments[i]} {name}"
                tables["register"][key] = _quantiles(column["register"][mine])
                tables["voices"][key] = _quantiles(column["voices"][mine])
    return tables


def _quantiles(values: Any) -> list[float]:
    return [round(float(q), 2) for q in np.quantile(values, SHARES)] if len(values) else []
