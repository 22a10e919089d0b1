"""Hitpoint scores a film: watch, spot, plan, compose, perform, render, deliver.

The way of the data is told in :mod:`composer.pipeline`; the nouns that travel along it live in
``film``, ``cues``, ``plan``, ``score`` and ``rendering``, and ``tempo`` is the only place where seconds, beats and ticks meet.
"""

__version__ = "0.1.0"
