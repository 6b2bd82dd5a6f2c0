"""Files of test reports: what is taken, who gets them, and that no other is ever given out."""

import json
import re
import zlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from fpdf import FPDF
from PIL import Image
from sqlalchemy import delete, func, select, update

from foodtrace.inspections import report_files, reports, services
from foodtrace.inspections.models import Certificate, CertificateFile
from foodtrace.inspections.report_files import (
    JPEG,
    MOST_BYTES,
    PDF,
    NamedReport,
    name_of,
    read_report,
)
from foodtrace.trace.access.actor import ANONYMOUS
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.errors import (
    Damaged,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    ReadOnly,
    TooLarge,
    Unauthenticated,
)
from foodtrace.trace.log.keeping import attach
from foodtrace.trace.log.models import Leaf, TimeStamp
from foodtrace.trace.log.stamping import leaf_subject
from foodtrace.trace.store.models import Document, Statement
from tests.web import Browser, add_key, add_person, bearer, public_app, settings_of, staff_app

from .conftest import LOT, certificate
from .test_api import CERTIFICATE
from .test_pages import FORM


def pdf(text="Test report SDNT-2026-0117", **options):
    page = FPDF(**options)
    page.add_page()
    page.set_font("helvetica", size=12)
    page.cell(text=text)
    return bytes(page.output())


REPORT = pdf()


def picture(kind="JPEG", size=(60, 40), colour="white", **options):
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


def with_object(said):
    """Return a PDF with one more object."""
    return REPORT.replace(b"%PDF-1.3\n", b"%PDF-1.3\n9 0 obj\n<<" + said + b">>\nendobj\n", 1)


def with_packed(packed):
    """Return a PDF with an object stream that holds these bytes."""
    stream = b"9 0 obj\n<</Type /ObjStm /Filter /FlateDecode>>\nstream\n" + packed
    return REPORT.replace(b"%PDF-1.3\n", b"%PDF-1.3\n" + stream + b"\nendstream\nendobj\n", 1)


def keep(store, actor, data=REPORT):
    file = read_report(data)
    with store.transaction() as session:
        reports.keep_report(session, actor, file)
    return file


def issue(store, actor, data=REPORT, *, is_public=False, **changes):
    """Issue a certificate with a report; return its id and the file."""
    file = read_report(data)
    with store.transaction() as session:
        found = services.issue_certificate(
            session,
            actor,
            **certificate(**changes),
            report=NamedReport(file.sha256, is_public),
            file=file,
        )
    return found, file


def read(store, actor, certificate_id):
    with store.reading() as session:
        return reports.report_of(session, actor, certificate_id)


def kept(store):
    with store.reading() as session:
        return session.scalar(select(func.count()).select_from(CertificateFile))


def swap(store, body):
    """Do what somebody does who has the database: put another file in the place of this one."""
    with store.transaction() as session:
        session.execute(update(CertificateFile).values(body=body, size=len(body)))


# What a report may be


def test_a_pdf_is_kept_as_it_is():
    file = read_report(REPORT)
    assert (file.media_type, file.body) == (PDF, REPORT)


def test_a_picture_is_drawn_anew_and_says_nothing_but_its_pixels():
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif[0x0112] = 6  # to be turned by a quarter
    taken = picture(exif=exif, comment=b"<script>alert(1)</script>")
    assert b"A camera" in taken
    file = read_report(taken + b"<script>alert(2)</script>")
    assert file.media_type == JPEG
    assert b"A camera" not in file.body
    assert b"script" not in file.body
    with Image.open(BytesIO(file.body)) as drawn:
        assert (drawn.format, drawn.size, dict(drawn.getexif())) == ("JPEG", (40, 60), {})


def test_a_png_with_transparency_becomes_a_picture_on_white():
    out = BytesIO()
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(out, "PNG")
    with Image.open(BytesIO(read_report(out.getvalue()).body)) as drawn:
        assert drawn.getpixel((5, 5)) == (255, 255, 255)


def test_the_same_picture_gives_the_same_file():
    assert read_report(picture("PNG")) == read_report(picture("PNG"))


