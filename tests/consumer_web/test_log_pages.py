"""The log over HTTP: what everybody may fetch of it, and nothing beyond what was published."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.errors import Problem, Unavailable
from foodtrace.trace.log import merkle, services, tiles
from foodtrace.trace.log.checkpoints import cosign, cosignatures, open_checkpoint
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import parse_leaf
from foodtrace.trace.log.models import LogCosignature
from foodtrace.trace.log.notes import Verifier, format_line, parse_note
from foodtrace.trace.log.openings import load_opening

from ..trace.acts import ALBA, capture, make, see
from ..trace.logs import REGULATOR, RETAILER, write_files
from ..web import public_app, settings_of

NOON = 1_795_000_000_000  # 2026-11-18
POLICY = (
    f"witness regulator {REGULATOR.vkey}\nwitness retailer {RETAILER.vkey}\n"
    "group both all regulator retailer\nquorum both\n"
)


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(store, tmp_path):
    policy = tmp_path / "policy"
    policy.write_text(POLICY)
    return replace(
        settings_of(store), data=tmp_path, base_url="https://trace.example", log_policy=policy
    )


@pytest.fixture
def keeper(store, settings, clock):
    attach(store, settings, clock=clock)
    keeper = LogKeeper(store, settings, clock=clock)

    def keep():
        while keeper.keep(store, settings):
            pass

    yield keep
    keeper.close()


@pytest.fixture
def client(store, settings):
    app = public_app(store, data=settings.data, log_policy=settings.log_policy)
    return app.test_client()


def record(store, count, first=1):
    capture(store, *(make(n % 24, {f"A#{n}": 1}) for n in range(first, first + count)))


def state_public(store, kind, body):
    """Record a statement of a kind that everybody may read."""
    with store.transaction() as session:
        record_statement(session, SYSTEM, kind, body)


def vkey(client):
    return json.loads(client.get("/log/logs.json").data)[0]["vkey"]


def head(client):
    note = client.get("/log/2026/checkpoint").data
    return open_checkpoint(note, Verifier.from_vkey(vkey(client)))


def cosigned(store, client, signer, time, is_first=True):
    """Write down that a witness has cosigned the newest head."""
    checkpoint = head(client)
    line = format_line(cosign(checkpoint, signer, time)).removesuffix("\n")
    with store.transaction() as session:
        session.add(
            LogCosignature(
                year=2026,
                size=checkpoint.size,
                witness=signer.name,
                is_first=is_first,
                time=time,
                line=line,
            )
        )


def test_it_works(store, keeper, client):
    capture(store, make(1, {"A#1": 10}), see(2, ["A#1"]))
    keeper()
    (log,) = json.loads(client.get("/log/logs.json").data)
    assert log["origin"] == "trace.example/log/2026"
    assert (log["year"], log["closed"], log["size"]) == (2026, False, 2)
    assert head(client).size == 2
    bundle = client.get("/log/2026/tile/entries/000.p/2").data
    leaves = [merkle.leaf_hash(entry) for entry in tiles.unpack_bundle(bundle)]
    assert merkle.tree_root(leaves) == head(client).root
    assert client.get("/log/2026/tile/0/000.p/2").data == b"".join(leaves)


def test_every_entry_and_tile_of_a_log_is_what_the_go_library_accepts(
    store, keeper, client, go_verifier, tmp_path
):
    record(store, 260)
    keeper()
    size = head(client).size
    cosigned(store, client, REGULATOR, NOON // 1000)
    paths = [tile.path for tile in (*tiles.tiles_of(size), *tiles.bundles_of(size))]
    files = {path: client.get(f"/log/2026/{path}").data for path in ("checkpoint", *paths)}
    write_files(tmp_path / "copy", files)
    found = go_verifier.verify(tmp_path / "copy", key=vkey(client), cosigners=[REGULATOR.vkey])
    assert found["size"] == size
    assert found["cosigned"] == [{"name": REGULATOR.name, "time": NOON // 1000}]


def test_every_partial_tile_of_a_published_size_is_there_and_is_the_beginning(
    store, keeper, client
):
    record(store, 9)
    keeper()
    whole = client.get("/log/2026/tile/0/000.p/9").data
    for width in range(1, 10):
        assert client.get(f"/log/2026/tile/0/000.p/{width}").data == whole[: 32 * width]


@pytest.mark.parametrize("path", ["tile/0/000.p/4", "tile/entries/000.p/4", "tile/0/000"])
def test_what_is_not_published_is_not_shown(store, keeper, client, path):
    record(store, 3)
    keeper()
    record(store, 1, first=4)
    if store.dialect == "sqlite":  # its leaf is there, but no head of it is signed
        assert client.get("/log/2026/tile/0/000.p/3").status_code == 200
    assert client.get(f"/log/2026/{path}").status_code == 404
    keeper()
    assert client.get("/log/2026/tile/0/000.p/4").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "02026/checkpoint",
        "2025/checkpoint",
        "99999999999999999999/checkpoint",
        "٢٠٢٦/checkpoint",
        "2026/tile/00/000",
        "2026/tile/0/0",
        "2026/tile/0/000.p/0",
        "2026/tile/0/000.p/256",
        "2026/tile/0/000.p/01",
        "2026/tile/64/000",
        "2026/tile/63/000.p/1",
        "2026/tile/0/x000/000",
        "2026/tile/0/x999/x999/x999/x999/x999/999.p/1",
        "2026/tile/entries/x001/000",
        "2026/tile/0/000/",
        "2026//tile/0/000.p/1",
        "2026/tile/-1/000",
        "2026/history/2026-13-01",
        "2026/history/20261118",
        "2026/history/9999-12-31",
        "2026/history/0001-01-01",
        "2026/history/2025-01-01",
        "2027/keys",
    ],
)
def test_what_is_no_file_of_a_log_is_not_found(store, keeper, client, path):
    record(store, 1)
    keeper()
    assert client.get(f"/log/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("checkpoint", "No head of a log of this year is published here."),
        ("keys", "No head of a log of this year is published here."),
        ("history/2026-11-18", "No head of this log was published on this day (UTC)."),
        ("tile/0/000", "No published head covers this tile"),
        ("stamps/days.json", "No days of this log are stamped here.\n"),
    ],
)
def test_programs_read_in_one_sentence_why_there_is_no_such_file(client, path, why):
    answer = client.get(f"/log/2026/{path}", headers={"Accept": "*/*"})
    assert answer.status_code == 404
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.text.startswith(why)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}
    page = client.get(f"/log/2026/{path}", headers=browser)
    assert page.mimetype == "text/html"
    assert why.strip() in page.text


def test_a_log_without_heads_is_listed_and_has_no_files(store, keeper, client):
    (log,) = json.loads(client.get("/log/logs.json").data)
    assert log["size"] == 0
    assert client.get("/log/2026/checkpoint").status_code == 404
    assert client.get("/log/2026/keys").status_code == 404
    assert client.get("/log/").status_code == 200


def test_tiles_are_kept_for_good_and_heads_for_seconds(store, keeper, client):
    record(store, 1)
    keeper()
    tile = client.get("/log/2026/tile/0/000.p/1")
    assert tile.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert tile.content_type == "application/octet-stream"
    note = client.get("/log/2026/checkpoint")
    assert note.headers["Cache-Control"] == "public, max-age=2"
    assert note.content_type == "text/plain; charset=utf-8"
    known = {"If-None-Match": note.headers["ETag"]}
    assert client.get("/log/2026/checkpoint", headers=known).status_code == 304
    record(store, 1, first=2)
    keeper()
    assert client.get("/log/2026/checkpoint", headers=known).status_code == 200
    for answer in (tile, note):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_entries_are_gzipped_for_those_who_take_it(store, keeper, client):
    record(store, 40)
    keeper()
    path = "/log/2026/tile/entries/000.p/40"
    plain = client.get(path)
    zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    hashes = client.get("/log/2026/tile/0/000.p/40", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in hashes.headers


def test_a_head_shows_the_latest_word_of_each_witness(store, keeper, client):
    record(store, 2)
    keeper()
    cosigned(store, client, REGULATOR, 1_795_000_000)
    cosigned(store, client, REGULATOR, 1_795_000_060, is_first=False)
    cosigned(store, client, RETAILER, 1_795_000_030)
    note = parse_note(client.get("/log/2026/checkpoint").data)
    said = cosignatures(note, [REGULATOR.verifier, RETAILER.verifier])
    assert [(each.verifier.name, each.time) for each in said] == [
        (REGULATOR.name, 1_795_000_060),
        (RETAILER.name, 1_795_000_030),
    ]
    assert len(note.lines) == 3


def test_the_newest_head_with_a_quorum_stays_while_the_log_grows(store, keeper, client):
    record(store, 2)
    keeper()
    cosigned(store, client, REGULATOR, 1_795_000_000)
    assert client.get("/log/2026/witnessed").status_code == 404
    cosigned(store, client, RETAILER, 1_795_000_001)
    record(store, 3, first=3)
    keeper()
    cosigned(store, client, REGULATOR, 1_795_000_002)
    assert head(client).size == 5
    witnessed = client.get("/log/2026/witnessed").data
    assert open_checkpoint(witnessed, Verifier.from_vkey(vkey(client))).size == 2
    assert len(parse_note(witnessed).lines) == 3


def test_without_a_policy_there_is_none_and_no_quorum(store, keeper, settings):
    record(store, 1)
    keeper()
    client = public_app(store, data=settings.data).test_client()
    for path in ("/log/policy", "/log/2026/witnessed"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "asks no witness" in answer.text
    assert "asks no witness" in client.get("/log/?lang=en").text


def test_the_policy_is_shown_as_the_operator_wrote_it(keeper, client):
    answer = client.get("/log/policy")
    assert answer.data == POLICY.encode()
    assert answer.content_type == "text/plain; charset=utf-8"


def test_public_statements_are_opened_and_fit_their_leaves(store, keeper, client):
    capture(store, make(1, {"A#1": 10}))
    state_public(store, "log", {"previous": "nothing"})
    capture(store, see(2, ["A#1"]))
    keeper()
    answer = client.get("/log/2026/keys")
    assert answer.content_type == "application/jsonl; charset=utf-8"
    (line,) = map(json.loads, answer.data.splitlines())
    assert (line["year"], line["index"]) == (2026, 1)
    leaf, opening = load_opening(line)
    bundle = client.get("/log/2026/tile/entries/000.p/3").data
    assert parse_leaf(tiles.unpack_bundle(bundle)[1]) == leaf
    shown = dict(opening.fields)
    assert (shown["kind"], shown["/previous"]) == ("log", '"nothing"')
    assert "n" not in shown


def test_a_list_that_cannot_be_read_to_its_end_is_not_given_as_if_it_were_whole(
    store, keeper, client, monkeypatch
):
    with store.transaction() as session:
        for number in range(250):
            record_statement(session, SYSTEM, "log", {"previous": str(number)})
    keeper()
    opened, calls = services.opened, []

    def busy(connection, ids):
        calls.append(ids)
        if len(calls) > 1:
            raise Unavailable(Problem("", "The database is busy"))
        return opened(connection, ids)

    monkeypatch.setattr(services, "opened", busy)
    assert client.get("/log/2026/keys").status_code == 503
    monkeypatch.undo()
    assert client.get("/log/2026/keys").data.count(b"\n") == 250


def test_an_erasure_does_not_tell_everybody_whose_and_how_much_it_was(store, keeper, client):
    with store.transaction() as session:
        values = [{"place": "/epcisBody/eventList/699/foodtrace:personal/foodtrace:driver"}]
        body = {"ground": "retention_ended", "count": 700, "values": values}
        record_statement(session, ALBA, "erasure", body)
    keeper()
    (line,) = map(json.loads, client.get("/log/2026/keys").data.splitlines())
    leaf, opening = load_opening(line)
    bundle = client.get("/log/2026/tile/entries/000.p/1").data
    assert parse_leaf(tiles.unpack_bundle(bundle)[0]) == leaf
    shown = dict(opening.fields)
    assert shown.keys() == {"kind", "received", "/ground"}
    assert shown["/ground"] == '"retention_ended"'


def test_public_statements_that_are_not_published_are_not_shown(store, keeper, client):
    capture(store, make(1, {"A#1": 10}))
    keeper()
    state_public(store, "log", {"previous": "nothing"})
    assert client.get("/log/2026/keys").data == b""
    keeper()
    assert client.get("/log/2026/keys").data.count(b"\n") == 1


def test_public_statements_come_in_order_however_many_there_are(store, keeper, client):
    with store.transaction() as session:
        for number in range(450):
            record_statement(session, SYSTEM, "log", {"previous": str(number)})
    keeper()
    lines = [json.loads(line) for line in client.get("/log/2026/keys").data.splitlines()]
    assert [line["index"] for line in lines] == list(range(450))
    assert [dict(load_opening(line)[1].fields)["/previous"] for line in lines] == [
        f'"{number}"' for number in range(450)
    ]


def test_the_history_of_a_day_has_cosigned_heads_and_the_last(store, keeper, client):
    today = datetime.now(UTC).date().isoformat()
    for number in (1, 2, 3, 4):
        record(store, 1, first=number)
        keeper()
        if number == 2:
            cosigned(store, client, RETAILER, 1_795_000_030)
            cosigned(store, client, REGULATOR, 1_795_000_000)
            cosigned(store, client, REGULATOR, 1_795_000_060, is_first=False)
    lines = client.get(f"/log/2026/history/{today}").data.splitlines()
    found = [json.loads(line) for line in lines]
    assert [each["size"] for each in found] == [2, 4]
    note = parse_note((found[0]["note"] + "\n".join(found[0]["cosignatures"]) + "\n").encode())
    said = cosignatures(note, [REGULATOR.verifier, RETAILER.verifier])
    assert [each.time for each in said] == [1_795_000_000, 1_795_000_060, 1_795_000_030]
    assert found[1]["cosignatures"] == []
    assert open_checkpoint(found[1]["note"].encode(), Verifier.from_vkey(vkey(client))).size == 4


def test_people_read_what_the_log_is_and_programs_get_the_list(store, keeper, client):
    record(store, 3)
    keeper()
    cosigned(store, client, REGULATOR, 1_795_000_000)
    page = client.get("/log/", headers={"Accept": "text/html"})
    assert "trace.example/log/2026" in page.text
    assert head(client).text.splitlines()[2] in page.text
    assert "公开日志" in client.get("/log/?lang=zh-CN").text
    program = client.get("/log/", headers={"Accept": "application/json"})
    assert program.data == client.get("/log/logs.json").data
    assert "Accept" in page.headers["Vary"]
    assert client.get("/log").headers["Location"].endswith("/log/")
    assert client.get("/log/2026/").headers["Location"] == "/log/"


def test_nothing_of_the_log_sets_a_cookie_or_asks_for_one(store, keeper, client):
    record(store, 1)
    keeper()
    for path in ("", "logs.json", "policy", "2026/checkpoint", "2026/tile/0/000.p/1", "2026/keys"):
        answer = client.get(f"/log/{path}")
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
