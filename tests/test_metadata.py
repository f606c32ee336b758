"""The files that say what CGM is: each in the form its readers want, all telling the same."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not among the locked tools
from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
INTEGRATION = REPOSITORY / "custom_components" / "cgm"

# The rules of Home Assistant's integration quality scale.
TIERS = {
    "bronze": """
        action-setup appropriate-polling brands common-modules config-flow
        config-flow-test-coverage dependency-transparency docs-actions docs-conditions
        docs-high-level-description docs-installation-instructions docs-removal-instructions
        docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data
        test-before-configure test-before-setup unique-config-entry
    """,
    "silver": """
        action-exceptions config-entry-unloading docs-configuration-parameters
        docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
        parallel-updates reauthentication-flow test-coverage
    """,
    "gold": """
        devices diagnostics discovery discovery-update-info docs-data-update docs-examples
        docs-known-limitations docs-supported-devices docs-supported-functions
        docs-troubleshooting docs-use-cases dynamic-devices entity-category entity-device-class
        entity-disabled-by-default entity-translations exception-translations icon-translations
        reconfiguration-flow repair-issues stale-devices
    """,
    "platinum": "async-dependency inject-websession strict-typing",
}
RULES = [rule for rules in TIERS.values() for rule in rules.split()]

# What HACS reads; anything else in hacs.json makes it refuse the repository.
HACS_KEYS = {
    *("name", "homeassistant", "hacs", "filename", "zip_release", "hide_default_branch"),
    *("content_in_root", "persistent_directory", "country", "render_readme"),
}

# Written in parts, because this file is searched too.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("ghcr", "io"),
        ("docker", "io"),
    )
]
MACHINE_PATHS = ["/" + path for path in ("work/", "root/", "home/runner", "Users/", "opt/venv")]


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object in the order in which it is written."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def pins(file: str) -> dict[str, Version]:
    """Return the versions that a locked requirements file names."""
    text = (REPOSITORY / "requirements" / file).read_text(encoding="utf-8")
    return {
        name.lower(): Version(version)
        for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


def text_files() -> list[Path]:
    """Return every text file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [
        path
        for path in (REPOSITORY / name for name in listed.splitlines())
        if path.is_file() and path.suffix != ".png"
    ]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """Return the integration's manifest."""
    return read_json(INTEGRATION / "manifest.json")


@pytest.fixture(scope="module")
def rules() -> dict[str, Any]:
    """Return what quality_scale.yaml says of each rule."""
    content = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text(encoding="utf-8"))
    assert list(content) == ["rules"]
    found: dict[str, Any] = content["rules"]
    return found


def test_the_manifest_is_in_the_order_home_assistant_wants(manifest: dict[str, Any]) -> None:
    assert list(manifest) == ["domain", "name", *sorted(manifest.keys() - {"domain", "name"})]


def test_the_manifest_names_the_integration_by_its_folder(manifest: dict[str, Any]) -> None:
    assert manifest["domain"] == INTEGRATION.name


@pytest.mark.parametrize("key", ["codeowners", "documentation", "issue_tracker", "version"])
def test_the_manifest_has_what_custom_integrations_need(manifest: dict[str, Any], key: str) -> None:
    assert manifest[key]


def test_the_version_is_one_home_assistant_accepts(manifest: dict[str, Any]) -> None:
    accepted = AwesomeVersion(manifest["version"], ensure_strategy=[AwesomeVersionStrategy.SEMVER])
    assert accepted.valid


def test_one_version_is_told_everywhere(manifest: dict[str, Any]) -> None:
    version = manifest["version"]
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    wheel = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert newest == version
    assert f"This is version {version.rpartition('.')[0]}" in readme
    assert 'dynamic = ["version"]' in wheel
    assert 'path = "custom_components/cgm/manifest.json"' in wheel


def test_the_oldest_home_assistant_is_the_same_in_hacs_and_for_readers() -> None:
    oldest = read_json(REPOSITORY / "hacs.json")["homeassistant"]
    told = f"Home Assistant {oldest.rpartition('.')[0]} or newer"
    assert told in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert told in (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8")
    assert pins("home-assistant.txt")["homeassistant"] >= Version(oldest)


def test_tests_run_with_versions_the_manifest_allows(manifest: dict[str, Any]) -> None:
    installed = pins("home-assistant.txt")
    required = [Requirement(text) for text in manifest["requirements"]]
    refused = [r.name for r in required if not r.specifier.contains(installed[r.name.lower()])]
    assert required
    assert refused == []


def test_the_edge_agents_pins_are_the_manifests(manifest: dict[str, Any]) -> None:
    exact = [requirement for requirement in manifest["requirements"] if "==" in requirement]
    wheel = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert exact
    assert [requirement for requirement in exact if f'"{requirement}"' not in wheel] == []


def test_there_are_54_rules() -> None:
    assert [len(rules.split()) for rules in TIERS.values()] == [20, 10, 21, 3]
    assert len(set(RULES)) == 54


def test_every_rule_of_the_quality_scale_is_answered_once(rules: dict[str, Any]) -> None:
    text = (INTEGRATION / "quality_scale.yaml").read_text(encoding="utf-8")
    written = re.findall(r"^  ([a-z-]+):", text, re.MULTILINE)
    assert sorted(written) == sorted(RULES)
    assert sorted(rules) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_done_or_says_more(rules: dict[str, Any], rule: str) -> None:
    answer = rules[rule] if isinstance(rules[rule], dict) else {"status": rules[rule]}
    assert answer.keys() <= {"status", "comment"}
    assert answer["status"] in {"done", "todo", "exempt"}
    assert answer["status"] == "done" or answer["comment"].strip().endswith(".")


def test_hacs_finds_only_what_it_knows() -> None:
    hacs = read_json(REPOSITORY / "hacs.json")
    assert hacs["name"]
    assert hacs.keys() <= HACS_KEYS


# Home Assistant's brands: square icons; of a logo the shortest side counts.
@pytest.mark.parametrize("dark", ["", "dark_"])
@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [("icon", 256, 256), ("icon@2x", 512, 512), ("logo", 128, 256), ("logo@2x", 256, 512)],
)
def test_brand_pictures_have_their_size_and_no_background(
    dark: str, name: str, shortest: int, longest: int
) -> None:
    with Image.open(INTEGRATION / "brand" / f"{dark}{name}.png") as image:
        assert image.format == "PNG"
        assert shortest <= min(image.size) <= longest
        alpha = image.getchannel("A")
        corners = [
            alpha.getpixel((x, y)) for x in (0, image.width - 1) for y in (0, image.height - 1)
        ]
        assert corners == [0, 0, 0, 0]
        assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("name", ["icon", "icon@2x", "dark_icon", "dark_icon@2x"])
def test_icons_are_square(name: str) -> None:
    with Image.open(INTEGRATION / "brand" / f"{name}.png") as image:
        assert image.width == image.height


def test_the_licence_is_mit() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "THE SOFTWARE IS PROVIDED" in text
    assert 'license = "MIT"' in (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [*REGISTRY_HOSTS, *MACHINE_PATHS])
def test_no_file_names_a_registry_or_a_path_of_one_machine(words: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in text_files()}
    assert len(texts) > 100
    # From the beginning: the same words within an address are no path of a disk.
    pattern = re.compile(rf"(?<![\w.-]){re.escape(words)}")
    found = [
        str(path.relative_to(REPOSITORY)) for path, text in texts.items() if pattern.search(text)
    ]
    assert found == []
