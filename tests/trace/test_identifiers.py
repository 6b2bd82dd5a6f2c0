"""One canonical form for every way in which an identifier is written."""

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.charset import CHARSET_82
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.identifiers import lot_path, parse_identifier
from foodtrace.trace.gs1.model import Identifier, ItemKind
from foodtrace.trace.gs1.public_code import new_code

DATA = Path(__file__).parents[1] / "data"

DIGITS_12 = st.text("0123456789", min_size=12, max_size=12)
VALUES = st.text("".join(sorted(CHARSET_82)), min_size=1, max_size=20).filter(
    lambda value: value not in (".", "..")
)
HOSTS = st.sampled_from(
    ["https://id.gs1.org", "http://example.com", "https://brand.cn:8443/some/stem", "https://a/00"]
)


def test_a_digital_link_of_a_lot_gives_gtin_and_lot():
    assert parse_identifier("https://id.gs1.org/01/09506000134352/10/L1") == Identifier(
        "/01/09506000134352/10/L1", ItemKind.LOT, "09506000134352", "L1"
    )


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", "/01/10614141073464/21/2017", "instance"),
        ("urn:epc:class:lgtin:4012345.012345.998877", "/01/04012345123456/10/998877", "lot"),
        ("urn:epc:class:lgtin:9506000.013435.A%2FB.C", "/01/09506000134352/10/A%2FB.C", "lot"),
        ("URN:EPC:id:sscc:4012345.0000000333", "/00/040123450000003338", "logistic"),
        ("urn:epc:id:sgln:0614141.07346.1234", "/414/0614141073467/254/1234", "place"),
        ("urn:epc:id:sgln:0614141.00777.0", "/414/0614141007776", "place"),
        ("urn:epc:id:pgln:4012345.00225", "/417/4012345002256", "party"),
        ("urn:epc:id:sgln:952612345678..0", "/414/9526123456780", "place"),
        ("urn:epc:id:grai:4012345.66666.87", "/8003/0401234566666387", "logistic"),
        ("urn:epc:id:giai:4012345.AAbb", "/8004/4012345AAbb", "other"),
        ("urn:epc:id:upui:4012345.012345.AB12", "/01/04012345123456/235/AB12", "instance"),
        ("urn:epc:id:cpi:4012345.ABC%2F1.123", "/8010/4012345ABC%2F1/8011/123", "other"),
        ("urn:epc:id:usdod:2S194.12345678901", "urn:epc:id:usdod:2S194.12345678901", "other"),
        ("urn:epc:idpat:sgtin:4012345.066666.*", "/01/04012345666663", "class"),
        ("urn:epc:idpat:grai:4012345.66666.*", "/8003/04012345666663", "other"),
        (
            "urn:epc:idpat:sgtin:4012345.*.*",
            "urn:epc:idpat:sgtin:4012345.*.*",
            "other",
        ),
        ("https://id.gs1.org/01/9506000134352", "/01/09506000134352", "class"),
        ("https://id.gs1.org/01/96385074/10/%41%2fb", "/01/00000096385074/10/A%2Fb", "lot"),
        ("/01/09506000134352/10/L1", "/01/09506000134352/10/L1", "lot"),
        ("/01/09506000134352/22/2A", "/01/09506000134352/22/2A", "class"),
        ("/01/09506000134352/22/2A/10/L1", "/01/09506000134352/10/L1", "lot"),
        ("https://a/00/faux/00/006141411234567890", "/00/006141411234567890", "logistic"),
        ("https://id.gs1.org/414/9520123456788/254/a", "/414/9520123456788/254/a", "place"),
        ("https://id.gs1.org/417/9520123456788", "/417/9520123456788", "party"),
        ("https://a/01/09506000134352?17=201225#top", "/01/09506000134352", "class"),
        ("https://a/00/952012345678912345?02=09520123456788&10=A", "/00/952012345678912345", None),
        ("https://example.com/orders/2024/01/15", "https://example.com/orders/2024/01/15", "other"),
        ("urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8", None, "other"),
        ("https://example.com/8003/030013450007718765", None, "other"),
    ],
)
def test_every_form_has_one_canonical_form(text, canonical, kind):
    identifier = parse_identifier(text)
    assert identifier.canonical == (canonical or text)
    assert identifier.kind == (kind or "logistic")


