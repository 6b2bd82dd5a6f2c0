"""Links that the owners of things give them: added, ended, listed and found.

The owner of a product is who registered it, of a lot who made it, of a place or an
organisation who it belongs to. A link that is ended stays on record, and is shown no more.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, mark
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.gs1.scanning import read_code
from foodtrace.trace.links import projections as _projections  # noqa: F401  its kinds are ours
from foodtrace.trace.links.models import ThingLink
from foodtrace.trace.links.rules import (
    MOST_LINKS,
    check_href,
    check_language,
    check_link_type,
    check_media_type,
    check_title,
)
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import Item
from foodtrace.trace.store.sets import among_texts
from foodtrace.trace.store.types import LARGEST_ID


def add_link(
    session: Session,
    actor: Actor,
    *,
    anchor: str,
    link_type: str,
    href: str,
    title: str,
    language: str | None = None,
    media_type: str | None = None,
) -> ThingLink:
    """Give a product, lot, place or organisation a link. `anchor` names it in any notation.

    Raises Invalid; NotFound where there is no such thing of the actor's; Conflict where it
    has the same link already, or as many as a thing may have.
    """
    require(actor, "link.keep")
    canonical, owner = _thing(session, anchor)
    require(actor, "link.keep", owner=owner)
    body = {
        "party_id": owner,
        "anchor": canonical,
        "link_type": check_link_type(link_type),
        "href": check_href(href.strip()),
        "title": check_title(title),
        "language": check_language(language),
        "media_type": check_media_type(media_type),
    }
    _refuse_same(session, body)
    link_id = record_statement(session, actor, "link", body)
    return session.scalars(select(ThingLink).where(ThingLink.id == link_id)).one()


def end_link(session: Session, actor: Actor, *, link_id: int) -> ThingLink:
    """End a link. Raises NotFound, and Conflict where it is ended already."""
    require(actor, "link.keep")
    query = select(ThingLink).where(ThingLink.id == min(link_id, LARGEST_ID)).with_for_update()
    link = session.scalar(query)
    if link is None:
        raise NotFound()
    require(actor, "link.keep", owner=link.party_id)
    if link.ended_at is not None:
        raise Conflict(Problem("", mark("This link is ended already")))
    record_statement(session, actor, "link_end", {"link": link.id})
    session.refresh(link)
    return link


def own_links(session: Session, actor: Actor, *, anchor: str | None = None) -> list[ThingLink]:
    """Return the links of the actor's own party that hold, newest first; those of one thing."""
    require(actor, "link.keep")
    query = select(ThingLink).where(
        ThingLink.party_id == (actor.party_id or 0), ThingLink.ended_at.is_(None)
    )
    if anchor is not None:
        query = query.where(ThingLink.anchor == read_anchor(anchor).canonical)
    return list(session.scalars(query.order_by(ThingLink.id.desc()).limit(1_000)))


def find_link(session: Session, link_id: int) -> ThingLink | None:
    """Return a link that holds, or None. Links are public."""
    query = select(ThingLink).where(
        ThingLink.id == min(link_id, LARGEST_ID), ThingLink.ended_at.is_(None)
    )
    return session.scalar(query)


def links_of(session: Session, anchors: Collection[str]) -> list[ThingLink]:
    """Return the links of these things that hold, in the order in which they were given."""
    query = (
        select(ThingLink)
        .where(ThingLink.anchor.in_(among_texts(anchors)), ThingLink.ended_at.is_(None))
        .order_by(ThingLink.id)
    )
    return list(session.scalars(query))


def marks_of(session: Session, canonicals: Collection[str]) -> list[int]:
    """Return the ids of the links that hold of these items and of their products, in order."""
    gtins = {name[:18] for name in canonicals if name.startswith("/01/")}
    products = (
        select(Lot.product_identifier)
        .join(Item, Item.id == Lot.item_id)
        .where(Item.canonical.in_(among_texts(canonicals)))
    )
    named = ThingLink.anchor.in_(among_texts({*canonicals, *gtins}))
    query = select(ThingLink.id).where(
        or_(named, ThingLink.anchor.in_(products)), ThingLink.ended_at.is_(None)
    )
    return sorted(session.scalars(query))


def read_anchor(text: str) -> Identifier:
    """Return what a text names, if links can be given to such a thing. Raises Invalid."""
    identifier = read_code(text) if not _is_gtin(text) else read_code(f"/01/{text.zfill(14)}")
    kinds = (ItemKind.CLASS, ItemKind.LOT, ItemKind.PLACE, ItemKind.PARTY)
    if identifier.kind not in kinds or not identifier.canonical.startswith("/"):
        raise Invalid(
            Problem(
                "anchor",
                mark("Links are given to products, lots, places and organisations"),
                mark("Write /01/GTIN, /01/GTIN/10/LOT, /414/GLN or /417/GLN"),
            )
        )
    return identifier


def _is_gtin(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in (8, 12, 13, 14)


def _thing(session: Session, anchor: str) -> tuple[str, int]:
    """Return the canonical name of a thing on record, and whose it is. Raises NotFound."""
    canonical = read_anchor(anchor).canonical
    lot = select(Lot.party_id).join(Item, Item.id == Lot.item_id).where(Item.canonical == canonical)
    owners = (
        select(Product.party_id).where(Product.identifier == canonical),
        lot,
        select(Place.party_id).where(Place.identifier == canonical),
        select(Party.id).where(Party.identifier == canonical),
    )
    for query in owners:
        owner = session.scalar(query)
        if owner is not None:
            return canonical, owner
    raise NotFound(
        Problem(
            "anchor",
            mark("Nothing of yours is on record under this code"),
            mark("Register the product, the lot or the place first"),
        )
    )


def _refuse_same(session: Session, body: Mapping[str, object]) -> None:
    present = list(
        session.scalars(
            select(ThingLink).where(
                ThingLink.anchor == body["anchor"], ThingLink.ended_at.is_(None)
            )
        )
    )
    fields = ("link_type", "href", "language", "media_type")
    for link in present:
        if all(getattr(link, name) == body[name] for name in fields):
            raise Conflict(
                Problem(
                    "href",
                    mark("The thing has this link already"),
                    mark("Give another address, or end that link first"),
                )
            )
    if len(present) >= MOST_LINKS:
        raise Conflict(
            Problem(
                "anchor",
                mark("A thing has at most %(most)s links"),
                mark("End one of them first"),
                {"most": MOST_LINKS},
            )
        )
