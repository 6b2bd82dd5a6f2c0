"""The statements that read a chain: who came from whom, what happened, what it is.

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
    union,
    union_all,
)

from foodtrace.trace.issuers.models import IssuerKey, IssuerSignature
from foodtrace.trace.masterdata.models import Lot, Party, Place, Product, Revision
from foodtrace.trace.store.models import Containment, Edge, Event, EventItem, Item
from foodtrace.trace.store.sets import gathered, id_rows, text_rows
from foodtrace.trace.store.types import UtcTime

Union = CompoundSelect[*tuple[Any, ...]]
Rows = Select[*tuple[Any, ...]]

item, edge, containment = Item.__table__, Edge.__table__, Containment.__table__
event, event_item = Event.__table__, EventItem.__table__
lot, product = Lot.__table__, Product.__table__
key, signature = IssuerKey.__table__, IssuerSignature.__table__
party, place, revision = Party.__table__, Place.__table__, Revision.__table__

# What still lies in a container leaves it then.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
NOTHING: ColumnElement[int] = literal_column("0")


def _walk(*, forward: bool) -> Union:
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
    found = gathered(node.c.id)
    return union_all(
        _itself(root, "root"),
        _itself(inside, "inside"),
        select(edge.c.parent_id, edge.c.child_id, edge.c.event_id, edge.c.kind).join_from(
            found, edge, here == found.c.id
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


def _belongs(part: CTE) -> ColumnElement[bool]:
    """Return the condition that keeps what a lot went into besides out of a chain.

    `steps` are the transformations of the chain; a lot of salt may have gone into thousands
    of others. One that is told by several events (transformationID) keeps them all, for an
    edge names only one of them.
    """
    return or_(
        part.c.role != "input",
        event.c.transformation_id.is_not(None),
        part.c.event_id.in_(select(id_rows("steps").c.id)),
    )


def _declared() -> ColumnElement[bool]:
    """Return the condition that an event was declared wrong, or is the declaration."""
    declaration = event.alias("declaration")
    return exists().where(
        declaration.c.event_id == event.c.event_id,
        declaration.c.party_id == event.c.party_id,
        declaration.c.declared_at.is_not(None),
    )


def _hops() -> Rows:
    """Return one row for each part that an item of the set had in an event.

    The columns are the blocks that hops.py names, in that order.
    """
    part = _parts()
    return (
        select(
            *part.c,
            *(event.c.event_id, event.c.type, event.c.action, event.c.event_time),
            *(event.c.time_zone_offset, event.c.record_time, event.c.biz_step),
            *(event.c.disposition, event.c.temperature_low, event.c.temperature_high),
            *(_declared(), event.c.declared_at, event.c.hidden),
            func.coalesce(event.c.read_point, event.c.biz_location),
            *(event.c.party_id, event.c.source, event.c.destination),
        )
        .join_from(part, event, event.c.id == part.c.event_id)
        .where(_belongs(part))
    )


def _children() -> Rows:
    """Return one level of a walk forward: what was made of the items of a set."""
    ids = id_rows("ids")
    return select(edge.c.child_id).join_from(ids, edge, edge.c.parent_id == ids.c.id)


def _parents() -> Select[int, int]:
    """Return rows (parent, child): what the items of a set were made of, one level."""
    ids = id_rows("ids")
    return select(edge.c.parent_id, edge.c.child_id).join_from(
        ids, edge, edge.c.child_id == ids.c.id
    )


def _names() -> Rows:
    ids = id_rows("ids")
    return select(item.c.canonical).join_from(ids, item, item.c.id == ids.c.id)


def _named() -> Rows:
    names = text_rows("names")
    return select(item.c.id).join_from(names, item, item.c.canonical == names.c.id)


def _marks() -> Union:
    """Return rows of four numbers that differ whenever HOPS or FACTS of the same walk do.

    The first row counts: parts of the items themselves, and how many are declared wrong,
    can only become more, and facts of parties, places, products are numbered as they come.
    What lay in containers may change either way, and is listed. Signatures under the events can
    only become more, too, and so can the declarations that a key was in other hands.
    """
    part = _parts()
    void = case((_declared(), 1), else_=0)
    newest = func.coalesce(select(func.max(revision.c.id)).scalar_subquery(), 0)
    mine = select(part, void.label("void")).join_from(part, event, event.c.id == part.c.event_id)
    found = mine.where(_belongs(part)).cte("found")
    return union_all(
        select(func.count(), func.coalesce(func.sum(found.c.void), 0), newest, NOTHING).where(
            found.c.container_id == 0
        ),
        select(found.c.event_id, found.c.item_id, found.c.container_id, found.c.void).where(
            found.c.container_id != 0
        ),
        select(
            func.count(),
            func.coalesce(func.max(signature.c.id), 0),
            func.coalesce(func.max(key.c.compromised_id), 0),
            literal_column("-1"),
        )
        .join_from(found, signature, signature.c.statement_id == found.c.event_id)
        .join(key, key.c.id == signature.c.key_id),
    )


def _facts() -> Union:
    """Return what is known of a chain's items, places and parties, each of them once.

    A row is a word (item, place, party) and the fields that facts.py takes from it.
    """
    ids, names, captors = id_rows("ids"), text_rows("names"), id_rows("captors")
    made_of = func.coalesce(lot.c.product_identifier, literal("/01/").concat(item.c.gtin))
    items = (
        select(
            literal_column("'item'"),
            *(item.c.id, item.c.canonical, item.c.kind, item.c.gtin, item.c.lot, item.c.serial),
            func.coalesce(product.c.identifier, lot.c.product_identifier),
            *(product.c.name, product.c.name_en, product.c.brand, product.c.net_content),
            *(product.c.storage, product.c.shelf_life_days, product.c.standard),
            *(product.c.ingredients, product.c.allergens),
            *(lot.c.made_at, lot.c.lot_number, lot.c.production_date, lot.c.expiry_date),
            *(lot.c.origin, lot.c.amount, lot.c.uom, lot.c.certificate_number, lot.c.party_id),
        )
        .join_from(ids, item, item.c.id == ids.c.id)
        .outerjoin(lot, lot.c.item_id == item.c.id)
        .outerjoin(product, product.c.identifier == made_of)
    )
    width = len(items.selected_columns)
    whose = select(place.c.party_id).join_from(names, place, place.c.identifier == names.c.id)
    named = select(party.c.id).join_from(names, party, party.c.identifier == names.c.id)
    makers = select(lot.c.party_id).join_from(ids, lot, lot.c.item_id == ids.c.id)
    wanted = union(select(captors.c.id), makers, whose, named).subquery("wanted")
    parties = select(
        literal_column("'party'"),
        *(party.c.id, party.c.identifier, party.c.name, party.c.name_en, party.c.kind),
        *(party.c.uscc, party.c.food_licence, party.c.region, party.c.address, party.c.phone),
        *[null()] * (width - 11),
    ).join_from(wanted, party, party.c.id == wanted.c.id)
    places = select(
        literal_column("'place'"),
        *(place.c.id, place.c.identifier, place.c.name, place.c.name_en),
        *(place.c.region, place.c.address, *[null()] * (width - 8), place.c.party_id),
    ).join_from(names, place, place.c.identifier == names.c.id)
    return union_all(items, places, parties)


BACK = _walk(forward=False)
FORWARD = _walk(forward=True)
HOPS = _hops()
FACTS = _facts()
MARKS = _marks()
CHILDREN = _children()
PARENTS = _parents()
NAMES = _names()
NAMED = _named()