def test_a_large_photo_is_made_smaller():
    file = read_report(picture(size=(5000, 3000)))
    with Image.open(BytesIO(file.body)) as drawn:
        assert drawn.width * drawn.height <= 12_000_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"PK\x03\x04 a spreadsheet",
        b"MZ a program",
        picture("GIF"),
        picture("WEBP"),
        picture()[:200],
        b"GIF89a" + REPORT,
        b"<html>" + REPORT,
        REPORT[: len(REPORT) // 2],
    ],
    ids=[
        "nothing", "html", "svg", "zip", "program", "gif", "webp",
        "half-a-picture", "gif-and-pdf", "html-and-pdf", "half-a-pdf",
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(data):
    with pytest.raises(Invalid, match="no report"):
        read_report(data)


@pytest.mark.parametrize(
    "data",
    [
        with_object(b"/S /JavaScript /JS (app.alert(1))"),
        with_object(b"/S /J#61vaScript /JS (app.alert(1))"),
        with_object(b"/S /Launch /F (cmd.exe)"),
        with_object(b"/Type /EmbeddedFile"),
        with_packed(zlib.compress(b"1 0 <</S /JavaScript /JS (app.alert(1))>>")),
        with_packed(zlib.compress(b"1 0 <</S /L#61unch>>")).replace(b"/ObjStm", b"/Obj#53tm"),
    ],
    ids=["script", "written-otherwise", "launch", "file", "packed", "packed-otherwise"],
)
def test_a_pdf_that_holds_a_program_is_refused(data):
    with pytest.raises(Invalid, match="holds a program"):
        read_report(data)


def test_a_pdf_that_is_locked_is_refused():
    locked = FPDF()
    locked.set_encryption(owner_password="owner", user_password="")
    locked.add_page()
    with pytest.raises(Invalid, match="locked"):
        read_report(bytes(locked.output()))


def test_an_object_stream_that_is_fine_is_taken():
    data = with_packed(zlib.compress(b"1 0 <</Type /Page>>"))
    assert read_report(data).body == data


@pytest.mark.parametrize("decoy", [b"/X (", b"/X (>>", b"%>>", b"/X <", b"/X <<>>", b"/X /", b""])
def test_a_stream_that_only_seems_to_be_that_of_the_objects_hides_nothing(decoy):
    harmless = zlib.compress(b"1 0 <</Type /Page>>")
    hidden = zlib.compress(b"1 0 <</S /JavaScript /JS (app.alert(1))>>")
    seeming = b"/ObjStm " + decoy + b"stream\n" + harmless + b")>>\nstream\n" + hidden
    data = with_packed(hidden).replace(
        b"/ObjStm /Filter /FlateDecode>>\nstream\n" + hidden, seeming
    )
    assert seeming in data
    with pytest.raises(Invalid):
        read_report(data)


SCRIPT = b"1 0 <</S /JavaScript /JS (app.alert(1))>>"
TWICE = zlib.compress(zlib.compress(SCRIPT))
ONCE, AGAIN = b"/Filter /FlateDecode", b"/Filter [/FlateDecode /FlateDecode]"


def with_stream(dictionary, packed, line=b"\n"):
    """Return a PDF with a stream of objects that has this dictionary."""
    stream = b"9 0 obj\n<<" + dictionary + b">>\nstream" + line + packed
    return REPORT.replace(b"%PDF-1.3\n", b"%PDF-1.3\n" + stream + b"\nendstream\nendobj\n", 1)


@pytest.mark.parametrize(
    ("dictionary", "packed"),
    [
        (b"/Type /ObjStm " + AGAIN, TWICE),
        (b"/Type /ObjStm /Filter [/FlateDecode /AHx]", zlib.compress(SCRIPT.hex().encode())),
        (b"/Type /ObjStm /DecodeParms <</Predictor 12>> " + ONCE, zlib.compress(b"\2" + SCRIPT)),
        (b"/Type /ObjStm /Filter 8 0 R", TWICE),
        (b"/N 1 /First 4 " + ONCE, zlib.compress(SCRIPT)),
        (b"/N 1 /F#69rst 4 /Type 8 0 R " + ONCE, zlib.compress(SCRIPT)),
        (b"/First 4 /X (1 0 obj <</Z 1>>stream\n) " + AGAIN, TWICE),
        (b"/First 4 /X (endobj) " + AGAIN, TWICE),
        (b"/First 4 /X (\\) endobj) " + AGAIN, TWICE),
        (b"/First 4 /X %endobj\n" + AGAIN, TWICE),
        (b"/First 4 /endobj 1 " + AGAIN, TWICE),
        (b"/First 4 /obj <<" + ONCE + b">>" + AGAIN, TWICE),
        (b"/X (/First %) /First 4 " + AGAIN, TWICE),
    ],
)  # fmt: skip
def test_packed_objects_that_other_readers_see_are_seen(dictionary, packed):
    with pytest.raises(Invalid):
        read_report(with_stream(dictionary, packed))


@pytest.mark.parametrize("line", [b"\r", b"\r\n", b"  \n", b" x\n"])
def test_a_stream_begins_in_the_next_line_however_it_ends(line):
    with pytest.raises(Invalid, match="holds a program"):
        read_report(with_stream(b"/Type /ObjStm " + ONCE, zlib.compress(SCRIPT), line))


def test_other_objects_and_streams_are_nobodys_business():
    for said in (b"/Title (a (b) \\) endobj) /First 3 0 R", b"/First 3 0 R /Last 4 0 R"):
        assert read_report(with_object(said))
    assert read_report(with_stream(b"/ColorSpace [/Indexed /DeviceRGB 1 (abc)] /Length 3", b"abc"))
    fine = b"/Filter[/FlateDecode]/First 12/N 2/Type/ObjStm"
    assert read_report(with_stream(fine, zlib.compress(b"1 0 <</Type /Page>>"), b"\r\n"))


@pytest.mark.parametrize("said", [b"/EmbeddedFiles 5 0 R", b"/Subtype /FileAttachment /FS 5 0 R"])
def test_a_file_without_its_type_is_a_file(said):
    with pytest.raises(Invalid, match="another file"):
        read_report(with_object(said))


def test_streams_in_one_another_are_not_read_over_and_over(monkeypatch):
    read = []
    unpack = report_files._unpacked

    def counted(*arguments):
        read.append(len(arguments[0]) - arguments[1])
        return unpack(*arguments)

    monkeypatch.setattr(report_files, "_unpacked", counted)
    head = b"9 0 obj<</Type/ObjStm" + ONCE + b">>stream\n"
    # Each is stored whole, and goes on in the next: what that says is part of it.
    inner = head + b"\x78\x9c"
    stored = b"\0" + len(inner).to_bytes(2, "little") + (65535 - len(inner)).to_bytes(2, "little")
    data = REPORT.replace(b"%PDF-1.3\n", b"%PDF-1.3\n" + inner + (stored + inner) * 500, 1)
    data += b"\0\0\0\xff\xff" * 100_000 + b"%%EOF"
    with pytest.raises(Invalid):
        read_report(data)
    assert sum(read) <= 2 * len(data)


def test_objects_that_go_on_and_on_are_not_looked_through():
    for said in (b"/First ()%\n" * 500_000, b"/First " + b"(" * 5_000_000):
        with pytest.raises(Invalid):
            read_report(with_object(said))


def test_objects_that_unpack_without_end_are_refused():
    with pytest.raises(Invalid):
        read_report(with_packed(zlib.compress(bytes(70 * 1024 * 1024), 9)))


def test_many_object_streams_that_hold_nothing_end_soon():
    empty = b"9 0 obj <</Type /ObjStm /Filter /FlateDecode>> stream\n" + zlib.compress(b"")
    with pytest.raises(Invalid):
        read_report(REPORT.replace(b"%PDF-1.3\n", b"%PDF-1.3\n" + empty * 30_000, 1))


def test_a_report_over_the_limit_is_refused():
    with pytest.raises(TooLarge, match="10 MB"):
        read_report(REPORT + b" " * MOST_BYTES)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_drawn():
    huge = bytearray(picture("PNG"))
    huge[16:24] = (30_000).to_bytes(4) + (30_000).to_bytes(4)
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4)
    with pytest.raises(TooLarge, match="million pixels"):
        read_report(bytes(huge))


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("SDNT-2026-0117", "SDNT-2026-0117.pdf"),
        ("检(2026)第17号", "检-2026-第17号.pdf"),
        ("../../etc/passwd", "etc-passwd.pdf"),
        ('a"; filename="b.html', "a-filename-b.html.pdf"),
        ("...", "report.pdf"),
    ],
)
def test_a_report_is_named_after_its_certificate(number, name):
    assert name_of(number, PDF) == name


