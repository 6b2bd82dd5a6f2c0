"""Measured values compare in the base unit of their kind."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.query.units import _UNITS, base_unit, in_base_unit

# Conversion factors of UN/CEFACT Recommendation 20 (revision 17), to the digits printed there.
RECOMMENDATION_20 = """
KGM GRM 0.001 | KGM MGM 1e-6 | KGM MC 1e-9 | KGM CGM 1e-5 | KGM DG 1e-4 | KGM HGM 0.1
KGM DTN 100 | KGM TNE 1000 | KGM 2U 1000 | KGM LBR 0.45359237 | KGM ONZ 0.02834952
KGM GRN 6.479891e-5 | KGM STI 6.350293 | KGM STN 907.1847 | KGM LTN 1016.047
KGM CWA 45.3592 | KGM CWI 50.80235 | MTQ LTR 0.001 | MTQ DLT 1e-4 | MTQ CLT 1e-5
MTQ MLT 1e-6 | MTQ 4G 1e-9 | MTQ HLT 0.1 | MTQ A44 0.01 | MTQ GLL 0.003785412
MTQ GLI 0.004546092 | MTQ QTL 9.463529e-4 | MTQ QTI 1.1365225e-3 | MTQ PTL 4.731765e-4
MTQ PTI 5.68261e-4 | MTQ OZA 2.957353e-5 | MTQ OZI 2.841306e-5 | MTQ INQ 1.6387064e-5
MTQ FTQ 0.02831685 | MTQ YDQ 0.764555 | MTQ BLL 0.1589873 | MTR 4H 1e-6 | MTR C45 1e-9
MTR INH 0.0254 | MTR FOT 0.3048 | MTR YRD 0.9144 | MTR SMI 1609.344 | MTR NMI 1852
MTK HAR 10000 | MTK ARE 100 | MTK FTK 0.09290304 | MTK YDK 0.8361274 | MTK ACR 4046.873
PAL A97 100 | PAL KPA 1000 | PAL BAR 1e5 | PAL MBR 100 | PAL ATM 101325 | PAL ATT 98066.5
PAL HN 133.3224 | PAL UA 133.3224 | PAL PS 6894.757 | C62 NA 1e-6 | C62 J33 1e-9 | C62 L19 0.001
KMQ GL 1 | KMQ 23 1000 | KMQ A93 0.001 | KMQ M1 0.001 | KMQ GP 1e-6 | KMQ H29 1e-6
KMQ GQ 1e-9 | KMQ D41 1000 | C34 C18 0.001 | C34 FH 1e-6 | C36 C38 1000 | C36 M33 1
MTS KMH 0.277778 | MTS HM 0.44704 | MTS KNT 0.514444 | MTS FS 0.3048 | MTS 2M 0.01
MSK A76 0.01 | MSK K40 9.80665 | SEC MIN 60 | SEC HUR 3600 | SEC DAY 86400 | SEC WEE 604800
SEC C26 0.001 | HTZ KHZ 1000 | HTZ A86 1e9 | JOU KWH 3.6e6 | JOU E14 4186.8 | JOU BTU 1055.056
WTT C31 0.001 | NEW B37 9.80665 | VLT 2Z 0.001 | AMP 4K 0.001 | OHM E45 0.001 | LUX KLX 1000
D54 C32 0.001 | BQL CUR 3.7e10 | BQL M5 3.7e4 | A95 C13 0.001 | D13 C28 0.001
DD C81 57.29578 | DD D61 0.01666667 | DD A91 0.9 | MQS MQH 2.77778e-4 | MQS L2 1.66667e-5
C65 C24 0.001 | C65 C7 0.001 | C65 89 0.1
"""
FACTORS = [
    line.split() for part in RECOMMENDATION_20.split("\n") for line in part.split("|") if line
]


def test_it_works():
    assert in_base_unit(Decimal("2.5"), "TNE") == 2500.0
    assert base_unit("TNE") == "KGM"


@pytest.mark.parametrize(("base", "unit", "factor"), FACTORS, ids=lambda text: text)
def test_a_unit_has_the_factor_of_the_recommendation(base, unit, factor):
    assert base_unit(unit) == base
    assert in_base_unit(1, unit) == pytest.approx(float(factor), rel=2e-5)


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [("32", "FAH", 0.0), ("212", "FAH", 100.0), ("-40", "FAH", -40.0), ("39.2", "FAH", 4.0),
     ("273.15", "KEL", 0.0), ("277.15", "KEL", 4.0), ("4", "CEL", 4.0)],
)  # fmt: skip
def test_temperatures_convert_without_a_rest(value, unit, celsius):
    assert in_base_unit(Decimal(value), unit) == celsius


def test_a_difference_of_temperatures_knows_no_zero():
    assert in_base_unit(9, "FAH", difference=True) == 5.0
    assert in_base_unit(1, "KEL", difference=True) == 1.0


def test_an_unknown_unit_compares_with_itself_alone():
    assert base_unit("QZX") == "QZX"
    assert in_base_unit(7, "QZX") == 7.0


def test_without_a_unit_a_value_is_a_bare_number():
    assert base_unit(None) == base_unit("C62") == base_unit("H87") == base_unit("P1")
    assert in_base_unit(5, "P1") == in_base_unit(Decimal("0.05"), None)


def test_what_is_beyond_all_numbers_does_not_stop_the_rest():
    assert in_base_unit(Decimal("9e999999"), "TNE") == float("inf")


@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from(sorted(_UNITS)))
def test_every_conversion_is_exact_to_the_last_digit_of_a_double(value, unit):
    base, shift, over, under = _UNITS[unit]
    exact = (Fraction(value) + Fraction(shift)) * Fraction(over) / Fraction(under)
    assert base_unit(base) == base
    assert in_base_unit(value, unit) == pytest.approx(float(exact), rel=1e-15, abs=1e-28)
