"""Links of one's own products, lots and places: listed, added, ended."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers.pages.common import bp, own_party, submitted
from foodtrace.producers.schemas.links import LinkForm
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.links import services
from foodtrace.trace.links.rules import LINK_TYPES, host_of
from foodtrace.trace.web import current_actor, reading, settings, transaction


@bp.get("/links")
def links() -> str:
    """Show the links of one's party, and the form for a new one."""
    own_party("link.keep")
    with reading() as session:
        return render_template(
            "producers/links.html",
            links=services.own_links(session, current_actor()),
            link_types=LINK_TYPES,
            host_of=host_of,
            direct_hosts=settings().link_hosts,
            anchor=request.args.get("of", ""),
        )


@bp.post("/links")
@form_page(links)
def add_link() -> ResponseReturnValue:
    """Add a link."""
    own_party("link.keep")
    facts = load_form(LinkForm())
    submitted(lambda session, actor, _: (services.add_link(session, actor, **facts).id, {}))
    flash(gettext("The link is added."), "success")
    return redirect(url_for("producers.links"), 303)


@bp.post("/links/<int:link_id>/end")
@form_page(lambda link_id: links())
def end_link(link_id: int) -> ResponseReturnValue:
    """End a link."""
    own_party("link.keep")
    with transaction() as session:
        services.end_link(session, current_actor(), link_id=link_id)
    flash(gettext("The link is ended."), "success")
    return redirect(url_for("producers.links"), 303)
