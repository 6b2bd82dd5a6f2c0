"""Bytes of a stranger to an element tree: no entity, no document type, no network, no surprise.

The text is decoded here and not by the parser, so that nobody can hide a document type from
us in an encoding that only the parser knows.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from foodtrace.trace.epcis.strict_json import MAX_BYTES, MAX_VALUES
from foodtrace.trace.errors import Invalid, Problem, TooLarge, mark

# Namespaces in force at one place, and different ones in a whole document.
MAX_NAMESPACES_IN_FORCE = 100
MAX_NAMESPACES = 1000

_BOMS = (
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xfe\xff", "utf-16"),
    (b"\xff\xfe", "utf-16"),
)
_DECLARATION = re.compile(r"""<\?xml\s[^?>]{0,300}\?>""")
_ENCODING = re.compile(r"""\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_VERSION = re.compile(r"""<\?xml\s+version\s*=\s*["']1\.0["']""")
_NAMES = {"utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16", "us-ascii": "utf-8"}
# Everything that may come before the first tag, without backtracking.
_PROLOG = re.compile(r"(?:[ \t\r\n]++|<!--(?:[^-]|-(?!->))*+-->|<\?(?:[^?]|\?(?!>))*+\?>)*+")


# What a value may begin with that looks like a prefix: in an attribute, a text, a CDATA section.
_START_OF_VALUE = re.compile(r"(?:=\s*[\"']|>|\[CDATA\[)\s*([A-Za-z_][A-Za-z0-9_.-]*):")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree, what each prefix stands for somewhere in it, and with which of them values begin."""

    root: etree._Element
    namespaces: dict[str, set[str]]
    in_values: frozenset[str]


def parse(body: bytes) -> Parsed:
    """Return the tree of a body, without comments and processing instructions.

    Raises Invalid or TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(_too_long(len(body)))
    text = _decoded(body)
    _check_prolog(text)
    # Counted in texts too, so a little too many.
    if text.count("<") - text.count("</") + text.count("=") > MAX_VALUES:
        raise TooLarge(
            Problem(
                "",
                mark("The body has more than %(limit)s values"),
                mark("Send it in several documents"),
                {"limit": MAX_VALUES},
            )
        )
    parser = etree.XMLPullParser(
        ("start-ns", "end-ns"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        parser.feed(text.encode())
        root = parser.close()
    except etree.XMLSyntaxError:
        raise Invalid(_broken(parser.feed_error_log)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        # Whatever the check before the parser did not see, it did not pass.
        raise Invalid(_document_type(1))
    namespaces = _namespaces(parser.read_events())
    in_values = frozenset(_START_OF_VALUE.findall(text)) & namespaces.keys()
    return Parsed(root, namespaces, in_values)


def _decoded(body: bytes) -> str:
    """Return the text without byte order mark; its XML declaration is blanked out."""
    encoding = next((name for bom, name in _BOMS if body.startswith(bom)), "")
    if encoding == "utf-32":
        raise Invalid(_encoding("UTF-32"))
    try:
        # "utf-16" reads its own mark; without one the body is UTF-8, as XML has it.
        text = body.decode({"utf-8": "utf-8-sig", "": "utf-8"}.get(encoding, encoding))
    except UnicodeDecodeError as error:
        declared = _ENCODING.search(body[:400].decode("ascii", "replace"))
        if declared and declared.group(1).lower() not in _NAMES:
            raise Invalid(_encoding(declared.group(1))) from None
        raise Invalid(
            Problem(
                "",
                mark("The body is not UTF-8: byte %(at)s"),
                mark("Send it as UTF-8"),
                {"at": error.start},
            )
        ) from None
    return _without_declaration(text, encoding or "utf-8")


def _without_declaration(text: str, encoding: str) -> str:
    """Return the text with line breaks for its declaration: lines keep their numbers."""
    found = _DECLARATION.match(text)
    if not found:
        return text
    declaration = found.group()
    named = _ENCODING.search(declaration)
    if named and _NAMES.get(named.group(1).lower()) != encoding:
        raise Invalid(_encoding(named.group(1)))
    if not _VERSION.match(declaration):
        raise Invalid(
            Problem("line 1", mark("Only XML 1.0 is read here"), mark('Write version="1.0"'))
        )
    return "\n" * declaration.count("\n") + text[found.end() :]


def _check_prolog(text: str) -> None:
    """Refuse a document type. Without one there are no entities, and nothing is fetched."""
    found = _PROLOG.match(text)
    at = found.end() if found else 0
    line = text.count("\n", 0, at) + 1
    if text.startswith("<!DOCTYPE", at):
        raise Invalid(_document_type(line))
    if text.startswith("\ufeff", at):
        # The parser would pass over a second mark, and over our check of what comes behind it.
        raise Invalid(
            Problem(
                f"line {line}",
                mark("The body starts with a byte order mark"),
                mark("Leave it out"),
            )
        )


def _namespaces(events: Iterable[tuple[str, object]]) -> dict[str, set[str]]:
    """Return what each prefix stands for. Raises Invalid if it is too much."""
    found: dict[str, set[str]] = {}
    uris: set[str] = set()
    in_force = 0
    for kind, declared in events:
        if kind == "end-ns":
            in_force -= 1
            continue
        in_force += 1
        if isinstance(declared, tuple):
            prefix, uri = declared
            found.setdefault(prefix, set()).add(uri)
            uris.add(uri)
        if in_force > MAX_NAMESPACES_IN_FORCE or len(uris) > MAX_NAMESPACES:
            raise Invalid(
                Problem(
                    "",
                    mark("The document declares too many namespaces"),
                    mark("Declare those that it uses, each once, in its first element"),
                )
            )
    return found


def _document_type(line: int) -> Problem:
    return Problem(
        f"line {line}",
        mark("Document types (DOCTYPE) and entities are refused"),
        mark("Leave the DOCTYPE out; EPCIS needs none"),
    )


def _too_long(size: int) -> Problem:
    return Problem(
        "",
        mark("The body has %(size)s bytes, the limit is %(limit)s"),
        mark("Send it in several documents"),
        {"size": size, "limit": MAX_BYTES},
    )


def _encoding(name: str) -> Problem:
    return Problem(
        "line 1",
        mark("The encoding %(name)s is not read here, or is not the one of the bytes"),
        mark("Send UTF-8, and declare that or nothing"),
        {"name": name},
    )


def _broken(log: etree._ListErrorLog) -> Problem:
    first = log[0]
    line, column = max(first.line, 1), max(first.column, 1)
    # Parts of the message come from the body.
    detail = "".join(letter for letter in first.message if letter.isprintable())[:200]
    return Problem(
        f"line {line}, column {column}",
        mark("The XML is broken at line %(line)s, column %(column)s: %(detail)s"),
        mark("Check the tags and quotes before this place"),
        {"line": line, "column": column, "detail": detail},
    )
