"""Which names the columns of Clarity and LibreView have in which language, and how sure we are.

Only layouts seen in an export itself are read. Where others' programs alone tell of one, a column
may be taken for another, and a wrong insulin is worse than none: such a file is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Names as `name_and_unit` leaves them: lower case, without what stands in parentheses.
CLARITY: Mapping[str, Mapping[str, str]] = {
    "English": {
        "time": "timestamp",
        "event": "event type",
        "subtype": "event subtype",
        "patient": "patient info",
        "glucose": "glucose value",
        "insulin": "insulin value",
        "carbs": "carb value",
        "duration": "duration",
        "clock": "transmitter time",
        "transmitter": "transmitter id",
    },
    "German": {
        "time": "zeitstempel",
        "event": "ereignisart",
        "subtype": "ereignis-unterart",
        "patient": "patienten-info",
        "glucose": "glukosewert",
        "insulin": "insulinwert",
        "carbs": "kohlenh.-wert",
        "duration": "dauer",
        "clock": "transmitterzeit",
        "transmitter": "transmitter-id",
    },
    "Italian": {
        "time": "data e ora",
        "event": "tipo di evento",
        "subtype": "sottotipo di evento",
        "patient": "informazioni del paziente",
        "glucose": "valore glicemico",
        "insulin": "valore insulina",
        "carbs": "valore carboidrati",
        "duration": "durata",
        "clock": "ora trasmettitore",
        "transmitter": "id trasmettitore",
    },
}
# Here the whole name in lower case, as grams and portions differ in parentheses only; of a column
# of glucose what stands before its unit.
LIBREVIEW: Mapping[str, Mapping[str, str]] = {
    "English": {
        "serial": "serial number",
        "time": "device timestamp",
        "type": "record type",
        "historic": "historic glucose",
        "scan": "scan glucose",
        "rapid unnumbered": "non-numeric rapid-acting insulin",
        "rapid": "rapid-acting insulin (units)",
        "food unnumbered": "non-numeric food",
        "carbs": "carbohydrates (grams)",
        "servings": "carbohydrates (servings)",
        "long unnumbered": "non-numeric long-acting insulin",
        "long": "long-acting insulin (units)",
        "notes": "notes",
        "strip": "strip glucose",
    },
    "Italian": {
        "serial": "numero di serie",
        "time": "timestamp del dispositivo",
        "type": "tipo di documento",
        "historic": "storico del glucosio",
        "scan": "scansione del glucosio",
        "rapid unnumbered": "insulina ad azione rapida, non numerica",
        "rapid": "insulina ad azione rapida (unità)",
        "food unnumbered": "cibo non numerico",
        "carbs": "carboidrati (grammi)",
        "servings": "carboidrati (porzioni)",
        "long unnumbered": "insulina ad effetto prolungato, non numerica",
        "long": "insulina ad effetto prolungato (unità)",
        "notes": "note",
        "strip": "striscia reattiva per glicemia",
    },
}
# The British export names one column otherwise.
LIBREVIEW_ALSO = {"long-acting insulin value (units)": "long-acting insulin (units)"}

# Of layouts that were never seen: names of columns that no other language has.
_ONLY_TOLD = {
    "Dexcom Clarity": {
        "German (an older layout)": {
            *("ereignistyp", "ereignisuntertyp", "patienteninfo", "quellgeräte-id"),
            "kohlenhydratwert",
        },
        "Spanish": {"marca temporal", "nivel de glucosa"},
        "French": {"valeur du glucose"},
    },
    "LibreView": {
        "German": {"gerätezeitstempel", "aufzeichnungstyp", "glukosewert-verlauf", "glukose-scan"},
        "French": {
            *("horodatage de l'appareil", "type d'enregistrement", "historique de la glycémie"),
            "numérisation de la glycémie",
        },
        "Spanish": {
            *("sello de tiempo del dispositivo", "marca de hora del dispositivo"),
            *("tipo de registro", "historial de glucosa", "escaneo de glucosa", "escanear glucosa"),
            *("histórico glucosa", "glucosa leída"),
        },
        "Dutch": {"tijdstempel apparaat", "gegevenstype", "historische glucose", "niet-numeriek"},
    },
}
_ENOUGH = 2


def refuse_unseen(names: Iterable[str]) -> None:
    """Raise UnrecognisedExport, naming the language, for a header of a layout that nobody saw."""
    given = set(names)
    for program, languages in _ONLY_TOLD.items():
        for language, telling in languages.items():
            if len(given & telling) >= min(_ENOUGH, len(telling)):
                raise UnrecognisedExport(
                    f"a {program} export in {language}, a layout that nobody has shown us yet: "
                    "please send its header row (no data) in an issue; in English it can be read"
                )
