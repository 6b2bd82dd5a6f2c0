"""Element strings: read and written, by application identifiers as GS1 lists them."""

import json
from importlib.resources import files

import biip.gs1_application_identifiers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.application_identifiers import (
    APPLICATION_IDENTIFIERS,
    find_ai,
    read_dictionary,
)
from foodtrace.trace.gs1.associations import check_associations
from foodtrace.trace.gs1.charset import CHARSET_82
from foodtrace.trace.gs1.elements import Element, bracketed, element_string, parse_elements
from foodtrace.trace.gs1.keys import KEYS, QUALIFIERS
from foodtrace.trace.gs1.linters import LINTERS

GTIN = "09506000134352"
SSCC = "106901234500000010"


def problem_of(call, *arguments):
    """The one problem for which something is refused."""
    with pytest.raises(Invalid) as refusal:
        call(*arguments)
    (problem,) = refusal.value.problems
    assert problem.fix
    return problem


@pytest.mark.parametrize(
    "text",
    [
        f"(01){GTIN}(10)A1(17)261231",
        f"^01{GTIN}10A1^17261231",
        f"01{GTIN}10A1\x1d17261231",
        f"\x1d01{GTIN}10A1\x1d17261231\x1d",
        f"^01{GTIN}^10A1^17261231",
    ],
)
def test_it_works(text):
    assert parse_elements(text) == (("01", GTIN), ("10", "A1"), ("17", "261231"))


def test_fnc1_stands_behind_values_of_variable_length_only():
    assert element_string([("17", "261231"), ("10", "A"), ("11", "261201")]) == (
        "^1726123110A^11261201"
    )


def test_a_bracket_of_a_value_is_escaped():
    elements = (Element("10", "A(1)B(("), Element("21", "(x"))
    assert bracketed(elements) == r"(10)A\(1)B\(\((21)\(x"
    assert parse_elements(bracketed(elements)) == elements


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("", "elements:1", "is empty"),
        ("^", "elements:1", "is empty"),
        ("(01", "elements:1", "A bracket opens"),
        ("(01)" + GTIN + "(1", "elements:19", "A bracket opens"),
        ("(10)A(1)B", "(1)", "1 is no application identifier"),
        ("(89)A", "(89)", "89 is no application identifier"),
        ("(10)", "(10)", "this has 0"),
        ("(1０)A", "(1０)", "no application identifier"),
        ("89A", "elements:1", "'89A'"),
        ("^^10A", "elements:2", "''"),
        ("10A^^11261201", "elements:5", "''"),
        ("1726123199A^xyz", "elements:13", "'xyz'"),
        ("01" + GTIN[:-1], "(01)", "has 14 characters, this has 13"),
        ("10A B", "(10):2", "U+0020"),
        ("10" + "A" * 21, "(10)", "1 to 20 characters, this has 21"),
        ("3103０００００１", "(3103):1", "U+FF10"),
    ],
)
def test_a_broken_string_is_refused_with_the_place(text, place, rule):
    problem = problem_of(parse_elements, text)
    assert problem.place == place
    assert rule in problem.text


def test_an_unknown_identifier_is_read_where_that_is_permitted():
    assert parse_elements("(89)A", permit_unknown_ais=True) == (("89", "A"),)
    assert parse_elements("^3199123456719X", permit_unknown_ais=True) == (
        ("3199", "123456"),
        ("719", "X"),
    )
    for text in ("(890123)A", "(8)A", "(011)A", "(800)A", "^89A", "(4１)A"):
        with pytest.raises(Invalid):
            parse_elements(text, permit_unknown_ais=True)


VALUES = st.text("".join(sorted(CHARSET_82)), min_size=1, max_size=20)
ELEMENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["10", "21", "22", "240", "400", "90", "99"]), VALUES),
        st.just(("01", GTIN)),
        st.just(("17", "261200")),
        st.just(("3103", "000195")),
    ),
    min_size=1,
)


@given(ELEMENTS)
def test_what_is_written_is_read_again(elements):
    assert parse_elements(element_string(elements)) == tuple(elements)
    assert parse_elements(bracketed(elements)) == tuple(elements)


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_read_or_refused(text, permit):
    for given_text in (text, "(" + text, "^10" + text):
        try:
            elements = parse_elements(given_text, permit_unknown_ais=permit)
        except Invalid as refusal:
            elements = None
            problems = refusal.problems
        if elements is None:
            assert problems
        else:
            again = bracketed(elements)
            assert parse_elements(again, permit_unknown_ais=permit) == elements


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        ")" * 100_000,
        "(10)" * 25_000,
        "(10)" + "\\(" * 50_000,
        "(99)" + "A\\(" * 25 + "(99)A" * 20_000,
        "^" * 100_000,
        "11261201" * 12_500,
        "10A^" * 25_000,
        "1" * 100_000,
        "99" + "A" * 100_000,
    ],
    ids=lambda text: text[:9],
)
def test_a_hundred_thousand_hostile_characters_are_answered(text):
    try:
        read = parse_elements(text)
    except Invalid as refusal:
        read = None
        length = max(len(problem.text) for problem in refusal.problems)
    assert read or length < 500


