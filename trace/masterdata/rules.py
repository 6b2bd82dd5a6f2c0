"""What may be written into the register, field by field. Pure: no database, no request."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foodtrace.trace.china import check_food_licence, check_uscc
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.check_digits import normal_gln, normal_gtin

PARTY_KINDS = (
    "farm",
    "packer",
    "processor",
    "cold_store",
    "distributor",
    "shop",
    "laboratory",
    "authority",
    "other",
)

LONGEST_SHELF_LIFE_DAYS = 36_500

# Format characters (zero-width, bidirectional), control, private, unassigned, line breaks.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
# Letters and symbols that look like nothing at all, and spaces that look like spaces.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")
_SPACES = frozenset(" \u3000")
_LOOK_ALIKES = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
_PHONE = frozenset("0123456789+-() ")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the register: its length in characters, or the check that it passes."""

    longest: int = 200
    required: bool = False
    check: Callable[[str], str] | None = None


def _party_kind(text: str) -> str:
    if text not in PARTY_KINDS:
        raise Invalid(
            Problem(
                "kind",
                mark("%(kind)s is no kind of organisation"),
                mark("Choose one of %(kinds)s"),
                {"kind": text, "kinds": ", ".join(PARTY_KINDS)},
            )
        )
    return text


def _phone(text: str) -> str:
    if not _PHONE.issuperset(text) or sum(char.isdigit() for char in text) < 3:
        raise Invalid(
            Problem(
                "phone",
                mark("A telephone number is made of digits, spaces and the signs + - ( )"),
                mark("Write it like 0571-88123456"),
            )
        )
    return text


PARTY_FIELDS: Mapping[str, Field] = {
    "name": Field(200, required=True),
    "name_en": Field(200),
    "kind": Field(20, required=True, check=_party_kind),
    "gln": Field(13, check=normal_gln),
    "uscc": Field(18, check=check_uscc),
    "food_licence": Field(16, check=check_food_licence),
    "region": Field(100),
    "address": Field(300),
    "phone": Field(40, check=_phone),
}
PLACE_FIELDS: Mapping[str, Field] = {
    "name": Field(200, required=True),
    "name_en": Field(200),
    "gln": Field(13, check=normal_gln),
    "region": Field(100),
    "address": Field(300),
}
PRODUCT_FIELDS: Mapping[str, Field] = {
    "name": Field(200, required=True),
    "gtin": Field(14, check=normal_gtin),
    "name_en": Field(200),
    "brand": Field(100),
    "net_content": Field(100),
    "storage": Field(200),
    "standard": Field(100),
    "ingredients": Field(1000),
    "allergens": Field(300),
}


def checked(fields: Mapping[str, Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given values as they will be kept: texts trimmed, empty ones None.

    Raises Invalid with every broken rule, each naming its field.
    """
    kept: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        try:
            kept[name] = _checked_field(name, fields[name], value)
        except Invalid as refusal:
            problems += [Problem(name, p.rule, p.fix, p.values) for p in refusal.problems]
    if problems:
        raise Invalid(*problems)
    return kept


def checked_shelf_life(days: int | None) -> int | None:
    """Return a shelf life in days, or None where there is none. Raises Invalid."""
    if days is None or 0 < days <= LONGEST_SHELF_LIFE_DAYS:
        return days
    raise Invalid(
        Problem(
            "shelf_life_days",
            mark("A shelf life is a whole number of days from 1 to %(longest)s"),
            mark("Leave it empty for food that does not expire"),
            {"longest": LONGEST_SHELF_LIFE_DAYS},
        )
    )


def check_text(place: str, text: str, longest: int) -> None:
    """Refuse what a reader would not see, or would take for something else. Raises Invalid."""
    if len(text) > longest:
        raise Invalid(
            Problem(
                place,
                mark("The text has %(length)s characters, %(longest)s are allowed"),
                mark("Shorten it"),
                {"length": len(text), "longest": longest},
            )
        )
    if not unicodedata.is_normalized("NFC", text):
        raise Invalid(
            Problem(
                place,
                mark("The text is not in Unicode normal form C"),
                mark("Type it again instead of copying it"),
            )
        )
    for position, char in enumerate(text, start=1):
        if _is_unseen(char):
            raise Invalid(
                Problem(
                    place,
                    mark("Character %(code)s at position %(position)s cannot be seen"),
                    mark("Remove it, or type the text again"),
                    {"code": f"U+{ord(char):04X}", "position": position},
                )
            )
    _refuse_mixed_scripts(place, text)


def _checked_field(name: str, field: Field, value: str | None) -> str | None:
    text = (value or "").strip(" \u3000")
    if not text:
        if field.required:
            raise Invalid(Problem(name, mark("This must not be empty"), mark("Fill it in")))
        return None
    if field.check is not None:
        return field.check(text)
    check_text(name, text, field.longest)
    return text


def _is_unseen(char: str) -> bool:
    if char in _SPACES:
        return False
    category = unicodedata.category(char)
    return category in _UNSEEN_CATEGORIES or category == "Zs" or char in _BLANKS


def _refuse_mixed_scripts(place: str, text: str) -> None:
    """Refuse words that mix Latin with letters that look Latin: `pаypal` with a Cyrillic а."""
    if text.isascii():
        return
    for word in "".join(char if char.isalpha() else " " for char in text).split():
        scripts = {unicodedata.name(char, "").split(" ")[0] for char in word} & _LOOK_ALIKES
        if len(scripts) > 1:
            raise Invalid(
                Problem(
                    place,
                    mark("The word %(word)s mixes letters of %(scripts)s"),
                    mark("Type the word again in one script"),
                    {"word": word, "scripts": ", ".join(sorted(scripts))},
                )
            )
