"""Text in a cell that no spreadsheet runs as a formula, and the same text back from it."""

from __future__ import annotations

# What a spreadsheet takes for the beginning of a formula; and our own mark, so that none is lost.
_RUN = ("=", "+", "-", "@", "\t", "\r")
_MARK = "'"


def safe(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run, and before an apostrophe of its own.

    A spreadsheet shows the cell as text, and `unsafe` gives back what it was.
    """
    return _MARK + text if text.startswith((*_RUN, _MARK)) else text


def unsafe(cell: str) -> str:
    """Take `safe`'s apostrophe away; one that stands before anything else is the text's own."""
    return cell[1:] if cell.startswith(_MARK) and cell[1:].startswith((*_RUN, _MARK)) else cell
