from __future__ import annotations

import pytest

from core.errors import InputError
from tui.web.access import Entrance, find_address, is_loopback, is_own_page

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104
KNOWN = "a token of twenty chars"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert find_address(host, 8000, "", "").authority.endswith(":8000")


@pytest.mark.parametrize(
    "host", [EVERY_ADDRESS, "::", "192.168.0.2", "example.com", "localhost.evil.com", ""]
)
def test_an_address_that_others_reach_is_refused_without_a_token(host: str) -> None:
    with pytest.raises(InputError, match="no access token"):
        find_address(host, 8000, "http://example.com", "")


def test_addresses() -> None:
    assert find_address("::1", 80, "", "").url == "http://[::1]:80"
    behind = find_address(EVERY_ADDRESS, 8000, "https://Audit.example.com/", KNOWN)
    assert (behind.url, behind.authority) == ("https://audit.example.com", "audit.example.com")
    for host, port, url, token in (
        ("example.com", 8000, "", "short"),
        ("localhost", 0, "", ""),
        ("localhost", 70000, "", ""),
        (EVERY_ADDRESS, 8000, "", KNOWN),
        ("localhost", 8000, "javascript:alert(1)", ""),
        ("localhost", 8000, "https://user:secret@example.com", ""),
        ("localhost", 8000, "https://example.com/below", ""),
    ):
        with pytest.raises(InputError):
            find_address(host, port, url, token)


def test_only_the_own_page_is_own() -> None:
    address = find_address("localhost", 8000, "", "")
    assert is_own_page("http://localhost:8000", address)
    for origin in (None, "", "null", "http://localhost:8001", "https://localhost:8000"):
        assert not is_own_page(origin, address)


def test_the_token_lets_in_and_nothing_else_does() -> None:
    entrance = Entrance(KNOWN, asks_name=True)
    for token in ("", KNOWN[:-1], KNOWN + "x", "é" * 23):
        with pytest.raises(InputError, match="not the access token"):
            entrance.enter(token, "ada")
    for name in ("", "  ", "a\x1b[2J", "x" * 65):
        with pytest.raises(InputError, match="name"):
            entrance.enter(KNOWN, name)
    secret = entrance.enter(KNOWN, " ada ")
    assert entrance.name_of(secret) == "ada"
    assert entrance.enter(KNOWN, "ada") != secret
    for unknown in (None, "", KNOWN, secret[:-1]):
        assert entrance.name_of(unknown) is None


def test_an_open_entrance_asks_nobody() -> None:
    assert Entrance("", asks_name=False).name_of(None) == ""
    assert Entrance("", asks_name=True).name_of(None) is None
