"""The hand-over bundle for digital audio workstations: `--export daw`."""

from composer.render.daw.bundle import write_bundle

__all__ = ["write_bundle"]
