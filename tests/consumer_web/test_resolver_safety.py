"""What the resolver must never do: send people away unseen, or tell what guesses would find."""

import re
import secrets
from dataclasses import replace

import pytest
from sqlalchemy import event

from foodtrace.consumer_web.resolver.addresses import read_path
from foodtrace.consumer_web.resolver.things import find_thing, given_links
from foodtrace.consumer_web.story import fingerprint
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.codes.services import codes_of_run, make_run
from foodtrace.trace.links.services import end_link

from .conftest import BOTH_DATABASES, CHILI_LOT, SAUCE, SAUCE_LOT, TODAY, browser_of
from .resolving import ALLOWED, BASE, FOREIGN, Program, give, things

HTML = "text/html"
NAMED = "NAMED-BY-NO-EVENT-00"


@pytest.fixture
def program(stage, settings):
    things(stage)
    return Program(stage.store, replace(settings, link_hosts=frozenset({ALLOWED})))


def location(answer):
    return answer.headers.get("Location")


def test_a_host_of_the_list_is_led_to_at_once_with_the_query(program):
    answer = program.get(f"{SAUCE}?linkType=gs1:ingredientsInfo&a=1", Accept=HTML)
    assert answer.status_code == 307
    assert location(answer) == f"https://{ALLOWED}/sauce?x=1&a=1#what"


def test_any_other_host_is_shown_before_anybody_goes_there(program):
    answer = program.get(f"{SAUCE_LOT}?linkType=gs1:recipeInfo&a=1", Accept=HTML)
    assert answer.status_code == 307
    assert re.fullmatch(rf"{BASE}/away/\d+\?a=1", location(answer))
    page = program.get(location(answer) + "&lang=en", Accept=HTML)
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "You are leaving this site" in text
    assert f'<p class="host">{FOREIGN}</p>' in text
    target = f"https://{FOREIGN}/recipes?a=1"
    assert f'href="{target}" rel="noreferrer noopener nofollow"' in text
    assert "<script" not in text
    assert "http-equiv" not in text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Refresh" not in page.headers


def test_the_page_in_between_knows_no_address_but_those_on_record(program, stage):
    link_id = give(stage, SAUCE, "support", f"https://{FOREIGN}/help", "帮助")
    for query in (
        "url=https://evil.example/",
        "next=//evil.example",
        "https://evil.example/",
        "%0d%0aLocation:%20https://evil.example/",
    ):
        text = program.get(f"/away/{link_id}?{query}", Accept=HTML).get_data(as_text=True)
        assert all(FOREIGN in href for href in re.findall('href="(https?:[^"]*)"', text))
    actor = Actor("user:bruno", stage.bruno.id, frozenset({Role.PRODUCER}))
    with stage.store.transaction() as session:
        end_link(session, actor, link_id=link_id)
    for missing in (link_id, 0, 999_999, 2**70):
        assert program.get(f"/away/{missing}", Accept=HTML).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/%2f%2fevil.example",
        "/01/06907654321090/10/S1//evil.example",
        "/01/06907654321090//evil.example/10/S1",
        "/01/https://evil.example",
        "/01/06907654321090/10/%2e%2e/%2e%2e/evil.example",
        "/01/06907654321090?linkType=https://evil.example/",
        "/01/06907654321090?linkType=//evil.example",
        "/01/06907654321090?linkType=javascript:alert(1)",
        "/01/06907654321090?linkType=gs1:pip%0d%0aLocation:%20https://evil.example",
        "/01/06907654321090?url=https://evil.example/&redirect=//evil.example",
        "/01/06907654321090?view=https://evil.example/",
        "/01/06907654321090?linkType=gs1:pip&lang=//evil.example",
        "/01/06907654321090/10/NONE%0d%0aSet-Cookie:a=b",
        "/01/06907654321090/10/NONE%0aX",
        "/01/06907654321090?a=%0d%0aSet-Cookie:%20a=b",
        "/01/06907654321090?a=\x85\xa0",
    ],
)
@pytest.mark.parametrize("accept", ["*/*", HTML])
def test_nobody_is_led_away_or_given_a_header_by_what_an_address_says(program, address, accept):
    # The test client would take what begins with // for a whole address; servers do not.
    sent = {"PATH_INFO": address} if address.startswith("//") else {}
    answer = program.client.get(
        "/" if sent else address, headers={"Accept": accept}, environ_overrides=sent
    )
    assert answer.status_code < 500
    if location(answer):
        assert location(answer).startswith(f"{BASE}/01/06907654321090")
        assert location(answer).isascii()
    assert "Set-Cookie" not in answer.headers
    assert "x" not in {name.lower() for name, _ in answer.headers}
    assert all("\r" not in value and "\n" not in value for value in answer.headers.values())


