"""What a query finds, by looking at every event: a plain filter that knows no database."""

from foodtrace.trace.query.fields import facts_of
from foodtrace.trace.query.index import values_of
from foodtrace.trace.query.keys import key_of

COMPARED = {
    "EQ": lambda a, b: a == b,
    "GT": lambda a, b: a > b,
    "GE": lambda a, b: a >= b,
    "LT": lambda a, b: a < b,
    "LE": lambda a, b: a <= b,
}


class Recorded:
    """An event as it was captured: by whom, when, and the master data of that party."""

    def __init__(self, event_id, event, party_id, record_time, children=(), attributes=()):
        self.id, self.event, self.party_id, self.record_time = (
            event_id, event, party_id, record_time,
        )  # fmt: skip
        self.children = set(children)  # (parent, child)
        self.attributes = set(attributes)  # (element, attribute, value)
        self.facts = facts_of(event)
        self.values = set(values_of(event))

    def fits(self, criterion):
        return getattr(self, f"fits_{type(criterion).__name__}")(criterion)

    def fits_OfType(self, asked):
        return self.event.type in asked.types

    def fits_WithAction(self, asked):
        return self.event.action in asked.actions

    def fits_During(self, asked):
        time = self.event.event_time if asked.time == "eventTime" else self.record_time
        return (asked.since is None or time >= asked.since) and (
            asked.until is None or time < asked.until
        )

    def fits_Says(self, asked):
        return bool(self.facts.keys & asked.keys)

    def fits_Compares(self, asked):
        return any(
            field == asked.field and COMPARED[asked.comparison](number, value)
            for field, number in self.facts.numbers
            for value in asked.values
        )

    def fits_Names(self, asked):
        return any(
            part.role in asked.roles
            and part.is_class == asked.is_class
            and any(matches(part.identifier.canonical, each) for each in asked.patterns)
            for part in self.event.participations
        )

    def fits_Within(self, asked):
        place = self.event.read_point if asked.place == "readPoint" else self.event.biz_location
        inside, size = set(asked.identifiers), -1
        while len(inside) > size:
            size = len(inside)
            inside |= {child for parent, child in self.children if parent in inside}
        return place in inside

    def fits_Attributed(self, asked):
        things = {
            element
            for element, attribute, value in self.attributes
            if attribute in asked.attributes and (asked.values is None or value in asked.values)
        }
        if asked.field in ("epc", "epcClass"):
            return any(
                part.identifier.canonical in things and part.is_class == (asked.field != "epc")
                for part in self.event.participations
            )
        return any(key_of(asked.field, thing) in self.facts.keys for thing in things)

    def fits_Identified(self, asked):
        return self.event.event_id in asked.event_ids

    def fits_DeclaredWrong(self, _asked):
        return self.event.declared_at is not None


def matches(canonical, pattern):
    if pattern.high is None:
        return canonical == pattern.low
    low, high = pattern.low.encode(), pattern.high.encode()
    return low <= canonical.encode() < high


def answer(recorded, query, party_id=None):
    """Return the ids that the query finds, in its order; of one party, or of all."""
    found = [
        each
        for each in recorded
        if party_id in (None, each.party_id) and all(map(each.fits, query.criteria))
    ]
    found.sort(
        key=lambda each: (
            each.event.event_time if query.order_by == "eventTime" else each.record_time,
            each.id,
        ),
        reverse=query.descending,
    )
    return [each.id for each in found][: query.limit]