# Keeping them


def test_a_certificate_commits_to_its_report(store, cast):
    found, file = issue(store, cast.lab_a, is_public=True)
    with store.reading() as session:
        row = session.scalars(
            select(Document.body)
            .join(Statement, Statement.document_id == Document.id)
            .where(Statement.id == found)
        ).one()
        given = services.get_certificate(session, cast.lab_a, found).report
    assert json.loads(row)["file"] == {
        "sha256": file.sha256,
        "name": "SDNT-2026-0117.pdf",
        "size": len(REPORT),
        "type": "application/pdf",
        "is_public": True,
    }
    assert (given.sha256, given.name, given.is_public) == (file.sha256, "SDNT-2026-0117.pdf", True)
    served = read(store, cast.lab_a, found)
    assert (served.body, served.report) == (REPORT, given)


def test_a_certificate_without_a_report_says_nothing_of_one(store, cast):
    with store.transaction() as session:
        found = services.issue_certificate(session, cast.lab_a, **certificate())
    with store.reading() as session:
        assert services.get_certificate(session, cast.lab_a, found).report is None
    with pytest.raises(NotFound):
        read(store, cast.lab_a, found)


def test_the_same_file_twice_is_kept_once(store, cast):
    keep(store, cast.lab_a)
    keep(store, cast.lab_a)
    assert kept(store) == 1


