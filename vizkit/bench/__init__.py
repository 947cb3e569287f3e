"""``vizkit bench``: speed and size, each row against a peer or a goal."""

from vizkit.bench.rows import ROWS, Row, measure

__all__ = ["ROWS", "Row", "measure"]
