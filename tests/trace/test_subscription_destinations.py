"""The way out: where messages may go, and what is done about those who lead us astray."""

import socket
import threading
import time
from ipaddress import ip_address, ip_network

import pytest

from foodtrace.trace.errors import Invalid
from foodtrace.trace.subscriptions.destinations import (
    LARGEST_ANSWER,
    Destinations,
    Unreachable,
    is_public,
)

from ..web import settings_of
from .receiver import HOST, receiving

# Loopback, private, link-local, carriers' and reserved addresses, alone and inside others.
FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255",
    "192.0.0.1", "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111"]

# Ways to write 127.0.0.1 as a host that a resolver may understand.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1",
    "0177.0.0.1", "017700000001", "0", "0.0.0.0", "localhost", "LOCALHOST", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::]",
]  # fmt: skip
# Addresses that lead elsewhere than they seem to, or are none.
CROOKED = [
    "http://{host}/", "ftp://{host}/", "file:///etc/passwd", "//{host}/", "{host}", "https:{host}",
    "https:///{host}", "https://user@{host}/", "https://user:password@{host}/", "https://@{host}/",
    "https://{host}@127.0.0.1/", "https://127.0.0.1#@{host}/", "https://{host}/#part",
    "https://{host}\\@127.0.0.1/", "https://{host}\t.127.0.0.1/", "https://{host}/a\r\nX: y",
    "https://{host}/ ", " https://{host}/", "https://127.0.0.1\n{host}/", "https://{host}%2e/",
    "https://{host}%00/", "https://{host}:99999/", "https://{host}:/", "https://{host}:443x/",
    "https://ｐａｒｔｎｅｒ.example/", "https://{host}./", "https://evil.{host}/", "https://{host}.evil/",
    "https://127.0.0.1/", "https://{host}:8443/", "javascript:alert(1)", "",
    "https://{host}/" + "a" * 2000,
]  # fmt: skip


@pytest.fixture
def receiver(tmp_path):
    with receiving(tmp_path) as receiver:
        yield receiver


def refused(destinations, url):
    with pytest.raises(Invalid) as caught:
        destinations.target_of(url)
    assert [problem.place for problem in caught.value.problems] == ["dest"]
    return caught.value.problems[0].text


def failure(destinations, url, body=b"{}"):
    with pytest.raises(Unreachable) as caught:
        destinations.post(url, body, {})
    return str(caught.value)


def test_it_works(receiver):
    answer = receiver.destinations().post(receiver.url, b'{"a":1}', {"Webhook-Id": "1"})
    assert (answer.status, answer.text) == (200, "")
    (got,) = receiver.received
    assert (got.method, got.path, got.body) == ("POST", "/hook", b'{"a":1}')
    assert got.headers["host"] == f"{HOST}:{receiver.port}"
    assert got.headers["webhook-id"] == "1"


def test_path_and_query_are_sent_as_they_are_written(receiver):
    url = f"https://PARTNER.example:{receiver.port}?a=%2F/../?b"
    receiver.destinations().post(url, b"", {})
    assert receiver.received[0].path == "/?a=%2F/../?b"


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_told_from_one_that_is(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_one(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_connection_is_made_to_an_address_that_is_not_public(receiver, address):
    destinations = receiver.destinations(networks=(), resolve=lambda *_: [address])
    assert "not a public address" in failure(destinations, receiver.url)
    assert receiver.connections == 0


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_loopback_leads_there(receiver, host):
    # Listed by mistake, and looked up by the system's own resolver.
    listed = frozenset({(host.lower().strip("[]"), receiver.port)})
    destinations = Destinations(listed, ca_file=receiver.ca_file)
    failure(destinations, f"https://{host}:{receiver.port}/")
    assert receiver.connections == 0


@pytest.mark.parametrize("url", CROOKED)
def test_a_crooked_address_is_refused(url):
    destinations = Destinations(frozenset({(HOST, 443)}), resolve=lambda *_: ["127.0.0.1"])
    refused(destinations, url.replace("{host}", HOST))


def test_one_forbidden_address_among_public_ones_is_enough(receiver):
    destinations = receiver.destinations(networks=(), resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])
    assert "127.0.0.1" in failure(destinations, receiver.url)
    assert receiver.connections == 0


def test_the_name_is_looked_up_once(receiver):
    lookups = []

    def rebinding(host, port):
        lookups.append(host)
        return ["192.0.2.1"] if len(lookups) == 1 else ["127.0.0.1"]

    # The first address is let through here as a public one would be; nobody listens there.
    destinations = receiver.destinations(
        networks=(ip_network("192.0.2.0/24"),), resolve=rebinding, connect_seconds=0.05
    )
    failure(destinations, receiver.url)
    assert lookups == [HOST]
    assert receiver.connections == 0


def test_the_address_that_was_checked_is_the_one_connected_to(receiver, monkeypatch):
    """A second look-up by the system would be to no avail: the connection has an address."""
    asked = []
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **options: asked.append(host) or
        real(host, *more, **options),
    )  # fmt: skip
    receiver.destinations().post(receiver.url, b"", {})
    assert asked == ["127.0.0.1"]