def test_the_hash_of_anothers_report_gives_no_right_to_it(store, cast):
    file = keep(store, cast.lab_a)
    with (
        pytest.raises(Invalid, match="No report with this SHA-256"),
        store.transaction() as session,
    ):
        services.issue_certificate(
            session, cast.lab_b, **certificate(), report=NamedReport(file.sha256, True)
        )


def test_two_laboratories_may_have_the_same_file(store, cast):
    first, _ = issue(store, cast.lab_a)
    second, _ = issue(store, cast.lab_b)
    assert kept(store) == 2
    assert read(store, cast.lab_a, first).body == read(store, cast.lab_b, second).body == REPORT


def test_a_file_that_no_certificate_names_is_forgotten_after_a_day(store, cast):
    issue(store, cast.lab_a)
    keep(store, cast.lab_a, pdf("sent by mistake"))
    keep(store, cast.lab_b, pdf("of another"))
    with store.transaction() as session:
        row = session.scalars(select(CertificateFile)).first()
        session.execute(
            update(CertificateFile).values(received_at=row.received_at - 2 * reports.UNNAMED)
        )
    keep(store, cast.lab_a, pdf("the next one"))
    assert kept(store) == 3  # the named one, the next one, and that of the other laboratory


def test_a_party_sends_so_much_in_a_day_and_no_other_is_held_up(store, cast, monkeypatch):
    monkeypatch.setattr(reports, "MOST_OF_A_DAY", 2 * len(REPORT) + 100)
    keep(store, cast.lab_a)
    keep(store, cast.lab_a, with_object(b"/N 1"))  # forgotten in a day
    with pytest.raises(TooLarge, match="in a day"):
        keep(store, cast.lab_a, with_object(b"/N 2"))
    keep(store, cast.lab_b, with_object(b"/N 2"))
    with store.transaction() as session:
        session.execute(
            update(CertificateFile).values(received_at=datetime.now(UTC) - 2 * reports.DAY)
        )
    keep(store, cast.lab_a, with_object(b"/N 2"))


def test_nothing_is_kept_while_the_record_is_read_only(store, cast):
    store.standing.stop(Problem("", "something is wrong"))
    with pytest.raises(ReadOnly):
        keep(store, cast.lab_a)


def test_only_who_certifies_may_send_reports(store, cast):
    for other in (cast.alba, cast.administrator, cast.regulator):
        with pytest.raises(Forbidden):
            keep(store, other)
    with pytest.raises(Unauthenticated):
        keep(store, ANONYMOUS)


