"""JSON bodies, read strictly: what two readers could understand differently is refused.

No duplicate names, no NaN, no lone surrogates or control characters, text in NFC, and
limits on depth and digits, so that a small body cannot cost much.
"""

import json
import unicodedata
from decimal import Decimal
from typing import Any, NoReturn

from foodtrace.trace.errors import Invalid, Problem, mark

DEEPEST = 64
LONGEST_NUMBER = 40
_ALLOWED_CONTROLS = "\t\n\r"


def read_json(body: bytes) -> Any:
    """Return the value of a JSON text; raise Invalid, which names the place and the rule.

    Numbers with a fraction come as Decimal.

    >>> read_json(b'{"amount": 12.50}')
    {'amount': Decimal('12.50')}
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_fraction,
        )
    except UnicodeDecodeError as error:
        raise _broken(
            f"byte {error.start}", mark("The body is not UTF-8"), mark("Send UTF-8")
        ) from None
    except json.JSONDecodeError as error:
        raise _broken(
            f"line {error.lineno}, column {error.colno}",
            mark("The body is not JSON"),
            mark("Check what stands there"),
        ) from None
    except RecursionError:
        raise _too_deep() from None
    _check(value, "", 0)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(
            Problem(
                f"/{twice}",
                mark("The name %(name)s stands twice in one object"),
                mark("Send it once"),
                {"name": twice},
            )
        )
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise _broken("", mark("NaN and Infinity are not JSON"), mark("Send a number, or null"))


def _integer(text: str) -> int:
    _check_length(text)
    return int(text)


def _fraction(text: str) -> Decimal:
    _check_length(text)
    return Decimal(text)


def _check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise _broken("", mark("A number is too long"), mark("Send at most 40 digits"))


def _check(value: Any, place: str, depth: int) -> None:
    """Check every text and the depth; the value is a tree, so the walk ends."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, place)
            _check(inner, f"{place}/{name}", depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, f"{place}/{number}", depth + 1)


def _check_text(text: str, place: str) -> None:
    if text.isascii() and text.isprintable():
        return
    if any(
        unicodedata.category(character) in ("Cc", "Cs") and character not in _ALLOWED_CONTROLS
        for character in text
    ):
        raise _broken(place, mark("A text has a control character"), mark("Leave it out"))
    if not unicodedata.is_normalized("NFC", text):
        raise _broken(
            place,
            mark("A text is not in Unicode's composed form (NFC)"),
            mark("Normalise it to NFC"),
        )


def _broken(place: str, rule: str, fix: str) -> Invalid:
    return Invalid(Problem(place, rule, fix))


def _too_deep() -> Invalid:
    return _broken("", mark("The body is nested too deeply"), mark("Send at most 64 levels"))
