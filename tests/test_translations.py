"""What people read: German has all that English has, and every text is fit to be shown."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "cgm"
LANGUAGES = ["en", "de"]

# Words that would tell somebody what to do about their glucose.
DOSE_ADVICE = re.compile(
    r"inject|bolus|insulin|correct with|units of|carbohydrate|\bcarbs?\b|glucagon|dextrose"
    r"|spritz|korrigier|korrektur|broteinheit|kohlenhydrat|traubenzucker",
    re.IGNORECASE,
)
# Where what somebody did is logged, counted down and shown, it is called by its name.
ABOUT_WHAT_WAS_DONE = re.compile(
    r"^(entity\.sensor\.(insulin|carbs)_|options\.step\.(own_insulin|treatments)\."
    r"|options\.(step\.init\.menu_option|error\.insulin_)|exceptions\.record_"
    r"|selector\.(treatment|insulin_model|carb_absorption)\.|services\.\w+\.)"
)
# What even there would be advice.
ADVICE_EVEN_THERE = re.compile(
    r"inject|bolus|correct with|glucagon|dextrose|should (take|eat)|\b(take|eat) \d"
    r"|spritz|korrigier|korrektur|traubenzucker|solltest|\b(nimm|iss) \d",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"todo|fixme|xxx|lorem|\?\?", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# What is a sentence or several, told by its place.
SENTENCES = re.compile(r"\.(description|message|error\.\w+|abort\.\w+)$|_descriptions?\.\w+$")
# Written by us in quotation marks: the names of buttons and choices, as they are shown elsewhere.
QUOTED = {"en": re.compile(r'"([^"]+)"'), "de": re.compile("„([^“]+)“")}
MAKES_EXCEPTIONS = {"_refusal", "_history"}
# Home Assistant's own button below every form, and a menu in the vendor's app.
ELSEWHERE = {"en": {"Connected Apps"}, "de": {"Konfigurieren", "OK"}}


def texts(language: str) -> dict[str, str]:
    """Return every text of a language by its dotted place."""
    path = INTEGRATION / "translations" / f"{language}.json"
    return dict(flat("", json.loads(path.read_text(encoding="utf-8"))))


def flat(place: str, content: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the texts below a place."""
    for key, value in content.items():
        here = f"{place}.{key}" if place else key
        if isinstance(value, Mapping):
            yield from flat(here, value)
        else:
            yield here, str(value)


