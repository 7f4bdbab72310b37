"""``xinlu`` and ``python -m xinlu``."""

from __future__ import annotations

from xinlu.cli import main

if __name__ == "__main__":
    main()
