"""Bodies that are meant to harm: nothing grows, nothing is fetched, nothing is recorded."""

import io
import json
import socket
import threading

import pytest

from foodtrace.trace.epcis.strict_json import MAX_BYTES

from ..web import staff_app
from .acts import CONTEXT, count, document, make
from .machine import JSON, LD_JSON, XML, Machine

EVENT = (
    "<ObjectEvent><eventTime>2026-09-02T08:00:00Z</eventTime>"
    "<eventTimeZoneOffset>+00:00</eventTimeZoneOffset>{epcs}<action>OBSERVE</action>{more}"
    "</ObjectEvent>"
)
EPCS = "<epcList><epc>urn:epc:id:sgtin:0614141.107346.2018</epc></epcList>"
DOCUMENT = (
    '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" '
    'creationDate="2026-09-02T08:00:00Z"{attributes}><EPCISBody><EventList>{event}</EventList>'
    "</EPCISBody></epcis:EPCISDocument>"
)


class Listener:
    """A server on loopback that somebody could be made to ask; it counts who comes."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.port = self._server.getsockname()[1]
        self.visits = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        while not self._closing.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            self.visits += 1
            connection.close()

    def close(self):
        self._closing.set()
        self._thread.join()
        self._server.close()


@pytest.fixture
def listener():
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def machine(sqlite_store):
    return Machine(staff_app(sqlite_store), sqlite_store)


SOUND = EVENT.format(epcs=EPCS, more="")


def xml(event=SOUND, attributes="", prolog=""):
    return (prolog + DOCUMENT.format(event=event, attributes=attributes)).encode()


def doctype(inside, outside=""):
    return f"<!DOCTYPE epcis:EPCISDocument {outside} [{inside}]>"


LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">'
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
ADDRESS = "http://127.0.0.1:{port}/"
XML_BODIES = {
    "an entity bomb": xml(
        EVENT.format(epcs="<epcList><epc>&j;</epc></epcList>", more=""), prolog=doctype(LAUGHS)
    ),
    "a flat entity bomb": xml(
        EVENT.format(epcs=f"<epcList>{'<epc>&a;</epc>' * 5000}</epcList>", more=""),
        prolog=doctype(f'<!ENTITY a "{"x" * 50_000}">'),
    ),
    "a file": xml(
        EVENT.format(epcs="<epcList><epc>&f;</epc></epcList>", more=""),
        prolog=doctype('<!ENTITY f SYSTEM "file:///etc/passwd">'),
    ),
    "an address": xml(
        EVENT.format(epcs="<epcList><epc>&f;</epc></epcList>", more=""),
        prolog=doctype(f'<!ENTITY f SYSTEM "{ADDRESS}">'),
    ),
    "an address of parameters": xml(prolog=doctype(f'<!ENTITY % f SYSTEM "{ADDRESS}"> %f;')),
    "a DTD elsewhere": xml(prolog=doctype("", f'SYSTEM "{ADDRESS}epcis.dtd"')),
    "an empty DTD": xml(prolog="<!DOCTYPE a>"),
    "deep elements": xml(
        EVENT.format(
            epcs=EPCS,
            more='<e:a xmlns:e="https://e.example/">' + "<e:a>" * 50_000 + "</e:a>" * 50_001,
        )
    ),
    "elements that do not end": b"<a>" * 200_000,
    "many attributes": xml(
        EVENT.format(epcs=EPCS, more="".join(["<a", *(f" b{n}='1'" for n in range(20_000)), "/>"]))
    ),
    "many namespaces": xml(
        attributes="".join(f' xmlns:n{n}="https://n{n}.example/"' for n in range(20_000))
    ),
    "UTF-7": xml(prolog='<?xml version="1.0" encoding="UTF-7"?>'),
    "no XML": b"\x00\xff<",
    "nothing": b"",
}
# What is accepted, because what would be fetched is not looked at.
HARMLESS = {
    "an inclusion": xml(
        EVENT.format(
            epcs=EPCS,
            more=f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{ADDRESS}"/>',
        )
    ),
    "a style sheet": xml(prolog=f'<?xml-stylesheet href="{ADDRESS}" type="text/xsl"?>'),
    "a schema elsewhere": xml(
        attributes=' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="urn:epcglobal:epcis:xsd:2 {ADDRESS}epcis.xsd"'
    ),
}


def at_port(body, listener):
    return body.replace(b"{port}", str(listener.port).encode())


def test_it_works(machine, listener):
    assert machine.post(xml(), content_type=XML).status_code == 202
    with socket.create_connection(("127.0.0.1", listener.port)) as connection:
        connection.recv(1)
    assert listener.visits == 1


@pytest.mark.parametrize("path", ["capture", "events"])
@pytest.mark.parametrize("name", XML_BODIES)
def test_hostile_xml_is_refused_and_nothing_fetched(machine, sqlite_store, listener, name, path):
    before = count(sqlite_store, "document", "statement", "event", "item")
    answer = machine.post(at_port(XML_BODIES[name], listener), path, XML)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["type"].startswith("epcisException:")
    assert len(answer.data) < 20_000
    assert "root:" not in answer.text
    assert count(sqlite_store, "document", "statement", "event", "item") == before
    assert listener.visits == 0


@pytest.mark.parametrize("name", HARMLESS)
def test_what_xml_points_to_is_not_fetched(machine, listener, name):
    answer = machine.post(at_port(HARMLESS[name], listener), content_type=XML)
    assert answer.status_code == 202, answer.text
    assert listener.visits == 0


@pytest.mark.parametrize("content_type", [JSON, LD_JSON])
@pytest.mark.parametrize("inside", [False, True])
def test_contexts_elsewhere_are_refused_and_not_fetched(machine, listener, content_type, inside):
    context = [*CONTEXT, f"http://127.0.0.1:{listener.port}/context.jsonld"]
    event = make(1, {"A": 1})
    body = json.loads(document(event))
    (body["epcisBody"]["eventList"][0] if inside else body)["@context"] = context
    answer = machine.post(json.dumps(body), content_type=content_type)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["place"].endswith("/@context/2")
    assert listener.visits == 0


def test_a_context_in_a_link_or_a_query_is_not_fetched_either(machine, listener):
    address = f"http://127.0.0.1:{listener.port}/context.jsonld"
    link = f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"'
    assert machine.post(document(make(1, {"A": 1})), Link=link).status_code == 202
    assert machine.keep("q", {}, **{"@context": address}).status_code == 400
    assert machine.keep("q", {"@context": address}).status_code == 400
    assert machine.get("/epcis/events", GS1_Extensions=f"x={address}").status_code == 200
    assert listener.visits == 0


def test_a_subscription_does_not_call_before_there_is_something_to_say(machine, listener):
    machine.keep("q", {})
    body = {"dest": f"https://127.0.0.1:{listener.port}/", "secret": "0435ojtojt02", "stream": True}
    answer = machine.post(json.dumps(body), "queries/q/subscriptions")
    assert answer.status_code == 400  # no host that the operator allows
    assert listener.visits == 0


class Chunks(io.RawIOBase):
    """A body that is sent in pieces, without saying how long it will be."""

    def __init__(self, beginning, piece, times):
        self._pieces = iter([beginning, *([piece] * times)])
        self.taken = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = next(self._pieces, b"")[: len(buffer)]
        buffer[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)


@pytest.mark.parametrize(
    ("path", "content_type", "most"),
    [
        ("capture", XML, MAX_BYTES),
        ("events", XML, MAX_BYTES),
        ("events", JSON, MAX_BYTES),
        ("queries", JSON, 256 * 1024),
        ("queries/none/subscriptions", JSON, 64 * 1024),
    ],
)
def test_a_body_in_pieces_is_read_up_to_the_limit_only(machine, path, content_type, most):
    body = Chunks(b"<a>" if content_type == XML else b'{"a":"', b"x" * 4096, 10_000)
    answer = machine.client.post(
        f"/epcis/{path}",
        headers=machine.headers | {"Transfer-Encoding": "chunked"},
        content_type=content_type,
        environ_overrides={
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    assert answer.status_code == 413, answer.text
    assert answer.json["type"] == "epcisException:CaptureLimitExceededException"
