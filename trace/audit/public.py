"""Whether public statements are what was logged, and whether any came or went afterwards."""

from collections.abc import Mapping

from foodtrace.trace.audit.memory import KnownLog
from foodtrace.trace.audit.published import Public
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.rules import OPENING, PUBLIC_STAYS

# Kinds of statements about keys begin so.
_KEY = "key"
_LOST = "lost"


def check_public(
    origin: str,
    before: KnownLog | None,
    shown: Mapping[int, Public],
    leaves: Mapping[int, bytes],
    report: Report,
) -> None:
    """Check the public statements of a log.

    `leaves` are those that were read now; of others what the audit before has seen counts.
    """
    where = f"{origin}, keys"
    known = before.public if before else {}
    for index, each in sorted(shown.items()):
        entry = leaves.get(index, known.get(index))
        if entry is not None and each.leaf.entry != entry:
            report.differ(
                OPENING,
                f"{where}, index {index}",
                f"What is shown as a statement of the kind {each.kind!r} is not what entry "
                f"{index} commits to.",
            )
        if each.kind == _LOST:
            report.note(
                OPENING,
                f"{where}, index {index}",
                f"The operator says that of the log {each.fields.get('/year', '?')} the entries "
                f"{each.fields.get('/first', '?')} to {each.fields.get('/last', '?')} were brought "
                "back without their statements, after a loss. Numbers may have gaps there.",
            )
        is_late = before is not None and index < before.size and index not in known
        if is_late and each.kind.startswith(_KEY):
            report.differ(
                PUBLIC_STAYS,
                f"{where}, index {index}",
                f"This statement of the kind {each.kind!r} is shown for the first time, though "
                "its place was there at the audit before.",
            )
    for index in sorted(known.keys() - shown.keys()):
        report.differ(
            PUBLIC_STAYS,
            f"{where}, index {index}",
            "At the audit before a statement was shown for this place, and now there is none.",
        )
