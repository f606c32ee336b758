"""Why rows and files are refused: every reason the library has is said in German too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import custom_components.cgm.shared.glucose as library
from custom_components.cgm.import_reasons import (
    GERMAN,
    GERMAN_FORMATS,
    GERMAN_WORDS,
    format_in,
    reason_in,
)
from custom_components.cgm.shared.glucose.formats import (
    generic,
    nightscout,
    own_export,
)
from custom_components.cgm.shared.glucose.formats.languages import _ONLY_TOLD
from custom_components.cgm.shared.glucose.formats.own_measurements import OwnMeasurements
from custom_components.cgm.shared.glucose.formats.own_treatments import OwnTreatments
from custom_components.cgm.shared.glucose.formats.text import _KINDS
from custom_components.cgm.shared.glucose.measurement import UNITS, MeasurementKind
from custom_components.cgm.shared.glucose.treatment import TreatmentKind

FOLDER = Path(library.__file__).parent
# What an import's rows and files pass through.
ROOMS = [
    *FOLDER.glob("formats/*.py"),
    *(
        FOLDER / f"{name}.py"
        for name in (
            *("reading", "record", "treatment", "measurement", "reading_columns"),
            *("nightscout_entry", "nightscout_treatment"),
        )
    ),
]
ERRORS = {
    "InvalidReadingError",
    "InvalidRecordError",
    "UnrecognisedExport",
    "AmbiguousDates",
    "RefusedRow",
}


def texts_of(node: ast.expr, said: dict[str, list[str]]) -> list[str]:
    """Return the texts that an error's argument may be, {} for what is put into them."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return [
                "".join(
                    part.value if isinstance(part, ast.Constant) else "{}"  # type: ignore[misc]
                    for part in parts
                )
            ]
        case ast.IfExp(body=body, orelse=orelse):
            return texts_of(body, said) + texts_of(orelse, said)
        case ast.Name(id=name):
            return said[name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="format")):
            return said[name]
        case ast.Call(func=ast.Name(id="str")):
            return []
    raise AssertionError(ast.dump(node))


def reasons() -> Iterator[str]:
    """Yield the text of every refusal in the library, {} for what is put into it."""
    for path in ROOMS:
        tree = ast.parse(path.read_text("utf-8"))
        said: dict[str, list[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                try:
                    said.setdefault(node.targets[0].id, []).extend(texts_of(node.value, said))
                except AssertionError, KeyError:
                    continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ERRORS
            ):
                yield from texts_of(node.args[node.func.id == "RefusedRow"], said)


ALL = sorted(set(reasons()))


def test_the_library_was_read() -> None:
    assert {"no time", "line {} {}", "not a number", "the file {}"} <= set(ALL)


def test_every_reason_has_its_german_text_and_none_is_left_over() -> None:
    wanted = set(ALL) - {"the file {}"}
    whole = {f"the file {what}" for what in _KINDS.values()}
    kinds = {re.sub(r"(?<=packed with )\w+", "{}", one) for one in whole}
    assert set(GERMAN) == wanted | kinds
    assert all(GERMAN[one].count("{}") == one.count("{}") for one in GERMAN)
    assert all(reason_in("de", one) != one for one in whole)


def test_every_word_that_is_put_in_has_its_german() -> None:
    kinds = {*TreatmentKind, *MeasurementKind}
    measured = {f"{kind} in {UNITS[kind]}" for kind in MeasurementKind}
    languages = {language for told in _ONLY_TOLD.values() for language in told}
    numbers = {"the amount", "quality", "diastolic pressure in mmHg"}
    assert set(GERMAN_WORDS) == kinds | measured | languages | numbers


def test_every_format_that_is_no_name_has_its_german() -> None:
    formats = {module.FORMAT for module in (generic, nightscout, own_export)}
    formats |= {table.format for table in (OwnMeasurements, OwnTreatments)}
    assert set(GERMAN_FORMATS) == formats


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("no time", "keine Zeit"),
        ("glucose outside 10..600 mg/dL", "Glukose außerhalb von 10 bis 600 mg/dL"),
        (
            "the amount must be a number in 0.001..300",
            "die Menge muss eine Zahl von 0.001 bis 300 sein",
        ),
        (
            (
                "line 7 has a value in mg/dL where the column says mmol/L: "
                "a file of two units cannot be trusted"
            ),
            (
                "Zeile 7 hat einen Wert in mg/dL, obwohl die Spalte mmol/L nennt: "
                "eine Datei mit zwei Einheiten ist nicht zu verstehen"
            ),
        ),
        ("line 3 no time", "Zeile 3 keine Zeit"),
        ("line 9 is longer than any export's", "Zeile 9 ist länger als die jedes Exports"),
        ("something new", "something new"),
    ],
)
def test_a_reason_is_said_in_german_and_in_english_as_it_is(english: str, german: str) -> None:
    assert reason_in("de", english) == reason_in("de-CH", english) == german
    assert reason_in("en", english) == reason_in("fr", english) == english


def test_a_format_is_called_by_its_german_name() -> None:
    assert format_in("de", "generic CSV") == "einfache CSV-Datei"
    assert format_in("en", "generic CSV") == "generic CSV"
    assert format_in("de", "Dexcom Clarity") == "Dexcom Clarity"
