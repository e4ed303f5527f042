"""What every page has: head, navigation, search, the answer's headers; and errors as pages.

A browser gives a token as the password of HTTP Basic (RFC 7617), under any user name. Only pages take it that way:
what a browser sends by itself must never be able to write.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from catalog_tool import __version__
from catalog_tool.clock import iso
from catalog_tool.server.holdings import etag_of
from catalog_tool.server.pages_html import Html, el, flat, join, text
from catalog_tool.server.pages_style import HEADERS, STYLE
from catalog_tool.server.problems import ProblemError
from catalog_tool.server.read_api import tagged
from catalog_tool.server.service import Service

HTML = "text/html; charset=utf-8"
PROMPTS, SKILLS = "/", "/ui/skills"
QUERY_CHARACTERS = 200
AT_ONCE = 2
"""Pages that one worker draws at the same time."""
_DRAWING = ThreadPoolExecutor(AT_ONCE, "catalog-page")
_NARROW = "\u00a0"
"""A space that does not break."""
_CHALLENGE = 'Basic realm="catalog", charset="UTF-8"'
_HINTS = {
    401: "Give a token of this service as the password; the user name is not looked at.",
    404: "No page has this address.",
}


def bearer_of(authorization: bytes | None) -> bytes | None:
    """The header as the guard knows it: a password of HTTP Basic is a token. What is malformed stays as it is."""
    scheme, _, given = (authorization or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return authorization
    try:
        _, colon, secret = base64.b64decode(given, validate=True).partition(b":")
    except binascii.Error:
        return authorization
    return b"Bearer " + secret if colon else authorization


def prompt_url(name: str, version: str = "") -> str:
    """A prompt's page, with one of its versions."""
    return f"/ui/prompts/{quote(name)}" + (f"?{urlencode({'version': version})}" if version else "")


def diff_url(name: str, before: str, after: str) -> str:
    """The comparison of two versions."""
    return f"/ui/prompts/{quote(name)}/diff?{urlencode({'from': before, 'to': after})}"


def skill_url(name: str) -> str | None:
    """A skill's page; None for a name that no browser could ask for."""
    return None if "/" in name or name in (".", "..") else f"/ui/skills/{quote(name, safe='')}"


def asked(request: Request, name: str, longest: int = QUERY_CHARACTERS) -> str:
    """A parameter of the query, empty where there is none. Raises ``ProblemError``."""
    given = request.query_params.getlist(name)
    if len(given) > 1 or (given and len(given[0]) > longest):
        raise ProblemError(400, f"{name} is given once, with at most {longest} characters")
    return given[0] if given else ""


async def drawn(service: Service, request: Request, title: str, body: Iterable[Html | str | None]) -> Response:
    """A page, made beside the loop. Few at a time: a long comparison takes from what the API answers with."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_DRAWING, _page, service, request, title, body)


def _page(service: Service, request: Request, title: str, body: Iterable[Html | str | None]) -> Response:
    """A page with an ETag by its content. Says so where the store does not answer."""
    note = None
    if not service.keeper.is_ready:
        said = f"The store does not answer just now. This is what it held at {iso(int(service.keeper.read_at))}."
        note = el("p", said, class_="note", role="status")
    path, query = request.url.path, request.query_params.get("q", "")[:QUERY_CHARACTERS]
    data = document(title, join([note, *body]), path, query).encode()
    answer = tagged(request, data, etag_of(data), HTML)
    answer.headers.update(HEADERS)
    return answer


def error_page(error: ProblemError) -> Response:
    """A problem for people. A 401 asks the browser for a password."""
    told = error.response()
    problem = json.loads(bytes(told.body))
    detail = problem.get("detail") or _HINTS.get(error.status, "")
    detail = f"{detail[:1].upper()}{detail[1:]}"
    body = [el("h1", problem["title"]), el("p", detail, class_="lead") if detail else None]
    body.append(el("p", el("a", "All prompts", href=PROMPTS)))
    kept = {name: value for name, value in told.headers.items() if name not in ("content-length", "content-type")}
    challenge = {"www-authenticate": _CHALLENGE} if error.status == 401 else {}
    data = document(problem["title"], join(body), "", "").encode()
    return Response(data, error.status, {**kept, **challenge, **HEADERS}, media_type=HTML)


def document(title: str, body: Html, path: str, query: str) -> str:
    """The whole document; ``path`` is where the reader is."""
    head = join(
        [
            el("meta", charset="utf-8"),
            el("title", flat(f"{title} · catalog")),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            Html(f"<style>{STYLE}</style>"),
        ]
    )
    footer = el("footer", f"Read-only: what is served here changes by sync or by API. catalog-tool {__version__}")
    inside = [el("a", "Skip to the content", href="#content", class_="skip"), _bar(path, query)]
    shown = join([*inside, el("main", body, id="content"), footer], "\n")
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{shown}</body></html>\n'


def _bar(path: str, query: str) -> Html:
    places = ((PROMPTS, "Prompts"), (SKILLS, "Skills"))
    links = [el("a", name, href=place, aria_current="page" if place == path else None) for place, name in places]
    field = el("input", type="search", name="q", value=query, maxlength=QUERY_CHARACTERS, aria_label="Search",
               placeholder="Name, owner, label …")  # fmt: skip
    place = SKILLS if path == SKILLS else PROMPTS
    search = el("form", field, el("button", "Search"), action=place, method="get", role="search")
    return el("header", el("div", el("nav", join(links), aria_label="Catalog"), search), class_="bar")


def words(value: Any) -> str:
    """A text, or what stands where one should, as text."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def names(value: Any) -> str:
    """Owners or tags in a line."""
    return ", ".join(map(words, value)) if isinstance(value, list) else words(value)


def meta_list(pairs: Mapping[str, Html | str | None]) -> Html | None:
    """Terms and what they are; those without anything are left out."""
    found = [el("dt", term) + el("dd", said) for term, said in pairs.items() if said]
    return el("dl", Html("".join(found))) if found else None


def counted(number: int, what: str) -> str:
    """``1 prompt``, ``2 prompts``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def value_text(value: Any) -> str:
    """A label's value in a line."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return ", ".join(f"{part.get('version')} {words(part.get('weight'))}{_NARROW}%" for part in value)
    return "nothing" if value is None else words(value)


def moment(at: str | None) -> Html:
    """A time (ISO 8601), so that it does not break; a dash where nobody knows it."""
    return el("time", at.replace("T", " ").replace("Z", " UTC"), datetime=at, class_="n") if at else text("–")
