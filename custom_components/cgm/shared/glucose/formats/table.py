"""A delimited text file as rows with line numbers, whatever its encoding, delimiter and quoting."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..reading import whole_mg_dl, whole_mg_dl_of_mmol_l
from ..units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DELIMITERS = (",", ";", "\t")
# A note with line breaks in it spans a few lines; a stray quote would swallow the whole file.
LONGEST_RECORD = 20
# Rows end up to this many cells early, where the last ones are empty.
RAGGED = 2
_UNIT = re.compile(r"\b(mg/dl|mmol/l)\b")
_PARENTHESES = re.compile(r"\([^)]*\)")
_DECIMAL_COMMA = re.compile(r"\d+,\d+", re.ASCII)
_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
_UNCLOSED = "unexpected end of data"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one record, stripped; None where its quotes do not come out even."""

    line: int
    cells: tuple[str, ...] | None


def text_of(data: bytes) -> str:
    """Decode an export: UTF-8 or UTF-16 with or without its mark, else Latin-1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    # A header is ASCII for the most part: UTF-16 without a mark shows as every other byte zero.
    even, odd = data[0:200:2].count(0), data[1:200:2].count(0)
    if max(even, odd) > len(data[:200]) // 4:
        return data.decode("utf-16-be" if even > odd else "utf-16-le", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(text: str) -> list[str]:
    """Split into physical lines at CR LF, LF or CR, and at nothing else."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def cells_of(record: str, delimiter: str) -> tuple[str, ...] | None:
    """Split one record into stripped cells; None where its quotes do not come out even."""
    if '"' not in record:
        return tuple(cell.strip() for cell in record.split(delimiter))
    try:
        cells = next(csv.reader([record], delimiter=delimiter, strict=True))
    except csv.Error as error:
        # Text behind a closing quote is kept, as spreadsheets do; but never across lines, where
        # two stray quotes would melt two rows into one.
        if _UNCLOSED in str(error) or "\n" in record:
            return None
        try:
            cells = next(csv.reader([record], delimiter=delimiter))
        except csv.Error:
            return None
    return tuple(cell.strip() for cell in cells)


def rows_of(lines: Sequence[str], after: int, delimiter: str, width: int) -> Iterator[Row]:
    """Yield the records after line `after` (from 1), blank ones skipped.

    A quoted cell may contain line breaks, unless that would take in a line which looks like a
    whole row of `width` cells.
    """
    index = after
    while index < len(lines):
        line, cells, end = index + 1, cells_of(lines[index], delimiter), index + 1
        while (
            cells is None
            and end < min(len(lines), index + LONGEST_RECORD)
            and lines[end].count(delimiter) < width - RAGGED
        ):
            end += 1
            cells = cells_of("\n".join(lines[index:end]), delimiter)
        index = end if cells is not None else index + 1
        if cells is None or any(cells):
            yield Row(line, cells)


def name_and_unit(header: str) -> tuple[str, Unit | None]:
    """Split a column's header into its lower-case name and the glucose unit it states."""
    text = header.casefold()
    found = _UNIT.search(text)
    unit = None
    if found is not None:
        unit = Unit.MG_DL if found[1] == "mg/dl" else Unit.MMOL_L
    return " ".join(_UNIT.sub("", _PARENTHESES.sub("", text)).split()), unit


def glucose_of(cell: str, unit: Unit) -> int:
    """Return a cell's whole mg/dL; a decimal comma is read. Raises InvalidReadingError."""
    text = cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell
    return whole_mg_dl(text) if unit is Unit.MG_DL else whole_mg_dl_of_mmol_l(text)


def whole_number(cell: str) -> int | None:
    """Return a cell of up to ten ASCII digits as a number; None for any other."""
    return int(cell) if _WHOLE.fullmatch(cell) else None
