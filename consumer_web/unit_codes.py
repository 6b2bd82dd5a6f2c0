"""Codes on single things as their readers see them: the story of the lot that they are given to."""

from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from foodtrace.consumer_web.story import Story, tell
from foodtrace.consumer_web.verdict import Judgement, Verdict
from foodtrace.trace.codes.scans import KnownCode, Looks, find_looks
from foodtrace.trace.codes.services import ENDED


@dataclass(frozen=True, slots=True)
class Unit:
    """A code on a single thing, and the looks at it that are on record."""

    code: KnownCode
    looks: Looks


def tell_unit(session: Session, canonical: str, today: date) -> tuple[Unit, Story] | None:
    """Return a code and the story of its lot; None where nobody made it, or it is not in use yet.

    Events that name the thing itself are told where they say that it is of the lot; else only
    what they say against it counts.
    """
    found = find_looks(session, canonical)
    if found is None or found[0].lot is None:
        return None
    unit = Unit(*found)
    own = tell(session, canonical, today) if unit.code.is_item else None
    if own is not None and own.product.canonical == unit.code.lot:
        return unit, _ended(own, unit.code)
    story = tell(session, unit.code.lot or "", today)
    if story is None:
        return None
    if own is not None and own.verdict in (Verdict.RECALLED, Verdict.VOID):
        story = replace(story, judgement=own.judgement)
    return unit, _ended(story, unit.code)


def _ended(story: Story, code: KnownCode) -> Story:
    """Return the story with the verdict that the code is out of use, unless it is recalled."""
    if code.state not in ENDED or story.verdict is Verdict.RECALLED:
        return story
    return replace(story, judgement=Judgement(Verdict.VOID))
