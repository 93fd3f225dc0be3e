"""The page that shows a visitor the app. It asks nobody but this server for anything."""

from __future__ import annotations

from html import escape
from typing import Final

#: The classes and data are those that textual-serve's script looks for: it marks the body once the
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
#: Keys reach the app without a click: its script leaves the terminal it makes without the focus.
KEYS_SCRIPT: Final = """\
new MutationObserver(() => document.querySelector(".xterm-helper-textarea")?.focus())
  .observe(document.body, { attributeFilter: ["class"] });
"""


def app_page(url: str) -> str:
    """Return the page in HTML.

    Args:
        url: where this server is, as visitors type it, without a slash at its end.
    """
    websocket = "ws" + url.removeprefix("http") + "/ws"
    return _PAGE.format(
        static=escape(f"{url}/static"),
        websocket=escape(websocket),
        keys=escape(f"{url}{KEYS_PATH}"),
    )


def content_policy(url: str) -> str:
    """Return the Content-Security-Policy of every page: nothing from elsewhere, in no frame."""
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