def test_a_rebuild_keeps_reports_and_what_is_said_of_them(store, cast):
    found, _ = issue(store, cast.lab_a, is_public=True)
    with store.reading() as session:
        before = services.get_certificate(session, cast.lab_a, found)
    with store.transaction() as session:
        rebuild(session)
    with store.reading() as session:
        assert services.get_certificate(session, cast.lab_a, found) == before
    assert read(store, cast.lab_a, found).body == REPORT


# Who gets them


def test_the_laboratory_the_producer_and_the_authorities_get_a_report(store, cast):
    found, _ = issue(store, cast.lab_a)
    for reader in (cast.lab_a, cast.alba, cast.inspector, cast.regulator):
        assert read(store, reader, found).body == REPORT


def test_others_do_not_learn_that_there_is_one(store, cast):
    found, file = issue(store, cast.lab_a)
    with pytest.raises(NotFound):
        read(store, cast.lab_b, found)
    with pytest.raises(Forbidden):  # who runs the service
        read(store, cast.administrator, found)
    with pytest.raises(NotFound), store.reading() as session:
        reports.public_report(session, file.sha256)


def test_everybody_gets_a_report_that_is_public(store, cast):
    _, file = issue(store, cast.lab_a, is_public=True)
    with store.reading() as session:
        assert reports.public_report(session, file.sha256).body == REPORT


def test_a_report_stays_with_a_certificate_that_was_withdrawn(store, cast):
    found, file = issue(store, cast.lab_a, is_public=True)
    with store.transaction() as session:
        services.withdraw_certificate(session, cast.lab_a, certificate_id=found, reason="a slip")
    with store.reading() as session:
        assert reports.public_report(session, file.sha256).body == REPORT


# A file that was changed


def test_a_swapped_file_is_never_given_out_and_those_who_run_the_service_are_told(
    store, cast, caplog
):
    found, file = issue(store, cast.lab_a, is_public=True)
    swap(store, pdf("Everything is fine"))
    with pytest.raises(Damaged, match="not the report that was recorded") as refusal:
        read(store, cast.lab_a, found)
    assert refusal.value.status == 500
    assert f"certificate {found}" in caplog.text
    assert file.sha256 in caplog.text


def test_a_file_of_the_same_length_with_one_other_bit_is_never_given_out(store, cast):
    found, _ = issue(store, cast.lab_a)
    swap(store, bytes([REPORT[0] ^ 1]) + REPORT[1:])
    with pytest.raises(Damaged):
        read(store, cast.lab_a, found)


def test_a_file_that_is_gone_is_said_to_be_gone(store, cast):
    found, _ = issue(store, cast.lab_a)
    with store.transaction() as session:
        session.execute(delete(CertificateFile))
    with pytest.raises(Damaged, match="gone"):
        read(store, cast.lab_a, found)


def test_a_file_that_was_swapped_is_made_good_by_nobody_but_its_hash(store, cast):
    found, _ = issue(store, cast.lab_a)
    swap(store, b"another file")
    keep(store, cast.lab_a)  # the true one again: it has its own place already
    with pytest.raises(Damaged):
        read(store, cast.lab_a, found)


# On the public site


@pytest.fixture
def public(sqlite_store):
    return public_app(sqlite_store).test_client()


def test_the_public_page_links_a_report_and_shows_its_hash(sqlite_store, sqlite_cast, public):
    _, file = issue(sqlite_store, sqlite_cast.lab_a, is_public=True)
    page = public.get(f"{LOT}?lang=en", headers={"Accept": "text/html"}).text
    assert f'<a href="/reports/{file.sha256}">Test report</a>' in page
    assert f"SHA-256 {file.sha256}" in page


def test_the_public_page_of_a_private_report_shows_the_hash_alone(
    sqlite_store, sqlite_cast, public
):
    _, file = issue(sqlite_store, sqlite_cast.lab_a)
    page = public.get(f"{LOT}?lang=en", headers={"Accept": "text/html"}).text
    assert "/reports/" not in page
    assert f"SHA-256 {file.sha256}" in page
    assert public.get(f"/reports/{file.sha256}").status_code == 404


