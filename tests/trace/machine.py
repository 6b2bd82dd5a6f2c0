"""A partner's system at the EPCIS binding, in few words."""

import json

from ..web import add_key, add_party, bearer
from .acts import CONTEXT

JSON = "application/json"
LD_JSON = "application/ld+json"
XML = "application/xml"


class Machine:
    """A partner's system: a key of one party, and the addresses of the binding."""

    def __init__(self, app, store, role="producer", party="绿源农场"):
        self.client = app.test_client()
        self.headers = bearer(add_key(store, role, add_party(store, party)))

    def post(self, body, path="capture", content_type=JSON, **headers):
        return self.send("POST", f"/epcis/{path}", data=body, content_type=content_type, **headers)

    def get(self, path, **headers):
        return self.send("GET", path, **headers)

    def send(self, method, path, *, data=None, content_type=None, **headers):
        """Send a request; headers are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            path,
            method=method,
            data=data,
            content_type=content_type,
            headers={**self.headers, **named},
        )

    def keep(self, name, query, **more):
        """Keep a named query."""
        return self.post(json.dumps({"name": name, "query": query, **more}), "queries")


def bare(event):
    return json.dumps({"@context": CONTEXT, **event}, ensure_ascii=False).encode()


def found_by(answer):
    """The events of an answer to a query."""
    assert answer.status_code == 200, answer.text
    assert answer.json["type"] == "EPCISQueryDocument"
    return answer.json["epcisBody"]["queryResults"]["resultsBody"]["eventList"]


def ids_of(answer):
    return [event["eventID"] for event in found_by(answer)]