@pytest.mark.parametrize(
    "key",
    [
        "/01/０６９０７６５４３２１０９０",
        "/01/06907654321090/10/Ｓ１",
        "/01/0690765432109\u200b0",
        "/01/06907654321090/10/S1\u200b",
        "/01/06907654321090/10/\u202eS1",
        "/01/06907654321090/10/S1\u00a0",
        "/01/06907654321090/10/S\u0131",
        "/01/06907654321091",
        "/01/06907654321090/21/\u2061",
        "/414/９５０６００013437６",
    ],
)
def test_digits_and_characters_that_only_look_right_are_refused(program, key):
    for accept in ("*/*", HTML, "application/linkset+json"):
        answer = program.get(key, Accept=accept)
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_a_parameter_of_ours_said_twice_is_refused(program):
    assert program.get(f"{SAUCE}?linkType=gs1:pip&linkType=gs1:epcis").status_code == 400
    assert program.get(f"{SAUCE}?a=1&a=2").status_code == 307
    assert program.get(f"{SAUCE}?{'a' * 5000}").status_code == 400


def test_several_links_that_fit_alike_are_offered(program, stage):
    for number in (1, 2):
        give(stage, SAUCE, "support", f"https://{ALLOWED}/{number}", f"帮助{number}")
    page = program.get(f"{SAUCE}?linkType=gs1:support&a=1", Accept=HTML)
    assert page.status_code == 300
    assert f'href="https://{ALLOWED}/1?a=1"' in page.get_data(as_text=True)
    listed = program.get(f"{SAUCE_LOT}?linkType=gs1:support")
    assert listed.status_code == 300
    (context,) = listed.get_json(force=True)["linkset"]
    assert [link["title"] for link in context["https://gs1.org/voc/support"]] == ["帮助1", "帮助2"]


def test_language_and_media_type_choose_between_links(program, stage):
    support = f"https://{ALLOWED}/help"
    for language, media_type in (("zh", HTML), ("en", HTML), ("en", "application/pdf")):
        kind = media_type.rpartition("/")[2]
        href = f"{support}.{language}.{kind}"
        given = {"language": language, "media_type": media_type}
        give(stage, SAUCE, "support", href, "帮助", **given)
    asked = f"{SAUCE}?linkType=gs1:support"
    assert location(program.get(asked, Accept_Language="zh-CN")) == f"{support}.zh.html"
    english = {"Accept_Language": "fr, en-GB;q=0.7, zh;q=0.1"}
    assert program.get(asked, **english).status_code == 300
    assert location(program.get(asked, Accept="application/pdf", **english)) == (
        f"{support}.en.pdf"
    )
    assert location(program.get(f"{asked}&lang=en&mediaType=text/html")) == f"{support}.en.html"
    assert location(program.get(asked, Accept="text/html;q=0.2, application/pdf", **english)) == (
        f"{support}.en.pdf"
    )


def test_a_new_link_shows_on_the_next_request_of_page_and_link_set(program, stage, settings):
    browser = browser_of(stage.store, settings)
    before = program.linkset(SAUCE_LOT)
    assert "新链接" not in browser.get(SAUCE_LOT).get_data(as_text=True)
    link_id = give(stage, SAUCE, "support", f"https://{FOREIGN}/new", "新链接")
    assert program.linkset(SAUCE_LOT) != before
    assert f'href="/away/{link_id}?lang=zh-CN"' in browser.get(SAUCE_LOT).get_data(as_text=True)
    actor = Actor("user:bruno", stage.bruno.id, frozenset({Role.PRODUCER}))
    with stage.store.transaction() as session:
        end_link(session, actor, link_id=link_id)
    assert program.linkset(SAUCE_LOT) == before
    assert "新链接" not in browser.get(SAUCE_LOT).get_data(as_text=True)


