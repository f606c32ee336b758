"""What the pages say is there is there, and what is there is on the pages."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")],
    key=lambda page: page.relative_to(REPOSITORY).as_posix(),
)
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
GUIDE = (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8")
# tests/cgm/test_translation_keys.py holds that its keys are the code's.
ENGLISH: dict[str, Any] = json.loads(
    (REPOSITORY / "custom_components" / "cgm" / "translations" / "en.json").read_text("utf-8")
)
SOURCE: dict[str, Any] = ENGLISH["config_subentries"]["source"]["step"]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"scripts/([a-z-]+)(?![\w-]|\.\w)")
OPTION = re.compile(r"scripts/([a-z-]+)((?: [^\s`#]+)*)")


def keys_a_reader_needs() -> Iterator[str]:
    """Yield every key of entities, states, attributes, fields, options, kinds and repairs."""
    for platform in ("binary_sensor", "button", "event"):
        yield from ENGLISH["entity"][platform]
    for texts in ENGLISH["entity"]["binary_sensor"].values():
        yield from texts.get("state_attributes", {})
    yield from ENGLISH["entity"]["event"]["alarm"]["state_attributes"]["event_type"]["state"]
    yield from ENGLISH["services"]
    for key, texts in ENGLISH["entity"]["sensor"].items():
        yield key
        yield from texts.get("state", {})
        yield from texts.get("state_attributes", {})
    yield from ENGLISH["config"]["step"]["user"]["data"]
    for part in ENGLISH["options"]["step"]["wearer"]["sections"].values():
        yield from part["data"]
    yield from SOURCE["user"]["menu_options"]
    for step in SOURCE.values():
        yield from step.get("data", {})
    yield from ENGLISH["selector"]["dexcom_region"]["options"]
    yield from ENGLISH["selector"]["nightscout_api"]["options"]
    yield from ENGLISH["issues"]


def names_a_reader_sees() -> Iterator[str]:
    """Yield what entities, states of a source, fields and buttons are called on the screen."""
    for platform in ENGLISH["entity"].values():
        yield from (texts["name"] for texts in platform.values())
    yield from ENGLISH["entity"]["sensor"]["source_state"]["state"].values()
    yield from ENGLISH["config"]["step"]["user"]["data"].values()
    for part in ENGLISH["options"]["step"]["wearer"]["sections"].values():
        yield from part["data"].values()
    for kind in SOURCE["user"]["menu_options"]:
        yield from SOURCE[kind]["data"].values()
    yield from ENGLISH["config_subentries"]["source"]["initiate_flow"].values()


def relative_links(page: Path) -> list[str]:
    """Return the links of a page that lead to this repository."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings have, by GitHub's rule."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        numbered = (f"{plain}-{number}" if number else plain for number in count())
        found.add(next(anchor for anchor in numbered if anchor not in found))
    return found


def leads_somewhere(page: Path, link: str) -> bool:
    """Tell whether the file is there, and the heading in it."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return (
        target.exists()
        and target.is_relative_to(REPOSITORY)
        and (not anchor or anchor in anchors(target))
    )


def shown_help(program: str) -> str:
    """Return what a script says to --help; fails if it does not exist or does not end well."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [REPOSITORY / "scripts" / program, "--help"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stdout


def test_every_kind_of_page_is_looked_at() -> None:
    found = {page.relative_to(REPOSITORY).as_posix() for page in PAGES}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/guide.md"} <= found
    assert sum(name.startswith("docs/decisions/") for name in found) >= 7


@pytest.mark.parametrize("key", sorted(set(keys_a_reader_needs())))
def test_the_guide_explains_every_key(key: str) -> None:
    assert f"`{key}`" in GUIDE


@pytest.mark.parametrize("name", sorted(set(names_a_reader_sees())))
def test_the_guide_calls_things_as_the_screen_does(name: str) -> None:
    assert name in GUIDE


def test_the_guide_tells_the_default_of_every_target() -> None:
    defaults = ENGLISH["options"]["step"]["wearer"]["sections"]["targets"]["data_description"]
    numbers = {key: re.findall(r"[\d.]+ mm?[go]l?/d?L", text) for key, text in defaults.items()}
    rows = {key: f"| `{key}` | {', '.join(found)} |" for key, found in numbers.items()}
    assert all(len(found) == 2 for found in numbers.values())
    assert [row for row in rows.values() if row not in GUIDE] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in relative_links(page) if not leads_somewhere(page, link)] == []


def test_the_readme_leads_to_the_guide_and_the_guide_to_its_sections() -> None:
    sections = re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)
    listed = re.findall(r"^- \[(.+)\]\(#", GUIDE, re.MULTILINE)
    assert "docs/guide.md" in relative_links(REPOSITORY / "README.md")
    assert listed == sections


@pytest.mark.parametrize(
    "section",
    [
        *("Supported sources", "Installation", "Options", "Sensors", "How readings come in"),
        *("Use cases", "Examples", "Known limitations", "Troubleshooting", "Removal", "Privacy"),
    ],
)
def test_the_guide_has_the_sections_of_the_quality_scale(section: str) -> None:
    assert f"\n## {section}\n" in GUIDE


@pytest.mark.parametrize("promise", ["never advises a dose", "vendor's own", "it calls nobody"])
def test_readme_and_guide_say_what_cgm_never_does(promise: str) -> None:
    assert promise in " ".join(README.split())
    assert promise in " ".join(GUIDE.replace("\n> ", " ").split())


def test_the_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= 60


def test_the_readme_shows_the_two_commands() -> None:
    assert {"demo", "test"} <= set(COMMAND.findall(README))


@pytest.mark.parametrize(
    "program",
    sorted({name for page in PAGES for name in COMMAND.findall(page.read_text(encoding="utf-8"))}),
)
def test_every_command_exists_and_has_help(program: str) -> None:
    assert "usage" in shown_help(program).lower()


def test_every_option_that_a_page_shows_is_in_its_commands_help() -> None:
    shown = {
        (program, option)
        for page in PAGES
        for program, rest in OPTION.findall(page.read_text(encoding="utf-8"))
        for option in re.findall(r"(?<= )--[a-z]+", rest.partition(" -- ")[0])
    }
    helps: Mapping[str, str] = {program: shown_help(program) for program, _ in shown}
    assert ("demo", "--replay") in shown
    assert [use for use in shown if use[1] not in helps[use[0]]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_no_page_is_unfinished_or_speaks_of_who_wrote_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8").lower()
    words = ["todo", "fixme", "tbd", "lorem ipsum", "chatgpt", "language model"]
    assert [word for word in words if word in text] == []
    assert text.endswith("\n")


@pytest.mark.parametrize(
    "page",
    sorted((REPOSITORY / "docs" / "decisions").glob("*.md")),
    ids=lambda page: page.stem,
)
def test_a_decision_tells_context_choice_and_consequence(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.stem[:4]} ")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == [
        *("Context", "Choice", "Consequence")
    ]


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))


def test_files_that_decisions_name_exist() -> None:
    named = {
        (page.name, name)
        for page in (REPOSITORY / "docs" / "decisions").glob("*.md")
        for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    }
    integration = REPOSITORY / "custom_components" / "cgm"
    assert named
    assert [use for use in named if not list(integration.rglob(use[1]))] == []
