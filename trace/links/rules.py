"""What a link of a thing may say: its type, where it leads, and its title. Pure.

A link leads people away on our word, so its target is held to more than the standard asks:
https, a host with a name, nobody's password, and no character that a reader cannot see.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.charset import DIGITS
from foodtrace.trace.gs1.web_address import read_address
from foodtrace.trace.masterdata.rules import check_text

LONGEST_HREF = 2_000
LONGEST_TITLE = 200
MOST_LINKS = 50  # of one thing

# Words of the GS1 Web Vocabulary (https://ref.gs1.org/voc/?show=linktypes) that food needs.
# Not among them: the default links, gs1:recallStatus and gs1:handledBy. What is recalled, and
# which page comes first, is for this service to say and for nobody else.
LINK_TYPES: Mapping[str, str] = {
    "pip": mark("Product page"),
    "traceability": mark("Traceability"),
    "epcis": mark("EPCIS events"),
    "certificationInfo": mark("Certificates"),
    "safetyInfo": mark("Safety"),
    "masterData": mark("Master data"),
    "ingredientsInfo": mark("Ingredients"),
    "allergenInfo": mark("Allergens"),
    "nutritionalInfo": mark("Nutrition"),
    "consumerHandlingStorageInfo": mark("Storage and handling"),
    "instructions": mark("Instructions"),
    "recipeInfo": mark("Recipes"),
    "sustainabilityInfo": mark("Sustainability"),
    "relatedVideo": mark("Video"),
    "promotion": mark("Promotion"),
    "hasRetailers": mark("Where to buy it"),
    "locationInfo": mark("About the place"),
    "openingHoursInfo": mark("Opening hours"),
    "registryEntry": mark("Entry in a register"),
    "verificationService": mark("Verification service"),
    "jws": mark("Signed data"),
    "support": mark("Help and contact"),
}

_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,78}")


def check_link_type(text: str) -> str:
    """Return a word of LINK_TYPES, given with ``gs1:`` in front or without. Raises Invalid."""
    word = text.removeprefix("gs1:")
    if word not in LINK_TYPES:
        raise Invalid(
            Problem(
                "link_type",
                mark("%(word)s is no link type that can be given here"),
                mark("Choose one of %(words)s"),
                {"word": text[:60], "words": ", ".join(LINK_TYPES)},
            )
        )
    return word


def check_href(text: str) -> str:
    """Return an address that a link may lead to. Raises Invalid.

    >>> check_href("https://farm.example/chili?lot=1")
    'https://farm.example/chili?lot=1'
    """
    if len(text) > LONGEST_HREF:
        raise Invalid(
            Problem(
                "href",
                mark("The address has %(length)s characters, %(longest)s are allowed"),
                mark("Use a shorter address"),
                {"length": len(text), "longest": LONGEST_HREF},
            )
        )
    if not text.startswith("https://"):
        raise Invalid(
            Problem(
                "href",
                mark("A link leads to an address that begins with https://"),
                mark("Write the complete address, in half-width letters"),
            )
        )
    try:
        read_address(text, "href")
    except Invalid as error:  # it names the character, too; a form has one field
        raise Invalid(*(replace(each, place="href") for each in error.problems)) from None
    host = host_of(text).partition(":")[0]
    if "." not in host or DIGITS.issuperset(host.replace(".", "")) or "[" in host:
        raise Invalid(
            Problem(
                "href",
                mark("The host of a link is a name with a full stop, not a number"),
                mark("Write the address under which everybody finds the site"),
            )
        )
    return text


def host_of(href: str) -> str:
    """Return the host of a checked address in lower case, with its port if that is not 443.

    >>> host_of("https://Farm.Example:8443/chili")
    'farm.example:8443'
    """
    host = re.split(r"[/?#]", href.removeprefix("https://"), maxsplit=1)[0].lower()
    return host.removesuffix(":443")


def check_title(text: str) -> str:
    """Return a title that can be shown. Raises Invalid."""
    title = text.strip(" \u3000")
    if not title:
        raise Invalid(Problem("title", mark("This must not be empty"), mark("Fill it in")))
    check_text("title", title, LONGEST_TITLE)
    return title


def check_language(text: str | None) -> str | None:
    """Return a language tag, as link sets have it (``zh``, ``zh-CN``). Raises Invalid."""
    if not text or _LANGUAGE.fullmatch(text):
        return text or None
    raise Invalid(
        Problem(
            "language",
            mark("This is no language tag"),
            mark("Write zh, en or another two-letter code, and a country if need be: zh-CN"),
        )
    )


def check_media_type(text: str | None) -> str | None:
    """Return a media type without parameters. Raises Invalid."""
    if not text or _MEDIA_TYPE.fullmatch(text):
        return text or None
    raise Invalid(
        Problem(
            "media_type",
            mark("This is no media type"),
            mark("Write it in lower case and without parameters: text/html"),
        )
    )
