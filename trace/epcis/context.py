"""JSON-LD contexts, as far as EPCIS needs them: prefixes. Nothing is ever fetched."""

import re
from collections.abc import Mapping
from typing import Any

from foodtrace.trace.epcis.json_values import pointer
from foodtrace.trace.errors import Invalid, Problem, mark

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
CBV = "https://ref.gs1.org/cbv/"
CBV_MASTER_DATA = "urn:epcglobal:cbv:mda:"
GS1_VOCABULARY = "https://ref.gs1.org/voc/"
# Our own extension: a party keeps a step from the public, who see a numbered blank.
VISIBILITY = "https://foodtrace.example/ns/visibility"
# Another one: named values that name or describe persons (trace/personal).
PERSONAL = "https://foodtrace.example/ns/personal"

# What the EPCIS context declares itself (EPCIS 2.0, JSON-LD context).
STANDARD_PREFIXES: Mapping[str, str] = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": CBV,
    "cbvmda": CBV_MASTER_DATA,
    "gs1": GS1_VOCABULARY,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}

_EPCIS_CONTEXT = re.compile(
    r"https://(ref\.gs1\.org/standards/epcis|gs1\.github\.io/EPCIS)/([0-9.]+/)?epcis-context\.jsonld"
)
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
# Such a prefix would turn every address and every URN into something else.
_SCHEMES = frozenset({"http", "https", "urn", "ni", "tag", "did", "mailto", "tel", "ftp", "geo"})


def prefixes_of(context: Any, inherited: Mapping[str, str], place: str) -> Mapping[str, str]:
    """Return the prefixes in force below a context. Raises Invalid."""
    parts = context if isinstance(context, list) else [context]
    prefixes = dict(inherited)
    for index, part in enumerate(parts):
        where = place + pointer(index) if isinstance(context, list) else place
        if isinstance(part, str):
            if not _EPCIS_CONTEXT.fullmatch(part):
                raise Invalid(_unknown_context(where, part))
        else:
            for name, namespace in part.items():
                _check_prefix(where + pointer(name), name, namespace)
                prefixes[name] = namespace
    return prefixes


def has_epcis_context(context: Any) -> bool:
    """Say whether the EPCIS context itself is named."""
    parts = context if isinstance(context, list) else [context]
    return any(isinstance(part, str) and _EPCIS_CONTEXT.fullmatch(part) for part in parts)


def expanded(text: str, prefixes: Mapping[str, str]) -> str:
    """Return a CURIE as the full IRI; anything else unchanged.

    >>> expanded("cbv:BizStep-shipping", STANDARD_PREFIXES)
    'https://ref.gs1.org/cbv/BizStep-shipping'
    """
    prefix, colon, name = text.partition(":")
    if colon and prefix in prefixes and not name.startswith("//"):
        return prefixes[prefix] + name
    return text


def is_extension_name(name: str, prefixes: Mapping[str, str]) -> bool:
    """Say whether a name is a declared prefix with a local name, or a full IRI."""
    prefix, colon, local = name.partition(":")
    if not colon or not local:
        return False
    return prefix in prefixes or (prefix in _SCHEMES and bool(_IRI.fullmatch(name)))


def _check_prefix(place: str, name: str, namespace: Any) -> None:
    if name.startswith("@") or not isinstance(namespace, str):
        raise Invalid(
            Problem(
                place,
                mark("A context here may only declare prefixes for namespaces"),
                mark('Write it as {"example": "https://example.com/ns/"}'),
            )
        )
    if not _PREFIX.fullmatch(name) or name in _SCHEMES:
        raise Invalid(
            Problem(
                place,
                mark("%(name)s cannot be a prefix"),
                mark("Use a short word of letters and digits"),
                {"name": name[:100]},
            )
        )
    if len(namespace) > 300 or not _IRI.fullmatch(namespace):
        raise Invalid(
            Problem(
                place,
                mark("The namespace of %(name)s is no absolute IRI"),
                mark("Write it as https://example.com/ns/"),
                {"name": name[:100]},
            )
        )


def _unknown_context(place: str, address: str) -> Problem:
    return Problem(
        place,
        mark("The context %(address)s is not known here, and contexts are never fetched"),
        mark("Declare the prefixes of your extensions in the document itself"),
        {"address": address[:200]},
    )