@BOTH_DATABASES
def test_the_fingerprint_covers_links_of_the_lot_and_of_its_product(stage):
    things(stage)

    def mark():
        with stage.store.reading() as session:
            return fingerprint(session, SAUCE_LOT)

    marks = [mark()]
    for anchor in (SAUCE, SAUCE_LOT):
        give(stage, anchor, "support", f"https://{FOREIGN}/x", "帮助")
        marks.append(mark())
    assert len(set(marks)) == 3
    give(stage, "/414/9506000134376", "support", f"https://{FOREIGN}/x", "帮助")
    assert mark() == marks[-1]


@pytest.fixture
def statements(stage):
    """The SQL statements that the reading engine was sent."""
    sent = []

    def note(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(stage.store.readers, "before_cursor_execute", note)
    yield sent
    event.remove(stage.store.readers, "before_cursor_execute", note)


@BOTH_DATABASES
@pytest.mark.parametrize("accept", ["*/*", HTML, "application/linkset+json", "application/json"])
def test_a_serial_that_is_absent_and_one_not_to_be_seen_are_one_answer(
    stage, settings, statements, accept
):
    """Same status, same headers, same body but for the number itself, and the same queries."""
    things(stage)
    with stage.store.transaction() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO item (kind, canonical, gtin, serial) "
            f"VALUES ('instance', '{SAUCE}/21/{NAMED}', '{SAUCE[4:]}', '{NAMED}')"
        )
        maker = Actor("user:bruno", stage.bruno.id, frozenset({Role.PRODUCER}))
        run = make_run(session, maker, product=SAUCE, count=1)
        (unused,) = codes_of_run(session, maker, run.id)
    program = Program(stage.store, settings)
    found = []
    # Named by no event that tells of it; on a roll that is not in use yet; in nobody's hands.
    for serial in (NAMED, unused.rpartition("/")[2], "A" * 20):
        statements.clear()
        answer = program.get(f"{SAUCE}/21/{serial}", Accept=accept, Accept_Language="en")
        assert answer.status_code == 404
        text = answer.get_data(as_text=True).replace(serial, "…")
        assert "sauce" not in text
        found.append((text, list(answer.headers), list(statements)))
    assert found[0] == found[1] == found[2]
    assert "Location" not in dict(found[0][1])


@BOTH_DATABASES
def test_a_lot_with_its_links_takes_five_queries(stage, statements):
    things(stage)
    statements.clear()
    with stage.store.reading() as session:
        thing = find_thing(session, read_path(SAUCE_LOT), TODAY)
        assert len(given_links(session, thing.standings)) == 2
    assert len([one for one in statements if not one.startswith("BEGIN")]) <= 5


def test_an_unknown_serial_leads_nowhere_whatever_is_asked(program):
    for path in (f"{SAUCE}/21/NONE", f"{SAUCE_LOT}/21/NONE", f"{SAUCE}/235/NONE"):
        for query in ("", "?linkType=linkset", "?linkType=gs1:pip", "?view=data", "?view=epcis"):
            for accept in ("*/*", HTML, "application/linkset+json", "application/ld+json"):
                answer = program.get(path + query, Accept=accept)
                assert answer.status_code == 404
                assert "Location" not in answer.headers
                assert "Link" not in answer.headers


def test_a_thousand_guessed_serials_find_nothing(program, stage):
    """bench/guesses.py does the same a million times; what is made is found."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for number in range(1000):
        serial = "".join(secrets.choice(letters) for _ in range(20)) if number % 2 else str(number)
        if serial == "77":
            continue
        assert program.get(f"{SAUCE}/21/{serial}").status_code == 404
    assert program.get(f"{SAUCE}/21/77").status_code == 307


def test_a_recall_shows_at_once_in_every_view(program, stage, settings):
    browser = browser_of(stage.store, settings)
    program.get(SAUCE_LOT, Accept="application/json")
    program.linkset(SAUCE_LOT)
    stage.recall(CHILI_LOT)
    target = location(browser.get(f"{SAUCE_LOT}?linkType=gs1:recallStatus"))
    assert target == f"{BASE}{SAUCE_LOT}#verdict"
    assert 'role="alert"' in browser.get(SAUCE_LOT).get_data(as_text=True)
    facts = program.get(SAUCE_LOT, Accept="application/json").get_json(force=True)
    assert facts["foodtrace:verdict"] == "recalled"
    assert facts["foodtrace:recall"][0]["foodtrace:lot"] == "C1"
