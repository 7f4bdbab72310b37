"""``python -m xinlu.demo.reference FOLDER [--records N]``: write the reference province of the shipped law."""

from __future__ import annotations

import argparse
from pathlib import Path

from xinlu.demo.reference import shape
from xinlu.demo.reference.province import write_province
from xinlu.law.library import load, shipped


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="emptied first")
    parser.add_argument("--records", type=int, default=shape.RECORDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shelves", type=int)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    province = write_province(
        options.folder,
        load(shipped()),
        records=options.records,
        seed=options.seed,
        shelves=options.shelves,
        threads=options.threads,
    )
    print(
        f"{province.records:,} rows of records on {province.manifest.shelves} shelves, "
        f"{province.bytes / 2**20:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
