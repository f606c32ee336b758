"""What the tables of records that we write ourselves share: columns by name, a record a row."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..units import Unit
from .measured import Gathering
from .table import tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self
    from zoneinfo import ZoneInfo

    from .export import Export
    from .table import Row

SOURCE = "csv"


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write the header and the rows in the order given."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue()


def number_cell(number: float | None) -> str:
    """Write a number with all its digits, a whole one without a decimal point."""
    return "" if number is None else f"{number!r}".removesuffix(".0")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable(ABC):
    """Where a file keeps what; built by `of_header`. Each kind of records has a class of its own.

    A header has all the `needed` columns; those of `more` are read where it has all of them.
    """

    format: ClassVar[str]
    needed: ClassVar[tuple[str, ...]]
    more: ClassVar[tuple[str, ...]] = ()
    width: int
    columns: Mapping[str, int]

    @classmethod
    def of_header(cls, header: Sequence[str]) -> Self | None:
        """Recognise the header row; None for any other row."""
        names = [cell.casefold() for cell in header]
        if not set(cls.needed) <= set(names):
            return None
        known = (*cls.needed, *cls.more) if set(cls.more) <= set(names) else cls.needed
        return cls(width=len(header), columns={name: names.index(name) for name in known})

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row; `day_first` is not needed: dates begin with the year.

        A time without its offset is read in `zone`.
        """
        del day_first
        gathering = Gathering(zone=zone, source=source or SOURCE)

        def read_row(line: int, raw: Sequence[str] | None) -> None:
            cells = tidy(raw, self.width)
            said = {name: cells[at] for name, at in self.columns.items()}
            self.take(gathering, line, said, raw, source=source)

        count = 0
        for count, (line, cells) in enumerate(rows, 1):  # noqa: B007 - asked for below
            gathering.attempt(line, read_row, cells)
        return gathering.export(format=self.format, unit=Unit.MG_DL, rows=count)

    @abstractmethod
    def take(
        self,
        gathering: Gathering,
        line: int,
        said: dict[str, str],
        raw: Sequence[str] | None,
        *,
        source: str | None,
    ) -> None:
        """Put one row into `gathering`; raises InvalidRecordError.

        `said` are its tidied cells by their columns, `raw` the cells as they stand in the file;
        a `source` that is given goes before the one that the row names.
        """
