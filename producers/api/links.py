"""Links that owners give their products, lots and places."""

from typing import TYPE_CHECKING, Any

from foodtrace.producers.api.acting import acted
from foodtrace.producers.schemas.links import LinkQuery, ThingLinkSchema
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.capture.once import Answer
from foodtrace.trace.links import services
from foodtrace.trace.rest import ONCE, ApiBlueprint
from foodtrace.trace.web import current_actor, needs, reading, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from foodtrace.trace.links.models import ThingLink

bp = ApiBlueprint("producers_links", __name__, url_prefix="/api/v1")


@bp.get("/links")
@needs("link.keep")
@bp.arguments(LinkQuery, location="query")
@bp.response(200, ThingLinkSchema(many=True))
def list_links(query: dict[str, Any]) -> "list[ThingLink]":
    """List the links that your party gave and that hold, newest first; those of one thing."""
    with reading() as session:
        return services.own_links(session, current_actor(), **query)


@bp.post("/links")
@needs("link.keep")
@bp.doc(**ONCE)
@bp.arguments(ThingLinkSchema)
@bp.response(201, ThingLinkSchema)
def add_link(facts: dict[str, Any]) -> tuple[Answer, int, dict[str, str]]:
    """Give a product, lot or place of yours a link."""

    def act(session: "Session", actor: Actor, _key: str | None) -> tuple[int, Answer]:
        link = services.add_link(session, actor, **facts)
        facts_of = ("id", "anchor", "link_type", "href", "title", "language", "media_type")
        return link.id, {name: getattr(link, name) for name in facts_of}

    answer, status, headers = acted(act)
    return answer, status, headers


@bp.delete("/links/<int:link_id>")
@needs("link.keep")
@bp.response(204)
def end_link(link_id: int) -> None:
    """End a link: it stays on record, and is shown no more."""
    with transaction() as session:
        services.end_link(session, current_actor(), link_id=link_id)
