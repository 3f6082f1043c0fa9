"""Data sets, by the text a user writes after ``--data``."""

from framework_benchmark.data.adapters import open_data

__all__ = ["open_data"]
