"""Looking at parsed JSON: the pointer of a part, depth, and texts that are refused."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from foodtrace.trace.errors import Invalid, Problem, mark

_CONTROL = "\x00-\x1f\x7f-\x9f"
# Invisible characters and those that turn the direction of text: a name could hide a name.
_HIDDEN = "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
# Noncharacters, which I-JSON leaves out (RFC 7493, 2.1) and XML in part cannot write.
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    map(chr, (p * 0x10000 + n for p in range(17) for n in (0xFFFE, 0xFFFF)))
)
_REFUSED_TEXT = re.compile(f"[{_CONTROL}{_HIDDEN}{_NONCHARACTERS}\ud800-\udfff]")
_REFUSED_RAW = re.compile(f"[\x7f-\x9f{_HIDDEN}{_NONCHARACTERS}]")
# The same with all that lies beyond the emoji: noncharacters one by one make a search ten
# times as long, and hardly a text needs to be looked at so closely.
_SUSPECT_RAW = re.compile(f"[\x7f-\x9f{_HIDDEN}\ufdd0-\ufdef\ufffe\uffff\U0001fffe-\U0010ffff]")
_NO_ESCAPE = str.maketrans({"~": "~0", "/": "~1"})


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a path; names are cut after 200 characters.

    >>> pointer("ilmd", "a/b", 0)
    '/ilmd/a~1b/0'
    """
    return "".join(f"/{str(part)[:200].translate(_NO_ESCAPE)}" for part in parts)


def is_clean(text: str) -> bool:
    """Say whether raw JSON holds no refused text, escapes aside: one scan instead of many."""
    if text.isascii():
        return "\x7f" not in text
    if not unicodedata.is_normalized("NFC", text):
        return False
    return not (_SUSPECT_RAW.search(text) and _REFUSED_RAW.search(text))


def depth_of(value: Any, limit: int) -> int:
    """Return how deep a value is nested, at most one more than the limit.

    Level by level, so that depth costs no stack.
    """
    level: list[Any] = [value]
    depth = 0
    while level and depth <= limit:
        depth += 1
        level = [
            child
            for part in level
            for child in (part.values() if isinstance(part, dict) else part)
            if isinstance(child, (dict, list))
        ]
    return depth


def parts_of(value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every value inside, with its path."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, part = waiting.pop()
        yield path, part
        if isinstance(part, dict):
            waiting.extend(((*path, name), child) for name, child in part.items())
        elif isinstance(part, list):
            waiting.extend(((*path, index), child) for index, child in enumerate(part))


def check_texts(value: Any, place: str) -> None:
    """Refuse hidden characters and text that is not in normal form C. Raises Invalid."""
    for path, part in parts_of(value):
        texts = [part] if isinstance(part, str) else part if isinstance(part, dict) else ()
        for text in texts:
            problem = _text_problem(place + pointer(*path), text)
            if problem:
                raise Invalid(problem)


def _text_problem(place: str, text: str) -> Problem | None:
    found = _REFUSED_TEXT.search(text)
    if found:
        return Problem(
            place,
            mark("The text holds the invisible or control character %(code)s"),
            mark("Remove it"),
            {"code": f"U+{ord(found.group()):04X}"},
        )
    if not unicodedata.is_normalized("NFC", text):
        return Problem(
            place,
            mark("The text is not in Unicode normal form C"),
            mark("Normalise it (NFC) before sending"),
        )
    return None
