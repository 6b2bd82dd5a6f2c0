"""Events in the notation that a reader asks for."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.epcis import vocabulary
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.epcis.translation import (
    CbvFormat,
    EpcFormat,
    identifier_in,
    translated,
    word_in,
)
from foodtrace.trace.epcis.vocabulary import Vocabulary
from foodtrace.trace.gs1.model import GS1_ROOT
from tests.trace.test_epc_writing import keys

DATA = Path(__file__).parents[1] / "data/epcis/Capture"
WORDS = [each for each in vars(vocabulary).values() if isinstance(each, Vocabulary)]

LOT_URN = "urn:epc:class:lgtin:6901234.056789.L1"
LOT_LINK = "https://id.gs1.org/01/06901234567892/10/L1"
PLACE_URN = "urn:epc:id:sgln:6901234.56789.0"
PLACE_LINK = "https://id.gs1.org/414/6901234567892"
PALLET_URN = "urn:epc:id:sscc:6901234.3567890123"
PALLET_LINK = "https://id.gs1.org/00/369012345678901239"
ORDER_URN = "urn:epc:id:gdti:6901234.56789.7"
ORDER_LINK = "https://id.gs1.org/253/69012345678927"


def translate(event, prefixes=STANDARD_PREFIXES, epc="Never_Translates", cbv="Never_Translates"):
    return translated(event, prefixes, epc_format=EpcFormat(epc), cbv_format=CbvFormat(cbv))


def event_of(lot, place, pallet, order):
    """An event that names something in every place where EPCIS takes an identifier."""
    quantities = [{"epcClass": lot, "quantity": 5, "uom": "KGM"}]
    observation = {
        "deviceID": pallet,
        "deviceMetadata": order,
        "rawData": order,
        "dataProcessingMethod": order,
        "bizRules": order,
    }
    return {
        "parentID": pallet,
        "epcList": [pallet],
        "childEPCs": [pallet],
        "inputEPCList": [pallet],
        "outputEPCList": [pallet, pallet],
        "quantityList": quantities,
        "childQuantityList": quantities,
        "inputQuantityList": quantities,
        "outputQuantityList": quantities,
        "readPoint": {"id": place},
        "bizLocation": {"id": place},
        "sourceList": [{"type": "location", "source": place}],
        "destinationList": [{"type": "location", "destination": place}],
        "bizTransactionList": [{"type": "po", "bizTransaction": order}],
        "transformationID": order,
        "sensorElementList": [
            {
                "sensorMetadata": observation,
                "sensorReport": [{"uriValue": pallet, "type": "Temperature", **observation}],
            }
        ],
    }


URNS = event_of(LOT_URN, PLACE_URN, PALLET_URN, ORDER_URN)
LINKS = event_of(LOT_LINK, PLACE_LINK, PALLET_LINK, ORDER_LINK)


def test_urns_become_digital_links():
    assert translate({"epcList": [PALLET_URN]}, epc="Always_GS1_Digital_Link") == {
        "epcList": [PALLET_LINK]
    }


def test_every_place_of_an_identifier_is_translated_and_back():
    assert translate(URNS, epc="Always_GS1_Digital_Link") == LINKS
    assert translate(LINKS, epc="Always_EPC_URN") == URNS


@pytest.mark.parametrize("epc", ["No_Preference", "Never_Translates"])
def test_nobody_asked_for_a_translation(epc):
    assert translate(URNS, epc=epc) == URNS
    assert translate(LINKS, epc=epc) == LINKS


def test_the_event_itself_is_not_changed():
    before = copy.deepcopy(URNS)
    translate(URNS, epc="Always_GS1_Digital_Link", cbv="Always_URN")
    assert before == URNS


def test_extensions_and_master_data_of_lots_stay():
    event = {
        "ilmd": {"cbvmda:lotNumber": LOT_URN},
        "example:epcList": [LOT_URN],
        "readPoint": {"id": "urn:example:1", "example:id": PLACE_URN},
        "eventID": LOT_URN,
    }
    assert translate(event, epc="Always_GS1_Digital_Link", cbv="Always_URN") == event


@pytest.mark.parametrize(
    "text",
    [
        "urn:epc:id:usdod:2S194.12345678901",  # no GS1 key
        "urn:epc:id:sgtin:6901234.1",  # broken, and so not worth a refusal in an answer
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "https://example.com/orders/1",
        "https://id.gs1.org/01/06901234567893",
        "example:place",
        "https://id.gs1.org/01/00000096385074",  # whose company prefix nobody knows
    ],
)
def test_what_has_no_other_notation_stays(text):
    prefixes = {**STANDARD_PREFIXES, "example": "https://example.com/"}
    for epc_format in EpcFormat:
        assert identifier_in(text, prefixes, epc_format) == text


def test_a_digital_link_of_another_domain_is_one_already():
    link = "https://brand.cn/01/06901234567892/10/L1?17=301231"
    assert identifier_in(link, {}, EpcFormat.ALWAYS_GS1_DIGITAL_LINK) == link
    assert identifier_in(link, {}, EpcFormat.ALWAYS_EPC_URN) == LOT_URN


def test_an_identifier_behind_a_prefix_is_found():
    prefixes = {"key": "https://id.gs1.org/01/06901234567892/10/"}
    assert identifier_in("key:L1", prefixes, EpcFormat.ALWAYS_EPC_URN) == LOT_URN


@given(keys())
def test_there_and_back_gives_the_same(canonical):
    link = GS1_ROOT + canonical
    urn = identifier_in(link, {}, EpcFormat.ALWAYS_EPC_URN)
    assert urn != link
    assert identifier_in(urn, {}, EpcFormat.ALWAYS_GS1_DIGITAL_LINK) == link


@given(st.sampled_from(WORDS), st.data(), st.sampled_from(CbvFormat))
@settings(max_examples=60)
def test_a_standard_word_comes_in_any_form_and_goes_out_in_any(words, data, cbv_format):
    bare = data.draw(st.sampled_from(sorted(words.words)))
    forms = {
        CbvFormat.NO_PREFERENCE: bare,
        CbvFormat.ALWAYS_WEB_URI: words.web + bare,
        CbvFormat.ALWAYS_URN: words.urn + bare,
    }
    for form in forms.values():
        written = word_in(form, words, STANDARD_PREFIXES, cbv_format)
        assert written == forms.get(cbv_format, form)


def test_every_place_of_a_word_is_translated():
    event = {
        "bizStep": "shipping",
        "disposition": "cbv:Disp-in_transit",
        "persistentDisposition": {"set": ["urn:epcglobal:cbv:disp:damaged"], "unset": ["active"]},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:1"}],
        "sourceList": [{"type": "location", "source": PLACE_URN}],
        "destinationList": [{"type": "owning_party", "destination": PLACE_URN}],
        "errorDeclaration": {"reason": "incorrect_data"},
        "sensorElementList": [{"sensorReport": [{"component": "x", "type": "gs1:Temperature"}]}],
    }
    urns = translate(event, cbv="Always_URN")
    assert urns["bizStep"] == "urn:epcglobal:cbv:bizstep:shipping"
    assert urns["disposition"] == "urn:epcglobal:cbv:disp:in_transit"
    assert urns["persistentDisposition"] == {
        "set": ["urn:epcglobal:cbv:disp:damaged"],
        "unset": ["urn:epcglobal:cbv:disp:active"],
    }
    assert urns["bizTransactionList"][0]["type"] == "urn:epcglobal:cbv:btt:po"
    assert urns["sourceList"][0]["type"] == "urn:epcglobal:cbv:sdt:location"
    assert urns["destinationList"][0]["type"] == "urn:epcglobal:cbv:sdt:owning_party"
    assert urns["errorDeclaration"]["reason"] == "urn:epcglobal:cbv:er:incorrect_data"
    report = urns["sensorElementList"][0]["sensorReport"][0]
    assert report == {
        "component": "https://ref.gs1.org/cbv/Comp-x",
        "type": "https://ref.gs1.org/voc/Temperature",
    }
    bare = translate(urns, cbv="No_Preference")
    assert bare["disposition"] == "in_transit"
    assert bare["sensorElementList"][0]["sensorReport"] == [
        {"component": "x", "type": "Temperature"}
    ]
    assert translate(event, cbv="Never_Translates") == event


@pytest.mark.parametrize(
    "word", ["https://example.com/steps/drying", "example:drying", "no_such_word"]
)
def test_a_word_of_ones_own_stays(word):
    prefixes = {**STANDARD_PREFIXES, "example": "https://example.com/steps/"}
    for cbv_format in CbvFormat:
        assert word_in(word, vocabulary.BIZ_STEP, prefixes, cbv_format) == word


@pytest.mark.parametrize("path", sorted((DATA / "Documents").glob("*.json")), ids=lambda p: p.stem)
def test_outside_documents_mean_the_same_in_every_notation(path):
    document = json.loads(path.read_text("utf-8"))
    now = datetime.now(UTC)
    before = read_document(json.dumps(document).encode(), now=now).events
    for epc_format in EpcFormat:
        for cbv_format in CbvFormat:
            document["epcisBody"]["eventList"] = [
                translated(event.body, event.prefixes, epc_format=epc_format, cbv_format=cbv_format)
                for event in before
            ]
            body = json.dumps(document, default=float).encode()
            after = read_document(body, now=now).events
            assert [
                (e.participations, e.read_point, e.source, e.biz_step, e.disposition, e.ilmd)
                for e in after
            ] == [
                (e.participations, e.read_point, e.source, e.biz_step, e.disposition, e.ilmd)
                for e in before
            ]
