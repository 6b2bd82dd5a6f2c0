"""What shoppers read of signatures, and what a proof bundle opens of them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from foodtrace.trace.issuers import keys

from ..trace.signing import Device, base64_of, enrol, send, to_sign
from .conftest import CHILI, CHILI_LOT, SAUCE_LOT, browser_of
from .proving import REGULATOR, RETAILER, Proving, check, fields_of
from .test_proofs import bundle_of
from .test_scan import HIDDEN

SIGNED = "signed on the device “packing hall”"


@pytest.fixture
def proving(stage, settings):
    found = Proving(stage.store, settings)
    yield found
    found.close()


@pytest.fixture
def web(stage, proving):
    return browser_of(stage.store, proving.settings)


def device_of(stage, who, name="packing hall"):
    device = Device(name)
    enrol(stage.store, who.actor, device)
    return device


def sign_all(stage, proving, who, device):
    """Sign what a party has stated about lots, and return how many signatures that were."""
    proving.publish()
    given = [device.sign(each) for each in to_sign(stage.store, who.actor) if each.lots]
    send(stage.store, who.actor, *given)
    proving.publish(REGULATOR, RETAILER)
    return len(given)


def page_of(web, path):
    return web.get(f"{path}?lang=en&all=1").text


def test_it_works(stage, proving, web):
    stage.whole_chain()
    before = page_of(web, SAUCE_LOT)
    assert "All was entered through this service: no device of theirs has signed it." in before
    count = sign_all(stage, proving, stage.bruno, device_of(stage, stage.bruno))
    page = page_of(web, SAUCE_LOT)
    assert 0 < page.count(SIGNED) <= count
    assert "Where no signature is named, it was entered through this service." in page


def test_a_certificate_says_on_which_device_it_was_signed(stage, proving, web):
    stage.whole_chain()
    page_of(web, SAUCE_LOT)
    assert sign_all(stage, proving, stage.ines, device_of(stage, stage.ines, "bench 1")) >= 1
    page = page_of(web, SAUCE_LOT)
    tests = page[page.index('id="tests"') : page.index('id="journey"')]
    assert "signed on the device “bench 1”" in tests


def test_the_name_of_a_device_is_written_as_text(stage, proving, web):
    stage.whole_chain()
    sign_all(stage, proving, stage.bruno, device_of(stage, stage.bruno, "<b>hall</b>"))
    assert "“&lt;b&gt;hall&lt;/b&gt;”" in page_of(web, SAUCE_LOT)


def test_a_kept_page_is_made_anew_when_something_is_signed_or_in_doubt(stage, proving, web):
    stage.whole_chain()
    device = device_of(stage, stage.bruno)
    proving.publish(REGULATOR, RETAILER)
    first = web.get(SAUCE_LOT + "?lang=en")
    sign_all(stage, proving, stage.bruno, device)
    second = web.get(SAUCE_LOT + "?lang=en")
    with stage.store.transaction() as session:
        key_id = keys.find_key(session, device.public).id
        since = datetime.now(UTC) - timedelta(days=1)
        keys.declare_compromised(session, stage.bruno.actor, key_id=key_id, since=since)
    proving.publish(REGULATOR, RETAILER)
    third = web.get(SAUCE_LOT + "?lang=en")
    assert (SIGNED in first.text, SIGNED in second.text, SIGNED in third.text) == (
        False,
        True,
        False,
    )
    assert "its signature has to be confirmed again" in third.text
    assert len({first.headers["ETag"], second.headers["ETag"], third.headers["ETag"]}) == 3


def test_what_others_sign_does_not_end_a_kept_page(stage, proving, web):
    stage.whole_chain()
    proving.publish(REGULATOR, RETAILER)
    first = web.get(SAUCE_LOT + "?lang=en")
    device, other = device_of(stage, stage.carla), f"{CHILI}/10/OTHER"
    stage.made(stage.carla, other, 1)
    proving.publish(REGULATOR, RETAILER)
    (made,) = [each for each in to_sign(stage.store, stage.carla.actor) if other in each.lots]
    send(stage.store, stage.carla.actor, device.sign(made))
    proving.publish(REGULATOR, RETAILER)
    assert web.get(SAUCE_LOT + "?lang=en").headers["ETag"] == first.headers["ETag"]


def signatures_in(bundle):
    found = [fields_of(each) for each in bundle["statements"]]
    return [each for each in found if each.get("kind") == "signature"]


def test_a_bundle_opens_signatures_but_not_how_often_a_key_has_signed(stage, proving, web):
    stage.whole_chain()
    device = device_of(stage, stage.bruno)
    sign_all(stage, proving, stage.bruno, device)
    bundle = bundle_of(web, SAUCE_LOT)
    check(bundle, proving.policy)
    found = signatures_in(bundle)
    assert found
    for each in found:
        assert json.loads(each["/public_key"]) == base64_of(device.public)
        assert not {"/n", "/content", "/signature", "/statement", "n", "content", "party"} & set(
            each
        )
        shown = [json.loads(value) for name, value in each.items() if name.startswith("/lot")]
        (digests, *own) = sorted(shown, key=lambda value: isinstance(value, dict))
        assert [lot["lot"] for lot in own] == [SAUCE_LOT]
        assert len(digests) >= len(own)
    numbers = sorted(
        json.loads(value)["number"]
        for each in found
        for name, value in each.items()
        if name.startswith("/lot") and name != "/lots"
    )
    assert numbers == list(range(1, len(found) + 1))
    assert CHILI_LOT not in json.dumps(found)


def test_the_signature_of_a_hidden_step_is_a_blank(stage, proving, web):
    stage.made(stage.alba, CHILI_LOT, 20)
    stage.observed(stage.alba, CHILI_LOT, "storing", 15, **HIDDEN)
    device = device_of(stage, stage.alba)
    count = sign_all(stage, proving, stage.alba, device)
    bundle = bundle_of(web, CHILI_LOT)
    check(bundle, proving.policy)
    assert count >= 2
    assert len(signatures_in(bundle)) == 1
    assert page_of(web, CHILI_LOT).count(SIGNED) == 1
