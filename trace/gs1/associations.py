"""Which application identifiers may and must stand beside each other.

What counts is all that one thing carries: the rules can be asked of the elements of several
bar codes together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.application_identifiers import (
    APPLICATION_IDENTIFIERS,
    ApplicationIdentifier,
)

# With a digital signature (8030) these must say which one of a kind they are.
_SIGNED = ("253", "255", "8003")
_SIGNATURE = "8030"


def check_associations(elements: Iterable[tuple[str, str]]) -> None:
    """Refuse AIs with two values, forbidden pairs, and AIs without a companion. Raises Invalid."""
    values = _values(elements)
    matching = _by_pattern(values)
    entries = [APPLICATION_IDENTIFIERS[ai] for ai in values if ai in APPLICATION_IDENTIFIERS]
    # A variant (22) asks for a GTIN (01), and yet is a qualifier of an ITIP (8006) as well.
    qualifiers = {ai for entry in entries for order in entry.orders or () for ai in order}
    for entry in entries:
        _check_excluded(entry, matching)
        if entry.ai not in qualifiers:
            _check_required(entry, matching)
    _check_signed(values)


def _values(elements: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for ai, value in elements:
        if values.setdefault(ai, value) != value:
            raise Invalid(
                Problem(
                    f"({ai})",
                    mark("(%(ai)s) is there twice, with different values"),
                    mark("Leave the wrong one out"),
                    {"ai": ai},
                )
            )
    return values


def _by_pattern(values: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the AIs that are there by themselves and by patterns: 3103 by 310n and 31nn."""
    matching: dict[str, list[str]] = defaultdict(list)
    for ai in values:
        for pattern in (ai, f"{ai[:3]}n", f"{ai[:2]}nn"):
            if len(pattern) == len(ai):
                matching[pattern].append(ai)
    return matching


def _check_excluded(entry: ApplicationIdentifier, matching: Mapping[str, Sequence[str]]) -> None:
    for pattern in entry.excludes:
        other = next((ai for ai in matching.get(pattern, ()) if ai != entry.ai), None)
        if other is not None:
            raise Invalid(
                Problem(
                    f"({entry.ai})",
                    mark("%(name)s and (%(other)s) may not stand together"),
                    mark("Leave one of the two out"),
                    {"name": entry.name, "other": other},
                )
            )


def _check_required(entry: ApplicationIdentifier, matching: Mapping[str, Sequence[str]]) -> None:
    for groups in entry.requirements:
        if not any(all(pattern in matching for pattern in group) for group in groups):
            raise Invalid(
                Problem(
                    f"({entry.ai})",
                    mark("%(name)s says nothing without one of these: %(wanted)s"),
                    mark("Add one of them"),
                    {
                        "name": entry.name,
                        "wanted": ", ".join("+".join(f"({ai})" for ai in g) for g in groups),
                    },
                )
            )


def _check_signed(values: Mapping[str, str]) -> None:
    for ai in _SIGNED if _SIGNATURE in values else ():
        entry = APPLICATION_IDENTIFIERS[ai]
        if len(values.get(ai, "")) == entry.shortest:
            raise Invalid(
                Problem(
                    f"({ai})",
                    mark("%(name)s needs its serial number beside a digital signature (8030)"),
                    mark("Write the serial number behind the key"),
                    {"name": entry.name},
                )
            )