def test_a_redirect_to_loopback_is_not_followed(receiver):
    location = f"https://127.0.0.1:{receiver.port}/secret"
    for status in (301, 302, 303, 307, 308):
        receiver.answers.append((status, {"Location": location}, b""))
        assert receiver.destinations().post(receiver.url, b"", {}).status == status
    assert [got.path for got in receiver.received] == ["/hook"] * 5


def test_the_environment_names_no_proxy(receiver, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert receiver.destinations().post(receiver.url, b"", {}).status == 200


def test_a_certificate_of_another_name_is_refused(tmp_path):
    with receiving(tmp_path, names=("other.example",)) as receiver:
        assert "partner.example" in failure(receiver.destinations(), receiver.url)
        assert receiver.received == []


def test_a_certificate_of_an_unknown_authority_is_refused(receiver):
    reason = failure(receiver.destinations(ca_file=None), receiver.url)
    assert "certificate verify failed" in reason
    assert receiver.received == []


def test_a_file_of_authorities_that_is_not_there_is_said(receiver, tmp_path):
    reason = failure(receiver.destinations(ca_file=tmp_path / "none.pem"), receiver.url)
    assert "No such file" in reason


def test_the_next_address_is_tried_when_one_takes_no_connection(receiver):
    destinations = receiver.destinations(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert destinations.post(receiver.url, b"", {}).status == 200


def test_a_server_that_does_not_answer_is_left(receiver):
    receiver.free.clear()
    destinations = receiver.destinations(total_seconds=0.3)
    assert failure(destinations, receiver.url) == "no whole answer in time"


def test_a_server_has_longer_to_answer_than_to_take_the_connection(receiver):
    def think(handler):
        time.sleep(0.6)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    receiver.answers.append(think)
    destinations = receiver.destinations(connect_seconds=0.5, total_seconds=30.0)
    assert destinations.post(receiver.url, b"", {}).status == 200


def test_a_header_without_end_is_not_read(receiver):
    def pour(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: %s\r\n" % (b"b" * 9000) * 20)

    receiver.answers.append(pour)
    assert failure(receiver.destinations(), receiver.url) == "its header has more than 65536 bytes"


def test_a_server_that_takes_a_long_message_slowly_is_left():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        hosts = frozenset({("127.0.0.1", server.getsockname()[1])})
        destinations = Destinations(hosts, total_seconds=0.3, allow_plain=True)
        assert "in time" in failure(destinations, url, bytes(64 * 1024 * 1024))


@pytest.mark.parametrize("drop", [b"X-A: b\r\n", b"X"])
def test_a_server_that_drips_is_left(receiver, drop):
    stop = threading.Event()

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.02):
            handler.wfile.write(drop)

    receiver.answers.append(drip)
    reason = failure(receiver.destinations(total_seconds=0.3), receiver.url)
    stop.set()
    assert reason == "no whole answer in time"


def test_a_server_that_never_shakes_hands_is_left():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        destinations = Destinations(
            frozenset({(HOST, port)}),
            networks=(ip_network("127.0.0.0/8"),),
            resolve=lambda *_: ["127.0.0.1"],
            connect_seconds=0.1,
        )
        assert "timed out" in failure(destinations, f"https://{HOST}:{port}/")


def test_a_long_answer_is_read_to_the_limit_only(receiver):
    sent = []

    def pour(handler):
        handler.wfile.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while len(sent) < 4000:
                handler.wfile.write(b"x" * 16384)
                sent.append(1)
        except OSError:
            return

    receiver.answers.append(pour)
    answer = receiver.destinations().post(receiver.url, b"", {})
    assert answer.status == 500
    assert answer.text == "x" * 300
    assert LARGEST_ANSWER == 65536


def test_what_an_answer_says_is_made_harmless(receiver):
    receiver.answers.append((500, {}, b"no\r\nsuch \x1b[31mqueue\x00 \xff\xe2\x80\xae"))
    answer = receiver.destinations().post(receiver.url, b"", {})
    assert answer.text == "no such [31mqueue \ufffd"


def test_nonsense_instead_of_http_is_a_failure(receiver):
    receiver.answers.append(lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n"))
    assert failure(receiver.destinations(), receiver.url)


def test_a_host_that_is_not_known_is_said(receiver):
    def unknown(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    assert "is not known" in failure(receiver.destinations(resolve=unknown), receiver.url)
    assert "no address" in failure(receiver.destinations(resolve=lambda *_: []), receiver.url)


def test_without_a_list_nothing_is_sent(sqlite_store):
    destinations = Destinations.of(settings_of(sqlite_store))
    assert "sends no messages" in refused(destinations, f"https://{HOST}/")


def test_a_port_is_part_of_what_is_listed():
    destinations = Destinations(frozenset({(HOST, 8443)}))
    assert destinations.target_of(f"https://{HOST}:8443/a").authority == f"{HOST}:8443"
    assert "port 443" in refused(destinations, f"https://{HOST}/a")


def test_an_address_may_be_listed_in_the_place_of_a_name():
    destinations = Destinations(frozenset({("2606:4700::1111", 443)}))
    assert destinations.target_of("https://[2606:4700::1111]/").authority == "[2606:4700::1111]"
