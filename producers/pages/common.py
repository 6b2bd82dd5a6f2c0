"""What all pages of the console share: the blueprint, forms sent once, words and units."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request
from flask_babel import format_decimal, gettext

from foodtrace.producers.schemas.forms import CHINA, UNITS
from foodtrace.producers.services import Goods
from foodtrace.producers.services.lot_page import Movement
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import Action, can, require
from foodtrace.trace.capture.once import Answer, once
from foodtrace.trace.errors import Conflict, Invalid, Problem, mark
from foodtrace.trace.forms import CSRF_FIELD, View, is_row_number
from foodtrace.trace.language import ENGLISH
from foodtrace.trace.masterdata.services import list_parties
from foodtrace.trace.navigation import Entry
from foodtrace.trace.shell import current_locale
from foodtrace.trace.web import current_actor, settings, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from foodtrace.trace.masterdata.models import Party, Place, Product

bp = Blueprint(
    "producers",
    __name__,
    url_prefix="/producers",
    template_folder=str(Path(__file__).resolve().parent.parent / "templates"),
)

NAVIGATION = (
    Entry("producers.home", mark("Overview"), "lot.move"),
    Entry("producers.lots", mark("Lots"), "lot.move"),
    Entry("producers.codes", mark("Codes"), "lot.register"),
    Entry("producers.prints", mark("Labels"), "lot.move"),
    Entry("producers.receive", mark("Receive"), "lot.move"),
    Entry("producers.ship", mark("Ship"), "lot.move"),
)

TOKEN = "token"  # noqa: S105  the name of a field
MOST_CHOICES = 10

# What a step of the CBV is called here; what is not named keeps its own word.
STEPS = {
    "commissioning": mark("Made"),
    "repackaging": mark("Split"),
    "shipping": mark("Shipped"),
    "receiving": mark("Received"),
    "packing": mark("Packed"),
    "unpacking": mark("Unpacked"),
    "storing": mark("Stored"),
    "retail_selling": mark("Sold"),
    "destroying": mark("Destroyed"),
}
USED = mark("Used")
CONDITIONS = {
    "damaged": mark("partly damaged"),
    "mismatch_quantity": mark("less than was sent"),
}

Act = Callable[["Session", Actor, str | None], tuple[int, Answer]]


@bp.context_processor
def words() -> dict[str, Any]:
    """Give templates the words and units of this console."""
    return {
        "can": can,
        "condition_text": condition_text,
        "is_expired": is_expired,
        "new_token": lambda: str(uuid.uuid4()),
        "product_name": product_name,
        "quantity": quantity,
        "step_text": step_text,
        "local_name": local_name,
        "options_of": options_of,
    }


def own_party(action: Action = "lot.move") -> int:
    """Return the party for which the person acts, who must be allowed the action.

    The console is for those who move goods: who keeps the register has other pages.
    """
    actor = current_actor()
    require(actor, "lot.move")
    require(actor, action)
    require(actor, action, owner=actor.party_id or 0)
    return actor.party_id or 0


def submitted(act: Act) -> Answer:
    """Do what a form asks for, in one transaction; a form that is sent twice is done once.

    The key is the form's token with what was filled in: who goes back, changes something
    and sends the form again means another act.
    """
    fields = sorted(
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in (CSRF_FIELD, TOKEN)
    )
    sent = repr((request.path, fields)).encode()
    token = request.form.get(TOKEN, "")
    key = f"form:{token}:{hashlib.sha256(sent).hexdigest()[:32]}" if token else None
    actor = current_actor()
    with transaction() as session:
        answer, _ = once(
            session,
            actor,
            key,
            sent,
            lambda: act(session, actor, key),
            secret=settings().secret_key,
        )
    return answer


def rows(name: str) -> Callable[[View], View]:
    """Let problems of a list name the row of the form that was filled in.

    Rows that were left empty are not sent to the services: their third item may be the
    seventh row of the page.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def mapped(**arguments: Any) -> Any:
            try:
                return view(**arguments)
            except (Invalid, Conflict) as refusal:
                filled = _filled_rows(name)
                raise type(refusal)(
                    *(_at_row(problem, name, filled) for problem in refusal.problems)
                ) from None

        return mapped

    return decorate


def chosen_party(session: "Session", field: str, party_id: int | None, name: str) -> int:
    """Return the party that was chosen, or the only one with exactly this name.

    Raises Invalid otherwise; the page then shows what `party_choices` finds.
    """
    if party_id is not None:
        return party_id
    if not name:
        raise Invalid(
            Problem(field, mark("Nobody is named"), mark("Write a part of the name to search"))
        )
    found = list_parties(session, name, limit=MOST_CHOICES)
    exact = [party.id for party in found if party.name == name]
    if len(exact) == 1:
        return exact[0]
    if not found:
        raise Invalid(
            Problem(
                field,
                mark("No organisation with %(name)s in its name is registered"),
                mark("Try a shorter part of the name"),
                {"name": name},
            )
        )
    raise Invalid(
        Problem(field, mark("This is not clear yet"), mark("Choose one of those found below"))
    )


def party_choices(session: "Session", name: str) -> "list[Party]":
    """Return the parties that a search found, without one's own."""
    if not name:
        return []
    found = list_parties(session, name, limit=MOST_CHOICES)
    return [party for party in found if party.id != current_actor().party_id]


def quantity(amount: Decimal | None, uom: str | None) -> str:
    """Return an amount with its unit in the reader's language."""
    if amount is None:
        return str(gettext("amount not known"))
    number = format_decimal(amount)
    unit = UNITS.get(uom or "piece")
    return f"{number} {gettext(unit) if unit else uom}"


def product_name(goods: Goods) -> str:
    """Return what goods are called in the reader's language."""
    if goods.product_name is None:
        return str(gettext("Pallet") if goods.is_single else gettext("Product not registered"))
    return local_name(goods.product_name, goods.product_name_en)


def is_expired(goods: Goods) -> bool:
    """Answer whether goods, or something inside them, are past their date today."""
    return bool(goods.expired(datetime.now(CHINA).date()))


def local_name(name: str, name_en: str | None) -> str:
    """Return the name in the reader's language, where there is one."""
    return name_en if name_en and current_locale() == ENGLISH else name


def options_of(found: "Sequence[Place | Product]") -> list[tuple[int, str]]:
    """Return places or products as choices of a form."""
    return [(each.id, local_name(each.name, each.name_en)) for each in found]


def step_text(movement: Movement) -> str:
    """Return what happened, in the reader's language."""
    if movement.role == "input":
        return str(gettext(USED))
    word = STEPS.get(movement.biz_step or "")
    return str(gettext(word)) if word else (movement.biz_step or movement.type)


def condition_text(movement: Movement) -> str:
    """Return how goods arrived where that is worth a word."""
    word = CONDITIONS.get(movement.disposition or "")
    return str(gettext(word)) if word else ""


def _filled_rows(name: str) -> list[str]:
    """Return the numbers of the rows of a form in which something was filled in."""
    numbers = {
        parts[1]
        for field, value in request.form.items(multi=True)
        if (parts := field.split("."))[0] == name and len(parts) > 2 and value.strip()
    }
    return sorted((number for number in numbers if is_row_number(number)), key=int)


def _at_row(problem: Problem, name: str, filled: list[str]) -> Problem:
    parts = problem.place.removeprefix("/").split("/")
    if len(parts) < 2 or parts[0] != name or not parts[1].isdecimal():
        return problem
    index = int(parts[1])
    if index >= len(filled):
        return problem
    return replace(problem, place="/".join([name, filled[index], *parts[2:]]))