@pytest.mark.parametrize(
    ("elements", "rule"),
    [
        (f"(01){GTIN}(02){GTIN}(37)5", "may not stand together"),
        (f"(02){GTIN}(10)A", "(37)"),
        (f"(01){GTIN}(235)T(21)S", "may not stand together"),
        (f"(01){GTIN}(3103)000001(3102)000001", "may not stand together"),
        ("(10)A", "(01), (02), (03), (8006), (8026)"),
        (f"(01){GTIN}(250)A", "(21)"),
        (f"(00){SSCC}(4330)000100(4331)000100", "may not stand together"),
        (f"(01){GTIN}(8030)abc", "(01)+(21)"),
        ("(253)9526064000028(8030)abc", "serial number"),
        (f"(01){GTIN}(10)A(10)B", "different values"),
        (f"(01){GTIN}(3922)0299", "(31nn)"),
    ],
)
def test_what_may_not_stand_together_is_refused(elements, rule):
    assert rule in problem_of(check_associations, parse_elements(elements)).text


@pytest.mark.parametrize(
    "elements",
    [
        f"(01){GTIN}(10)A(10)A",
        f"(00){SSCC}(02){GTIN}(37)5(10)A",
        f"(01){GTIN}(21)S(8030)abc",
        "(253)9526064000028001(8030)abc",
        f"(01){GTIN}(3103)000195(3922)0299",
        "(8006)095060001343520102(22)A",
    ],
)
def test_what_may_stand_together_is_taken(elements):
    check_associations(parse_elements(elements))


def test_the_facts_are_those_that_gs1_publishes_elsewhere():
    """The list in biip was made from GS1's web pages, ours from its syntax dictionary."""
    folder = files(biip.gs1_application_identifiers)
    published = json.loads((folder / "_application_identifiers.json").read_text("utf-8"))
    assert len(published) == len(APPLICATION_IDENTIFIERS)
    for each in published:
        entry = APPLICATION_IDENTIFIERS[each["ai"]]
        assert entry.predefined is not each["separator_required"], entry
        longest = sum(
            1 if part == "[-]" else int(part.strip("[]").lstrip("XNYZ").rpartition(".")[2])
            for part in each["format"].replace("[N1..N2]", "[N..2]").split("+")[1:]
        )
        assert entry.longest == longest, entry


def test_every_check_that_is_named_exists_and_every_one_that_exists_is_named():
    named = {
        name
        for entry in APPLICATION_IDENTIFIERS.values()
        for component in entry.components
        for name in component.linters
    }
    assert named == set(LINTERS)


def test_the_first_two_digits_say_how_long_an_identifier_is():
    lengths = {}
    for ai in APPLICATION_IDENTIFIERS:
        assert lengths.setdefault(ai[:2], len(ai)) == len(ai)


def test_every_rule_names_identifiers_that_exist():
    for entry in APPLICATION_IDENTIFIERS.values():
        groups = [group for groups in entry.requirements for group in groups]
        named = {*entry.excludes, *(ai for group in groups for ai in group)}
        named.update(ai for order in entry.orders or () for ai in order)
        for pattern in named:
            prefix = pattern.rstrip("n")
            assert any(
                ai.startswith(prefix) and len(ai) == len(pattern) for ai in APPLICATION_IDENTIFIERS
            ), (entry.ai, pattern)


def test_capture_knows_the_same_keys_and_qualifiers():
    listed = {
        ai: entry for ai, entry in APPLICATION_IDENTIFIERS.items() if entry.orders is not None
    }
    # (415) names a bill that is paid, not a thing of a chain.
    assert set(listed) - {"415"} == set(KEYS)
    for ai, key in KEYS.items():
        assert sorted(key.orders) == sorted(order for order in listed[ai].orders if order)
        assert key.number + key.more == listed[ai].longest
    for ai, (title, limit, _) in QUALIFIERS.items():
        assert limit == APPLICATION_IDENTIFIERS[ai].longest, title


def test_a_line_of_the_dictionary_is_read():
    (first, last) = read_dictionary("98-99 *? N3,iso4217 [X..9] req=01+21,02 ex=31nn # A # B\n")
    assert (first.ai, last.ai, first.title) == ("98", "99", "A # B")
    assert (first.predefined, first.attribute, first.orders) == (True, True, None)
    assert (first.shortest, first.longest, first.excludes) == (3, 12, ("31nn",))
    assert first.requirements == ((("01", "21"), ("02",)),)
    assert [part.optional for part in first.components] == [False, True]
    assert find_ai("99").title == "INTERNAL"
