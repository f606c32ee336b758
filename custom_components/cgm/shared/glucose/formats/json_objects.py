"""The objects of a JSON file one after another, so that a long file never lies in memory whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport

if TYPE_CHECKING:
    from collections.abc import Iterator

# No entry and no treatment is as long.
LONGEST_OBJECT = 1_000_000
_BLANK = " \t\r\n\ufeff"


def objects_of(pieces: Iterator[str]) -> Iterator[tuple[str, object]]:
    """Yield what stands in the file's arrays, each with the name it has in an object around it.

    An object that holds no array is itself what the file has, as one of several that follow each
    other may be. Raises UnrecognisedExport for what is no JSON, and for JSON of another shape.
    """
    text = _Text(pieces)
    while text.next_character():
        beginning = text.next_character()
        if beginning == "[":
            yield from (("", one) for one in _items(text))
        elif beginning == "{":
            yield from _members(text)
        else:
            raise UnrecognisedExport(_NO_JSON)


_NO_JSON = "the file begins as JSON, but is none, or was cut off"


class _Text:
    """What is left of the file, read as far as is needed."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def next_character(self) -> str:
        """Return the next one that is no blank, "" at the end; it stays the next."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> str:
        """Take the next character, which must be one of `expected`."""
        found = self.next_character()
        if not found or found not in expected:
            raise UnrecognisedExport(_NO_JSON)
        self._at += 1
        return found

    def value(self) -> object:
        """Take a whole value."""
        self.next_character()
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                if len(self._text) - self._at > LONGEST_OBJECT or not self._more():
                    raise UnrecognisedExport(_NO_JSON) from None
            else:
                return found

    def _more(self) -> bool:
        piece = next(self._pieces, "")
        self._text = self._text[self._at :] + piece
        self._at = 0
        return bool(piece)


def _items(text: _Text) -> Iterator[object]:
    text.take("[")
    if text.next_character() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


def _members(text: _Text) -> Iterator[tuple[str, object]]:
    own: dict[str, object] = {}
    arrays = 0
    text.take("{")
    if text.next_character() == "}":
        text.take("}")
        return
    while True:
        name = text.value()
        text.take(":")
        if not isinstance(name, str):
            raise UnrecognisedExport(_NO_JSON)
        if text.next_character() == "[":
            arrays += 1
            yield from ((name, one) for one in _items(text))
        else:
            own[name] = text.value()
        if text.take(",}") == "}":
            break
    if not arrays:
        yield "", own
