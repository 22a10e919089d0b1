"""report.html: the whole score on one page, to look at, listen to and talk about; it works from disk and asks no network."""

from composer.render.report.page import FILE, write_report

__all__ = ["FILE", "write_report"]
