"""The CSV file: what a spreadsheet would run as a formula is disarmed, all else is kept."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.inspections.table import BYTE_ORDER_MARK, csv_text, safe_cell


def read(text):
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_the_file_begins_with_a_byte_order_mark_and_its_header():
    text = csv_text(["时间", "批次"], [["2026-11-22", "L1"]])
    assert text.startswith("\ufeff")
    assert read(text) == [["时间", "批次"], ["2026-11-22", "L1"]]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\tx", "\rx", "\n=1", "＝1", "-1+cmd|' /C calc'!A0"]
)
def test_a_formula_is_disarmed(cell):
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-18.5", "L1", "", "示范", "0.050", "a=b"])
def test_numbers_and_words_are_kept(cell):
    assert safe_cell(cell) == cell


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"))


@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=5))
def test_every_cell_comes_back_but_for_the_apostrophe(rows):
    back = read(csv_text(["a", "b"], rows))[1:]
    assert back == [[safe_cell(cell) for cell in row] for row in rows]
    for row in back:
        for cell in row:
            assert not cell.startswith(("=", "+", "@")), cell