@pytest.mark.parametrize(("data", "kind"), [(REPORT, PDF), (picture(), JPEG)])
def test_a_report_is_saved_and_never_shown_inside_the_site(
    sqlite_store, sqlite_cast, public, data, kind
):
    _, file = issue(sqlite_store, sqlite_cast.lab_a, data, is_public=True)
    answer = public.get(f"/reports/{file.sha256}")
    assert (answer.status_code, answer.data, answer.content_type) == (200, file.body, kind)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=SDNT-2026-0117.")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = public.get(f"/reports/{file.sha256}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_who_asks_for_a_swapped_file_is_told_what_is_wrong(sqlite_store, sqlite_cast, public):
    _, file = issue(sqlite_store, sqlite_cast.lab_a, is_public=True)
    etag = public.get(f"/reports/{file.sha256}").headers["ETag"]
    swap(sqlite_store, b"<script>alert(1)</script>")
    answer = public.get(f"/reports/{file.sha256}?lang=en", headers={"If-None-Match": etag})
    assert answer.status_code == 500
    assert "not the report that was recorded" in answer.text
    assert file.sha256 in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["x", "A" * 64, "0" * 63, "0" * 65, "0" * 64, "%2e%2e"])
def test_an_address_of_no_report_is_not_found(sqlite_store, public, name):
    assert public.get(f"/reports/{name}").status_code == 404


def test_a_page_that_was_kept_does_not_outlive_a_new_report(sqlite_store, sqlite_cast, public):
    page = public.get(f"{LOT}?lang=en", headers={"Accept": "text/html"}).text
    assert "SHA-256" not in page
    _, file = issue(sqlite_store, sqlite_cast.lab_a)
    assert file.sha256 in public.get(f"{LOT}?lang=en", headers={"Accept": "text/html"}).text


# By programs


@pytest.fixture
def api(sqlite_store, sqlite_cast):
    client = staff_app(sqlite_store).test_client()
    keys = {
        "lab": add_key(sqlite_store, "laboratory", sqlite_cast.lab_a.party_id),
        "other": add_key(sqlite_store, "laboratory", sqlite_cast.lab_b.party_id),
        "maker": add_key(sqlite_store, "producer", sqlite_cast.alba.party_id),
        "administrator": add_key(sqlite_store, "administrator"),
    }

    def call(who, method, path, **options):
        headers = bearer(keys[who]) | options.pop("headers", {})
        return client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    return call


def test_a_program_sends_the_file_and_names_its_hash(api):
    sent = api("lab", "POST", "/reports", data=REPORT, content_type=PDF)
    assert sent.status_code == 201
    assert sent.json == {"sha256": read_report(REPORT).sha256, "size": len(REPORT), "type": PDF}
    facts = CERTIFICATE | {"report": {"sha256": sent.json["sha256"], "is_public": True}}
    issued = api("lab", "POST", "/certificates", json=facts)
    assert issued.status_code == 201, issued.text
    assert issued.json["report"] == sent.json | {"name": "SDNT-2026-0117.pdf", "is_public": True}
    address = f"/certificates/{issued.json['id']}/report"
    for who in ("lab", "maker"):
        answer = api(who, "GET", address)
        assert (answer.status_code, answer.data) == (200, REPORT)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox;")
    assert api("other", "GET", address).status_code == 404
    assert api("administrator", "GET", address).status_code == 403


def test_a_report_is_private_unless_it_is_said(api):
    sent = api("lab", "POST", "/reports", data=REPORT)
    facts = CERTIFICATE | {"report": {"sha256": sent.json["sha256"]}}
    assert api("lab", "POST", "/certificates", json=facts).json["report"]["is_public"] is False


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 64, "0" * 64 + "\n", "G" * 64, 17])
def test_a_hash_of_no_file_is_refused(api, sha256):
    answer = api("lab", "POST", "/certificates", json=CERTIFICATE | {"report": {"sha256": sha256}})
    assert answer.status_code == 400
    assert answer.json["errors"][0]["place"] == "/report/sha256"


def test_a_file_that_is_no_report_is_refused_with_its_reason(api):
    answer = api("lab", "POST", "/reports", data=b"<html>", content_type=PDF)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["rule"] == "This is no report that can be read"


