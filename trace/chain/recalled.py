"""Which things an open recall reaches: asked by those who must not sell them.

Those who keep recalls register here which lots they cover, so that who moves goods can
ask without knowing who recalls.
"""

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from foodtrace.trace.chain import walk
from foodtrace.trace.chain.services import item_ids

Source = Callable[[Session], Collection[str]]

_sources: list[Source] = []


def recall_source(source: Source) -> Source:
    """Register what returns, in one query, the canonical identifiers of lots recalled now."""
    _sources.append(source)
    return source


def recalled_among(session: Session, ids: Collection[int]) -> set[int]:
    """Return which of these items are under an open recall, their own or an ancestor's.

    While nothing is recalled that is one query; else a query a level of their ancestry,
    however many items there are. It walks back, since what a recall of salt reaches may be
    a hundred thousand lots, and what one asks about is a page of them.
    """
    recalled = item_ids(session, {name for source in _sources for name in source(session)})
    if not recalled or not ids:
        return set()
    children = _ancestry(session, ids, recalled)
    reached = recalled & (children.keys() | set(ids))
    level = reached
    while level:
        level = {child for item in level for child in children.get(item, ())} - reached
        reached = reached | level
    return reached & set(ids)


def _ancestry(
    session: Session, ids: Collection[int], recalled: Collection[int]
) -> dict[int, list[int]]:
    """Return what was made of each ancestor, by the ancestor; recalled ones are walked no further.

    Of a recalled item it does not matter what it was made of.
    """
    connection = session.connection()
    children: dict[int, list[int]] = {}
    seen = set(ids)
    level = seen.difference(recalled)
    while level:
        above: set[int] = set()
        for parent, child in connection.execute(walk.PARENTS, {"ids": level}):
            children.setdefault(parent, []).append(child)
            above.add(parent)
        level = above - seen - set(recalled)
        seen |= above
    return children
