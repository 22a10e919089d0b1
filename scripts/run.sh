#!/usr/bin/env bash
# `make run`: score $VIDEO (or a film made here) with $INSTRUMENTS; may be repeated, it replaces only its own output.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${VIDEO:-}" ]; then
    VIDEO=runs/demo.mp4
    mkdir -p runs
    if [ ! -s "$VIDEO" ] || [ examples/make_film.py -nt "$VIDEO" ]; then
        .venv/bin/python examples/make_film.py runs/.unfinished.mp4
        mv runs/.unfinished.mp4 "$VIDEO"
    fi
fi
options=(--overwrite)
[ -n "${INSTRUMENTS:-}" ] && options+=(--instruments "$INSTRUMENTS")
exec .venv/bin/python cli.py score "${options[@]}" -- "$VIDEO"
