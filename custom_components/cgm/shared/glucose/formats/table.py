"""A delimited text file as rows with line numbers, whatever its delimiter and quoting."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError, UnrecognisedExport
from ..reading import whole_mg_dl, whole_mg_dl_of_mmol_l
from ..units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The cells of one record with its first line, from 1; None where its quotes do not come out even.
# Cells are as they stand in the file: see `tidy`. (A plain tuple: a year has 105,000 of them.)
Row = tuple[int, "Sequence[str] | None"]

DELIMITERS = (",", ";", "\t")
# A note with line breaks in it spans a few lines; a stray quote would swallow the whole file.
LONGEST_RECORD = 20
# No export has such a line, and ten years of a sensor have a tenth of so many characters.
LONGEST_LINE = 100_000
LARGEST_FILE = 100_000_000
MOST_LINES = 3_000_000
# Rows end up to this many cells early, where the last ones are empty.
RAGGED = 2
_UNIT = re.compile(r"\b(mg/dl|mmol/l)\b")
_PARENTHESES = re.compile(r"\([^)]*\)")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
_UNCLOSED = "unexpected end of data"
# What a spreadsheet may leave around a column's name: marks of UTF-8 read as text, quotes.
_LITTER = "\ufeff\"'\u00ef\u00bb\u00bf \t"
# A sensor ends at 40 mg/dL and a meter at 20, at 28 mmol/L and at 33: no number is both.
_MOST_MMOL_L = 36.0


def lines_of(pieces: Iterable[str]) -> list[str]:
    """Split into physical lines at CR LF, LF or CR, and at nothing else.

    Raises UnrecognisedExport for a line and for a file beyond any export's, having read no
    further: memory stays bounded.
    """
    lines: list[str] = []
    rest = ""
    size = 0
    for piece in pieces:
        size += len(piece)
        text = rest + piece
        # The other half of a CR LF may be the next piece's first character.
        held_back = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        *whole, rest = text.split("\n")
        lines += whole
        if len(rest) > LONGEST_LINE:
            raise UnrecognisedExport(f"line {len(lines) + 1} is longer than any export's")
        if size > LARGEST_FILE or len(lines) > MOST_LINES:
            raise UnrecognisedExport("the file is larger than any export: make it of fewer years")
        rest += held_back
    lines += rest.replace("\r", "\n").split("\n")
    return lines


def cells_of(record: str, delimiter: str) -> Sequence[str] | None:
    """Split one record into its cells; None where its quotes do not come out even."""
    if '"' not in record:
        return record.split(delimiter)
    # Where every cell is quoted and no quote stands within one, this is all there is to it.
    if record[0] == record[-1] == '"':
        cells = record[1:-1].split(f'"{delimiter}"')
        if record.count('"') == 2 * len(cells):
            return cells
    try:
        return next(csv.reader([record], delimiter=delimiter, strict=True))
    except csv.Error as error:
        # Text behind a closing quote is kept, as spreadsheets do; but never across lines, where
        # two stray quotes would melt two rows into one.
        if _UNCLOSED in str(error) or "\n" in record:
            return None
        try:
            return next(csv.reader([record], delimiter=delimiter))
        except csv.Error:
            return None


def header_of(line: str, delimiter: str) -> tuple[str, ...]:
    """Split a header into its columns' names, however it was mangled; () for what is none."""
    cells = cells_of(line.strip(_LITTER.replace('"', "")), delimiter) or ()
    if len(cells) == 1 and delimiter in cells[0]:
        cells = cells_of(cells[0].strip(_LITTER.replace('"', "")), delimiter) or ()
    return tuple(cell.strip(_LITTER) for cell in cells)


