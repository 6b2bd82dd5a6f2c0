"""Taking personal values out of a document at the door, before anything is hashed or kept. Pure.

What stands below ``foodtrace:personal`` are named values, at any depth:

    "foodtrace:personal": {"foodtrace:driver": "…", "foodtrace:phone": "…"}

In what is recorded, each text, number and truth value there is replaced by a commitment, and
names stay. A commitment that stands there already is kept; so is the one that an opened value
makes: an object of ``foodtrace:value`` and ``foodtrace:salt``, perhaps with
``foodtrace:commitment``, as answers give it, and as a device sends it that signs what it commits
to. All other bytes stay as they came.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.json_values import pointer
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.personal.commitments import (
    PersonalValue,
    committed,
    read_commitment,
    read_salt,
)
from foodtrace.trace.personal.naming import Path, personal_paths

_SPACE = re.compile(r"[ \t\r\n]*")
# A name that is ours holds one of the first two: as a whole, or the first in its namespace and
# the rest behind its prefix. Escapes may hide both.
_SIGNS = (b"personal", b"foodtrace.example/ns/p", b"\\")
_OPENED = frozenset({"value", "salt"})
_OPENED_WITH_COMMITMENT = _OPENED | {"commitment"}

_Tree = dict[str | int, "_Tree | None"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A document without its personal values, and these.

    `impersonal` is the document with nothing in their places: what it is recognised by when it
    is sent again, since commitments differ each time. None if it names no persons.
    """

    body: bytes
    values: tuple[PersonalValue, ...] = ()
    impersonal: bytes | None = None

    @property
    def digest(self) -> bytes | None:
        """SHA-256 of `impersonal`."""
        return None if self.impersonal is None else hashlib.sha256(self.impersonal).digest()


def taken_out(body: bytes) -> Taken:
    """Return a JSON document with commitments in the places of its personal values.

    What is no JSON stays as it is: whoever reads it next refuses it. Raises Invalid for values
    that are too long or no proper texts.
    """
    if not any(sign in body for sign in _SIGNS):
        return Taken(body)
    try:
        text = body.decode()
        tree = _tree_of(json.loads(text))
        if not tree:
            return Taken(body)
        scanner = _Scanner(text)
        scanner.walk(0, tree, ())
    # A RecursionError, too: the strict reader refuses what is nested so deeply.
    except (ValueError, RecursionError):
        return Taken(body)
    return scanner.taken()


def _tree_of(document: Any) -> _Tree:
    """Return the ways to what is personal; None stands for a place to be taken whole."""
    tree: _Tree = {}
    for path in personal_paths(document, STANDARD_PREFIXES):
        inner: _Tree = tree
        for part in path[:-1]:
            deeper = inner.setdefault(part, {})
            if deeper is None:  # pragma: no cover  (paths are outermost)
                break
            inner = deeper
        inner[path[-1]] = None
    return tree


@dataclass(frozen=True, slots=True)
class _Cut:
    """A stretch of the text, and what comes into its place; None: it stays as it is."""

    start: int
    end: int
    value: PersonalValue | None


class _Scanner:
    """Finds where personal values stand in a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._cuts: list[_Cut] = []
        self._scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
        self.problems: list[Problem] = []

    def walk(self, at: int, tree: _Tree | None, path: Path) -> int:
        """Go through the value at a position; return the position behind it."""
        at = self._skip(at)
        first = self._text[at]
        if first == "{" and not (tree is None and self._is_opened(at, path)):
            return self._object(at, tree, path)
        if first == "[":
            return self._list(at, tree, path)
        value, end = self._scan(self._text, at)
        if tree is None and first != "{" and value is not None:
            self._take(at, end, value, path)
        return end

    def taken(self) -> Taken:
        """Return the text with commitments, and with nothing, in the places that were found."""
        if self.problems:
            raise Invalid(*self.problems[:20])
        kept: list[str] = []
        impersonal: list[str] = []
        last = 0
        for cut in self._cuts:
            between = self._text[last : cut.start]
            own = self._text[cut.start : cut.end] if cut.value is None else f'"{cut.value.written}"'
            kept += between, own
            impersonal += between, '""'
            last = cut.end
        rest = self._text[last:]
        return Taken(
            "".join([*kept, rest]).encode(),
            tuple(cut.value for cut in self._cuts if cut.value is not None),
            "".join([*impersonal, rest]).encode(),
        )

    def _object(self, at: int, tree: _Tree | None, path: Path) -> int:
        at = self._skip(at + 1)
        while self._text[at] != "}":
            name, at = self._scan(self._text, at)
            at = self._skip(at) + 1  # the colon
            at = self._member(at, tree, path, name)
            at = self._next(at)
        return at + 1

    def _list(self, at: int, tree: _Tree | None, path: Path) -> int:
        at = self._skip(at + 1)
        index = 0
        while self._text[at] != "]":
            at = self._next(self._member(at, tree, path, index))
            index += 1
        return at + 1

    def _member(self, at: int, tree: _Tree | None, path: Path, name: str | int) -> int:
        if tree is None or name in tree:
            return self.walk(at, None if tree is None else tree[name], (*path, name))
        # Nothing personal inside: at the speed of the decoder.
        return int(self._scan(self._text, self._skip(at))[1])

    def _next(self, at: int) -> int:
        at = self._skip(at)
        return self._skip(at + 1) if self._text[at] == "," else at

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _is_opened(self, at: int, path: Path) -> bool:
        """Take an opened value as one; tell whether there was one."""
        value, end = self._scan(self._text, at)
        parts = {re.split("[:/#]", name)[-1]: part for name, part in value.items()}
        is_opened = parts.keys() in (_OPENED, _OPENED_WITH_COMMITMENT) and len(value) == len(parts)
        if not is_opened or not all(isinstance(part, str) for part in parts.values()):
            return False
        salt = read_salt(parts["salt"])
        if salt is None:
            return False
        made = self._committed(parts["value"], path, salt)
        if made is not None and parts.get("commitment", made.written) != made.written:
            self.problems.append(
                Problem(
                    pointer(*path),
                    mark("The commitment is not that of value and salt"),
                    mark("Send value and salt as they were given, or the commitment alone"),
                )
            )
        self._cuts.append(_Cut(at, end, made))
        return True

    def _take(self, start: int, end: int, value: Any, path: Path) -> None:
        text = value if isinstance(value, str) else self._text[start:end]
        is_commitment = isinstance(value, str) and read_commitment(value) is not None
        made = None if is_commitment else self._committed(text, path)
        self._cuts.append(_Cut(start, end, made))

    def _committed(self, value: str, path: Path, salt: bytes | None = None) -> PersonalValue | None:
        try:
            return committed(value, pointer(*path), salt)
        except Invalid as error:
            self.problems += error.problems
            return None
