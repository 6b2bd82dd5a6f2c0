"""Whether the value of an application identifier is one: length, characters, content."""

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.application_identifiers import ApplicationIdentifier, Component
from foodtrace.trace.gs1.charset import CHARSET_39, CHARSET_64, CHARSET_82, DIGITS
from foodtrace.trace.gs1.faults import Fault, wrong_character
from foodtrace.trace.gs1.linters import LINTERS

_CHARSETS = {"N": DIGITS, "X": CHARSET_82, "Y": CHARSET_39, "Z": CHARSET_64}
_FIXES = {
    "N": mark("Write the half-width digits 0 to 9"),
    "X": mark("Use half-width letters, digits and the signs !\"%%&'()*+,-./:;<=>?_"),
    "Y": mark("Use capital letters, digits and the signs #-/"),
    "Z": mark("Use letters, digits and the signs - and _"),
}
_LONGEST_PADDING = 2


def check_value(entry: ApplicationIdentifier, value: str) -> None:
    """Refuse a value that GS1 does not allow for this application identifier.

    The place of the problem is the AI in brackets and, behind a colon, the number of the first
    wrong character (1 is the first): ``(17):3``. Raises Invalid.
    """
    _check_length(entry, value)
    at = 0
    for component in entry.components:
        part = value[at : at + component.longest]
        if component.optional and not part:
            break
        fault = _fault_of(component, part)
        if fault is not None:
            raise Invalid(_problem(entry, fault, at))
        at += len(part)


def _check_length(entry: ApplicationIdentifier, value: str) -> None:
    shortest, longest = entry.shortest, entry.longest
    if not shortest <= len(value) <= longest:
        values = {"name": entry.name, "length": len(value), "from": shortest, "limit": longest}
        rule = mark("%(name)s has %(from)s to %(limit)s characters, this has %(length)s")
        if shortest == longest:
            rule = mark("%(name)s has %(limit)s characters, this has %(length)s")
        fix = mark("Copy the complete value and nothing else; in a bar code FNC1 ends it")
        raise Invalid(Problem(f"({entry.ai})", rule, fix, values))


def _fault_of(component: Component, part: str) -> Fault | None:
    fault = _wrong_character(component.charset, part)
    if fault is None and len(part) < component.shortest:
        # The value as a whole is long enough: an optional part of it is there, but cut short.
        fault = Fault(
            len(part), mark("%(name)s ends in the middle"), mark("Copy the complete value")
        )
    for name in component.linters:
        fault = fault or LINTERS[name](part)
    return fault


def _wrong_character(charset: str, part: str) -> Fault | None:
    text = part
    if charset == "Z":
        text = part.rstrip("=")
        padding = len(part) - len(text)
        # Three characters at a time, as GS1's own check has it.
        if padding > _LONGEST_PADDING or (padding and len(part) % 3):
            return wrong_character(part, len(text), _FIXES[charset])
    allowed = _CHARSETS[charset]
    if allowed.issuperset(text):
        return None
    at = next(index for index, char in enumerate(text) if char not in allowed)
    return wrong_character(text, at, _FIXES[charset])


def _problem(entry: ApplicationIdentifier, fault: Fault, start: int) -> Problem:
    values: dict[str, object] = {"name": entry.name, **fault.values}
    if "at" in values:
        values["at"] = start + fault.at + 1
    return Problem(f"({entry.ai}):{start + fault.at + 1}", fault.rule, fault.fix, values)
