"""The register of parties, places and products: rules, corrections, history, who may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.masterdata.rules import PARTY_FIELDS, checked, checked_shelf_life
from foodtrace.trace.masterdata.services import (
    ensure_party,
    find_party,
    find_product,
    get_party,
    history_of,
    list_parties,
    list_places,
    list_products,
    register_party,
    register_place,
    register_product,
    revise_party,
    revise_place,
    revise_product,
)

from ..web import add_key, bearer, staff_app
from .test_idempotency import at_once

USCC = "91350100M000100Y43"


def of(party, role=Role.PRODUCER):
    return Actor("user:li.na", party.id, frozenset({role}))


@pytest.fixture
def session(sqlite_store):
    with sqlite_store.transaction() as session:
        yield session


@pytest.fixture
def farm(session):
    return register_party(session, SYSTEM, name="绿源农场", kind="farm")


def places_of(refusal):
    return [problem.place for problem in refusal.value.problems]


def test_it_works(store):
    with store.transaction() as session:
        party = register_party(
            session,
            SYSTEM,
            name="福州绿源农业有限公司",
            name_en="Lüyuan Farm",
            kind="farm",
            gln="9506000134352",
            uscc=USCC,
            food_licence="SC10341147101351",
            region="福建省福州市",
            address="晋安区某路 1 号",
            phone="0591-88123456",
        )
        place = register_place(
            session, SYSTEM, party_id=party.id, name="一号大棚", gln="9506000134369"
        )
        product = register_product(
            session,
            SYSTEM,
            party_id=party.id,
            name="番茄",
            gtin="9506000134352",
            net_content="500 g",
            shelf_life_days=7,
            allergens="",
        )
        ids = party.id, place.id, product.id
    with store.reading() as session:
        party = get_party(session, ids[0])
        assert (party.identifier, party.name, party.uscc) == (
            "/417/9506000134352",
            "福州绿源农业有限公司",
            USCC,
        )
        assert [row.identifier for row in list_places(session, party.id)] == ["/414/9506000134369"]
        (product,) = list_products(session, party.id)
        assert (product.identifier, product.shelf_life_days) == ("/01/09506000134352", 7)
        assert product.allergens is None
        assert find_product(session, "/01/09506000134352").id == product.id


def test_without_numbers_of_gs1_things_get_identifiers_of_ours(session, farm):
    place = register_place(session, SYSTEM, party_id=farm.id, name="一号大棚")
    product = register_product(session, SYSTEM, party_id=farm.id, name="番茄")
    assert farm.identifier.startswith("urn:uuid:")
    assert place.identifier.startswith("urn:uuid:")
    assert product.identifier.startswith("/q/")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "　 "),
        ("name", "番" * 201),
        ("name", "绿源\u200b农场"),
        ("name", "绿源\u202e农场"),
        ("name", "绿源\n农场"),
        ("name", "绿源\x00农场"),
        ("name", "绿源\u00a0农场"),
        ("name", "ㅤ"),
        ("name", "e\u0301cole"),
        ("name", "Gr\u0435en Farm"),
        ("name_en", "\ufeffFarm"),
        ("kind", "bank"),
        ("gln", "9506000134353"),
        ("gln", "９506000134352"),
        ("uscc", "91350100M000100Y44"),
        ("uscc", "91350100m000100y43"),
        ("food_licence", "10341147101351"),
        ("phone", "call me"),
        ("region", "省" * 101),
        ("address", "a\u2028b"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_the_field_named(session, field, value):
    given = {"name": "绿源农场", "kind": "farm"} | {field: value}
    with pytest.raises(Invalid) as refusal:
        register_party(session, SYSTEM, **given)
    assert places_of(refusal) == [field]
    assert refusal.value.problems[0].text


def test_all_problems_are_told_at_once():
    with pytest.raises(Invalid) as refusal:
        checked(PARTY_FIELDS, {"name": "", "kind": "bank", "uscc": "1", "region": "福建省"})
    assert places_of(refusal) == ["name", "kind", "uscc"]


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_a_shelf_life_that_cannot_be_is_refused(days):
    with pytest.raises(Invalid) as refusal:
        checked_shelf_life(days)
    assert places_of(refusal) == ["shelf_life_days"]


@given(st.text(max_size=20))
def test_what_is_accepted_can_be_seen_and_is_kept_as_written(text):
    try:
        kept = checked(PARTY_FIELDS, {"name": text})["name"]
    except Invalid:
        return
    assert kept == text.strip(" 　")
    assert kept.isprintable() or "　" in kept


def test_spaces_around_a_text_are_cut_off(session):
    assert register_party(session, SYSTEM, name=" 绿源农场　", kind="farm").name == "绿源农场"


@pytest.mark.parametrize(
    ("field", "given"),
    [("gln", {"gln": "9506000134352"}), ("uscc", {"uscc": USCC})],
)
def test_a_number_belongs_to_one_party(session, field, given):
    register_party(session, SYSTEM, name="A", kind="farm", **given)
    with pytest.raises(Conflict) as refusal:
        register_party(session, SYSTEM, name="B", kind="farm", **given)
    assert places_of(refusal) == [field]


def test_a_gtin_belongs_to_one_product(session, farm):
    register_product(session, SYSTEM, party_id=farm.id, name="番茄", gtin="9506000134352")
    with pytest.raises(Conflict) as refusal:
        register_product(session, SYSTEM, party_id=farm.id, name="黄瓜", gtin="09506000134352")
    assert places_of(refusal) == ["gtin"]


def test_a_party_has_one_place_of_a_name_and_others_may_have_it_too(session, farm):
    other = register_party(session, SYSTEM, name="B", kind="farm")
    register_place(session, SYSTEM, party_id=farm.id, name="仓库")
    register_place(session, SYSTEM, party_id=other.id, name="仓库")
    with pytest.raises(Conflict) as refusal:
        register_place(session, SYSTEM, party_id=farm.id, name="仓库")
    assert places_of(refusal) == ["name"]


def test_the_same_at_once_is_registered_once(store):
    def work(_):
        with store.transaction() as session:
            return register_party(session, SYSTEM, name="A", kind="farm", uscc=USCC).id

    results, errors = at_once(6, work)
    assert len(results) == 1
    assert [type(error) for error in errors] == [Conflict] * 5


def test_a_correction_is_a_statement_and_the_old_text_stays_in_the_history(store):
    with store.transaction() as session:
        farm = register_party(session, SYSTEM, name="绿源农场", kind="farm")
        product = register_product(session, of(farm), party_id=farm.id, name="番茄", brand="绿源")
        first = product.id
    with store.transaction() as session:
        product = revise_product(session, of(farm), product_id=first, name="有机番茄", brand=None)
        assert (product.id, product.name, product.brand) == (first, "有机番茄", None)
        assert product.revision > product.id
    with store.reading() as session:
        history = history_of(session, "product", first)
    assert [version.actor for version in history] == ["user:li.na", "user:li.na"]
    assert [version.party_id for version in history] == [farm.id, farm.id]
    assert history[0].fields["name"] == "番茄"
    assert history[1].fields == {"name": "有机番茄", "brand": None}
    assert history[0].at <= history[1].at


def test_a_correction_that_changes_nothing_leaves_no_trace(session, farm):
    place = register_place(session, SYSTEM, party_id=farm.id, name="仓库")
    assert revise_place(session, SYSTEM, place_id=place.id, name="仓库").revision == place.id
    assert len(history_of(session, "place", place.id)) == 1


def test_a_correction_passes_the_same_rules(session, farm):
    product = register_product(session, SYSTEM, party_id=farm.id, name="番茄")
    with pytest.raises(Invalid) as refusal:
        revise_product(session, SYSTEM, product_id=product.id, name="", shelf_life_days=7)
    assert places_of(refusal) == ["name"]
    with pytest.raises(Invalid, match="shelf_life_days"):
        revise_product(session, SYSTEM, product_id=product.id, shelf_life_days=0)


def test_an_identifier_is_never_revised(session, farm):
    with pytest.raises(Invalid) as refusal:
        revise_party(session, SYSTEM, party_id=farm.id, gln="9506000134352", identifier="/x")
    assert places_of(refusal) == ["gln", "identifier"]


def test_a_place_cannot_take_the_name_of_another(session, farm):
    register_place(session, SYSTEM, party_id=farm.id, name="仓库")
    place = register_place(session, SYSTEM, party_id=farm.id, name="大棚")
    with pytest.raises(Conflict):
        revise_place(session, SYSTEM, place_id=place.id, name="仓库")


def test_a_producer_acts_for_its_own_party_only(session, farm):
    other = register_party(session, SYSTEM, name="B", kind="farm")
    place = register_place(session, SYSTEM, party_id=other.id, name="仓库")
    product = register_product(session, SYSTEM, party_id=other.id, name="番茄")
    actor = of(farm)
    assert register_place(session, actor, party_id=farm.id, name="仓库").party_id == farm.id
    for act in (
        lambda: register_place(session, actor, party_id=other.id, name="大棚"),
        lambda: register_product(session, actor, party_id=other.id, name="黄瓜"),
        lambda: revise_place(session, actor, place_id=place.id, name="大棚"),
        lambda: revise_product(session, actor, product_id=product.id, name="黄瓜"),
        lambda: revise_party(session, actor, party_id=other.id, phone="110"),
    ):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Forbidden):
        register_party(session, actor, name="C", kind="farm")


def test_a_party_keeps_its_address_but_the_register_keeps_its_name(session, farm):
    assert revise_party(session, of(farm), party_id=farm.id, phone="110").phone == "110"
    with pytest.raises(Forbidden):
        revise_party(session, of(farm), party_id=farm.id, name="国营农场")
    regulator = Actor("user:rosa", None, frozenset({Role.REGULATOR}))
    assert revise_party(session, regulator, party_id=farm.id, uscc=USCC).uscc == USCC


def test_what_belongs_to_nobody_registered_is_not_found(session):
    with pytest.raises(NotFound) as refusal:
        register_place(session, SYSTEM, party_id=999, name="仓库")
    assert places_of(refusal) == ["party_id"]


def test_parties_are_found_by_name_code_and_identifier(session, farm):
    other = register_party(session, SYSTEM, name="100% 鲜果店", kind="shop", uscc=USCC)
    assert [row.id for row in list_parties(session, "鲜果")] == [other.id]
    assert [row.id for row in list_parties(session, USCC.lower())] == [other.id]
    assert [row.id for row in list_parties(session, "%")] == [other.id]
    assert list_parties(session, "_") == []
    assert len(list_parties(session, limit=1)) == 1
    assert find_party(session, identifier=farm.identifier).id == farm.id
    assert find_party(session, party_id=farm.id).name == farm.name
    assert find_party(session, name="nobody") is None


def test_a_name_that_several_parties_have_names_none(session):
    for _ in range(2):
        register_party(session, SYSTEM, name="王记", kind="shop")
    with pytest.raises(Conflict):
        find_party(session, name="王记")


def test_a_party_is_made_where_there_is_none_of_the_name(session):
    made = ensure_party(session, SYSTEM, "新来的")
    assert made.kind == "other"
    assert ensure_party(session, SYSTEM, "新来的").id == made.id


def test_of_many_who_change_the_same_version_at_once_one_succeeds(store):
    with store.transaction() as session:
        farm = register_party(session, SYSTEM, name="绿源农场", kind="farm")
        product = register_product(session, of(farm), party_id=farm.id, name="番茄").id
    client = staff_app(store).test_client()
    headers = bearer(add_key(store, "producer", farm.id))
    address = f"/api/v1/products/{product}"
    headers["If-Match"] = client.get(address, headers=headers).headers["ETag"]

    def change(index):
        body = {"brand": f"品牌{index}"}
        return client.application.test_client().patch(address, json=body, headers=headers)

    answers, errors = at_once(8, change)
    assert errors == []
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
