"""What is typed to reach a site is brought into one form, or refused without repeating it."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import assume, given, strategies as st

from glucose.sources.nightscout import Api, NightscoutSettings, likely_api

TOKEN = "carer-0123456789abcdef"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://ns.example.org", "https://ns.example.org"),
        ("  https://ns.example.org///  ", "https://ns.example.org"),
        ("ns.example.org", "https://ns.example.org"),
        ("HTTPS://NS.Example.org:443/", "https://ns.example.org"),
        ("http://ns.example.org:80", "http://ns.example.org"),
        ("http://192.168.1.20:1337", "http://192.168.1.20:1337"),
        ("http://[fd00::1]:1337/", "http://[fd00::1]:1337"),
        ("192.168.1.20:17580", "http://192.168.1.20:17580"),
        ("http://phone.local:17580/sgv.json", "http://phone.local:17580"),
        ("https://example.org/ns/", "https://example.org/ns"),
        ("https://example.org/ns/api/v1/entries.json", "https://example.org/ns"),
        ("https://ns.example.org/api/v1/", "https://ns.example.org"),
        ("https://ns.example.org/api", "https://ns.example.org"),
        ("https://ns.example.org/#", "https://ns.example.org"),
        ("https://ns.example.org/apiary", "https://ns.example.org/apiary"),
    ],
)
def test_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert NightscoutSettings(url=typed).url == kept
    assert NightscoutSettings(url=kept).url == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "https://",
        "ftp://ns.example.org",
        "https://name:sesame@ns.example.org",
        "https://name@ns.example.org",
        "name:sesame@ns.example.org",
        "https://ns.example.org?token=sesame-0123456789abcdef",
        "https://ns.example.org:0",
        "https://ns.example.org:99999",
        "https://ns.example.org:sesame",
        "https://[sesame",
        "https://ns.example.org/se same",
        "https://ns.example.org\\@sesame",
        "https://ns.example.org/\x07sesame",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        NightscoutSettings(url=typed)
    assert "sesame" not in str(refused.value)
    with pytest.raises(ValueError, match="address"):
        likely_api(typed)


def test_secret_and_address_are_in_no_repr() -> None:
    shown = repr(NightscoutSettings(url="https://ns.example.org", secret="sesame street"))
    assert "sesame" not in shown
    assert "example" not in shown


def test_api_secret_goes_as_its_sha1() -> None:
    settings = NightscoutSettings(url="https://ns.example.org", secret=" sesame street ")
    digest = hashlib.sha1(b"sesame street", usedforsecurity=False).hexdigest()
    assert settings.api_secret == digest
    assert not settings.is_access_token


@pytest.mark.parametrize("typed", [TOKEN, f"token={TOKEN}", f" {TOKEN}\n"])
def test_access_token_goes_as_it_is(typed: str) -> None:
    settings = NightscoutSettings(url="https://ns.example.org", secret=typed)
    assert settings.is_access_token
    assert settings.api_secret == TOKEN


def test_phones_hash_even_what_looks_like_a_token() -> None:
    settings = NightscoutSettings(url="http://phone:17580", secret=TOKEN, api=Api.PHONE)
    assert settings.api_secret == hashlib.sha1(TOKEN.encode(), usedforsecurity=False).hexdigest()


def test_no_secret_is_no_header() -> None:
    assert NightscoutSettings(url="https://ns.example.org").api_secret is None


@pytest.mark.parametrize("secret", ["", "sesame street", "carer-0123"])
def test_v3_takes_access_tokens_only(secret: str) -> None:
    with pytest.raises(ValueError, match="access token") as refused:
        NightscoutSettings(url="https://ns.example.org", secret=secret, api=Api.V3)
    assert secret not in str(refused.value).split()
    taken = NightscoutSettings(url="https://ns.example.org", secret=TOKEN, api=Api.V3)
    assert taken.is_access_token


def test_site_keeps_its_id_through_https_secrets_and_ways_of_writing() -> None:
    one = NightscoutSettings(url="http://ns.example.org", secret="a")
    two = NightscoutSettings(url="https://NS.example.org/api/v1", secret=TOKEN, api=Api.V3)
    assert one.site_id == two.site_id
    assert re.fullmatch("[0-9a-f]{16}", one.site_id)
    others = ["https://ns.example.org/b", "https://ns.example.org:1337", "https://other.org"]
    assert one.site_id not in {NightscoutSettings(url=url).site_id for url in others}


def test_port_of_the_phone_servers_says_phone() -> None:
    assert likely_api("192.168.1.20:17580") is Api.PHONE
    assert likely_api("https://ns.example.org") is Api.V1


def kept_or_none(text: str) -> str | None:
    try:
        return NightscoutSettings(url=text).url
    except ValueError:
        return None


@given(st.text() | st.text(alphabet="htps:/@?#[].\\ab1%0").map(lambda tail: f"http://a{tail}"))
def test_any_text_is_refused_or_kept_in_its_last_form(text: str) -> None:
    kept = kept_or_none(text)
    assume(kept is not None)
    assert kept == kept_or_none(str(kept))
    assert "@" not in str(kept).split("/")[2]