def rows_of(lines: Sequence[str], after: int, delimiter: str, width: int) -> Iterator[Row]:
    """Yield the records after line `after` (from 1), blank ones skipped.

    A quoted cell may contain line breaks, unless that would take in a line which looks like a
    whole row of `width` cells. A row that a spreadsheet put into one quoted cell is taken out.
    """
    index = after
    while index < len(lines):
        text = lines[index]
        line = index = index + 1
        if '"' not in text:
            # Most rows of most files, and quick: the first cell seldom is empty.
            cells: Sequence[str] | None = text.split(delimiter)
        else:
            cells = cells_of(text, delimiter)
            end = index
            while (
                cells is None
                and end < min(len(lines), line - 1 + LONGEST_RECORD)
                and lines[end].count(delimiter) < width - RAGGED
            ):
                end += 1
                cells = cells_of("\n".join(lines[line - 1 : end]), delimiter)
            if cells is not None:
                index = end
                if len(cells) == 1 < width and delimiter in cells[0]:
                    cells = cells_of(cells[0], delimiter)
        if cells is None or cells[0] or any(cell.strip() for cell in cells):
            yield line, cells


def records_of(lines: Sequence[str], after: int, delimiter: str) -> Iterator[Row]:
    """Yield the records after line `after` (from 1) of a table whose quoting is surely sound.

    A cell may then have any number of line breaks. Behind quotes that do not come out even there
    is no telling where a row begins, so nothing is read any more.
    """
    reader = csv.reader((f"{line}\n" for line in lines[after:]), delimiter=delimiter, strict=True)
    while True:
        line = after + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None
            return
        if any(cells):
            yield line, cells


def tidy(cells: Sequence[str] | None, width: int) -> list[str]:
    """Return the row's cells without blanks around them, `width` of them at least.

    Raises InvalidReadingError for what cannot be a row of so many columns.
    """
    if cells is None:
        raise InvalidReadingError("its quotes do not come out even")
    tidied = [cell.strip() for cell in cells]
    if any(tidied[width:]):
        raise InvalidReadingError("more fields than columns")
    return tidied + [""] * (width - len(tidied))


def name_and_unit(header: str) -> tuple[str, Unit | None]:
    """Split a column's header into its lower-case name and the glucose unit it states."""
    text = header.casefold()
    found = _UNIT.search(text)
    unit = None
    if found is not None:
        unit = Unit.MG_DL if found[1] == "mg/dl" else Unit.MMOL_L
    return " ".join(_UNIT.sub("", _PARENTHESES.sub("", text)).split()), unit


def decimal_of(cell: str) -> str:
    """Return a number's text with a point where it had a decimal comma."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def glucose_of(cell: str, unit: Unit) -> int:
    """Return a cell's whole mg/dL; a decimal comma is read.

    Of mmol/L with one or two decimals none falls on half a mg/dL, as 18.016 = 2252 / 125: the
    nearest whole number is one only. Raises InvalidReadingError, and UnrecognisedExport for a
    number that is plainly in the other unit: nobody can tell which of the others are.
    """
    text = decimal_of(cell)
    if unit is Unit.MMOL_L:
        try:
            return whole_mg_dl_of_mmol_l(text)
        except InvalidReadingError:
            if _is_in(Unit.MG_DL, text):
                raise UnrecognisedExport(_TWO_UNITS.format("mg/dL", "mmol/L")) from None
            raise
    if "." in text and _is_in(Unit.MMOL_L, text):
        raise UnrecognisedExport(_TWO_UNITS.format("mmol/L", "mg/dL"))
    return whole_mg_dl(text)


_TWO_UNITS = "has a value in {} where the column says {}: a file of two units cannot be trusted"


def _is_in(unit: Unit, text: str) -> bool:
    """Say whether a number can only be in `unit`: a whole one of mg/dL, a fraction of mmol/L."""
    try:
        if unit is Unit.MG_DL:
            return whole_mg_dl(text) > _MOST_MMOL_L
        return 1.0 <= float(text) < _MOST_MMOL_L and float(text) % 1 != 0
    except ValueError:
        return False


def whole_number(cell: str) -> int | None:
    """Return a cell of up to ten ASCII digits as a number; None for any other."""
    return int(cell) if _WHOLE.fullmatch(cell) else None
