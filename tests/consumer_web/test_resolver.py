"""The 29 checks of GS1's test suite for resolvers, each by its name there, on five addresses.

The suite asks from a browser through a server of its own, with HEAD and without naming a media
type. What it looks at in each answer is looked at here; it says itself who passes and who does
not, so nothing here says more than which of its checks are met.
"""

import http.client
import json
import re
import ssl
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

from foodtrace.trace.gs1.links import parse_link

from ..trace.receiver import make_certificates
from .conftest import CHILI_LOT, SAUCE, SAUCE_LOT
from .resolving import ALLOWED, BASE, PIECE, PLACE, Program, things, tls_front
from .test_app import serving

DATA = Path(__file__).parents[1] / "data/linkset"
GS1_SCHEMA, ANY_SCHEMA = (
    jsonschema_rs.validator_for(json.loads((DATA / name).read_text()))
    for name in ("gs1-linkset-schema.json", "linkset-schema.json")
)
VOCABULARY = "https://gs1.org/voc/"
LINKSET = "application/linkset+json"
ADDRESSES = {
    "product": SAUCE,
    "lot": SAUCE_LOT,
    "serial": PIECE,
    "place": PLACE,
    "two_languages": CHILI_LOT,
}
# Words of the GS1 Web Vocabulary for links, as far as any is used here.
RATIFIED = {
    *("defaultLink", "defaultLinkMulti", "pip", "traceability", "epcis", "certificationInfo"),
    *("recallStatus", "safetyInfo", "masterData", "ingredientsInfo", "recipeInfo"),
    *("openingHoursInfo", "locationInfo"),
}


@pytest.fixture
def program(stage, settings):
    things(stage)
    return Program(stage.store, replace(settings, link_hosts=frozenset({ALLOWED})))


@pytest.fixture(params=ADDRESSES.values(), ids=ADDRESSES)
def dl(request):
    return BASE + request.param


def located(answer):
    return answer.headers.get("Location")


def levels_of(linkset, dl):
    """Yield the contexts of an address and of its parts, the finest first, as the suite does."""
    anchors = {context["anchor"]: context for context in linkset["linkset"]}
    while urlsplit(dl).path.count("/") >= 2:
        if dl in anchors:
            yield anchors[dl]
        dl = dl.rsplit("/", 2)[0]


def links_of(linkset, dl):
    """Return the links that count for an address, by type: those of the finest level."""
    found = {}
    for context in levels_of(linkset, dl):
        for name, links in context.items():
            if name not in ("anchor", "itemDescription"):
                found.setdefault(name.removeprefix(VOCABULARY), links)
    return found


def test_isURL(dl):
    parts = urlsplit(dl)
    assert parts.scheme in ("http", "https")
    assert "." in parts.netloc


def test_plausibleDL(dl):
    key = r"/(?:01/(?:\d{12,14}|\d{8})|00/\d{18}|41[47]/\d{13})(?:/[^/]+/[^/]+)*/?$"
    assert re.search(key, urlsplit(dl).path)


def test_validDL(dl):
    assert parse_link(dl).stem == BASE


def test_isHttps(program, dl):
    """With an https base address every address that is given out has it, too."""
    assert urlsplit(dl).scheme == "https"
    answer = program.head(dl)
    assert located(answer).startswith("https://")
    assert "Strict-Transport-Security" in answer.headers
    links = [link for context in program.linkset(dl)["linkset"] for link in context.values()]
    assert {link["href"].split(":")[0] for found in links if isinstance(found, list)
            for link in found} == {"https"}  # fmt: skip


