"""The page on which staff scan: with a hand scanner, by a photo, or with the live camera.

Without script it is a form; the script adds the camera. A photo is read and forgotten, and
what was read stands in the address of the answer, so that one may go back to it.
"""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from foodtrace.trace.errors import Invalid, Problem, TooLarge, mark
from foodtrace.trace.forms import form_page
from foodtrace.trace.gs1.model import Identifier
from foodtrace.trace.gs1.scanning import cleaned_code, read_lot_of, read_scan
from foodtrace.trace.navigation import Entry
from foodtrace.trace.scanning.model import Known
from foodtrace.trace.scanning.photos import MOST_BYTES, read_photo, too_large_photo
from foodtrace.trace.scanning.services import MOST_TEXTS, look_up
from foodtrace.trace.scanning.steps import steps_for
from foodtrace.trace.shell import language_tag
from foodtrace.trace.web import body_limit, current_actor, reading

bp = Blueprint("scanning", __name__, url_prefix="/scan", template_folder="templates")

NAVIGATION = (Entry("scanning.scan", mark("Scan"), "lot.read"),)

CHINA = ZoneInfo("Asia/Shanghai")
KINDS = {
    "class": mark("Product without lot"),
    "lot": mark("Lot"),
    "instance": mark("Single item"),
    "logistic": mark("Pallet or crate"),
    "place": mark("Place"),
    "party": mark("Organisation"),
    "other": mark("Other code"),
}
UNITS = {
    "waiting": mark("This code on a single item was not given to a lot yet."),
    "active": mark("This code belongs to a single item of the lot."),
    "void": mark("This code was declared void. It should be on no item."),
    "lost": mark("This code was reported lost. It should be on no item."),
}
_FORM_BYTES = MOST_BYTES + 64 * 1024  # the photo and what a form puts around it
_LONGEST_WAY_BACK = 1000
_SHOWN = 60  # characters of a text that is no code


@bp.context_processor
def words() -> dict[str, Any]:
    """Give the template names in the reader's language."""
    return {
        "kinds": KINDS,
        "known_name": _known_name,
        "public_page": _public_page,
        "units": UNITS,
        "with_code": _with_code,
    }


@bp.get("")
def scan() -> ResponseReturnValue:
    """Show the field, and what the scanned codes name."""
    texts = [text for text in request.args.getlist("code") if text.strip()][:MOST_TEXTS]
    way_back = _way_back()
    actor = current_actor()
    with reading() as session:
        found = look_up(session, actor, texts)
        steps = [steps_for(session, actor, scanned) for scanned in found]
    page = render_template(
        "trace/scan.html",
        found=list(zip(found, steps, strict=True)),
        way_back=way_back,
        today=datetime.now(CHINA).date(),
        empty=request.args.get("empty") == "1",
    )
    response = Response(page, mimetype="text/html")
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return response


@bp.post("")
@body_limit(_FORM_BYTES)
@form_page(scan)
def read() -> ResponseReturnValue:
    """Read what was scanned, typed or photographed, and lead to what it names."""
    texts = [cleaned_code(text) for text in request.form.getlist("code") if text.strip()]
    photo = request.files.get("photo")
    number = request.form.get("lot", "").strip()
    if photo:
        texts += [symbol.text for symbol in read_photo(photo.read())]
    elif not texts:
        raise Invalid(
            Problem("code", mark("Nothing was scanned or typed"), mark("Scan or type a code"))
        )
    elif number:
        texts = [read_lot_of(read_scan(texts[0])[0][-1].canonical, number).canonical]
    return redirect(_answer_to(texts), 303)


@bp.post("/frames")
@body_limit(MOST_BYTES)
def read_frame() -> dict[str, Any]:
    """Read one picture of the live camera; answer where to go, or null."""
    texts = [symbol.text for symbol in read_photo(_picture())]
    return {"address": _answer_to(texts) if texts else None}


def _picture() -> bytes:
    """Return the body of this request. Raises TooLarge, also where no length was said."""
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) >= MOST_BYTES:
        # Of a chunked body werkzeug reads as much as is allowed, and leaves the rest unsaid.
        raise TooLarge(too_large_photo())
    return data


def _answer_to(texts: list[str]) -> str:
    """Return where to go with what was read: back, if one thing was, else to the answer."""
    way_back = _way_back()
    if way_back is not None and len(texts) == 1:
        with reading() as session:
            found = look_up(session, current_actor(), texts)
        if len(found) == 1 and found[0].is_goods:
            return _with_code(way_back, found[0].known)
    query = [("code", _kept(text)) for text in texts[:MOST_TEXTS]] or [("empty", "1")]
    if way_back is not None:
        query.append(("then", way_back))
    return f"{url_for('scanning.scan')}?{urlencode(query)}"


def _kept(text: str) -> str:
    """Return a text as it goes into an address; of what is no code, enough to recognise it."""
    try:
        read_scan(text)
    except Invalid:
        text = "".join(sign if sign.isprintable() else " " for sign in text[:_SHOWN]).strip()
    return text or "?"


def _way_back() -> str | None:
    """Return the page to go back to, if it is one of ours. Raises Invalid for any other."""
    then = request.args.get("then")
    if not then:
        return None
    parts = urlsplit(then) if _is_path(then) else None
    if parts is None or parts.scheme or parts.netloc or not _is_page(parts.path):
        raise Invalid(
            Problem(
                "then",
                mark("The page to go back to is not one of this service"),
                mark("Open the page from the navigation"),
            )
        )
    return urlunsplit(("", "", parts.path, parts.query, ""))


def _is_path(text: str) -> bool:
    """Answer whether no browser can read the text as the address of another site."""
    plain = text.isascii() and text.isprintable() and len(text) <= _LONGEST_WAY_BACK
    return plain and "\\" not in text and text.startswith("/") and not text.startswith("//")


def _is_page(path: str) -> bool:
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(path, method="GET")  # type: ignore[union-attr]  # within a request there is one
    except (HTTPException, RequestRedirect):
        return False
    return not path.startswith(("/api/", "/epcis", "/logout")) and not endpoint.endswith("static")


def _with_code(way_back: str, known: Known | None) -> str:
    """Return the page to go back to, the thing filled in."""
    parts = urlsplit(way_back)
    query = [*parse_qsl(parts.query), ("code", known.canonical if known else "")]
    return f"{parts.path}?{urlencode(query)}"


def _known_name(known: Known) -> str:
    english = language_tag() == "en"
    return (english and known.name_en) or known.name or ""


def _public_page(identifier: Identifier) -> str | None:
    """Return where everybody may look a thing up, known to us or not."""
    has_page = identifier.canonical.startswith(("/01/", "/00/", "/q/"))
    return identifier.canonical if has_page else None
