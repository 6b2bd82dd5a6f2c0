"""GS1 keys written as EPC URNs, and the company prefixes that this needs."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.gs1.charset import CHARSET_39, CHARSET_82, DIGITS
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.gs1.company_prefix import company_prefix_length
from foodtrace.trace.gs1.epc_writing import epc_urn_of
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.gs1.keys import KEYS, identifier_of

DATA = Path(__file__).parents[1] / "data"

# Prefixes of six to twelve digits that GS1's list gives out, and one whole range.
PREFIXES = [
    "952012",
    "6901234",
    "69301234",
    "697012345",
    "9524123456",
    "95251234567",
    "952612345678",
]


def test_a_lot_is_written_as_an_lgtin():
    assert epc_urn_of("/01/06901234567892/10/L1") == "urn:epc:class:lgtin:6901234.056789.L1"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_length_of_a_company_prefix_is_looked_up(prefix):
    assert company_prefix_length(prefix.ljust(13, "3")) == len(prefix)
    assert company_prefix_length(prefix) == len(prefix)
    assert company_prefix_length(prefix + "ABC") == len(prefix)


@pytest.mark.parametrize("key", ["", "ABC", "690123", "6901A234567892", "2001234567890"])
def test_no_length_is_guessed(key):
    assert company_prefix_length(key) is None


@pytest.mark.parametrize(
    ("canonical", "urn"),
    [
        ("/00/369012345678901239", "urn:epc:id:sscc:6901234.3567890123"),
        ("/01/16901234567899", "urn:epc:idpat:sgtin:6901234.156789.*"),
        ("/01/06901234567892/21/%2A", "urn:epc:id:sgtin:6901234.056789.*"),
        ("/01/06901234567892/21/A%2FB.C", "urn:epc:id:sgtin:6901234.056789.A%2FB.C"),
        ("/01/06901234567892/235/x", "urn:epc:id:upui:6901234.056789.x"),
        ("/414/9526123456780", "urn:epc:id:sgln:952612345678..0"),
        ("/414/9526123456780/254/a", "urn:epc:id:sgln:952612345678..a"),
        ("/417/9526123456780", "urn:epc:id:pgln:952612345678."),
        ("/8004/6901234AB%22", "urn:epc:id:giai:6901234.AB%22"),
        ("/8010/6901234A%2FB", "urn:epc:idpat:cpi:6901234.A%2FB.*"),
        ("/8010/6901234A-1/8011/7", "urn:epc:id:cpi:6901234.A-1.7"),
    ],
)
def test_each_kind_of_key_has_its_scheme(canonical, urn):
    assert parse_identifier(canonical).canonical == canonical
    assert epc_urn_of(canonical) == urn


@pytest.mark.parametrize(
    "canonical",
    [
        "/01/00000096385074/10/A",  # a GTIN-8
        "/01/02001234567893",  # numbers for use inside a shop
        "/01/06901234567892/22/2A",  # variants
        "/414/6901234567892/254/0",  # an extension 0 reads as none
        "/414/6901234567892/7040/1ABC",
        "/8013/6901234A",  # models
        "/q/0000000000000000000000000AB",
        "https://example.com/01/x",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    ],
)
def test_what_has_no_urn_or_none_that_is_known_gets_none(canonical):
    assert epc_urn_of(canonical) is None


def test_all_keys_of_an_outside_document_come_back():
    document = DATA / "epcis/Capture/Documents/epcisDocWithAllGS1Keys.json"
    (event,) = json.loads(document.read_text("utf-8"))["epcisBody"]["eventList"]
    urns = event["epcList"] + [each["epcClass"] for each in event["quantityList"]]
    urns = [urn for urn in urns if urn.startswith("urn:epc:") and parse_identifier(urn).uri != urn]
    assert len(urns) > 15
    assert [epc_urn_of(parse_identifier(urn).canonical) for urn in urns] == urns


def _text(charset, size):
    return st.text(sorted(charset), min_size=1, max_size=size).filter(
        lambda text: text not in (".", "..", "0")
    )


@st.composite
def keys(draw):
    """Any key that a URN can be written of, as its canonical form."""
    prefix = draw(st.sampled_from(PREFIXES))
    rest = draw(st.text("0123456789", min_size=17, max_size=17))
    lead = draw(st.sampled_from("123456789"))
    ai, name = draw(st.sampled_from(URNS))

    def number(length, first=""):
        digits = (first + prefix + rest)[: length - 1]
        return digits + gs1_check_digit(digits)

    value = {
        "00": lambda: number(18, lead),
        "01": lambda: number(14, lead),
        "253": lambda: number(13) + draw(st.just("") | _text(CHARSET_82, 17)),
        "255": lambda: number(13) + draw(st.just("") | _text(DIGITS, 12)),
        "402": lambda: number(17),
        "414": lambda: number(13),
        "417": lambda: number(13),
        "8003": lambda: "0" + number(13) + draw(st.just("") | _text(CHARSET_82, 16)),
        "8006": lambda: number(14, lead) + "0203",
        "8010": lambda: prefix + draw(_text(CHARSET_39, 18)),
        "8017": lambda: number(18),
        "8018": lambda: number(18),
    }.get(ai, lambda: prefix + draw(_text(CHARSET_82, 13)))()
    text = draw(_text(DIGITS if name == "8011" else CHARSET_82, 12)) if name else ""
    return identifier_of(ai, value, [(name, text)] if name else []).canonical


URNS = [
    *((ai, "") for ai in KEYS if ai != "8013"),
    ("01", "10"),
    ("01", "21"),
    ("01", "235"),
    ("414", "254"),
    ("8006", "21"),
    ("8010", "8011"),
]


@given(keys())
def test_a_key_written_as_a_urn_and_read_again_is_the_same_key(canonical):
    urn = epc_urn_of(canonical)
    assert urn is not None
    assert urn.startswith("urn:epc:")
    assert parse_identifier(urn).canonical == canonical
    assert epc_urn_of(parse_identifier(urn).canonical) == urn
