"""Says in the home's language why a row or a file was not taken, which the library says in English.

The library's sentence is the key, so that no number has to be kept beside it; what is put into a
sentence stands as {} and is put into the German one in the same order. A sentence that is not
here stays English: tests/cgm/test_import_reasons.py reads the library for those.
"""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GERMAN: Mapping[str, str] = MappingProxyType(
    {
        # Times.
        "no time": "keine Zeit",
        "no such date or time": "dieses Datum oder diese Uhrzeit gibt es nicht",
        "no such offset from UTC": "diesen Abstand von UTC gibt es nicht",
        "no time that could be read": "keine lesbare Zeit",
        "not a date and time": "kein Datum mit Uhrzeit",
        "not a time as YYYY-MM-DD hh:mm:ss": "keine Zeit in der Form JJJJ-MM-TT hh:mm:ss",
        "not a time as YYYY-MM-DDThh:mm:ss": "keine Zeit in der Form JJJJ-MM-TTThh:mm:ss",
        "a time without its offset from UTC": "eine Zeit ohne ihren Abstand von UTC",
        "time must be aware UTC": "die Zeit muss in UTC sein",
        "time outside the calendar": "eine Zeit außerhalb des Kalenders",
        "the time lies before Nightscout's own": "die Zeit liegt vor der von Nightscout selbst",
        # Values.
        "no glucose value": "kein Glukosewert",
        "no value": "kein Wert",
        "not a number": "keine Zahl",
        "not a finite number": "keine endliche Zahl",
        "{} is no number": "{} ist keine Zahl",
        "glucose outside {}..{} mg/dL": "Glukose außerhalb von {} bis {} mg/dL",
        "glucose must be whole mg/dL": "Glukose muss in ganzen mg/dL sein",
        "glucose must be whole mg/dL in {}..{}": (
            "Glukose muss in ganzen mg/dL sein, von {} bis {}"
        ),
        "a glucose value without its unit": "ein Glukosewert ohne Einheit",
        "an error code stands for the glucose": "statt der Glukose steht ein Fehlercode da",
        "a bound that is neither low nor high": "eine Grenze, die weder low noch high ist",
        "a kind that is neither cgm nor meter": "eine Art, die weder cgm noch meter ist",
        "{} must be a number in {}..{}": "{} muss eine Zahl von {} bis {} sein",
        # Treatments and measurements.
        "no kind of treatment": "keine Art von Behandlung",
        "no kind of measurement": "keine Art von Messung",
        "a unit that {} is not counted in": "eine Einheit, in der {} nicht gezählt wird",
        "a unit that {} is not measured in": "eine Einheit, in der {} nicht gemessen wird",
        "{} has no amount": "{} hat keine Menge",
        "{} needs its text": "{} braucht einen Text",
        "only exercise has an intensity": "nur Bewegung hat eine Anstrengung",
        "insulin that is neither said to be fast nor long-acting": (
            "Insulin, von dem nicht gesagt ist, ob es schnell oder lang wirkt"
        ),
        "blood pressure has two values, all else one": (
            "Blutdruck hat zwei Werte, alles andere einen"
        ),
        "the systolic pressure is the higher one": "der systolische Blutdruck ist der höhere",
        "only sleep has a quality": "nur Schlaf hat eine Güte",
        "quality is a whole number": "die Güte ist eine ganze Zahl",
        # Texts and rows.
        "a note has 1 to {} characters": "eine Notiz hat 1 bis {} Zeichen",
        "a note that is no text": "eine Notiz, die kein Text ist",
        "a text with what cannot be written": "ein Text mit Zeichen, die nicht zu schreiben sind",
        "a word that is none of ours": "ein Wort, das hier nicht vorkommt",
        "no {} in 1 to {} characters": "{} fehlt oder ist zu lang (1 bis {} Zeichen)",
        "source and id are named, the id in {} characters": (
            "Quelle und Kennung brauchen einen Namen, die Kennung in {} Zeichen"
        ),
        "source and series must be named": "Quelle und Reihe brauchen einen Namen",
        "unknown event type": "unbekannte Art von Ereignis",
        "unknown record type": "unbekannte Art von Aufzeichnung",
        "its quotes do not come out even": "ihre Anführungszeichen gehen nicht auf",
        "more fields than columns": "mehr Felder als Spalten",
        "a treatment is not an object": "eine Behandlung ist kein Objekt",
        "an entry is not an object": "ein Eintrag ist kein Objekt",
        "no object of names and values": "kein Objekt aus Namen und Werten",
        # Whole files.
        "the file is empty: export it once more": "die Datei ist leer: exportiere sie noch einmal",
        "the file begins as JSON, but is none, or was cut off": (
            "die Datei beginnt wie JSON, ist aber keines oder wurde abgeschnitten"
        ),
        "a JSON file with nothing in it": "eine JSON-Datei, in der nichts steht",
        "a JSON file without an entry or a treatment of Nightscout": (
            "eine JSON-Datei ohne einen Eintrag oder eine Behandlung von Nightscout"
        ),
        "the file was exported by a newer release: update first": (
            "die Datei wurde mit einer neueren Version exportiert: aktualisiere zuerst"
        ),
        "the file is larger than any export: make it of fewer years": (
            "die Datei ist größer als jeder Export: nimm weniger Jahre auf einmal"
        ),
        "line {} is longer than any export's": "Zeile {} ist länger als die jedes Exports",
        "line {} {}": "Zeile {} {}",
        "has a value in {} where the column says {}: a file of two units cannot be trusted": (
            "hat einen Wert in {}, obwohl die Spalte {} nennt: eine Datei mit zwei Einheiten"
            " ist nicht zu verstehen"
        ),
        "most values are too low for mg/dL, as the column says: mmol/L, it seems": (
            "die meisten Werte sind zu niedrig für mg/dL, das die Spalte nennt: offenbar mmol/L"
        ),
        "a Dexcom Clarity export with glucose in two units": (
            "ein Export von Dexcom Clarity mit Glukose in zwei Einheiten"
        ),
        "a LibreView export with glucose in two units": (
            "ein Export von LibreView mit Glukose in zwei Einheiten"
        ),
        "{} columns of glucose ({}): leave one of them": (
            "{} Spalten mit Glukose ({}): lass eine davon stehen"
        ),
        "the column id tells {} wearers apart: make a file of each": (
            "die Spalte id unterscheidet {} Personen: mach für jede eine eigene Datei"
        ),
        "every date, such as in line {}, can be read with the day or with the month first: say"
        " which": (
            "jedes Datum, etwa in Zeile {}, lässt sich mit dem Tag oder mit dem Monat zuerst lesen"
        ),
        "line {} has the day first and line {} the month: say which of them the file follows": (
            "in Zeile {} steht der Tag zuerst, in Zeile {} der Monat"
        ),
        "a {} export in {}, a layout that nobody has shown us yet: please send its header row (no"
        " data) in an issue; in English it can be read": (
            "ein Export von {} auf {}, dessen Aufbau uns noch niemand gezeigt hat: bitte schick"
            " die Kopfzeile (ohne Daten) in einem Issue; auf Englisch ist er lesbar"
        ),
        "expected a Dexcom Clarity or LibreView CSV export in English, Italian or (Clarity)"
        " German, Nightscout's JSON, or a CSV with the columns time and glucose_mg_dl or"
        " glucose_mmol_l, with its header row among the first {} lines": (
            "erwartet wird ein CSV-Export von Dexcom Clarity oder LibreView auf Englisch,"
            " Italienisch oder (Clarity) Deutsch, das JSON von Nightscout oder eine CSV-Datei mit"
            " den Spalten time und glucose_mg_dl oder glucose_mmol_l, mit der Kopfzeile in den"
            " ersten {} Zeilen"
        ),
        "the file is a zip archive or a workbook: unpack it, or save the sheet as CSV": (
            "die Datei ist ein ZIP-Archiv oder eine Arbeitsmappe: entpacke sie oder speichere das"
            " Blatt als CSV"
        ),
        "the file is packed with {}: unpack it first": (
            "die Datei ist mit {} gepackt: entpacke sie zuerst"
        ),
        "the file is a 7-Zip archive: unpack it first": (
            "die Datei ist ein 7-Zip-Archiv: entpacke sie zuerst"
        ),
        "the file is a PDF: export the data as CSV instead of a report": (
            "die Datei ist ein PDF: exportiere die Daten als CSV statt eines Berichts"
        ),
        "the file is a workbook of an old kind: save the sheet as CSV": (
            "die Datei ist eine Arbeitsmappe alter Art: speichere das Blatt als CSV"
        ),
        "the file is a database: export its readings as CSV": (
            "die Datei ist eine Datenbank: exportiere ihre Werte als CSV"
        ),
        "the file is a picture": "die Datei ist ein Bild",
    }
)
# What the library puts into a sentence, where it is a word; the names of columns stay.
GERMAN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "the amount": "die Menge",
        "diastolic pressure in mmHg": "der diastolische Blutdruck in mmHg",
        "hba1c in %": "HbA1c in %",
        "blood_pressure in mmHg": "der Blutdruck in mmHg",
        "weight in kg": "das Gewicht in kg",
        "sleep in min": "der Schlaf in Minuten",
        "quality": "die Güte",
        "insulin_rapid": "schnelles Insulin",
        "insulin_long": "Langzeitinsulin",
        "carbs": "Kohlenhydrate",
        "exercise": "Bewegung",
        "medication": "ein Medikament",
        "site_change": "ein Katheterwechsel",
        "sensor_change": "ein Sensorwechsel",
        "insulin_change": "ein Insulinwechsel",
        "note": "eine Notiz",
        "hba1c": "HbA1c",
        "blood_pressure": "Blutdruck",
        "weight": "Gewicht",
        "sleep": "Schlaf",
        "German": "Deutsch",
        "French": "Französisch",
        "Spanish": "Spanisch",
        "Dutch": "Niederländisch",
        "German (an older layout)": "Deutsch (in einem älteren Aufbau)",
    }
)
GERMAN_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "generic CSV": "einfache CSV-Datei",
        "CSV of treatments": "CSV von Behandlungen",
        "CSV of measurements": "CSV von Messungen",
        "CGM's JSON": "JSON von CGM",
        "Nightscout JSON": "JSON von Nightscout",
    }
)


def reason_in(language: str, reason: str) -> str:
    """Return a reason of the library's in a language; in English where it has none."""
    if not _is_german(language):
        return reason
    if reason in GERMAN:
        return GERMAN[reason]
    for pattern, german in _patterns():
        if match := pattern.fullmatch(reason):
            return german.format(*(_put_in(language, text) for text in match.groups()))
    return reason


def format_in(language: str, name: str) -> str:
    """Return what a format is called in a language: vendors' names are the same in all."""
    return GERMAN_FORMATS.get(name, name) if _is_german(language) else name


def _is_german(language: str) -> bool:
    return language.partition("-")[0].lower() == "de"


def _put_in(language: str, text: str) -> str:
    # Behind a line's number stands a reason again.
    return GERMAN_WORDS.get(text) or reason_in(language, text)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what finds each sentence with something in it, the longest first."""
    return tuple(
        (re.compile("(.+?)".join(map(re.escape, english.split("{}")))), german)
        for english, german in sorted(GERMAN.items(), key=lambda pair: -len(pair[0]))
        if "{}" in english
    )
