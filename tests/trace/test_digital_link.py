"""GS1 Digital Link URIs: published cases, then each rule by name."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.application_identifiers import APPLICATION_IDENTIFIERS
from foodtrace.trace.gs1.charset import CHARSET_82
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.elements import Element, parse_elements
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.links import NOTHING_MORE, Link, Permissions, build_link, parse_link

CASES = json.loads(
    (Path(__file__).parents[1] / "data/digital_link/vectors.json").read_text("utf-8")
)
GTIN = "09506000134352"
WORDS = ("/gtin/", "/sscc/")


def permissions_of(case):
    """What is permitted for a case; SOURCE.md says why words are for some."""
    options = case.get("options", {})
    return Permissions(
        unknown_ais=options.get("permit_unknown_ais", False),
        unknown_attributes=not options.get("reject_unknown_attribute_ais", True),
        zero_suppressed_gtin=options.get("zero_suppressed_gtin", False),
        words=case["accept"] and any(word in case["uri"] for word in WORDS),
    )


def refused(uri, permit=NOTHING_MORE):
    """The problem for which a link is refused."""
    with pytest.raises(Invalid) as refusal:
        parse_link(uri, permit)
    (problem,) = refusal.value.problems
    assert problem.rule
    assert problem.fix
    assert problem.text
    return problem


def test_it_works():
    link = parse_link(f"https://shop.example/p/01/{GTIN}/10/L%2F1/21/A+b?17=261200&lang=zh#top")
    assert link == Link(
        "https://shop.example/p",
        (Element("01", GTIN), Element("10", "L/1"), Element("21", "A+b")),
        (Element("17", "261200"),),
        ("lang=zh",),
        "top",
    )
    assert link.element_string == f"^01{GTIN}10L/1^21A+b^17261200"


def test_all_published_cases_are_there():
    assert (len(CASES["parse"]), len(CASES["generate"])) == (94, 22)


@pytest.mark.parametrize(
    "case", CASES["parse"], ids=[f"{n}-{case['uri'][:60]}" for n, case in enumerate(CASES["parse"])]
)
def test_a_published_address_is_read_or_refused(case):
    if not case["accept"]:
        refused(case["uri"], permissions_of(case))
        return
    assert parse_link(case["uri"], permissions_of(case)).element_string == case["element_string"]


@pytest.mark.parametrize(
    "case",
    CASES["generate"],
    ids=[f"{n}-{case['element_string'][:60]}" for n, case in enumerate(CASES["generate"])],
)
def test_a_published_element_string_becomes_an_address_or_is_refused(case):
    permit = permissions_of({"uri": "", **case})

    def build():
        elements = parse_elements(case["element_string"], permit_unknown_ais=permit.unknown_ais)
        return build_link(elements, case["stem"], permit)

    if case["accept"]:
        assert build() == case["uri"]
    else:
        with pytest.raises(Invalid) as refusal:
            build()
        assert all(problem.rule and problem.fix for problem in refusal.value.problems)


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP", "HttpS"])
def test_the_scheme_is_http_or_https_in_any_case(scheme):
    assert parse_link(f"{scheme}://Example.COM/01/{GTIN}").stem == f"{scheme}://Example.COM"


@pytest.mark.parametrize(
    ("address", "place", "rule"),
    [
        ("javascript://a/01/09506000134352", "uri", "begins with http"),
        ("//a/01/09506000134352", "uri", "begins with http"),
        ("/01/09506000134352", "uri", "begins with http"),
        ("https://user@a/01/09506000134352", "uri:9", "no host"),
        ("https://a:65536/01/09506000134352", "uri:9", "no host"),
        ("https://a:1:2/01/09506000134352", "uri:9", "no host"),
        ("https://a..b/01/09506000134352", "uri:9", "no host"),
        ("https://[::1/01/09506000134352", "uri:9", "no host"),
        ("https://[::1]x/01/09506000134352", "uri:9", "no host"),
        ("https://\N{FULLWIDTH LATIN SMALL LETTER A}/01/09506000134352", "uri:9", "U+FF41"),
        ("https://a/01/0950600013435\N{FULLWIDTH DIGIT TWO}", "uri:27", "U+FF12"),
        ("https://a/01/09506000134352/10/A\N{ZERO WIDTH SPACE}B", "uri:33", "U+200B"),
        ("https://a/01/09506000134352\r\nX: y", "uri:28", "U+000D"),
        ("https://a/01/09506000134353", "(01):14", "check digit"),
        ("https://a/01/09506000134352/10/A%GG", "(10)", "two hexadecimal digits"),
        ("https://a/01/09506000134352/10/A%4", "(10)", "two hexadecimal digits"),
        ("https://a/01/09506000134352/10/%E6%89%B9", "(10):1", "U+FFFD"),
        ("https://a/01/09506000134352/10/..", "(10)", "Dots"),
        ("https://a/01/09506000134352/10/%2E", "(10)", "Dots"),
        ("https://a/01/09506000134352/10/" + "1" * 21, "(10)", "1 to 20 characters, this has 21"),
        ("https://a/01/09506000134352/21/A/10/B", "(10)", "in this order"),
        ("https://a/01/09506000134352/10/A/10/A", "(10)", "in this order"),
        ("https://a/01/09506000134352/235/A/10/B", "(10)", "in this order"),
        ("https://a/00/106901234500000010/10/A", "(10)", "in this order"),
        ("https://a/01/09506000134352/89/A", "uri", "89 is no application identifier"),
        ("https://a/01/09506000134352/", "uri", "not a slash"),
        ("https://a/01/09506000134352?01=09506000134352", "(01)", "belongs into the path"),
        ("https://a/01/09506000134352?21=A", "(21)", "belongs into the path"),
        ("https://a/253/9526064000028?21=A", "(21)", "may not stand in the query"),
        ("https://a/01/09506000134352?8200=x", "(8200)", "may not stand in the query"),
        ("https://a/01/09506000134352?17=261301", "(17):3", "no month 13"),
        ("https://a/01/09506000134352?17=260230", "(17):5", "no day 30 in month 02"),
        ("https://a/01/09506000134352?7006=260200", "(7006):5", "no day 00"),
        ("https://a/01/09506000134352?422=999", "(422):1", "no country"),
        ("https://a/01/09506000134352?37=5", "(01)", "(37) may not stand together"),
        ("https://a/00/106901234500000010?17=261231", "(17)", "says nothing without"),
        ("https://a/01/09506000134352?3103=000001&3102=000001", "(3103)", "may not stand together"),
        ("https://a/01/09506000134352?4300=A", "(4300)", "says nothing without"),
        ("https://a/00/106901234500000010?4300=A%25G", "(4300):2", "two hexadecimal digits"),
        ("https://a/01/09506000134352?99=", "(99)", "this has 0"),
        ("https://a/415/9506000134352", "(415)", "(8020)"),
    ],
)
def test_a_broken_rule_is_named_with_its_place(address, place, rule):
    problem = refused(address)
    assert problem.place == place
    assert rule in problem.text


def test_the_day_00_is_the_end_of_the_month():
    assert parse_link(f"https://a/01/{GTIN}?17=260200").attributes == (("17", "260200"),)


def test_other_parameters_are_kept_as_they_were_written():
    link = parse_link(f"https://a/01/{GTIN}?linkType=gs1:pip&&flag&99=A&x=%zz+%31&")
    assert link.others == ("linkType=gs1:pip", "flag", "x=%zz+%31")
    assert link.attributes == (("99", "A"),)


def test_a_short_gtin_is_filled_up_where_that_is_permitted():
    permit = Permissions(zero_suppressed_gtin=True)
    for gtin in ("9506000134352", "416000336108", "02345673"):
        link = parse_link(f"https://a/01/{gtin}", permit)
        assert link.path == (("01", gtin.zfill(14)),)
    assert refused("https://a/01/123456789", permit).place == "(01)"


@pytest.mark.parametrize(
    "ai", sorted(ai for ai, known in APPLICATION_IDENTIFIERS.items() if known.orders is not None)
)
def test_every_key_is_read_with_every_order_of_its_qualifiers(ai):
    value = KEY_VALUES[ai]
    orders = APPLICATION_IDENTIFIERS[ai].orders
    for order in ((), *orders):
        names = [(name, QUALIFIER_VALUES[name]) for name in order]
        if ai == "415" and not names:
            continue  # says nothing without its reference (8020)
        uri = "https://a/s" + "".join(f"/{name}/{text}" for name, text in [(ai, value), *names])
        link = parse_link(uri)
        assert link.path == ((ai, value), *names)
        assert build_link(reversed(link.elements), "https://a/s/") == uri


KEY_VALUES = {
    "00": "106901234500000010",
    "01": GTIN,
    "253": "9526064000028000001",
    "255": "9526064000028000001",
    "401": "9526064ABC",
    "402": "95260640000000008"[:16] + gs1_check_digit("9526064000000000"),
    "414": "9506000134352",
    "415": "9506000134352",
    "417": "9506000134352",
    "8003": "09526064000028A1",
    "8004": "9526064ABC",
    "8006": "095060001343520102",
    "8010": "9526064-A",
    "8013": "1987654Ad4X4bL5ttr2310c2K",
    "8017": "795260646688514634",
    "8018": "123456789012345675",
}
QUALIFIER_VALUES = {
    "22": "2A",
    "10": "L1",
    "21": "S1",
    "235": "T1",
    "254": "X1",
    "7040": "1ABC",
    "8011": "12",
    "8019": "3",
    "8020": "R1",
}


def test_a_stem_is_an_address_without_a_query():
    for stem in ("https://a?x=1", "https://a#x"):
        with pytest.raises(Invalid, match="ends before the query"):
            build_link([("01", GTIN)], stem)
    for stem in ("", "ftp://a", "https://", "https://a b", "a.example"):
        with pytest.raises(Invalid, match="stem"):
            build_link([("01", GTIN)], stem)


def test_two_values_of_one_ai_make_no_link():
    with pytest.raises(Invalid, match="different values"):
        build_link([("01", GTIN), ("10", "A"), ("10", "B")])


VALUES = st.text("".join(sorted(CHARSET_82)), min_size=1, max_size=20).filter(
    lambda value: value.strip(".")
)
GTINS = st.text("0123456789", min_size=13, max_size=13).map(lambda d: d + gs1_check_digit(d))


@given(GTINS, VALUES, VALUES, st.sampled_from([None, "https://a", "http://b.cn:8443/x/01/y"]))
def test_what_is_built_is_read_again(gtin, lot, serial, stem):
    elements = [("99", "A b".replace(" ", "+")), ("21", serial), ("01", gtin), ("10", lot)]
    link = parse_link(build_link(elements, stem))
    assert link.path == (("01", gtin), ("10", lot), ("21", serial))
    assert link.stem == (stem or "https://id.gs1.org")
    assert link.attributes == (("99", "A+b"),)
    assert build_link(link.elements, link.stem) == build_link(elements, stem)


@given(GTINS, VALUES)
def test_capture_reads_the_same_thing_from_a_link(gtin, lot):
    uri = build_link([("01", gtin), ("10", lot)])
    identifier = parse_identifier(uri)
    assert (identifier.gtin, identifier.lot) == (gtin, lot)
    assert identifier.uri == uri


PARTS = st.lists(
    st.sampled_from(
        ["/", "?", "&", "=", "%", "#", "01", "10", GTIN, "A", "00", "+", ".", "(", "8003", "99"]
    ),
    max_size=30,
)


@given(st.one_of(st.text(max_size=80), PARTS.map("".join)), st.booleans())
@settings(max_examples=200)
def test_any_text_is_read_or_refused_with_reasons(text, more):
    permit = Permissions(more, more, more, more)
    for uri in (text, f"https://a/01/{GTIN}{text}"):
        link, problems = read(uri, permit)
        assert all(problem.place and problem.text for problem in problems)
        if link is not None:
            again = build_link(link.elements, link.stem, permit)
            assert parse_link(again, permit).path == link.path


def read(uri, permit=NOTHING_MORE):
    """The link of an address, or the problems for which it is refused."""
    try:
        return parse_link(uri, permit), ()
    except Invalid as refusal:
        return None, refusal.problems


@pytest.mark.parametrize(
    "tail",
    [
        "/" * 100_000,
        "/01" * 33_000,
        "/01/1" * 20_000,
        "?" + "&" * 100_000,
        "?" + "a=1&" * 25_000,
        "?" + "99=A&" * 20_000,
        "?99=" + "%41" * 33_000,
        "?99=" + "%" * 100_000,
        "/10/" + "A" * 100_000,
        "." * 100_000,
        "#" * 100_000,
    ],
    ids=lambda tail: tail[:6],
)
def test_a_hundred_thousand_hostile_characters_are_answered(tail):
    for start in ("https://a", f"https://a/01/{GTIN}", "https://"):
        _, problems = read(start + tail)
        assert all(len(problem.text) < 500 for problem in problems)