def test_an_instance_may_say_which_lot_it_is_from():
    identifier = parse_identifier("https://example.cn/01/09506000134352/10/L1/21/S7")
    assert identifier == Identifier(
        "/01/09506000134352/21/S7", ItemKind.INSTANCE, "09506000134352", "L1", "S7"
    )


def test_our_own_code_is_found_on_any_host_and_in_small_letters():
    code = new_code()
    for text in (
        f"/q/{code}",
        f"https://trace.example.cn/q/{code.lower()}",
        f"http://127.0.0.1:8000/q/{code}?lang=en",
        f"https://city.example/food/q/{code}",
    ):
        assert parse_identifier(text) == Identifier(f"/q/{code}", ItemKind.LOT)


def test_a_mistyped_code_of_ours_is_refused_everywhere():
    code = new_code()
    wrong = ("1" if code[0] == "0" else "0") + code[1:]
    for text in (f"/q/{wrong}", f"https://trace.example.cn/q/{wrong}"):
        with pytest.raises(Invalid, match="letters or digits of the code is wrong"):
            parse_identifier(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "An identifier has 1 to 500 characters"),
        ("https://a/" + "x" * 500, "An identifier has 1 to 500 characters"),
        ("9506000134352", "An identifier is a web address, a URN or the path of a GS1 key"),
        ("/01/09506000134353", "The check digit of GTIN 09506000134353 is wrong"),
        ("https://a/01/09506000134353/10/L", "The check digit of GTIN 09506000134353 is wrong"),
        ("https://a/414/9520123456789", "The check digit of GLN 9520123456789 is wrong"),
        ("https://a/00/006141411234567891", "The check digit of SSCC 006141411234567891 is wrong"),
        ("/01/０9506000134352", "Character U+FF10 at position 5 cannot stand"),
        ("/01/0950600013435\u200b2", "Character U+200B at position 18 cannot stand"),
        ("https://a/01/%EF%BC%909506000134352", "GTIN is made of digits only"),
        ("/01/09506000134352/10/%E7%95%AA", "BATCH/LOT holds a character that GS1 does not allow"),
        ("/01/09506000134352/10/A%0AB", "BATCH/LOT holds a character that GS1 does not allow"),
        ("/01/09506000134352/10/A%20B", "BATCH/LOT holds a character that GS1 does not allow"),
        ("/01/09506000134352/10/..", "BATCH/LOT holds a character that GS1 does not allow"),
        ("/01/09506000134352/10/%2E", "BATCH/LOT holds a character that GS1 does not allow"),
        ("/01/09506000134352/10/A%2", "A percent sign is not followed by two hexadecimal digits"),
        ("/01/09506000134352/10/" + "A" * 21, "BATCH/LOT has 1 to 20 characters, this has 21"),
        ("/01/09506000134352/10/", "BATCH/LOT has 1 to 20 characters, this has 0"),
        ("/01/09506000134352/10", "The path holds no complete GS1 key"),
        ("https://a/01/09506000134352/10/L/", "The path holds no complete GS1 key"),
        ("/01/09506000134352/21/S/10/L", "identifier 10 cannot stand there after the GTIN"),
        ("/01/09506000134352/99/L", "99 is no part of a GS1 key"),
        ("/00/006141411234567890/10/L", "identifier 10 cannot stand there after the SSCC"),
        ("https://a/01/09506000134352?10=L", "Application identifier 10 stands in the query"),
        ("https://id.gs1.org/shop", "The path holds no complete GS1 key"),
        ("/shop", "The path holds no complete GS1 key"),
        ("/q/123", "The code does not have 27 letters and digits"),
        ("https:///01/09506000134352", "The web address has no host"),
        ("https:id.gs1.org/01/09506000134352", "The web address has no host"),
        ("javascript:alert(1)", "An address that starts with javascript: names no thing"),
        ("DATA:text/html,x", "An address that starts with data: names no thing"),
        ("urn:epc:id:sgtin:0614141.107346", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:sgtin:0614141.10734.2017", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:sgtin:061414A.107346.2017", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:sgtin:06141.41107346.1", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:grai:4012345.66666.", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:giai:4012345.", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:cpi:4012345..1", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:sgtin:952612345678..1", "does not have the parts of its EPC scheme"),
        ("urn:epc:id:sgcn:4012345.99999.4A", "GCN holds a character that GS1 does not allow"),
    ],
)
def test_what_names_nothing_is_refused_with_the_rule(text, rule):
    with pytest.raises(Invalid) as refused:
        parse_identifier(text)
    (problem,) = refused.value.problems
    assert rule in problem.text
    assert problem.fix
    assert problem.place == "identifier"


