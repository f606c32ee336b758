"""A file of any kind as text, a piece at a time: what is no text is refused by its name."""

from __future__ import annotations

import codecs
from itertools import chain
from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE = 1 << 20
# What other kinds of file begin with. An .xlsx is a zip as well.
_KINDS = {
    b"PK\x03\x04": "is a zip archive or a workbook: unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"BZh": "is packed with bzip2: unpack it first",
    b"\xfd7zXZ\x00": "is packed with xz: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "is a 7-Zip archive: unpack it first",
    b"%PDF-": "is a PDF: export the data as CSV instead of a report",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "is a workbook of an old kind: save the sheet as CSV",
    b"SQLite format 3\x00": "is a database: export its readings as CSV",
    b"\x89PNG\r\n": "is a picture",
    b"\xff\xd8\xff": "is a picture",
}
# As much of a file as its encoding is seen from.
_LOOKED_AT = 200


def pieces_of(content: Path | bytes | str) -> Iterator[str]:
    """Yield the text of a file (read from disk, blocking), of bytes, or of text as it is.

    UTF-8 and UTF-16 with or without their mark, else Latin-1. Raises UnrecognisedExport for what
    is no text, and OSError for the path.
    """
    if isinstance(content, str):
        yield from (content[at : at + PIECE] for at in range(0, len(content), PIECE))
        return
    decoder: codecs.IncrementalDecoder | None = None
    # The last piece is empty: it says that nothing more comes to complete a character.
    for data in chain(_data_of(content), [b""]):
        if decoder is None:
            _refuse_other_kinds(data)
            decoder = _decoder(data)
        try:
            piece = decoder.decode(data, not data)
        except UnicodeDecodeError:
            # Only now is it seen that the file never was UTF-8: up to here it was plain ASCII.
            held_back, _ = decoder.getstate()
            decoder = codecs.getincrementaldecoder("latin-1")()
            piece = decoder.decode(held_back + data)
        if piece:
            yield piece


def _data_of(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield from (content[at : at + PIECE] for at in range(0, len(content), PIECE))
        return
    with content.open("rb") as file:
        while data := file.read(PIECE):
            yield data


def _refuse_other_kinds(data: bytes) -> None:
    for beginning, what in _KINDS.items():
        if data.startswith(beginning):
            raise UnrecognisedExport(f"the file {what}")


def _decoder(data: bytes) -> codecs.IncrementalDecoder:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")(errors="replace")
    # A header is ASCII for the most part: UTF-16 without a mark shows as every other byte zero.
    seen = data[:_LOOKED_AT]
    even, odd = seen[0::2].count(0), seen[1::2].count(0)
    if max(even, odd) > len(seen) // 4:
        name = "utf-16-be" if even > odd else "utf-16-le"
        return codecs.getincrementaldecoder(name)(errors="replace")
    return codecs.getincrementaldecoder("utf-8")()
