"""The two tables on disk: rows are added whole, and what is there is never lost."""

import csv
import os
from pathlib import Path

Row = dict[str, str]


class Table:
    """A CSV file with one row a key, rewritten whole and put in place in one step."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.rows = self.read()

    def read(self) -> dict[str, Row]:
        """Return the rows on disk by their keys."""
        if not self.path.exists():
            return {}
        with self.path.open(newline="") as file:
            return {row[self.key]: row for row in csv.DictReader(file)}

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def add(self, row: dict[str, object], *, order: list[str]) -> None:
        """Add a row and save, rows in the given order of keys.

        Raises
        ------
        ValueError
            If the table on disk has other columns: it was made by another version of the script.
        """
        written = {name: str(value) for name, value in row.items()}
        self.rows = self.read()  # another process may have added some
        known = list(next(iter(self.rows.values()), written))
        if known != list(written):
            raise ValueError(
                f"{self.path} has the columns {known}, but this makes {list(written)}. Move the "
                "table away and train anew."
            )
        self.rows[written[self.key]] = written
        place = {key: number for number, key in enumerate(order)}
        rows = sorted(self.rows.values(), key=lambda row: place[row[self.key]])
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(written), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
