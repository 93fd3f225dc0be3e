"""The page that asks a visitor for a name and the access token. It needs no script."""

from __future__ import annotations

from html import escape
from typing import Final

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>rejudge</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<style>body {{ font: 16px/1.5 monospace; max-width: 24em; margin: 4em auto; padding: 0 1em }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit;
margin-top: .5em }}</style>
<h1>rejudge</h1><p>{reason}</p>
<form method="post" action="/enter">{fields}<button>enter</button></form></html>
"""
_NAME_FIELD: Final = (
    '<label>who labels<input name="name" required maxlength="64" autofocus></label>'
)
_ACCESS_FIELD: Final = (
    '<label>access token<input name="token" type="password" required'
    ' autocomplete="current-password"></label>'
)


def entrance_page(*, asks_name: bool, asks_token: bool, reason: str = "") -> str:
    """Return the page in HTML; ``reason`` says why the last answer was refused."""
    fields = (_NAME_FIELD if asks_name else "") + (_ACCESS_FIELD if asks_token else "")
    return _PAGE.format(reason=escape(reason), fields=fields)
