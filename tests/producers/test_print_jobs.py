"""Print jobs: ordered once, drawn by one, released when read back, and kept for a while."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from foodtrace.producers.printing import jobs, services
from foodtrace.producers.printing.models import PrintJob
from foodtrace.producers.printing.services import Order
from foodtrace.trace.access.actor import Role
from foodtrace.trace.capture.jobs import get_capture
from foodtrace.trace.codes.services import activate, codes_of_run, end_codes, make_run
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unprocessable
from foodtrace.trace.masterdata.services import register_product

from ..web import settings_of
from .conftest import GTIN, make, on_sqlite
from .printed import codes_in, pdf_pages, pictures_in, zpl_pages

HERE = "https://trace.example"


@pytest.fixture
def settings(store, tmp_path):
    return settings_of(store, data=tmp_path, base_url=HERE)


@pytest.fixture
def ordered(store, settings, alba):
    """Order labels as Alba, or as another."""

    def ordered(order, member=alba, **more):
        with store.transaction() as session:
            return services.order_labels(session, member.actor, settings, order, **more)

    return ordered


@pytest.fixture
def run(store, alba, chili):
    """A roll of thirty codes for single chilies."""
    with store.transaction() as session:
        return make_run(session, alba.actor, product=f"/01/{GTIN}", count=30).id


def job_now(store, job):
    with store.reading() as session:
        return session.get(PrintJob, job.id)


def file_of(store, settings, alba, job):
    with store.reading() as session:
        return services.get_file(session, alba.actor, settings, job.id)


def test_it_works(store, settings, alba, lot, ordered):
    job = ordered(Order("60x40", "zpl", dpi=203, copies=12, lot=lot))
    assert (job.state, job.labels, job.drawn) == ("waiting", 12, 0)
    assert (job.created_by, job.party_id) == ("user:Alba Farm", alba.party_id)
    assert jobs.draw_next(store, settings)
    done = job_now(store, job)
    assert (done.state, done.drawn, done.finding) == ("released", 12, None)
    found = file_of(store, settings, alba, job)
    ((page, copies),) = zpl_pages(found.path.read_bytes())
    assert copies == 12
    assert codes_in(page) == [HERE + lot]
    assert not jobs.draw_next(store, settings)


def test_a_label_says_what_is_known_of_the_lot(store, lot, ordered):
    facts = ordered(Order("60x40", lot=lot)).task["facts"]
    assert facts["product_name"] == "辣椒"
    assert facts["maker"] == "Alba Farm"
    assert (facts["production_date"], facts["expiry_date"]) == ("2026-10-01", "2026-10-31")
    assert facts["lot_number"] == lot.rsplit("/", 1)[1]


def test_codes_of_a_run_are_printed_in_order(store, settings, alba, run, ordered):
    job = ordered(Order("a4-24", run=run, first=3, last=29))
    jobs.draw_next(store, settings)
    data = file_of(store, settings, alba, job).path.read_bytes()
    with store.reading() as session:
        expected = codes_of_run(session, alba.actor, run, first=3, last=29)
    pages = [codes_in(page) for page in pdf_pages(data, 300)]
    assert [len(page) for page in pages] == [24, 3]
    assert [url for page in pages for url in page] == [HERE + code for code in expected]
    assert job_now(store, job).drawn == 27


def test_pictures_of_a_run_come_in_an_archive(store, settings, alba, run, ordered):
    job = ordered(Order("60x40", "png", dpi=203, run=run, last=2))
    jobs.draw_next(store, settings)
    found = file_of(store, settings, alba, job)
    assert (found.name, found.media_type) == (f"labels-{job.id}.zip", "application/zip")
    assert len(pictures_in(found.path.read_bytes())) == 2


def test_codes_that_are_of_a_lot_say_its_dates(store, alba, lot, run, ordered):
    assert ordered(Order("60x40", run=run, last=5)).task["facts"]["lot_number"] is None
    with store.transaction() as session:
        codes = codes_of_run(session, alba.actor, run, first=1, last=10)
        activate(session, alba.actor, run_id=run, first=codes[0], last=codes[-1], lot=lot)
    activated = ordered(Order("60x40", run=run, first=6, last=10)).task["facts"]
    assert activated["lot_number"] == lot.rsplit("/", 1)[1]
    mixed = ordered(Order("60x40", run=run, first=1, last=30), reason="again").task["facts"]
    assert mixed["lot_number"] is None


def test_a_code_that_is_out_of_use_is_not_printed(store, alba, run, ordered):
    with store.transaction() as session:
        (code,) = codes_of_run(session, alba.actor, run, first=7, last=7)
        end_codes(session, alba.actor, run_id=run, first=code, last=code, state="void")
    with pytest.raises(Conflict, match="Code 7 of the run is out of use"):
        ordered(Order("60x40", run=run, first=5, last=9))
    assert ordered(Order("60x40", run=run, first=8, last=9)).labels == 2


# What may be ordered


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"layout": "a3-1"}, "layout"),
        ({"layout": "15x15"}, "layout"),
        ({"format": "docx"}, "format"),
        ({"layout": "a4-24", "format": "zpl"}, "format"),
        ({"dpi": 150}, "dpi"),
        ({"copies": 0}, "copies"),
        ({"copies": -1}, "copies"),
        ({"copies": 20_001}, "copies"),
        ({"lot": None}, "lot"),
    ],
)
def test_an_order_that_cannot_be_is_refused(lot, ordered, changes, place):
    with pytest.raises(Invalid) as refusal:
        ordered(Order(**{"layout": "60x40", "lot": lot} | changes))
    assert refusal.value.problems[0].place == place


@on_sqlite
@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (1, 31), (31, 31), (-3, 2)])
def test_positions_that_a_run_has_not_are_refused(run, ordered, first, last):
    with pytest.raises(Invalid, match="codes 1 to 30"):
        ordered(Order("60x40", run=run, first=first, last=last))


@on_sqlite
def test_a_code_of_a_single_thing_is_printed_once(run, ordered):
    with pytest.raises(Invalid, match="printed once"):
        ordered(Order("60x40", run=run, copies=2))


@on_sqlite
def test_what_is_another_s_is_not_found(bruno, lot, run, ordered):
    for order in (Order("60x40", lot=lot), Order("60x40", run=run), Order("60x40", run=99)):
        with pytest.raises(NotFound):
            ordered(order, bruno)


@on_sqlite
def test_another_s_job_is_not_found(store, settings, bruno, lot, ordered):
    job = ordered(Order("60x40", lot=lot))
    with store.reading() as session:
        for ask in (
            lambda: services.get_job(session, bruno.actor, job.id),
            lambda: services.get_file(session, bruno.actor, settings, job.id),
            lambda: services.list_jobs(session, bruno.actor, after=job.id),
        ):
            with pytest.raises(NotFound):
                ask()
        assert services.list_jobs(session, bruno.actor).jobs == ()


@pytest.mark.parametrize("job_id", ["\0", "../users", "9" * 5000])
def test_an_id_that_no_job_can_have_is_not_found(store, alba, job_id):
    with store.reading() as session:
        with pytest.raises(NotFound):
            services.get_job(session, alba.actor, job_id)
        with pytest.raises(NotFound):
            services.list_jobs(session, alba.actor, after=job_id)
        with pytest.raises(NotFound):
            get_capture(session, alba.actor, job_id)


@on_sqlite
def test_who_moves_no_goods_prints_no_labels(lot, alba, ordered):
    inspector = replace(alba, actor=replace(alba.actor, roles=frozenset({Role.INSPECTOR})))
    with pytest.raises(Forbidden):
        ordered(Order("60x40", lot=lot), inspector)


# Once, and again


def test_what_was_ordered_before_needs_a_reason(store, lot, ordered):
    ordered(Order("60x40", lot=lot))
    with pytest.raises(Invalid) as refusal:
        ordered(Order("100x70", lot=lot))
    assert refusal.value.problems[0].place == "reason"
    again = ordered(Order("100x70", lot=lot), reason="打印机卡纸")
    assert job_now(store, again).reason == "打印机卡纸"


@on_sqlite
def test_codes_next_to_those_that_were_ordered_need_no_reason(run, ordered):
    ordered(Order("60x40", run=run, first=1, last=10))
    ordered(Order("60x40", run=run, first=11, last=20))
    with pytest.raises(Invalid, match="ordered before"):
        ordered(Order("60x40", run=run, first=20, last=30))


@on_sqlite
def test_a_reason_that_nobody_can_see_is_refused(lot, ordered):
    for reason in ("x" * 201, "a\u202eb", "a\x00b"):
        with pytest.raises(Invalid) as refusal:
            ordered(Order("60x40", lot=lot), reason=reason)
        assert refusal.value.problems[0].place == "reason"


def test_an_order_that_is_sent_twice_is_one_job(store, alba, lot, ordered):
    first = ordered(Order("60x40", lot=lot), key="a")
    assert ordered(Order("60x40", lot=lot), key="a").id == first.id
    with pytest.raises(Unprocessable):
        ordered(Order("60x40", lot=lot, copies=2), key="a")
    with store.reading() as session:
        assert len(services.list_jobs(session, alba.actor).jobs) == 1


@on_sqlite
def test_jobs_are_listed_newest_first_page_by_page(store, alba, lot, ordered, monkeypatch):
    monkeypatch.setattr(services, "PAGE", 2)
    made = [ordered(Order("60x40", lot=lot), reason="again").id for _ in range(5)]
    found, after = [], None
    with store.reading() as session:
        while True:
            page = services.list_jobs(session, alba.actor, after=after)
            found += [job.id for job in page.jobs]
            after = page.next
            if after is None:
                break
    assert found == made[::-1]


# Drawn, cut off, refused


def test_two_workers_draw_each_job_once(store, settings, lot, ordered):
    made = [ordered(Order("60x40", "zpl", lot=lot), reason="again") for _ in range(6)]
    claimed, failures = [], []

    def work():
        try:
            while (claim := jobs.claim_next(store, datetime.now(UTC))) is not None:
                claimed.append(claim.job.id)
                jobs.draw(store, settings, claim)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while jobs.draw_next(store, settings):  # a look may meet the other's lock
        pass
    assert failures == []
    assert len(claimed) == len(set(claimed))
    assert [job_now(store, job).state for job in made] == ["released"] * 6
    assert [job_now(store, job).attempts for job in made] == [1] * 6


def test_what_was_cut_off_is_drawn_again_when_nothing_is_heard_of_it(store, settings, lot, ordered):
    job = ordered(Order("60x40", "zpl", lot=lot))
    now = datetime.now(UTC)
    lost = jobs.claim_next(store, now)
    assert jobs.claim_next(store, now + jobs.LEASE) is None
    again = jobs.claim_next(store, now + jobs.LEASE + timedelta(seconds=1))
    assert (again.job.id, again.attempt) == (job.id, 2)
    # The first was only slow: it notices, and leaves the job to the other.
    jobs.draw(store, settings, lost)
    assert job_now(store, job).state == "drawing"
    jobs.draw(store, settings, again)
    assert job_now(store, job).state == "released"
    assert [path.suffix for path in (settings.data / "prints").iterdir()] == [".zpl"]


@on_sqlite
def test_a_job_that_ends_its_process_each_time_is_given_up(store, settings, lot, ordered):
    job = ordered(Order("60x40", lot=lot))
    now = datetime.now(UTC)
    for attempt in range(jobs.MOST_ATTEMPTS):
        jobs.claim_next(store, now + attempt * timedelta(hours=1))
    last = jobs.claim_next(store, now + timedelta(hours=9))
    jobs.draw(store, settings, last)
    assert job_now(store, job).state == "refused"
    assert "a fault on our side" in job_now(store, job).finding["rule"]


@on_sqlite
def test_a_fault_of_ours_is_tried_again_and_then_said(store, settings, lot, ordered, monkeypatch):
    job = ordered(Order("60x40", lot=lot))
    monkeypatch.setattr(jobs, "check_label", lambda *_: 1 / 0)
    now = datetime.now(UTC)
    for attempt in range(jobs.MOST_ATTEMPTS):
        assert job_now(store, job).state in ("waiting", "drawing")
        jobs.draw(store, settings, jobs.claim_next(store, now + attempt * timedelta(hours=1)))
    assert job_now(store, job).state == "refused"
    assert list((settings.data / "prints").iterdir()) == []


@on_sqlite
def test_a_job_with_one_bad_label_is_refused_as_a_whole(store, settings, alba, run, ordered,
                                                         monkeypatch):  # fmt: skip
    seen = []

    def check(bitmap, says, modules, dpi):
        seen.append(says)
        return Problem("", "0 codes are read, not one") if len(seen) == 4 else None

    monkeypatch.setattr(jobs, "check_label", check)
    job = ordered(Order("60x40", "zpl", run=run))
    jobs.draw_next(store, settings)
    refused = job_now(store, job)
    assert refused.state == "refused"
    assert refused.finding["rule"] == "0 codes are read, not one"
    assert refused.finding["label"] == 4
    assert list((settings.data / "prints").iterdir()) == []
    with pytest.raises(Conflict):
        file_of(store, settings, alba, job)
    # Nothing was printed: ordering it anew needs no reason.
    assert ordered(Order("60x40", "zpl", run=run)).reason is None


@on_sqlite
def test_letters_that_the_font_lacks_are_named(store, settings, alba, ordered):
    with store.transaction() as session:
        product = register_product(session, alba.actor, party_id=alba.party_id, name="𠮷村辣椒").id
        identifier = make(session, alba, product).identifier
    job = ordered(Order("60x40", lot=identifier))
    jobs.draw_next(store, settings)
    done = job_now(store, job)
    assert done.state == "released"
    assert done.finding["values"] == {"letters": "𠮷"}


@on_sqlite
def test_progress_is_told_while_labels_are_drawn(store, settings, run, ordered, monkeypatch):
    told = []
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.0)
    report = jobs._report
    monkeypatch.setattr(
        jobs,
        "_report",
        lambda store, claim, drawn: (told.append(drawn), report(store, claim, drawn)),
    )
    ordered(Order("60x40", "zpl", run=run))
    jobs.draw_next(store, settings)
    assert told == [*range(30), 30]


@on_sqlite
def test_the_thread_of_the_worker_draws_all_that_waits(store, settings, lot, ordered):
    made = [ordered(Order("60x40", "zpl", lot=lot), reason="again") for _ in range(3)]
    assert jobs.print_labels(store, settings)
    for thread in threading.enumerate():
        if thread.name == "foodtrace-labels":
            thread.join()
    assert [job_now(store, job).state for job in made] == ["released"] * 3
    assert not jobs.print_labels(store, settings)
    assert not jobs._drawing.locked()


def test_files_are_removed_after_thirty_days(store, settings, alba, lot, ordered):
    job = ordered(Order("60x40", lot=lot))
    jobs.draw_next(store, settings)
    path = file_of(store, settings, alba, job).path
    now = datetime.now(UTC)
    assert not jobs.tidy_prints_at(store, settings, now + timedelta(days=29))
    assert path.is_file()
    assert jobs.tidy_prints_at(store, settings, now + timedelta(days=31))
    assert not path.exists()
    assert job_now(store, job).state == "past"
    with pytest.raises(Conflict, match="removed after 30 days"):
        file_of(store, settings, alba, job)


@on_sqlite
def test_files_are_for_the_service_only(store, settings, alba, lot, ordered):
    job = ordered(Order("60x40", lot=lot))
    jobs.draw_next(store, settings)
    path = file_of(store, settings, alba, job).path
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@on_sqlite
def test_a_preview_is_the_first_label_and_says_what_was_printed(
    store, settings, alba, run, ordered
):
    order = Order("60x40", "zpl", dpi=203, run=run, first=4, last=9)
    with store.reading() as session:
        shown = services.preview(session, alba.actor, settings, order)
        (fourth,) = codes_of_run(session, alba.actor, run, first=4, last=4)
    assert codes_in(shown.label.bitmap()) == [HERE + fourth]
    assert (shown.labels, shown.before) == (6, None)
    job = ordered(order)
    with store.reading() as session:
        assert services.preview(session, alba.actor, settings, order).before.id == job.id


@on_sqlite
def test_a_job_of_twenty_thousand_is_taken_and_one_more_is_not(lot, ordered):
    assert ordered(Order("a4-65", lot=lot, copies=20_000)).labels == 20_000
    with pytest.raises(Invalid, match="1 to 20000"):
        ordered(Order("a4-65", lot=lot, copies=20_001), reason="more")
