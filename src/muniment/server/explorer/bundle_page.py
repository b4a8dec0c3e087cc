"""A bundle as one HTML file: it carries the proof and the script that verifies it, opens anywhere, and fetches nothing.

    html = write(bundled.raw, "credit-risk@3")

What is shown is told by the script after it has verified; before that the page says only what it carries. The bundle stands in
it as base64, so that nothing in it can end the element that holds it.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files

from muniment.errors import InvariantError
from muniment.server import scripts


def write(raw: bytes, title: str) -> str:
    """The page that carries the bytes of a bundle. `title` is what people call the thing that it is about."""
    style, script = _read("page.css"), f"{scripts.join()}{_read('page.js')}"
    # Within a script element nothing is escaped; these would end it or hide its end.
    if any(mark in script.lower() for mark in ("</script", "<!--", "<script")):
        raise InvariantError("the script cannot stand in a page")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    carried = base64.b64encode(raw).decode()
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: records and their proof</title>\n<style>{style}</style>"
    )
    body = f'{_body(escape(title), len(raw))}<script type="text/plain" id="bundle">{carried}</script>\n<script>{script}</script>'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _body(title: str, size: int) -> str:
    return f"""<main>
<h1>What is recorded of {title}</h1>
<p>This file carries signed records from a ledger, the proof that they are in it, and the script that checks them. It needs no
network: your own browser does all of it. <a id="save" download="bundle.json">Save the bundle</a> ({size:,} bytes) to check it with
<code>muniment verify bundle.json</code> as well.</p>
<section id="ask" aria-labelledby="ask-heading">
<h2 id="ask-heading">Whom do you believe?</h2>
<p><label for="trust">Choose the trust file of this ledger. Take it from somebody whom you trust already, and not from whoever gave
you this page.</label></p>
<p><input type="file" id="trust" accept=".toml"></p>
<div id="own">
<p class="note">Whoever made this page put a trust file into it as well, with the fingerprint <code id="fingerprint">…</code>.
If the ledger's owner has told you the same fingerprint himself, you can use it.</p>
<p><button type="button" id="believe">Use the trust file in this page</button></p>
</div>
</section>
<section id="verdict" aria-labelledby="verdict-heading">
<h2 id="verdict-heading">What was found</h2>
<p id="state" role="status">Nothing on this page has been verified yet.</p>
<noscript><p>Without a script this page cannot verify anything.</p></noscript>
<ol id="steps"></ol>
<div id="told"></div>
</section>
</main>
"""


def _read(name: str) -> str:
    return files("muniment.server.explorer").joinpath("bundle", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
