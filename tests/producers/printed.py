"""Printed files read back as a printer reads them: dots out of ZPL, TSPL and PDF."""

import io
import re
import zipfile
import zlib
from urllib.parse import quote

import zxingcpp
from PIL import Image, ImageDraw

from foodtrace.producers.printing.drawing import Design
from foodtrace.producers.printing.layouts import layout_of
from foodtrace.producers.printing.texts import Facts, Said

HOST = "https://trace.example"
GTIN = "09521000890022"
FACTS = Facts(
    "郫县豆瓣酱（二级）",
    "500 g",
    "YL01",
    "2026-10-01",
    "2027-10-01",
    "阴凉干燥处",
    "四川省益康食品有限公司",
)
# Twenty characters, each of which a URL writes as three.
WORST_LOT = '%/?&<>"+%/?&<>"+%/?&'


def lot_said(lot="YL01"):
    return Said(f"{HOST}/01/{GTIN}/10/{quote(lot, safe='')}", f"(01){GTIN}(10){lot}")


def unit_said(number):
    """A label of a single thing, with a serial of twenty characters."""
    serial = f"{number:05}aZ9-_kQWmi1l0Oo"
    return Said(f"{HOST}/01/{GTIN}/21/{serial}", f"(01){GTIN}(21){serial}")


def designed(layout="60x40", dpi=203, facts=FACTS, labels=None):
    return Design(layout_of(layout), dpi, facts, labels or [lot_said()])


def written(writer, design, copies=1):
    file = io.BytesIO()
    writer(file, design, map(design.draw, design.labels), copies)
    return file.getvalue()


def codes_in(image):
    """What the codes of a picture say, from the top down and from left to right."""
    found = zxingcpp.read_barcodes(
        image.convert("L"),
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        text_mode=zxingcpp.TextMode.Plain,
    )
    # Codes of one row of a sheet are equally high.
    return [
        code.text
        for code in sorted(
            found, key=lambda code: (code.position.top_left.y // 20, code.position.top_left.x)
        )
    ]


def pictures_in(data):
    """The pictures of a PNG file, or of an archive of them in the order of their names."""
    if data.startswith(b"\x89PNG"):
        return [Image.open(io.BytesIO(data))]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [Image.open(io.BytesIO(archive.read(name))) for name in sorted(archive.namelist())]


def zpl_pages(data):
    """Yield the dots of each ZPL format, and how often it is printed."""
    text = data.decode("ascii")
    for body in re.findall(r"\^XA(.*?)\^XZ", text, re.S):
        width, height = (int(re.search(rf"\^{name}(\d+)", body)[1]) for name in ("PW", "LL"))
        page = Image.new("1", (width, height), 255)
        fields = re.findall(r"\^FO(\d+),(\d+)\^GFA,(\d+),(\d+),(\d+),(.*?)\^FS", body, re.S)
        for x, y, count, total, line, graphic in fields:
            assert count == total
            bits = zpl_bits(graphic, int(line))
            assert len(bits) == int(total)
            size = (int(line) * 8, int(total) // int(line))
            image = Image.frombytes("1", size, bytes(byte ^ 0xFF for byte in bits))
            page.paste(image, (int(x), int(y)))
        # Nothing else is in it: no text of anybody's, no other command.
        rest = re.sub(r"\^FO\d+,\d+\^GFA,\d+,\d+,\d+,[0-9A-Fg-zG-Y,:]*\^FS", "", body)
        found = re.fullmatch(r"\^PW\d+\^LL\d+\^LH0,0\^PQ(\d+)", rest)
        assert found, rest
        yield page, int(found[1])


def zpl_bits(graphic, line):
    """Decompress ^GFA as its manual says: g-z twenties, G-Y ones, ``,`` and ``:``."""
    lines, current, count = [], "", 0
    for sign in graphic:
        if sign == ":":
            lines.append(lines[-1])
        elif sign == ",":
            lines.append(current.ljust(line * 2, "0"))
            current = ""
        elif "g" <= sign <= "z":
            count += (ord(sign) - ord("g") + 1) * 20
        elif "G" <= sign <= "Y":
            count += ord(sign) - ord("G") + 1
        else:
            current += sign * (count or 1)
            count = 0
        if len(current) == line * 2:
            lines.append(current)
            current = ""
    assert not current
    return bytes.fromhex("".join(lines))


def tspl_pages(data):
    """Yield the dots of each label of a TSPL file, and how often it is printed."""
    head = re.match(rb"SIZE (\S+) mm,(\S+) mm\r\nGAP 2 mm,0 mm\r\nDIRECTION 1\r\n"
                    rb"REFERENCE 0,0\r\n", data)  # fmt: skip
    assert head
    at, pieces = head.end(), []
    while at < len(data):
        if data.startswith(b"CLS\r\n", at):
            at, pieces = at + 5, []
        elif found := re.compile(rb"BITMAP (\d+),(\d+),(\d+),(\d+),1,").match(data, at):
            x, y, width, height = map(int, found.groups())
            bits = data[found.end() : found.end() + width * height]
            pieces.append((x, y, Image.frombytes("1", (width * 8, height), bits)))
            at = found.end() + width * height
            assert data.startswith(b"\r\n", at)
            at += 2
        else:
            found = re.compile(rb"PRINT 1,(\d+)\r\n").match(data, at)
            assert found, data[at : at + 40]
            page = Image.new("1", (1300, 3600), 255)
            for x, y, image in pieces:
                page.paste(image, (x, y))
            yield page, int(found[1])
            at = found.end()


def pdf_pages(data, dpi):
    """Yield the areas of each page of a PDF as dots: the codes, without the text."""
    for stream in re.findall(rb"stream\n(.*?)\nendstream", data, re.S):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        if b" re" not in content or b" cm" not in content:
            continue
        box = re.search(rb"/MediaBox \[0 0 (\S+) (\S+)\]", data)
        width, height = (float(side) for side in box.groups())
        yield _areas(content, width, height, dpi / 72)


def _areas(content, width, height, scale):
    page = Image.new("1", (round(width * scale), round(height * scale)), 255)
    pen = ImageDraw.Draw(page)
    number = rb"(-?[\d.]+)"
    for area in re.finditer(rb"q %s 0 0 %s %s %s cm\n([^f]*) f Q" % ((number,) * 4), content):
        a, d, e, f = (float(each) for each in area.groups()[:4])
        for found in re.finditer(rb"(\d+) (\d+) (\d+) (\d+) re", area[5]):
            x, y, w, h = map(int, found.groups())
            left, right = (round((a * edge + e) * scale) for edge in (x, x + w))
            top, bottom = (round((height - d * edge - f) * scale) for edge in (y, y + h))
            pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
    return page
