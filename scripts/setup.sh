#!/usr/bin/env bash
# Set this machine up: system packages (Debian, Ubuntu; macOS by brew is described) and .venv with everything pinned.
# `setup.sh tests` also brings the programs that tests open results with. Safe to repeat; with nothing missing it only looks and is gone in a blink.
set -euo pipefail
cd "$(dirname "$0")/.."

needed=(ffmpeg fluidsynth libfluidsynth3)                            # without these nothing works
wanted=(fluid-soundfont-gm musescore-general-soundfont-small)       # better sound; a small bank comes with the Python packages
tested=()
if [ "${1:-}" = tests ]; then
    tested=(espeak-ng musescore3 poppler-utils chromium chromium-driver) # speaks to the speech detector; open scores, pages and the report
fi

say() { printf '%s\n' "$*" >&2; }

as_root() { # run a command as root, if there is a way
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
    else return 1
    fi
}

has_package() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

refresh_lists() { # once; where that fails, what the old lists name may still be had
    [ -n "${refreshed:-}" ] || as_root apt-get update -qq || say "The lists of packages could not be brought up to date."
    refreshed=yes
}

install_debian() { # install_debian PACKAGE...
    export DEBIAN_FRONTEND=noninteractive
    refresh_lists
    as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

is_known() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; } # to this system's lists of packages

install_optional() { # install_optional PACKAGE...: each by itself, so that one which cannot be had keeps no other away
    # a fresh image has no lists; where there are some, a name they do not know is no reason to fetch them at every call
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ] || refresh_lists
    local package unknown=() failed=()
    for package in "$@"; do
        if ! is_known "$package"; then unknown+=("$package")
        elif ! install_debian "$package"; then failed+=("$package")
        fi
    done
    [ ${#unknown[@]} = 0 ] || say "Going on without ${unknown[*]}: this system's package lists do not know them (plainer sound, fewer tests)."
    [ ${#failed[@]} = 0 ] || say "Going on without ${failed[*]} (plainer sound, fewer tests). To add them: sudo apt-get install -y ${failed[*]}"
}

system_packages() {
    if ! command -v apt-get >/dev/null; then
        local hint="install ffmpeg and fluidsynth (the library libfluidsynth 2 or 3) with your system's package manager"
        [ "$(uname)" = Darwin ] && hint="brew install ffmpeg fluid-synth python@3.11"
        if command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null && command -v fluidsynth >/dev/null; then return; fi
        say "ffmpeg or fluidsynth is missing. Type:"; say "    $hint"; say "then run this again."
        exit 2
    fi
    local package lacking=() optional=()
    for package in "${needed[@]}"; do
        # tools put on the PATH by hand count as well
        if [ "$package" = ffmpeg ] && command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; then continue; fi
        has_package "$package" || lacking+=("$package")
    done
    for package in "${wanted[@]}" ${tested[@]+"${tested[@]}"}; do has_package "$package" || optional+=("$package"); done
    if [ ${#lacking[@]} -gt 0 ]; then
        say "Installing system packages: ${lacking[*]}"
        if ! install_debian "${lacking[@]}"; then
            say "System packages are missing and could not be installed from here. Type:"
            say "    sudo apt-get update && sudo apt-get install -y ${lacking[*]}"
            say "then run this again."
            exit 2
        fi
    fi
    if [ ${#optional[@]} -gt 0 ]; then
        say "Installing system packages, as far as they can be had: ${optional[*]}"
        install_optional "${optional[@]}"
    fi
}

find_python() { # the first Python that is new enough
    local name
    for name in ${PYTHON_FOR_VENV:-} python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"; return
        fi
    done
    say "Python 3.11 or newer is needed. Type:  sudo apt-get install -y python3 python3-venv   (macOS: brew install python@3.11)"
    exit 2
}

make_venv() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then # Debian keeps venv in a package of its own
        if command -v apt-get >/dev/null && install_debian python3-venv; then :; else
            say "Python's venv module is missing. Type:  sudo apt-get install -y python3-venv"; exit 2
        fi
    fi
    "$python" -m venv .venv
}

fingerprint() { cat setup.py pyproject.toml constraints.txt composer/__init__.py scripts/setup.sh | cksum; }

system_packages
stamp=.venv/.hitpoint-setup
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ] && .venv/bin/python -c 'import composer, click' 2>/dev/null; then
    exit 0
fi
.venv/bin/python -c '' 2>/dev/null || { rm -rf .venv; make_venv; } # a moved or half-made environment is made anew
say "Installing Python packages into .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
fingerprint > "$stamp"