def test_tlsOK_httpVersion(stage, sqlite_url, tmp_path, monkeypatch):
    """The real server behind a front with TLS, as it stands behind a proxy."""
    things(stage)
    ca_file, chain = make_certificates(tmp_path, ("localhost",))
    monkeypatch.setenv("FOODTRACE_BASE_URL", "https://localhost")
    context = ssl.create_default_context(cafile=str(ca_file))
    with serving(sqlite_url, tmp_path) as (_, port), tls_front(port, chain) as front:
        for path in (*ADDRESSES.values(), "/.well-known/gs1resolver"):
            connection = http.client.HTTPSConnection("localhost", front.port, context=context)
            connection.request("HEAD", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            assert answer.version == 11
            assert answer.status in (200, 307)
            connection.close()


def test_methodsCheck(program, dl):
    allowed = program.head(dl).headers["Access-Control-Allow-Methods"].split(", ")
    assert allowed == ["GET", "HEAD", "OPTIONS"]
    path = dl.removeprefix(BASE)
    options = program.client.options(path)
    assert options.status_code == 200
    assert set(options.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert program.client.get(path).status_code == program.head(dl).status_code == 307
    assert program.client.post(path).status_code == 405


def test_corsCheck(program, dl):
    for answer in (
        program.head(dl),
        program.get(dl, Accept="text/html"),
        program.get(dl, Accept=LINKSET),
        program.get(dl + "/foo"),
        program.get(dl + "?linkType=gs1:nosuchlt"),
        program.client.options(dl.removeprefix(BASE)),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_reportWith400(program, dl):
    for accept in ("*/*", "text/html", LINKSET):
        answer = program.get(dl + "/foo", Accept=accept, Accept_Language="en")
        assert answer.status_code == 400
        assert "no complete GS1 key" in answer.get_data(as_text=True)


def test_noErrorWith200(program, dl):
    for wrong in ("/foo", "/21/x/10/y", "/10/%20", "?linkType=gs1:nosuchlt", "/22/\uff11"):
        assert program.head(dl + wrong).status_code in (400, 404)


def test_defaultLinkExists(program, dl):
    links = links_of(program.linkset(dl), dl)
    assert set(links["defaultLink"][0]) == {"href", "title"}


def test_singleDefaulLink(program, dl):
    for context in program.linkset(dl)["linkset"]:
        assert len(context[VOCABULARY + "defaultLink"]) == 1


def test_defaultTarget(program, dl):
    (link,) = links_of(program.linkset(dl), dl)["defaultLink"]
    answer = program.head(dl)
    assert (answer.status_code, located(answer)) == (307, link["href"])
    # A browser gets the target itself, a round trip earlier, and all of it.
    target = program.get(link["href"])
    assert target.status_code == 200
    assert program.get(dl, Accept="text/html").data == target.data
    assert b"<h1" in target.data


def test_singleMultiLink(program, dl):
    links = links_of(program.linkset(dl), dl)["defaultLinkMulti"]
    assert len(links) == 2
    for link, words in zip(links, ("食品", "Food"), strict=True):
        (language,) = link["hreflang"]
        answer = program.head(f"{dl}?mediaType={link['type']}&lang={language}")
        assert (answer.status_code, located(answer)) == (307, link["href"])
        assert located(program.head(dl, Accept_Language=language)) == link["href"]
        assert words in program.get(link["href"]).get_data(as_text=True)


def test_linkOnRedirect(program, dl):
    for address in (dl, dl + "?linkType=gs1:masterData"):
        answer = program.head(address)
        assert answer.status_code == 307
        links = answer.headers["Link"].split('",')
        assert any('rel="linkset' in link and f"<{dl}?linkType=linkset>" in link for link in links)
        assert program.get(dl + "?linkType=linkset").status_code == 200
        assert (
            f'<https://id.gs1.org{urlsplit(dl).path}>; rel="owl:sameAs"' in answer.headers["Link"]
        )


def test_legacyLinkHeaders(program, dl):
    for answer in (program.head(dl), program.get(dl, Accept="text/html")):
        assert 'rel="gs1:' not in answer.headers["Link"]


def test_ltLinksetNoRedirect(program, dl):
    for accept in ("*/*", "text/html"):
        answer = program.head(dl + "?linkType=linkset", Accept=accept)
        assert answer.status_code == 200
        assert "Location" not in answer.headers


def test_ltAllNoRedirect(program, dl):
    answer = program.get(dl + "?linkType=all")
    assert answer.status_code == 200
    assert answer.data == program.get(dl + "?linkType=linkset").data


def test_ltAcceptHeader(program, dl):
    answer = program.get(dl + "?linkType=all", Accept=LINKSET)
    assert answer.status_code == 200
    assert program.get(dl, Accept=LINKSET).data == answer.data
    assert "Accept" in answer.headers["Vary"].split(", ")


def test_declaredContentType(program, dl):
    assert program.get(dl, Accept=LINKSET).headers["Content-Type"] == LINKSET


def test_validLinkset(program, dl):
    for language in ("zh-CN", "en"):
        linkset = program.linkset(dl, Accept_Language=language)
        GS1_SCHEMA.validate(linkset)
        # Every level up the tree, from the address that was asked for, uncompressed.
        anchors = [context["anchor"] for context in linkset["linkset"]]
        assert anchors[0] == dl
        assert all(dl.startswith(anchor) for anchor in anchors)


def test_linksetJsonldCheck(program, dl):
    links = program.get(dl, Accept=LINKSET).headers["Link"].split(",")
    (context,) = [one for one in links if 'rel="http://www.w3.org/ns/json-ld#context"' in one]
    assert 'type="application/ld+json"' in context
    address = re.search("<(.*?)>", context)[1]
    assert "@context" in program.get(address).get_json(force=True)


def test_linkTypesDefined(program, dl):
    assert links_of(program.linkset(dl), dl).keys() <= RATIFIED


def test_loFor(program, dl):
    links = links_of(program.linkset(dl), dl)
    single = {name: found[0] for name, found in links.items() if len(found) == 1}
    assert len(single) >= 3
    for name, link in single.items():
        for prefix in ("gs1:", VOCABULARY, "https://ref.gs1.org/voc/"):
            answer = program.head(f"{dl}?linkType={prefix}{name}")
            assert (answer.status_code, located(answer)) == (307, link["href"]), name
        if link["href"].startswith(BASE):  # and it leads to something, for anyone
            target = program.get(link["href"], Accept="text/html")
            assert target.status_code == 200
            fragment = urlsplit(link["href"]).fragment
            assert not fragment or f'id="{fragment}"' in target.get_data(as_text=True)


@pytest.mark.parametrize(
    ("above", "unknown"),
    [
        (SAUCE, f"{SAUCE}/10/NOSUCHLOT"),
        (SAUCE, f"{SAUCE}/22/2A"),
        (SAUCE, f"{SAUCE}/22/2A/10/NOSUCHLOT"),
        (PLACE, f"{PLACE}/254/NOSUCH"),
    ],
)
def test_basicWalkUp(program, above, unknown):
    assert located(program.head(unknown)) == located(program.head(above))
    assert program.linkset(unknown) == program.linkset(above)
    wanted = "?linkType=gs1:masterData"
    assert located(program.head(unknown + wanted)) == located(program.head(above + wanted))


def test_specificLinkTypeNotFound(program, dl):
    for name in ("gs1:nosuchlt", "nosuch", "https://other.example/voc/pip", "gs1:", "%0d%0a"):
        assert program.head(f"{dl}?linkType={name}").status_code == 404


def test_qsPassedOn(program, dl):
    answer = program.head(dl + "?foo=bar&batch=%E8%BE%A3&foo=2")
    assert answer.status_code == 307
    assert located(answer).endswith("&foo=bar&batch=%E8%BE%A3&foo=2")
    answer = program.head(dl + "?linkType=gs1:masterData&foo=bar")
    assert located(answer) == f"{dl}?view=data&foo=bar"


def test_trailingSlash(program, dl):
    for query in ("", "?linkType=linkset", "?linkType=gs1:masterData"):
        with_slash, without = program.get(dl + "/" + query), program.get(dl + query)
        assert with_slash.status_code == without.status_code
        assert located(with_slash) == located(without)
        assert with_slash.data == without.data


def test_rdFile(program):
    answer = program.get("/.well-known/gs1resolver", Accept="application/json")
    described = answer.get_json()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert described["resolverRoot"] == BASE
    assert {"00", "01", "414", "417"} <= set(described["supportedPrimaryKeys"])
    # Each of them is taken: a malformed one is refused with a reason, not as an unknown page.
    for key in described["supportedPrimaryKeys"]:
        assert program.get(f"/{key}/%20").status_code == 400


@pytest.mark.parametrize(
    ("schema", "name", "valid"),
    [
        (GS1_SCHEMA, "valid-gs1-example.json", True),
        (GS1_SCHEMA, "invalid-gs1-example.json", False),
        (GS1_SCHEMA, "valid-basic-example.json", False),  # it has no itemDescription
        (ANY_SCHEMA, "valid-basic-example.json", True),
        (ANY_SCHEMA, "invalid-basic-example.json", False),
    ],
)
def test_the_validator_refuses_what_is_wrong(schema, name, valid):
    assert schema.is_valid(json.loads((DATA / name).read_text())) is valid
