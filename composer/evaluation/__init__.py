"""Measuring what came out: sync against the picture, and the music itself."""
