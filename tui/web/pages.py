"""The pages: the app, and the entrance that asks for a name and the access token.

They load everything from this server. The entrance needs no script.
"""

from __future__ import annotations

from html import escape
from typing import Final

_ENTRANCE_PAGE: Final = """<!doctype html>
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
    """Return the entrance in HTML; ``reason`` says why the last answer was refused."""
    fields = (_NAME_FIELD if asks_name else "") + (_ACCESS_FIELD if asks_token else "")
    return _ENTRANCE_PAGE.format(reason=escape(reason), fields=fields)


#: textual-serve's script looks for these classes and data attributes. It marks the body when the
#: app has painted, and when it has ended.
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>rejudge</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{static}/css/xterm.css">
<script src="{static}/js/textual.js"></script>
<style>
@font-face {{ font-family: "Roboto Mono"; font-weight: 100 700;
  src: url("{static}/fonts/RobotoMono-VariableFont_wght.ttf") format("truetype") }}
@font-face {{ font-family: "Roboto Mono"; font-style: italic; font-weight: 100 700;
  src: url("{static}/fonts/RobotoMono-Italic-VariableFont_wght.ttf") format("truetype") }}
body {{ margin: 0; background: #121212; color: #e0e0e0; font: 16px/1.5 "Roboto Mono", monospace }}
.textual-terminal {{ width: 100vw; height: 100vh }}
.notice {{ position: absolute; inset: 0; display: flex; gap: 1em; z-index: 1;
  align-items: center; justify-content: center; background: #121212 }}
.notice a {{ color: inherit }}
.-first-byte .opening, body:not(.-closed) .ended {{ display: none }}
</style></head>
<body>
<div class="notice opening">opening the workspace …</div>
<div class="notice ended">The session has ended. <a href="/">Start again</a></div>
<div id="start" hidden></div>
<div class="textual-terminal" data-session-websocket-url="{websocket}" data-font-size="16"></div>
<script src="{keys}"></script>
</body></html>
"""
KEYS_PATH: Final = "/keys.js"
#: textual-serve's script does not focus the terminal; without this, keys need a click first.
KEYS_SCRIPT: Final = """\
new MutationObserver(() => document.querySelector(".xterm-helper-textarea")?.focus())
  .observe(document.body, { attributeFilter: ["class"] });
"""


def app_page(url: str) -> str:
    """Return the page of the app in HTML.

    Args:
        url: this server as visitors type it, without a slash at the end.
    """
    websocket = "ws" + url.removeprefix("http") + "/ws"
    return _PAGE.format(
        static=escape(f"{url}/static"),
        websocket=escape(websocket),
        keys=escape(f"{url}{KEYS_PATH}"),
    )


def content_policy(url: str) -> str:
    """Return the Content-Security-Policy of every page: nothing from other servers, no frames."""
    websocket = "ws" + url.removeprefix("http") + "/ws"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # the terminal measures letters with styles
            "font-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {websocket}",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
