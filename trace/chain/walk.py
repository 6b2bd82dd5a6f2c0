"""The three statements that read a chain: who came from whom, what happened, what it is.

The walk itself is one recursive ``UNION`` (never ``UNION ALL``: a ladder of 20 diamonds
has 41 nodes and two million paths) over integer keys, and reads the edge table's indexes
only. Details are read afterwards for the whole set at once, never a query a node.

The statements are built once, of tables rather than of classes: SQLAlchemy finds their
compiled form at once, and the ORM has no part in a page's thousand rows.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from foodtrace.trace.masterdata.models import Lot, Party, Place, Product
from foodtrace.trace.store.models import Containment, Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import id_rows
from foodtrace.trace.store.types import UtcTime

Walk = CompoundSelect[*tuple[Any, ...]]
Rows = Select[*tuple[Any, ...]]

item, edge, containment = Item.__table__, Edge.__table__, Containment.__table__
event, event_item = Event.__table__, EventItem.__table__
lot, product = Lot.__table__, Product.__table__
party, place = Party.__table__, Place.__table__

# What still lies in a container leaves it then.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
NOTHING: ColumnElement[int] = literal_column("0")


def _walk(*, forward: bool) -> Walk:
    """Return rows (parent, child, event, kind): the root, what lay in it, then the edges.

    What lies in a logistic unit is where the walk of that unit begins, at any depth.
    Kind is ``root`` or ``inside`` on the first rows, whose parent is the item itself.
    """
    root = select(item.c.id).where(item.c.canonical == bindparam("canonical")).cte("root")
    inside = select(root.c.id).cte("inside", recursive=True)
    inside = inside.union(
        select(containment.c.content_id).join_from(
            inside, containment, containment.c.container_id == inside.c.id
        )
    )
    node = select(inside.c.id).cte("node", recursive=True)
    here, ahead = (
        (edge.c.parent_id, edge.c.child_id) if forward else (edge.c.child_id, edge.c.parent_id)
    )
    node = node.union(select(ahead).join_from(node, edge, here == node.c.id))
    return union_all(
        _itself(root, "root"),
        _itself(inside, "inside"),
        select(edge.c.parent_id, edge.c.child_id, edge.c.event_id, edge.c.kind).join_from(
            node, edge, here == node.c.id
        ),
    )


def _itself(rows: CTE, kind: str) -> Rows:
    parent_id, child_id = rows.c.id.label("parent_id"), rows.c.id.label("child_id")
    return select(parent_id, child_id, NOTHING, literal_column(f"'{kind}'"))


def _lay() -> CTE:
    """Return what of the set lay in which container, from when to when, at any depth.

    `inner_id` and `packed_at` name the packing itself: the row of the innermost container,
    which alone says how much was packed. The interval narrows with every container further
    out: a lot travels with a truck only while its crate does and it lies in the crate.
    """
    ids = id_rows("ids")
    until = func.coalesce(
        containment.c.until, bindparam("never", NEVER, type_=UtcTime()), type_=UtcTime()
    )
    lay = (
        select(
            containment.c.content_id.label("item_id"),
            containment.c.container_id.label("inner_id"),
            containment.c.since.label("packed_at"),
            containment.c.container_id,
            containment.c.since,
            until.label("until"),
            containment.c.amount,
            containment.c.uom,
        )
        .join_from(ids, containment, containment.c.content_id == ids.c.id)
        .cte("lay", recursive=True)
    )
    return lay.union(
        select(
            lay.c.item_id,
            lay.c.inner_id,
            lay.c.packed_at,
            containment.c.container_id,
            case((lay.c.since > containment.c.since, lay.c.since), else_=containment.c.since),
            case((lay.c.until < until, lay.c.until), else_=until),
            lay.c.amount,
            lay.c.uom,
        )
        .join_from(lay, containment, containment.c.content_id == lay.c.container_id)
        .where(containment.c.since <= lay.c.until, until >= lay.c.since)
    )


def _parts() -> CTE:
    """Return who took part in what: by itself (container 0), or inside a container."""
    ids = id_rows("ids")
    lay = _lay()
    direct = select(
        event_item.c.event_id,
        event_item.c.item_id,
        event_item.c.role,
        event_item.c.amount,
        event_item.c.uom,
        NOTHING.label("container_id"),
        NOTHING.label("inner_id"),
        type_coerce(null(), UtcTime()).label("packed_at"),
    ).join_from(ids, event_item, event_item.c.item_id == ids.c.id)
    while_inside = and_(
        event.c.event_time >= lay.c.since,
        # What empties a container still belongs to what lay in it; what else happens to
        # the container at that moment no longer does.
        or_(
            event.c.event_time < lay.c.until,
            and_(event.c.event_time == lay.c.until, event.c.action == "DELETE"),
        ),
    )
    inside = (
        select(
            event_item.c.event_id,
            lay.c.item_id,
            event_item.c.role,
            lay.c.amount,
            lay.c.uom,
            lay.c.container_id,
            lay.c.inner_id,
            lay.c.packed_at,
        )
        .join_from(lay, event_item, event_item.c.item_id == lay.c.container_id)
        .join(event, event.c.id == event_item.c.event_id)
        .where(while_inside)
    )
    return direct.union_all(inside).cte("part")


def _hops() -> Rows:
    """Return one row for each part that an item of the set had in an event.

    The columns are the blocks that hops.py names, in that order.
    """
    part = _parts()
    captor, source, destination = (party.alias(name) for name in ("captor", "source", "dest"))
    where = func.coalesce(event.c.read_point, event.c.biz_location)
    declaration = event.alias("declaration")
    declared = exists().where(
        declaration.c.event_id == event.c.event_id,
        declaration.c.party_id == event.c.party_id,
        declaration.c.declared_at.is_not(None),
    )
    return (
        select(
            *part.c,
            *(event.c.id, event.c.event_id, event.c.type, event.c.action, event.c.event_time),
            *(event.c.time_zone_offset, event.c.record_time, event.c.biz_step),
            *(event.c.disposition, event.c.temperature_low, event.c.temperature_high),
            *(declared, event.c.declared_at, event.c.hidden),
            *(where, place.c.name, place.c.name_en, place.c.region, place.c.address),
            func.coalesce(place.c.party_id, 0),
            *_names(captor, captor.c.identifier),
            *_names(source, event.c.source),
            *_names(destination, event.c.destination),
        )
        .join_from(part, event, event.c.id == part.c.event_id)
        .outerjoin(place, place.c.identifier == where)
        .outerjoin(captor, captor.c.id == event.c.party_id)
        .outerjoin(source, source.c.id == _party_of(event.c.source))
        .outerjoin(destination, destination.c.id == _party_of(event.c.destination))
    )


def _names(one: FromClause, stated: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """Return what names a party; `stated` stands where it is not registered."""
    identifier = func.coalesce(one.c.identifier, stated)
    return func.coalesce(one.c.id, 0), identifier, one.c.name, one.c.name_en, one.c.kind


def _party_of(identifier: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the id of the party that a party's or a place's identifier leads to."""
    who, where = party.alias("who"), place.alias("whose")
    return func.coalesce(
        select(who.c.id).where(who.c.identifier == identifier).correlate(event).scalar_subquery(),
        select(where.c.party_id)
        .where(where.c.identifier == identifier)
        .correlate(event)
        .scalar_subquery(),
    )


