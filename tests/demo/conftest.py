"""The small province for the tests of the demo."""

from tests.demo_province import small_province

__all__ = ["small_province"]
