"""Links that are commodity QR codes of China (GB/T 33993) as well."""

import pytest

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.gbt33993 import fits_gbt33993


def places(uri):
    """Where a link does not fit."""
    return [problem.place for problem in fits_gbt33993(uri)]


def test_it_works():
    assert places("https://trace.example/01/06901234567892/10/20261001-01/21/A.1?17=261231") == []


@pytest.mark.parametrize("sign", "%&/<>?")
def test_a_lot_or_serial_with_these_signs_does_not_fit(sign):
    value = f"A%{ord(sign):02X}1"
    assert places(f"https://trace.example/01/06901234567892/10/{value}/21/{value}") == [
        "(10)",
        "(21)",
    ]


def test_a_code_of_no_product_does_not_fit():
    (problem,) = fits_gbt33993("https://trace.example/00/106901234500000010")
    assert "GTIN" in problem.text


def test_what_is_no_link_is_refused():
    with pytest.raises(Invalid):
        fits_gbt33993("https://trace.example/q/ABC")