def _items() -> Rows:
    """Return one row for each item of the set: ChainItem's fields, then its maker's."""
    ids = id_rows("ids")
    made_of = func.coalesce(lot.c.product_identifier, literal("/01/").concat(item.c.gtin))
    return (
        select(
            *(item.c.id, item.c.canonical, item.c.kind, item.c.gtin, item.c.lot, item.c.serial),
            func.coalesce(product.c.identifier, lot.c.product_identifier),
            *(product.c.name, product.c.name_en, product.c.brand, product.c.net_content),
            *(product.c.storage, product.c.shelf_life_days, product.c.standard),
            *(product.c.ingredients, product.c.allergens),
            *(lot.c.made_at, lot.c.lot_number, lot.c.production_date, lot.c.expiry_date),
            *(lot.c.origin, lot.c.amount, lot.c.uom, lot.c.certificate_number),
            *(party.c.id, party.c.identifier, party.c.name, party.c.name_en, party.c.kind),
            *(party.c.uscc, party.c.food_licence, party.c.region, party.c.address, party.c.phone),
        )
        .join_from(ids, item, item.c.id == ids.c.id)
        .outerjoin(lot, lot.c.item_id == item.c.id)
        .outerjoin(product, product.c.identifier == made_of)
        .outerjoin(party, party.c.id == lot.c.party_id)
    )


# The two blocks of a row of ITEMS.
ITEM = slice(0, 24)
MAKER = slice(24, 34)

BACK = _walk(forward=False)
FORWARD = _walk(forward=True)
HOPS = _hops()
ITEMS = _items()
