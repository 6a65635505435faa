# SPDX-License-Identifier: GPL-3.0-or-later
"""A page about one message, and below it about all others, in the language of the interface.

A page of its own for each message, because many systems drop the `#part` of a local address.
"""

import re
from collections.abc import Callable
from html import escape

from ..inference_core.protocol import errors
from .advice import ADVICE

STYLE = (
    "body{font:17px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.4em}h2{font-size:1.05em;margin:1.8em 0 0}p{margin:.4em 0}"
    "code{color:#666;font-size:.85em}.first{background:#f3f3f0;padding:.6em 1.2em 1em}"
)


def page(code: str, say: Callable[[str], str] = lambda text: text) -> str:
    """HTML with a part for each code, that of `code` first; say: translates a text."""
    others = [other for other in sorted(errors.TABLE) if other != code]
    first = [f'<div class="first">{_part(code, say)}</div>'] if code in errors.TABLE else []
    title = escape(say("What SPEAK may say"))
    parts = [*first, f"<h1>{title}</h1>", *(_part(other, say) for other in others)]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _part(code: str, say: Callable[[str], str]) -> str:
    said = errors.TABLE[code]
    more = "".join(f"<p>{escape(say(text))}</p>" for text in ADVICE.get(code, ()))
    return (
        f'<h2 id="{code}">{_general(say(said.sentence))}</h2><p>{_general(say(said.hint))}</p>'
        f"{more}<p><code>{code}</code></p>"
    )


def _general(text: str) -> str:
    """What would be filled in where it happens is left open."""
    return re.sub(r"\{\w+\}", "…", escape(text))
