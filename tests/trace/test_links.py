"""Links of things: who may give them, where they may lead, and that they follow from statements."""

import pytest

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.links import services
from foodtrace.trace.links.rules import LONGEST_HREF, MOST_LINKS, check_href, host_of
from foodtrace.trace.masterdata.services import register_party, register_place, register_product

from .acts import ALBA, BRUNO, capture, make, rows, uri

PRODUCT_NAME = "/01/06901234567892"


@pytest.fixture
def cast(store):
    """Alba with a product and a place, and Bruno who has nothing to do with them."""
    with store.transaction() as session:
        alba = register_party(session, SYSTEM, name="阿尔巴", kind="farm", gln="6901234500011")
        bruno = register_party(session, SYSTEM, name="布鲁诺", kind="shop")
        register_product(session, SYSTEM, party_id=alba.id, name="辣椒", gtin=PRODUCT_NAME[4:])
        register_place(session, SYSTEM, party_id=alba.id, name="一号田", gln="6901234500028")
        return (
            Actor("user:alba", alba.id, frozenset({Role.PRODUCER})),
            Actor("user:bruno", bruno.id, frozenset({Role.OPERATOR})),
        )


def add(store, actor, **changes):
    given = {
        "anchor": PRODUCT_NAME,
        "link_type": "gs1:pip",
        "href": "https://alba.example/chili",
        "title": "辣椒主页",
    }
    with store.transaction() as session:
        link = services.add_link(session, actor, **(given | changes))
        session.expunge(link)
        return link


def found(store, *anchors):
    with store.reading() as session:
        return [link.href for link in services.links_of(session, anchors)]


def test_it_works(store, cast):
    link = add(store, cast[0], language="zh-CN", media_type="text/html")
    assert (link.anchor, link.link_type, link.party_id) == (PRODUCT_NAME, "pip", cast[0].party_id)
    assert found(store, PRODUCT_NAME, "/01/none") == ["https://alba.example/chili"]


@pytest.mark.parametrize(
    ("anchor", "canonical"),
    [
        ("6901234567892", PRODUCT_NAME),
        ("https://id.gs1.org/01/06901234567892", PRODUCT_NAME),
        ("/414/6901234500028", "/414/6901234500028"),
        ("/417/6901234500011", "/417/6901234500011"),
    ],
)
def test_products_places_and_organisations_have_links(sqlite_store, request, anchor, canonical):
    store = sqlite_store
    with store.transaction() as session:
        alba = register_party(session, SYSTEM, name="阿尔巴", kind="farm", gln="6901234500011")
        register_product(session, SYSTEM, party_id=alba.id, name="辣椒", gtin=PRODUCT_NAME[4:])
        register_place(session, SYSTEM, party_id=alba.id, name="一号田", gln="6901234500028")
        actor = Actor("user:alba", alba.id, frozenset({Role.PRODUCER}))
    assert add(store, actor, anchor=anchor).anchor == canonical


def test_a_link_that_is_ended_is_found_no_more_and_stays_on_record(store, cast):
    link = add(store, cast[0])
    with store.transaction() as session:
        services.end_link(session, cast[0], link_id=link.id)
    assert found(store, PRODUCT_NAME) == []
    with pytest.raises(Conflict), store.transaction() as session:
        services.end_link(session, cast[0], link_id=link.id)
    assert len(rows(store)["thing_link"]) == 1


def test_only_the_owner_gives_and_ends_links(store, cast):
    alba, bruno = cast
    with pytest.raises(NotFound):
        add(store, bruno)
    link = add(store, alba)
    with pytest.raises(NotFound), store.transaction() as session:
        services.end_link(session, bruno, link_id=link.id)
    for role in (Role.REGULATOR, Role.ADMINISTRATOR, Role.INSPECTOR):
        with pytest.raises(Forbidden):
            add(store, Actor("user:x", alba.party_id, frozenset({role})))


def test_a_thing_that_is_not_there_is_refused_like_one_of_somebody_else(store, cast):
    messages = []
    for anchor, actor in (("/01/09506000134352", cast[0]), (PRODUCT_NAME, cast[1])):
        with pytest.raises(NotFound) as refusal:
            add(store, actor, anchor=anchor)
        messages.append(refusal.value.status)
    assert messages == [404, 404]


