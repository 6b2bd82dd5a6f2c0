"""Profile, places and products of one's own party."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from foodtrace.producers.pages.common import bp, own_party, submitted
from foodtrace.producers.schemas.forms import LabelForm, PlaceForm, ProductForm, ProfileForm
from foodtrace.trace.access.policy import require
from foodtrace.trace.forms import form_page, load_form
from foodtrace.trace.masterdata import services
from foodtrace.trace.web import current_actor, reading, transaction


@bp.get("/register")
def register() -> str:
    """Show what is registered of one's party: profile, places, products."""
    party_id = own_party()
    with reading() as session:
        return render_template(
            "producers/register.html",
            party=services.get_party(session, party_id),
            places=services.list_places(session, party_id),
            products=services.list_products(session, party_id),
        )


@bp.get("/profile")
def profile() -> str:
    """Show the form with what a party says of itself."""
    party_id = own_party("party.revise")
    with reading() as session:
        party = services.get_party(session, party_id)
        return render_template("producers/profile.html", party=party)


@bp.post("/profile")
@form_page(profile)
def revise_profile() -> ResponseReturnValue:
    """Change what a party says of itself."""
    party_id = own_party("party.revise")
    changes = load_form(ProfileForm())
    with transaction() as session:
        services.revise_party(session, current_actor(), party_id=party_id, **changes)
    flash(gettext("The profile is saved."), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/places/new")
def new_place() -> str:
    """Show the form for a new place."""
    own_party("place.register")
    return render_template("producers/new_place.html")


@bp.post("/places/new")
@form_page(new_place)
def register_place() -> ResponseReturnValue:
    """Register a place."""
    party_id = own_party("place.register")
    facts = load_form(PlaceForm())
    submitted(
        lambda session, actor, _: (
            services.register_place(session, actor, party_id=party_id, **facts).id,
            {},
        )
    )
    flash(gettext("The place is registered."), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/products/new")
def new_product() -> str:
    """Show the form for a new product."""
    own_party("product.register")
    return render_template("producers/product.html", product=None)


@bp.post("/products/new")
@form_page(new_product)
def register_product() -> ResponseReturnValue:
    """Register a product."""
    party_id = own_party("product.register")
    facts = load_form(ProductForm())
    submitted(
        lambda session, actor, _: (
            services.register_product(session, actor, party_id=party_id, **facts).id,
            {},
        )
    )
    flash(gettext("The product is registered."), "success")
    return redirect(url_for("producers.home"), 303)


@bp.get("/products/<int:product_id>")
def product(product_id: int) -> str:
    """Show the form with what the label of a product says, and its earlier versions."""
    own_party("product.register")
    with reading() as session:
        found = services.get_product(session, product_id)
        require(current_actor(), "product.register", owner=found.party_id)
        return render_template(
            "producers/product.html",
            product=found,
            versions=services.history_of(session, "product", product_id),
        )


@bp.post("/products/<int:product_id>")
@form_page(product)
def revise_product(product_id: int) -> ResponseReturnValue:
    """Change what the label of a product says. Earlier versions are kept."""
    own_party("product.register")
    changes = load_form(LabelForm())
    with transaction() as session:
        services.revise_product(session, current_actor(), product_id=product_id, **changes)
    flash(gettext("The label is saved."), "success")
    return redirect(url_for("producers.register"), 303)