def test_the_keys_of_all_epc_urns_give_the_event_hash_of_an_outside_program():
    document = DATA / "epcis/Capture/Documents/epcisDocWithAllGS1Keys.json"
    (event,) = json.loads(document.read_text("utf-8"))["epcisBody"]["eventList"]
    epcs = sorted(parse_identifier(epc).uri for epc in event["epcList"])
    classes = sorted(parse_identifier(each["epcClass"]).uri for each in event["quantityList"])
    assert len(epcs) + len(classes) == 21
    hashed = (
        "eventType=ObjectEvent"
        "eventTime=2023-03-27T11:30:00.000ZeventTimeZoneOffset=+01:00"
        f"epcList{''.join(f'epc={epc}' for epc in epcs)}"
        f"quantityList{''.join(f'quantityElementepcClass={each}' for each in classes)}"
        "action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-other"
        f"readPointid={parse_identifier(event['readPoint']['id']).uri}"
    )
    expected = (DATA / "event_hash/examples/epcisDocWithAllGS1Keys.hashes").read_text()
    assert hashlib.sha256(hashed.encode()).hexdigest() in expected


@given(DIGITS_12, VALUES, HOSTS)
def test_any_form_of_the_same_lot_gives_the_same_canonical_form(digits, lot, host):
    gtin = "0" + digits + gs1_check_digit(digits)
    urn_lot = quote(lot, safe="!'()*+,-.:;=_")
    escaped = "".join(f"%{ord(char):02x}" for char in lot)
    forms = [
        lot_path(gtin, lot),
        f"{host}/01/{gtin}/10/{quote(lot, safe='')}",
        f"{host}/01/{gtin[1:]}/10/{escaped}",
        f"{host}/01/{gtin}/22/X/10/{quote(lot, safe='')}?17=301231",
        f"urn:epc:class:lgtin:{digits[:7]}.0{digits[7:]}.{urn_lot}",
    ]
    canonical = {parse_identifier(form) for form in forms}
    assert canonical == {Identifier(lot_path(gtin, lot), ItemKind.LOT, gtin, lot)}


@given(DIGITS_12, VALUES)
def test_biip_reads_our_canonical_form_as_we_do(digits, serial):
    gtin = "0" + digits + gs1_check_digit(digits)
    identifier = parse_identifier(f"/01/{gtin}/21/{quote(serial, safe='')}")
    read = GS1DigitalLinkURI.parse(identifier.uri)
    assert read.as_canonical_uri() == identifier.uri
    assert [part.value for part in read.element_strings] == [gtin, serial]


@given(st.text() | st.text("/:.0123456789%urnepcidsgtqhtps", max_size=60))
def test_any_text_is_an_identifier_or_refused(text):
    try:
        identifier = parse_identifier(text)
    except Invalid:
        return
    assert parse_identifier(identifier.canonical) == identifier