@pytest.mark.parametrize(
    "anchor", ["/01/06901234567892/21/1", "/00/106901234500000010", "urn:x:1", "", "/414/12"]
)
def test_other_things_have_no_links(store, cast, anchor):
    with pytest.raises(Invalid):
        add(store, cast[0], anchor=anchor)


@pytest.mark.parametrize("word", ["gs1:recallStatus", "defaultLink", "gs1:defaultLinkMulti", "x"])
def test_what_is_for_this_service_to_say_nobody_else_says(store, cast, word):
    with pytest.raises(Invalid, match="link type"):
        add(store, cast[0], link_type=word)


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/",
        "/\\evil.example",
        "\\evil.example",
        "https:\\\\evil.example",
        "https:/evil.example",
        "https:evil.example",
        "http://evil.example/",
        "HTTPS://evil.example/",
        "ftp://evil.example/",
        "https://user:secret@evil.example/",
        "https://farm.example@evil.example/",
        "https://evil.example/\r\nSet-Cookie: a=b",
        "https://evil.example/\n",
        "https://evil.example/\t",
        "https://evil.example/a b",
        "https://evil.example/\u200b",
        "https://ev\u200bil.example/",
        "https://１２７.0.0.1/",
        "https://evil.example/？",
        "https://\u0435vil.example/",
        "https://evil.example/\u202e",
        "https://",
        "https:///path",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://evil..example/",
        "https://evil.example:99999/",
        "https://evil.example\\@farm.example/",
        "https://%65vil.example/",
        "https://evil.example/" + "a" * LONGEST_HREF,
        "",
    ],
)
def test_an_address_that_misleads_is_refused(href):
    with pytest.raises(Invalid) as refusal:
        check_href(href)
    assert all(problem.fix for problem in refusal.value.problems)
    assert all(problem.place.startswith("href") for problem in refusal.value.problems)


@pytest.mark.parametrize(
    ("href", "host"),
    [
        ("https://farm.example", "farm.example"),
        ("https://Farm.Example:443/a?b=c#d", "farm.example"),
        ("https://farm.example:8443?x=@evil.example", "farm.example:8443"),
        ("https://xn--fiqs8s.example/%E8%BE%A3", "xn--fiqs8s.example"),
    ],
)
def test_the_host_of_an_address_is_what_a_browser_goes_to(href, host):
    assert check_href(href) == href
    assert host_of(href) == host


@pytest.mark.parametrize(
    "changes",
    [
        {"title": " "},
        {"title": "a\u202eb"},
        {"title": "x" * 201},
        {"language": "chinese"},
        {"language": "zh-cn"},
        {"media_type": "html"},
        {"media_type": "text/html; charset=utf-8"},
    ],
)
def test_titles_languages_and_media_types_are_such(store, cast, changes):
    with pytest.raises(Invalid):
        add(store, cast[0], **changes)


def test_the_same_link_twice_is_refused_and_so_is_one_too_many(sqlite_store):
    store = sqlite_store
    with store.transaction() as session:
        alba = register_party(session, SYSTEM, name="阿尔巴", kind="farm")
        register_product(session, SYSTEM, party_id=alba.id, name="辣椒", gtin=PRODUCT_NAME[4:])
        actor = Actor("user:alba", alba.id, frozenset({Role.PRODUCER}))
    add(store, actor)
    with pytest.raises(Conflict, match="already"):
        add(store, actor)
    add(store, actor, language="en")
    for number in range(MOST_LINKS - 2):
        add(store, actor, href=f"https://alba.example/{number}")
    with pytest.raises(Conflict, match="at most"):
        add(store, actor, href="https://alba.example/more")


def test_the_maker_of_a_lot_gives_it_links(store):
    capture(store, make(0, {"A": 10}), actor=ALBA)
    assert add(store, ALBA, anchor=uri("A")).anchor == "/01/09506000134352/10/A"
    with pytest.raises(NotFound):
        add(store, BRUNO, anchor=uri("A"))


def test_the_rows_follow_from_the_statements(store, cast):
    first = add(store, cast[0])
    add(store, cast[0], href="https://alba.example/two", language="en")
    with store.transaction() as session:
        services.end_link(session, cast[0], link_id=first.id)
    before = rows(store)["thing_link"]
    with store.transaction() as session:
        rebuild(session)
    assert rows(store)["thing_link"] == before
    assert len(before) == 2
