"""The parameters of queries: read from web addresses, JSON and XML, or refused with a reason."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.epcis.xml.polls import read_poll
from foodtrace.trace.errors import Invalid, QueryParameter, QueryTooComplex, QueryValidation
from foodtrace.trace.query import parameters as limits
from foodtrace.trace.query.fields import key_of
from foodtrace.trace.query.model import During, Names, OfType, Pattern, Query, Says
from foodtrace.trace.query.parameters import parameters_of, query_of, stored

CORPUS = Path(__file__).parent.parent / "data" / "epcis"
JSON_QUERIES = CORPUS / "Query" / "Queries"
XML_QUERIES = CORPUS / "XML-2.0" / "Query" / "Queries"


def problems(parameters, prefixes=()):
    with pytest.raises(QueryParameter) as refusal:
        query_of(parameters, dict(prefixes))
    return {each.place: each.text for each in refusal.value.problems}


def problem(name, value):
    found = problems({name: value})
    assert list(found) == [name]
    return found[name]


def test_it_works():
    query = query_of({"EQ_bizStep": ["shipping"]}, {})
    assert query == Query((Says(frozenset({key_of("bizStep", "shipping")})),))


def test_no_parameters_ask_for_all_events_newest_record_first():
    assert query_of({}, {}) == Query((), "recordTime", descending=True)


# --- the published queries ------------------------------------------------------------------


def test_the_published_query_is_read():
    query = query_of(json.loads((JSON_QUERIES / "SimpleEventQuery.json").read_text()), {})
    assert OfType(frozenset({"ObjectEvent", "AggregationEvent"})) in query.criteria
    assert (
        During(
            "eventTime",
            datetime(2025, 12, 31, 23, tzinfo=UTC),
            datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC),
        )
        in query.criteria
    )
    assert (query.order_by, query.descending, query.limit) == ("eventTime", True, 100)


def test_the_published_query_with_impossible_values_is_refused_for_each_of_them():
    path = JSON_QUERIES / "Invalid" / "Query_with_invalid_values.json"
    found = problems(json.loads(path.read_text()))
    assert list(found) == ["GE_eventTime", "EQ_action", "orderDirection"]
    assert "2026-05-01T08:00:00Z" in found["GE_eventTime"]
    assert "ADD, OBSERVE, DELETE" in found["EQ_action"]
    assert "ASC, DESC" in found["orderDirection"]


def test_the_published_query_with_an_unknown_parameter_is_refused_with_the_one_meant():
    path = JSON_QUERIES / "Invalid" / "Query_with_unknown_parameter.json"
    found = problems(json.loads(path.read_text()))
    assert found == {
        "GE_eventDate": "There is no parameter of this name. Did you mean GE_eventTime?"
    }


def test_the_published_poll_in_xml_asks_the_same_as_the_query_in_json():
    poll = read_poll((XML_QUERIES / "SimpleEventQuery.xml").read_bytes())
    whole = json.loads((JSON_QUERIES / "SimpleEventQuery.json").read_text())
    same = {name: value for name, value in whole.items() if name in poll["query"]}
    assert query_of(poll["query"], {}) == query_of(same, {})
    assert len(same) == len(poll["query"]) == 6


def test_the_published_poll_without_a_name_is_refused():
    path = XML_QUERIES / "Invalid" / "Query_without_queryName.xml"
    with pytest.raises(Invalid):
        read_poll(path.read_bytes())


# --- web addresses --------------------------------------------------------------------------


def test_lists_in_a_web_address_are_separated_by_pipes():
    pairs = [("EQ_bizStep", "shipping|receiving"), ("GE_quantity", "5"), ("EXISTS_ex:a", "")]
    assert parameters_of(pairs) == {
        "EQ_bizStep": ["shipping", "receiving"],
        "GE_quantity": "5",
        "EXISTS_ex:a": "",
    }


def test_a_comma_is_part_of_a_value():
    read = parameters_of([("EQ_ex:note", "late, but complete")])
    asked = query_of(read, {"ex": "https://example.com/ns/"})
    key = key_of("https://example.com/ns#note", "late, but complete")
    assert asked.criteria == (Says(frozenset({key})),)


def test_who_separates_words_by_commas_is_told_of_the_pipe():
    assert "Separate several values by |" in problem("EQ_bizStep", "shipping,receiving")


def test_paging_is_not_part_of_the_query():
    assert parameters_of([("perPage", "5"), ("nextPageToken", "x"), ("EQ_action", "ADD")]) == {
        "EQ_action": "ADD"
    }


def test_a_parameter_that_stands_there_twice_is_refused():
    with pytest.raises(QueryParameter, match="Write it once"):
        parameters_of([("EQ_action", "ADD"), ("EQ_action", "DELETE")])
    same = {"EQ_ex:a": "1", "EQ_https://example.com/ns/a": "2"}
    found = problems(same, {"ex": "https://example.com/ns/"})
    assert "twice" in found["EQ_https://example.com/ns/a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("GE_quantity=5", 5), ("GE_quantity=5.50", 5.5), ("EQ_booleanValue=true", True),
     ("EXISTS_errorDeclaration=", None), ("eventType=ObjectEvent", ["ObjectEvent"]),
     ("EQ_quantity=5|6", [5, 6])],
)  # fmt: skip
def test_a_text_asks_the_same_as_the_value_of_json(text, value):
    name, _, written = text.partition("=")
    assert query_of(parameters_of([(name, written)]), {}) == query_of({name: value}, {})


def test_a_plus_sign_that_became_a_blank_is_explained():
    assert "%2B" in problem("GE_eventTime", "2026-05-01T08:00:00 02:00")


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("EQ_bizstep", "EQ_bizStep"), ("EQ_bizSteps", "EQ_bizStep"), ("GE_eventtime", "GE_eventTime"),
     ("MATCH_epcs", "MATCH_epc"),
     ("orderby", "orderBy"), ("EQ_readpoint", "EQ_readPoint")],
)  # fmt: skip
def test_a_misspelt_parameter_is_refused_with_the_one_meant(wrong, meant):
    assert f"Did you mean {meant}?" in problem(wrong, ["x"])


@pytest.mark.parametrize(
    "name", ["", "x", "EQ_", "EQ_x", "GE_bizStep", "WD_epc", "MATCH_", "EXISTS_readPoint",
             "LE_eventTime", "INNER_ex:a", "EQ_INNER_", "HASATTR_", "HASATTR_bizStep", "EQATTR_x",
             "EQATTR_bizLocation", "EQ_source", "EQ_bizTransaction_", "GE_value_", "GE_value_cel",
             "second", "stream", "a" * 5000, "EQ_" + "x:" * 900],
)  # fmt: skip
def test_what_is_no_parameter_is_refused(name):
    with pytest.raises(QueryParameter):
        query_of({name: ["x"]}, {})


def test_an_undeclared_prefix_is_named():
    assert "The prefix of ex:grade is not declared" in problem("EQ_ILMD_ex:grade", ["A"])


def test_a_value_without_its_unit_is_refused_with_the_way_to_write_it():
    assert "GE_value_CEL" in problem("GE_value", 4)


def test_prefixes_come_from_the_query_itself_or_from_around_it():
    own = {"@context": [{"a": "https://example.com/ns/"}], "EQ_a:b": ["x"]}
    around = query_of({"EQ_z:b": ["x"]}, {"z": "https://example.com/ns/"})
    assert query_of(own, {}) == around == query_of({"EQ_https://example.com/ns#b": ["x"]}, {})


@pytest.mark.parametrize("context", [5, [7], {"a": "no iri"}, "https://evil.example/context"])
def test_a_context_that_is_none_or_would_have_to_be_fetched_is_refused(context):
    with pytest.raises(QueryValidation):
        query_of({"@context": context}, {})


@pytest.mark.parametrize("query", [None, [], "EQ_bizStep", 5])
def test_what_is_no_object_is_no_query(query):
    with pytest.raises(QueryValidation):
        query_of(query, {})


def test_an_attribute_may_have_underscores_and_so_may_its_field():
    prefixes = {"ex": "https://example.com/ns/", "m": "https://example.com/m_d/"}
    (criterion,) = query_of({"EQATTR_INNER_ex:is_at_m:a_b": ["x"]}, prefixes).criteria
    assert criterion.field == "INNER_https://example.com/ns#is_at"
    assert criterion.attributes == ("https://example.com/m_d/a_b",)


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [("EQ_action", ["add"]), ("EQ_action", [None]), ("EQ_action", []), ("EQ_action", {}),
     ("eventType", ["Objectevent"]), ("EQ_bizStep", ["shiping"]), ("EQ_bizStep", [5]),
     ("EQ_bizStep", [["shipping"]]), ("EQ_bizStep", ""), ("EQ_disposition", ["cbv:Disp-no"]),
     ("EQ_readPoint", ["hall 5"]), ("WD_bizLocation", ["x"]), ("MATCH_epc", ["12345"]),
     ("EQ_type", ["Temprature"]), ("EQ_errorReason", ["oops"]), ("EQ_source_owner", ["urn:x:y"]),
     ("GE_eventTime", "2026-05-01"), ("GE_eventTime", "2026-05-01T08:00:00"),
     ("GE_eventTime", "2026-02-30T08:00:00Z"), ("GE_eventTime", 5), ("GE_eventTime", None),
     ("LT_recordTime", ["2026-05-01T08:00:00Z"]), ("GE_time", "yesterday"),
     ("GE_quantity", "many"), ("GE_quantity", True), ("GE_quantity", None), ("GE_quantity", [5]),
     ("EQ_quantity", ["x"]), ("EQ_quantity", [True]), ("GE_quantity", float("inf")),
     ("GT_gs1:x", "tomorrow"), ("GT_gs1:x", [5]), ("GT_gs1:x", True), ("EQ_gs1:x", [None]),
     ("EQ_gs1:x", [{}]), ("EQ_gs1:x", []), ("EQ_gs1:x", 10**400), ("EQ_stringValue", ["a\0"]),
     ("EQ_booleanValue", "yes"), ("EQ_booleanValue", 1), ("EXISTS_gs1:x", "no"),
     ("EXISTS_gs1:x", False), ("EXISTS_gs1:x", 0), ("EXISTS_errorDeclaration", [1]),
     ("orderBy", "quantity"), ("orderBy", ["eventTime"]), ("orderDirection", "asc"),
     ("maxEventCount", 0), ("maxEventCount", -1), ("maxEventCount", 1.5), ("maxEventCount", "x"),
     ("maxEventCount", True), ("maxEventCount", 10**12), ("maxEventCount", float("nan"))],
)  # fmt: skip
def test_an_impossible_value_is_refused_with_the_name_of_its_parameter(name, value):
    assert problem(name, value)


def test_a_misspelt_word_is_refused_with_the_one_meant():
    assert "shipping" in problem("EQ_bizStep", ["shiping"])
    assert "Temperature" in problem("EQ_type", ["Temprature"])
    assert "ObjectEvent" in problem("eventType", ["Objectevent"])


@pytest.mark.parametrize("value", [None, "", 1, True, "true", "1"])
def test_a_parameter_without_value_may_have_the_values_that_clients_send_for_none(value):
    assert query_of({"EXISTS_errorDeclaration": value}, {}).criteria


def test_decimals_of_a_poll_are_numbers():
    assert query_of({"GE_quantity": Decimal("2.5")}, {}) == query_of({"GE_quantity": 2.5}, {})


def test_a_place_with_a_wrong_check_digit_may_be_asked_for_and_is_nowhere():
    (criterion,) = query_of({"EQ_readPoint": ["https://id.gs1.org/414/9506000000016"]}, {}).criteria
    assert criterion == Says(
        frozenset({key_of("readPoint", "https://id.gs1.org/414/9506000000016")})
    )


def test_all_problems_are_named_at_once_but_not_more_than_twenty():
    found = problems({f"EQ_nothing{number}": "x" for number in range(30)})
    assert len(found) == 20


# --- the answer -----------------------------------------------------------------------------


def test_both_limits_exclude_each_other():
    found = problems({"orderBy": "eventTime", "eventCountLimit": 1, "maxEventCount": 1})
    assert list(found) == ["maxEventCount"]


def test_the_first_events_need_an_order():
    assert "orderBy" in problem("eventCountLimit", 1)


def test_an_order_is_read():
    query = query_of({"orderBy": "eventTime", "orderDirection": "ASC", "eventCountLimit": 3}, {})
    assert (query.order_by, query.descending, query.limit) == ("eventTime", False, 3)
    assert query_of({"maxEventCount": "9"}, {}).most == 9


# --- limits ---------------------------------------------------------------------------------


def test_as_many_as_allowed_are_read_and_one_more_is_too_complex():
    many = [f"urn:x:{number}" for number in range(1000)]
    assert query_of({"MATCH_epc": many}, {})
    with pytest.raises(QueryTooComplex, match="MATCH_epc"):
        query_of({"MATCH_epc": [*many, "urn:x:y"]}, {})
    with pytest.raises(QueryTooComplex):
        query_of({name: many for name in ("MATCH_epc", "MATCH_anyEPC", "MATCH_parentID")}, {})


def test_too_many_parameters_are_too_complex():
    several = {f"EQ_gs1:f{number}": "x" for number in range(limits.MAX_PARAMETERS)}
    assert len(query_of(several, {}).criteria) == limits.MAX_PARAMETERS
    with pytest.raises(QueryTooComplex):
        query_of({**several, "EQ_action": "ADD"}, {})


def test_too_many_patterns_are_too_complex():
    stars = [f"urn:epc:idpat:sgtin:95060{number:02}.*.*" for number in range(limits.MAX_PATTERNS)]
    assert query_of({"MATCH_epc": stars}, {})
    with pytest.raises(QueryTooComplex):
        query_of({"MATCH_epc": stars, "MATCH_parentID": "urn:epc:idpat:sscc:9506000.*"}, {})


def test_a_very_long_value_is_too_complex():
    with pytest.raises(QueryTooComplex, match="EQ_eventID"):
        query_of({"EQ_eventID": ["x" * 2001]}, {})


# --- patterns -------------------------------------------------------------------------------


def patterns(text, name="MATCH_epc"):
    (criterion,) = query_of({name: [text]}, {}).criteria
    assert isinstance(criterion, Names)
    return criterion.patterns


@pytest.mark.parametrize(
    ("text", "low"),
    [("sgtin:9506000.013435.*", "/01/09506000134352/21/"),
     ("upui:9506000.013435.*", "/01/09506000134352/235/"),
     ("lgtin:9506000.013435.*", "/01/09506000134352/10/"),
     ("sscc:*.*", "/00/"), ("sgtin:*.*.*", "/01/"), ("pgln:9506000.*", "/417/9506000"),
     ("sgln:9506000.*.*", "/414/9506000"), ("grai:9506000.01234.*", "/8003/09506000012346"),
     ("grai:9506000.*.*", "/8003/09506000"), ("giai:9506000.*", "/8004/9506000"),
     ("gsrn:9506000.*", "/8018/9506000"), ("gsrnp:9506000.*", "/8017/9506000"),
     ("gdti:9506000.00001.*", "/253/9506000000015"), ("sgcn:9506000.00001.*", "/255/9506000000015"),
     ("cpi:9506000.PQ7.*", "/8010/9506000PQ7/8011/"), ("ginc:9506000.*", "/401/9506000"),
     ("gsin:9506000.*", "/402/9506000"),
     ("itip:9506000.013435.01.02.*", "/8006/095060001343520102/21/"),
     ("itip:9506000.013435.*.*.*", "/8006/09506000134352")],
)  # fmt: skip
def test_a_pattern_is_a_range_of_identifiers(text, low):
    (pattern,) = patterns(f"urn:epc:idpat:{text}")
    assert (pattern.low, pattern.high) == (low, low[:-1] + chr(ord(low[-1]) + 1))


def test_a_company_has_a_range_for_each_first_digit():
    found = patterns("urn:epc:idpat:sgtin:9506000.*.*")
    assert [each.low for each in found] == [f"/01/{digit}9506000" for digit in range(10)]
    assert [each.low for each in patterns("urn:epc:idpat:sscc:9506000.*")] == [
        f"/00/{digit}9506000" for digit in range(10)
    ]


def test_a_pattern_of_a_company_tells_its_products_from_their_lots_and_serials():
    def shape(scheme, name):
        return patterns(f"urn:epc:idpat:{scheme}:9506000.*.*", name)[0].shape

    gtin = "/01/______________"
    assert shape("sgtin", "MATCH_epc") == f"{gtin}/21/%"
    assert shape("upui", "MATCH_epc") == f"{gtin}/235/%"
    assert shape("lgtin", "MATCH_epcClass") == f"{gtin}/10/%"
    assert shape("sgtin", "MATCH_epcClass") == gtin
    assert shape("grai", "MATCH_parentID") == "/8003/_______________%"
    assert shape("grai", "MATCH_epcClass") == "/8003/______________"


def test_a_place_with_any_extension_may_also_have_none():
    assert patterns("urn:epc:idpat:sgln:9506000.00001.*") == (
        Pattern("/414/9506000000015"),
        Pattern("/414/9506000000015/254/", "/414/9506000000015/2540"),
    )


def test_among_classes_a_pattern_of_serials_is_the_class():
    text = "urn:epc:idpat:sgtin:9506000.013435.*"
    assert patterns(text, "MATCH_epcClass") == (Pattern("/01/09506000134352"),)


@pytest.mark.parametrize(
    "text",
    ["urn:epc:id:sgtin:9506000.013435.1", "https://shop.example/01/09506000134352/21/1",
     "/01/09506000134352/21/1"],
)  # fmt: skip
def test_what_has_no_star_matches_itself(text):
    assert patterns(text) == (Pattern("/01/09506000134352/21/1"),)


@pytest.mark.parametrize(
    "text",
    ["sgtin:*", "sgtin:*.*", "sgtin:*.*.*.*", "sgtin:*.013435.*", "sgtin:9506000.*.1",
     "sgtin:95*.*.*", "sgtin:9506000.01*.*", "sgtin:abc.*.*", "sgtin:9506000.0134.*", "nothing:*.*",
     "itip:9506000.013435.01.*.*", "usdod:*.*"],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(text):
    assert problem("MATCH_epc", [f"urn:epc:idpat:{text}"])


# --- whatever is asked ----------------------------------------------------------------------

NAMES = st.one_of(
    st.sampled_from(["EQ_", "GT_", "GE_", "LT_", "LE_", "EXISTS_", "HASATTR_", "EQATTR_", "WD_",
                     "MATCH_"]).flatmap(
        lambda comparison: st.sampled_from(
            ["bizStep", "readPoint", "ex:a", "ILMD_ex:a", "INNER_ex:a", "value_CEL", "quantity",
             "epc", "source_owning_party", "time", "bizLocation_cbvmda:site", "ex:a_ex:b", "_", ""]
        ).map(comparison.__add__)
    ),
    st.sampled_from(["eventType", "GE_eventTime", "orderBy", "orderDirection", "eventCountLimit",
                     "maxEventCount", "EQ_eventID", "@context"]),
    st.text(max_size=20),
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["shipping", "ADD", "4.5", "2026-05-01T08:00:00Z", "2026-05-01", "1e9", "true",
         "urn:epc:idpat:sgtin:*.*.*", "urn:epc:id:sgtin:9506000.013435.1", "https://example.com/",
         "cbv:BizStep-x"]
    ),
)  # fmt: skip
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=4))
def test_any_parameters_are_a_query_or_are_refused_and_a_stored_query_asks_the_same(parameters):
    prefixes = {"ex": "https://example.com/ns/"}
    try:
        query = query_of(parameters, prefixes)
    except (QueryParameter, QueryValidation, QueryTooComplex):
        return
    kept = stored(parameters, prefixes)
    assert json.loads(json.dumps(kept)) == kept
    assert query_of(kept, {}) == query
