"""The proof bundle of a thing: everything that its page rests on, to be checked by anybody.

It holds every statement that is numbered for the thing, shown or blank, so that none is left
out unseen; and opened, what the page says of that which went into it. docs/proofs.md.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from foodtrace.consumer_web.journey import Step, abridged
from foodtrace.consumer_web.proofs.shown import EVENT, FIELDS, NUMBER, SIGNATURE, blank, public
from foodtrace.consumer_web.story import Story, Tested
from foodtrace.trace.gs1.model import ItemKind
from foodtrace.trace.issuers.signers import signers_of
from foodtrace.trace.log.leaves import Opening
from foodtrace.trace.log.openings import dump_opening
from foodtrace.trace.log.places import Places, places_of
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.receipts import FROM_THE_START, Head, Logged, head_over, logged_about
from foodtrace.trace.log.services import PublicLog, logs_of

FORMAT = "foodtrace-proof/1"
# A lot that went into thousands of others has so many statements: the rest is in the next part.
MOST_STATEMENTS = 1_000
_NUMBERED = frozenset({ItemKind.LOT, ItemKind.LOGISTIC})


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement of a bundle. `step` and `tested` are what the page says of it, if it does."""

    logged: Logged
    opening: Opening
    path: tuple[bytes, ...] | None  # None: no published head covers it yet
    step: Step | None = None
    tested: Tested | None = None

    @property
    def is_blank(self) -> bool:
        """Tell whether only its numbers are shown."""
        return all(field.name == NUMBER for field in self.opening.fields)

    @property
    def numbers(self) -> list[int]:
        """Its numbers in the series of the thing."""
        values = [field.value for field in self.opening.fields if field.name == NUMBER]
        return [int(value.split(" ")[1]) for value in values]


@dataclass(frozen=True)
class Bundle:
    """A bundle, or a part of one: `after` is the place where the next part begins."""

    thing: str
    things: tuple[str, ...]
    logs: tuple[PublicLog, ...]
    heads: Mapping[int, Head]
    entries: tuple[Entry, ...]
    places: Places
    after: str | None

    @cached_property
    def origins(self) -> dict[int, str]:
        """The names of the logs by their years."""
        return {log.year: log.origin for log in self.logs}

    def values(self, next_url: str | None) -> dict[str, Any]:
        """Return the bundle as JSON values; docs/proofs.md has the format."""
        years = sorted({entry.logged.year for entry in self.entries})
        values: dict[str, Any] = {
            "format": FORMAT,
            "thing": self.thing,
            "things": list(self.things),
            "logs": [
                {"year": log.year, "origin": log.origin, "vkey": log.vkey}
                for log in self.logs
                if log.year in years
            ],
            "checkpoints": {
                head.checkpoint.origin: head.note.decode() for head in self.heads.values()
            },
            "statements": [self._statement(entry) for entry in self.entries],
        }
        return values | ({"next": next_url} if next_url else {})

    def _statement(self, entry: Entry) -> dict[str, Any]:
        logged, path = entry.logged, entry.path
        return {
            "log": self.origins[logged.year],
            "year": logged.year,
            "index": logged.index,
            **dump_opening(logged.leaf.time, entry.opening),
            "proof": None if path is None else [base64.b64encode(each).decode() for each in path],
        }


def bundle_of(
    session: Session,
    story: Story,
    policy: Policy | None,
    *,
    after: tuple[int, int] = FROM_THE_START,
) -> Bundle:
    """Return the bundle of the thing that a story tells of, or the part after a place."""
    rests, most = _Rests(session, story), MOST_STATEMENTS
    found = logged_about(session, rests.things, rests.ids, after=after, most=most + 1)
    last = found[most - 1] if len(found) > most else None
    found = found[:most]
    heads = _heads(session, found, policy)
    return Bundle(
        thing=story.item.canonical,
        things=rests.things,
        logs=tuple(logs_of(session)),
        heads=heads,
        entries=tuple(rests.entry(logged, heads.get(logged.year)) for logged in found),
        places=places_of(session, [logged.id for logged in found], policy),
        after=f"{last.year}/{last.index}" if last else None,
    )


def ids_shown(story: Story, steps: Iterable[Step]) -> set[int]:
    """Return the statements that a page with these steps shows."""
    ids = {step.hop.id for step in steps if not step.hop.hidden}
    ids |= {tested.certificate.id for tested in story.tests}
    ids |= {one.recall.id for one in (*story.recalls, *story.past_recalls)}
    making = story.making
    return ids | ({making.id} if making and not making.hidden else set())


class _Rests:
    """What a page rests on: which statements, and what is shown of each."""

    def __init__(self, session: Session, story: Story) -> None:
        own = (story.item, story.product)
        things = [item.canonical for item in own if ItemKind(item.kind) in _NUMBERED]
        self.things = tuple(dict.fromkeys(things))
        self._steps = {step.hop.id: step for step in story.journey.steps}
        self._tests = {tested.certificate.id: tested for tested in story.tests}
        # What went into a thing is listed as far as its page goes, the thing itself whole.
        journey = abridged(story.journey, [item.canonical for item in own])
        self.ids = ids_shown(story, journey.steps)
        self._making = story.making.id if story.making else 0
        # A signature of what the page does not show stays a blank.
        signers = signers_of(session, self.ids).values()
        self._signatures = {signer.signature_id for signer in signers}

    def entry(self, logged: Logged, head: Head | None) -> Entry:
        """Return the entry of a statement: opened as far as the page shows it, or blank."""
        step = self._steps.get(logged.id)
        is_shown = {
            EVENT: step is not None and not step.hop.hidden,
            SIGNATURE: logged.id in self._signatures,
        }.get(logged.kind, True)
        shows = (
            public(logged.kind, self.things, is_making=logged.id == self._making)
            if is_shown and logged.kind in FIELDS
            else blank(self.things)
        )
        path = head.path(logged.index) if head else None
        return Entry(
            logged,
            logged.opening(shows),
            None if path is None else tuple(path),
            step if is_shown else None,
            self._tests.get(logged.id),
        )


def _heads(session: Session, found: Iterable[Logged], policy: Policy | None) -> dict[int, Head]:
    """Return for each log the head that these statements are proved by."""
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for logged in found:
        last[logged.year] = logged.index
        first.setdefault(logged.year, logged.index)
    heads = {}
    for year, index in last.items():
        # What came last may be too new for any head: then the newest there is.
        head = head_over(session, year, index, policy) or head_over(
            session, year, first[year], None
        )
        if head is not None:
            heads[year] = head
    return heads
