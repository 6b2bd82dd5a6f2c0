"""The guarded page cache: always right, also when the world changes under it."""

import gzip
import threading
from datetime import date

import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client

from foodtrace.consumer_web.app import create_public_app
from foodtrace.consumer_web.page_cache import GUARDED, TODAY, PageCache

from .conftest import BOTH_DATABASES, CHILI, CHILI_LOT, SAUCE_LOT

PATH = "/01/06901234567892/10/A1"


class DatabaseAway(Exception):
    """What a database that is down raises here."""


class World:
    """A tiny site whose database, clock and chain a test may turn."""

    def __init__(self, capacity=2**20):
        self.version, self.fingerprint, self.text = "1", "f1", "first " * 200
        self.time = 1_790_000_000.0
        self.status, self.guarded, self.down = "200 OK", True, False
        self.made = []
        self.cache = PageCache(
            self.application,
            version=self.read_version,
            fingerprint=lambda path: self.fingerprint,
            away=(DatabaseAway,),
            capacity=capacity,
            clock=lambda: self.time,
        )
        self.client = Client(self.cache)

    def read_version(self):
        if self.down:
            raise DatabaseAway
        return self.version

    def application(self, environ, start_response):
        self.made.append(dict(environ))
        environ[GUARDED] = self.guarded
        start_response(
            self.status,
            [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache")],
        )
        return [f"{self.text} {environ['PATH_INFO']} {environ.get(TODAY)}".encode()]

    def get(self, path=PATH, **headers):
        return self.client.get(path, headers=headers)


@pytest.fixture
def world():
    return World()


def test_a_second_reader_gets_the_kept_page(world):
    first, second = world.get(), world.get()
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert len(world.made) == 1


def test_a_change_elsewhere_costs_a_fingerprint_and_no_new_page(world):
    world.get()
    world.version = "2"
    world.get()
    world.get()
    assert len(world.made) == 1


def test_a_change_of_the_chain_makes_a_new_page_at_once(world):
    old = world.get()
    world.version, world.fingerprint, world.text = "2", "f2", "second"
    new = world.get()
    assert b"second" in new.data
    assert new.headers["ETag"] != old.headers["ETag"]


def test_what_the_fingerprint_does_not_cover_is_made_anew_after_any_change(world):
    world.guarded = False
    world.get()
    world.get()
    world.version, world.text = "2", "second"
    assert b"second" in world.get().data
    assert len(world.made) == 2


def test_a_code_without_a_fingerprint_is_made_anew_after_any_change(world):
    world.fingerprint = None
    world.get()
    world.version, world.text = "2", "second"
    assert b"second" in world.get().data


def test_a_page_does_not_outlive_the_day_in_china(world):
    assert b"2026-09-21" in world.get().data
    world.time = 1_790_006_399.0  # 23:59:59 in China
    assert b"2026-09-21" in world.get().data
    world.time += 1
    assert b"2026-09-22" in world.get().data
    assert world.made[-1][TODAY] == date(2026, 9, 22)


def test_each_language_has_its_page(world):
    world.get(**{"Accept-Language": "en"})
    world.get(**{"Accept-Language": "zh-CN"})
    world.get(**{"Accept-Language": "en-GB, en;q=0.9"})
    assert len(world.made) == 2


def test_a_language_in_the_address_wins_and_shares_the_page(world):
    world.get(PATH + "?lang=en", **{"Accept-Language": "zh"})
    world.get(**{"Accept-Language": "en"})
    assert len(world.made) == 1


@pytest.mark.parametrize("query", ["?all=1", "?lang=en&x=1", "?lang=fr", "?x"])
def test_other_queries_are_never_kept(world, query):
    world.get(PATH + query)
    world.get(PATH + query)
    assert len(world.made) == 2


@pytest.mark.parametrize(
    "status", ["404 NOT FOUND", "400 BAD REQUEST", "500 INTERNAL SERVER ERROR"]
)
def test_only_pages_that_are_found_are_kept(world, status):
    world.status = status
    assert world.get().status == status
    assert "ETag" not in world.get().headers
    assert len(world.made) == 2


def test_a_page_that_is_gone_is_forgotten(world):
    world.get()
    world.version, world.fingerprint, world.status = "2", "f2", "404 NOT FOUND"
    assert world.get().status_code == 404
    assert world.cache.size == 0


def test_the_reader_who_has_the_page_gets_304(world):
    etag = world.get().headers["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = world.get(**{"If-None-Match": known})
        assert answer.status_code == 304
        assert answer.data == b""
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Accept-Language" in answer.headers["Vary"]
        assert "Content-Length" not in answer.headers
    assert world.get(**{"If-None-Match": '"other"'}).status_code == 200


def test_304_is_refused_as_soon_as_the_chain_has_changed(world):
    etag = world.get().headers["ETag"]
    world.version, world.fingerprint, world.text = "2", "f2", "recalled"
    answer = world.get(**{"If-None-Match": etag})
    assert answer.status_code == 200
    assert b"recalled" in answer.data


def test_pages_are_sent_gzipped_to_those_who_take_it(world):
    plain = world.get(**{"Accept-Encoding": "gzip;q=0, br"})
    zipped = world.get(**{"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    assert int(zipped.headers["Content-Length"]) == len(zipped.data)
    etag = plain.headers["ETag"]
    both = {"Accept-Encoding": "gzip", "If-None-Match": etag}
    assert world.get(**both).status_code == 304


def test_head_answers_what_get_would_without_the_page(world):
    for _ in range(2):
        answer = world.client.head(PATH)
        assert answer.status_code == 200
        assert answer.data == b""
        assert int(answer.headers["Content-Length"]) == len(world.get().data)
    assert len(world.made) == 1


def test_the_application_always_makes_the_whole_page(world):
    world.get(**{"If-None-Match": '"x"', "Range": "bytes=0-3", "Accept-Encoding": "gzip"})
    assert not {"HTTP_IF_NONE_MATCH", "HTTP_RANGE", "HTTP_ACCEPT_ENCODING"} & world.made[0].keys()
    assert world.made[0]["REQUEST_METHOD"] == "GET"


def test_other_paths_and_methods_pass_by(world):
    world.client.get("/healthz")
    world.client.post(PATH)
    assert TODAY not in world.made[0]
    assert world.made[1]["REQUEST_METHOD"] == "POST"
    assert world.cache.size == 0


def test_nothing_kept_is_served_while_the_database_is_away(world):
    world.get()
    world.down, world.status, world.text = True, "503 SERVICE UNAVAILABLE", "away"
    answer = world.get()
    assert answer.status_code == 503
    assert b"away" in answer.data
    world.down = False
    assert world.get().status_code == 200


def test_an_error_of_the_program_is_not_taken_for_an_absent_database(world):
    world.cache._version = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        world.get()


def test_memory_stays_bounded_and_the_pages_in_use_stay():
    world = World(capacity=100_000)
    for number in range(300):
        world.get("/01/hot")
        world.get(f"/01/{number}")
        assert world.cache.size <= 100_000
    assert sum(made["PATH_INFO"] == "/01/hot" for made in world.made) == 1


def test_a_page_too_large_to_keep_is_still_sent():
    world = World(capacity=4_000)
    assert world.get().status_code == 200
    assert world.cache.size == 0


def test_many_readers_at_once_never_see_an_old_page(world):
    """A writer turns the chain; whoever asks after the turn must not see what was before."""
    stop, wrong = threading.Event(), []
    world.text = "v0 "

    def read():
        while not stop.is_set():
            known = int(world.version)
            shown = int(world.get().data.split()[0][1:])
            if shown < known:
                wrong.append((known, shown))

    world.fingerprint, world.version = "f0", "0"
    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for number in range(1, 300):
        world.text = f"v{number} "
        world.fingerprint = f"f{number}"
        world.version = str(number)  # last, as a commit shows all of it
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


@BOTH_DATABASES
def test_a_recall_shows_on_the_very_next_request_of_everybody(stage, settings):
    """Many readers, a writer beside them, and a recall of an ingredient in the middle."""
    stage.whole_chain()
    app = create_public_app(stage.store, settings)
    recalled = threading.Event()
    started = threading.Barrier(5)
    wrong = []

    def read():
        """Read until the recall, and then three times more."""
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT"] = "text/html"
        client.get(SAUCE_LOT)
        started.wait()
        later = 0
        while later < 3:
            is_recalled = recalled.is_set()
            shown = b'role="alert"' in client.get(SAUCE_LOT).data
            later += is_recalled
            if is_recalled and not shown:
                wrong.append(shown)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    started.wait()
    for number in range(6):
        stage.made(stage.alba, f"{CHILI}/10/X{number}", 1)
    stage.recall(CHILI_LOT)
    recalled.set()
    for number in range(6):
        stage.made(stage.alba, f"{CHILI}/10/Y{number}", 1)
    for reader in readers:
        reader.join()
    assert not wrong


@BOTH_DATABASES
def test_a_withdrawn_certificate_shows_on_the_very_next_request(stage, client):
    stage.whole_chain()
    certificate = stage.certify(SAUCE_LOT, number="HD-0002")
    before = client.get(SAUCE_LOT)
    assert client.get(SAUCE_LOT).headers["ETag"] == before.headers["ETag"]
    stage.withdraw(certificate)
    assert "已撤销" in client.get(SAUCE_LOT).get_data(as_text=True)


@BOTH_DATABASES
def test_a_lot_that_was_unknown_a_moment_ago_is_there(stage, client):
    assert client.get(SAUCE_LOT).status_code == 307
    stage.made(stage.bruno, SAUCE_LOT, 3)
    assert client.get(SAUCE_LOT).status_code == 200


def test_while_the_database_is_away_the_page_says_so(stage, client, monkeypatch):
    stage.whole_chain()
    assert client.get(SAUCE_LOT).status_code == 200
    kept = client.get(SAUCE_LOT).headers["ETag"]

    def away():
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(stage.store, "reading", away)
    stage.made(stage.alba, f"{CHILI}/10/X", 1)
    answer = client.get(SAUCE_LOT, headers={"If-None-Match": kept, "Accept-Language": "en"})
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.get_data(as_text=True)
    assert "gone" not in answer.get_data(as_text=True)
