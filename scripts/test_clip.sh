#!/usr/bin/env bash
# `make test-clip`: the tests that need the clip extra, in an environment of their own (.venv-clip), made here.
# Safe to repeat; with nothing changed it only runs the tests. What cannot be installed is a failure, never a silent pass.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-clip
stamp=$venv/.hitpoint-setup
say() { printf '%s\n' "$*" >&2; }
fingerprint() { cat setup.py pyproject.toml constraints.txt composer/__init__.py scripts/test_clip.sh | cksum; }

if [ "$(cat "$stamp" 2>/dev/null)" != "$(fingerprint)" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    say "Installing the clip extra into $venv"
    "$venv/bin/python" -c '' 2>/dev/null || { rm -rf "$venv"; .venv/bin/python -m venv "$venv"; } # a moved or half-made one is made anew
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,clip]'; then
        say "The clip extra could not be installed into $venv (see above): the CLIP tests have not run."
        say "It needs the network once; repeat \`make test-clip\` where there is one."
        exit 2
    fi
    fingerprint > "$stamp"
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "$venv/bin/python" -m pytest -m clip "$@" # without a single test this fails, as it should