def test_a_body_over_the_limit_is_refused(api):
    assert api("lab", "POST", "/reports", data=REPORT + b" " * MOST_BYTES).status_code == 413
    chunked = api(
        "lab", "POST", "/reports",
        input_stream=BytesIO(REPORT + b" " * MOST_BYTES),
        environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert chunked.status_code == 413


# In the console


@pytest.fixture
def laboratory(sqlite_store, sqlite_cast):
    add_person(sqlite_store, "lab", "laboratory", party_id=sqlite_cast.lab_a.party_id)
    browser = Browser(staff_app(sqlite_store))
    browser.sign_in("lab")
    return browser


def send(browser, data, **changes):
    form = FORM | changes
    if data is not None:
        form["report"] = (BytesIO(data), "../my <b>name</b>.exe")
    return browser.post("/inspections/certificates/new", form, content_type="multipart/form-data")


def test_a_person_chooses_the_file_in_the_form(laboratory):
    answer = send(laboratory, REPORT)
    assert answer.status_code == 303
    page = laboratory.get(f"{answer.location}?lang=en").text
    assert "SDNT-2026-0118.pdf" in page
    assert read_report(REPORT).sha256 in page
    assert "for the laboratory, the producer and the authorities" in page
    file = laboratory.get(f"{answer.location}/report")
    assert (file.status_code, file.data) == (200, REPORT)
    assert file.headers["Content-Disposition"] == "attachment; filename=SDNT-2026-0118.pdf"


def test_the_box_in_the_form_makes_it_public(laboratory):
    answer = send(laboratory, REPORT, report_is_public="true")
    page = laboratory.get(f"{answer.location}?lang=en").text
    assert f"/reports/{read_report(REPORT).sha256}" in page
    assert "for everybody" in page


def test_a_form_without_a_file_is_a_certificate_without_a_report(laboratory):
    answer = send(laboratory, None)
    assert answer.status_code == 303
    assert "SHA-256" not in laboratory.get(f"{answer.location}?lang=en").text


def test_a_bad_file_brings_the_form_back_with_the_reason_beside_the_field(laboratory):
    answer = send(laboratory, b"MZ\x00")
    assert answer.status_code == 400
    assert 'id="error-report"' in answer.text
    assert "SDNT-2026-0118" in answer.text


def test_a_certificate_that_is_refused_keeps_no_file(sqlite_store, laboratory):
    answer = send(laboratory, REPORT, lot="/01/06901234567892/10/NEVER")
    assert answer.status_code == 400
    assert kept(sqlite_store) == 0


def test_a_stamp_of_the_certificate_is_on_its_page(sqlite_store, sqlite_cast, laboratory, tmp_path):
    settings = settings_of(sqlite_store, data=tmp_path)
    attach(sqlite_store, settings)
    found, _ = issue(sqlite_store, sqlite_cast.lab_a)
    assert "RFC 3161" not in laboratory.get(f"/inspections/certificates/{found}").text
    with sqlite_store.transaction() as session:
        leaf = session.scalars(select(Leaf).where(Leaf.statement_id == found)).one()
        session.add(
            TimeStamp(
                subject=leaf_subject(leaf.year, leaf.idx),
                authority="https://tsa.example/",
                digest=bytes(32),
                token=b"the token",
                time=datetime(2026, 11, 5, 9, 30, tzinfo=UTC),
            )
        )
    page = laboratory.get(f"/inspections/certificates/{found}?lang=en").text
    assert "https://tsa.example/" in page
    (address,) = re.findall(r'href="(/log/\S+\.tsr)"', page)
    token = public_app(sqlite_store).test_client().get(address)
    assert (token.status_code, token.data) == (200, b"the token")


def test_the_column_of_the_hash_is_what_the_page_goes_by(sqlite_store, sqlite_cast, public):
    """Who changes the derived row as well changes what the page says; the log still tells."""
    found, file = issue(sqlite_store, sqlite_cast.lab_a, is_public=True)
    other = read_report(pdf("Everything is fine"))
    with sqlite_store.transaction() as session:
        session.execute(update(Certificate).values(file=other.sha256))
        session.execute(update(CertificateFile).values(sha256=other.sha256, body=other.body))
    assert public.get(f"/reports/{file.sha256}").status_code == 404
    with sqlite_store.transaction() as session:
        rebuild(session)
    answer = public.get(f"/reports/{file.sha256}")
    assert answer.status_code == 500
    with sqlite_store.reading() as session:
        report = services.get_certificate(session, sqlite_cast.lab_a, found).report
    assert report.sha256 == file.sha256
