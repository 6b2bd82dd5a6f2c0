"""Which of the media types on offer a client accepts most (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping, Sequence

from werkzeug.datastructures import MIMEAccept


def best_of(offered: Sequence[str], accepted: MIMEAccept) -> str | None:
    """Return what is accepted most of what is offered; the first of equals, None for nothing.

    Parameters such as ``charset`` are not looked at. Who sends no Accept takes anything.
    """
    if not accepted:
        return offered[0]
    ranges = {
        value.partition(";")[0].strip().lower(): quality
        for value, quality in sorted(accepted, key=lambda each: each[1])
    }
    best = max(offered, key=lambda each: _quality(each, ranges))
    return best if _quality(best, ranges) > 0 else None


def _quality(offered: str, ranges: Mapping[str, float]) -> float:
    kind = offered.partition("/")[0]
    return next((ranges[each] for each in (offered, f"{kind}/*", "*/*") if each in ranges), 0)
