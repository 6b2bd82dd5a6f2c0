"""What tests of the resolver share: things with links, and a client that names no media type."""

import socket
import ssl
import threading
from contextlib import contextmanager
from types import SimpleNamespace

from foodtrace.consumer_web.app import create_public_app
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.links.services import add_link
from foodtrace.trace.masterdata.services import register_place

from .conftest import SAUCE, SAUCE_LOT, uri

BASE = "https://trace.example"
PLACE = "/414/9506000134376"
PIECE = f"{SAUCE_LOT}/21/77"
ALLOWED, FOREIGN = "shop.example", "elsewhere.example"


def things(stage):
    """Sauce with its chain, one registered piece of it, a place, and links of their owners."""
    stage.whole_chain()
    piece = {"type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning"}
    stage.record(stage.bruno, piece | {"epcList": [uri(PIECE)]}, 9)
    with stage.store.transaction() as session:
        register_place(
            session,
            SYSTEM,
            party_id=stage.bruno.id,
            name="布鲁诺二号库",
            name_en="Bruno store 2",
            gln=PLACE[5:],
            region="浙江省杭州市",
        )
    give(stage, SAUCE, "ingredientsInfo", f"https://{ALLOWED}/sauce?x=1#what", "配料")
    give(stage, SAUCE, "recipeInfo", f"https://{FOREIGN}/recipes", "食谱")
    give(stage, PLACE, "openingHoursInfo", f"https://{ALLOWED}/open", "营业时间")


def give(stage, anchor, link_type, href, title, **more):
    actor = Actor("user:bruno", stage.bruno.id, frozenset({Role.PRODUCER}))
    with stage.store.transaction() as session:
        link = add_link(
            session, actor, anchor=anchor, link_type=link_type, href=href, title=title, **more
        )
        return link.id


class Program:
    """A client that sends the headers that it is told, and no others."""

    def __init__(self, store, settings):
        self.client = create_public_app(store, settings).test_client()

    def head(self, address, **headers):
        return self.client.head(address.removeprefix(BASE), headers=_named(headers))

    def get(self, address, **headers):
        return self.client.get(address.removeprefix(BASE), headers=_named(headers))

    def linkset(self, address, **headers):
        return self.get(address, Accept="application/linkset+json", **headers).get_json(force=True)


def _named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def tls_front(port, chain):
    """Stand before a plain server as a proxy with TLS does; yield its own port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=hand_on, args=(plain,), daemon=True).start()

    def hand_on(plain):
        with (
            context.wrap_socket(plain, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", port)) as inside,
        ):
            inside.sendall(outside.recv(65536))
            while received := inside.recv(65536):
                outside.sendall(received)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield SimpleNamespace(port=listening.getsockname()[1])
    finally:
        listening.close()
