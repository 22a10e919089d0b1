#!/usr/bin/env python3
"""Score a film: `python cli.py video.mp4 --instruments strings,brass`. All of it is in composer.cli; `hitpoint` is the same program."""

import sys

try:
    from composer.cli import run
except KeyboardInterrupt:  # Ctrl-C while Python is still loading us
    sys.exit(130)

if __name__ == "__main__":
    run()