def constants() -> set[str]:
    """Return every text that stands in the integration's code, or among the library's kinds."""
    glucose = INTEGRATION / "shared" / "glucose"
    kinds = ("treatment", "measurement", "metrics/consensus", "forecast/*")
    library = [path for name in kinds for path in glucose.glob(f"{name}.py")]
    return {
        node.value
        for path in (*INTEGRATION.glob("*.py"), *glucose.glob("alarms/*.py"), *library)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def names_at(pattern: str) -> set[str]:
    """Return what stands in the one group of `pattern` in the places of English texts."""
    compiled = re.compile(pattern)
    return {found[1] for place in texts("en") if (found := compiled.search(place)) is not None}


def raised_exceptions() -> set[str]:
    """Return the translation keys of the exceptions that the integration raises.

    They stand in what is raised, or are given to the function beside that makes it.
    """
    made = {
        node.args[0].value
        for path in INTEGRATION.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in MAKES_EXCEPTIONS and node.args
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
    return made | {
        keyword.value.value
        for path in INTEGRATION.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for keyword in node.exc.keywords
        if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant)
        if isinstance(keyword.value.value, str)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_twice_under_one_name(language: str) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # Of two, JSON takes the last without a word.
        names = [name for name, _ in pairs]
        assert sorted(names) == sorted(set(names))
        return dict(pairs)

    file = INTEGRATION / "translations" / f"{language}.json"
    assert json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=once)


def test_german_has_exactly_the_texts_of_english() -> None:
    assert list(texts("de")) == list(texts("en"))


def test_german_has_the_placeholders_of_english() -> None:
    english, german = texts("en"), texts("de")
    differing = {
        place
        for place in english
        if sorted(PLACEHOLDER.findall(english[place])) != sorted(PLACEHOLDER.findall(german[place]))
    }
    assert differing == set()


def test_german_is_translated() -> None:
    english, german = texts("en"), texts("de")
    sentences = [place for place in english if SENTENCES.search(place)]
    assert len(sentences) > 60
    assert [place for place in sentences if english[place] == german[place]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_unfinished(language: str) -> None:
    unfit = {
        place: text
        for place, text in texts(language).items()
        if not text.strip() or text != text.strip() or "  " in text or UNFINISHED.search(text)
    }
    assert unfit == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end(language: str) -> None:
    open_ended = {
        place: text
        for place, text in texts(language).items()
        if SENTENCES.search(place) and not text.endswith((".", "?"))
    }
    assert open_ended == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_and_names_are_no_sentences(language: str) -> None:
    closed = {
        place: text
        for place, text in texts(language).items()
        if not SENTENCES.search(place) and text.endswith(".")
    }
    assert closed == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_advises_a_dose(language: str) -> None:
    advice = {
        place: text
        for place, text in texts(language).items()
        if (ADVICE_EVEN_THERE if ABOUT_WHAT_WAS_DONE.search(place) else DOSE_ADVICE).search(text)
    }
    assert advice == {}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "CGM never advises a dose"), ("de", "CGM empfiehlt nie eine Dosis")],
)
def test_who_adds_a_wearer_is_told_what_cgm_never_does(language: str, words: str) -> None:
    assert words in texts(language)["config.step.user.description"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_quoted_can_be_found_on_the_screen(language: str) -> None:
    found = texts(language)
    shown = {*found.values(), *ELSEWHERE[language]}
    quoted = {words for text in found.values() for words in QUOTED[language].findall(text)}
    # "Phone" is the beginning of the choice that goes on with the names of the apps.
    missing = {words for words in quoted if not any(text.startswith(words) for text in shown)}
    assert quoted
    assert missing == set()


def test_german_speaks_as_home_assistant_does() -> None:
    # "Sie" is also how a sentence about something begins: only within one is it a formal you.
    formal = re.compile(r"\b(Ihre?[mnrs]?|Ihnen)\b|[a-zäöüß,;“)] Sie\b")
    straight = {place: text for place, text in texts("de").items() if '"' in text}
    assert {place: text for place, text in texts("de").items() if formal.search(text)} == {}
    assert straight == {}


def test_every_exception_has_its_text_and_every_text_its_exception() -> None:
    assert raised_exceptions()
    assert names_at(r"^exceptions\.(\w+)\.message$") == raised_exceptions()


@pytest.mark.parametrize(
    "pattern",
    [
        r"^config\.step\.(\w+)\.",
        r"^config\.(?:error|abort)\.(\w+)$",
        r"^config_subentries\.(\w+)\.",
        r"^config_subentries\.source\.step\.(\w+)\.",
        r"^config_subentries\.source\.(?:error|abort)\.(\w+)$",
        r"^options\.step\.(\w+)\.",
        r"^options\.step\.\w+\.sections\.(\w+)\.",
        r"^options\.error\.(\w+)$",
        r"^selector\.(\w+)\.",
        r"^selector\.\w+\.options\.(\w+)$",
        r"^entity\.(\w+)\.",
        r"^entity\.(?:sensor|button|event)\.(\w+)\.",
        r"^entity\.sensor\.\w+\.state_attributes\.(\w+)\.",
        r"^services\.(\w+)\.",
        r"^issues\.(\w+)\.",
        r"^issues\.\w+\.fix_flow\.step\.(\w+)\.",
        r"^system_health\.info\.(\w+)$",
    ],
)
def test_no_text_is_for_what_the_code_does_not_know(pattern: str) -> None:
    names = names_at(pattern)
    actions = (INTEGRATION / "services.yaml").read_text(encoding="utf-8")
    in_actions = set(re.findall(r"translation_key: (\w+)", actions))
    # In the code they are Platform.SENSOR and so on.
    platforms = {"sensor", "binary_sensor", "button", "calendar", "event", "image"}
    assert names
    assert names - platforms - in_actions - constants() == set()
