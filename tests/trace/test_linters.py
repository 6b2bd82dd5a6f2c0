"""The checks of what values hold.

Most cases are those of GS1's own checks (GS1 Barcode Syntax Dictionary, Apache License 2.0).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.errors import Invalid
from foodtrace.trace.gs1.application_identifiers import APPLICATION_IDENTIFIERS
from foodtrace.trace.gs1.charset import CHARSET_82
from foodtrace.trace.gs1.linters import LINTERS
from foodtrace.trace.gs1.values import check_value

ACCEPTED = {
    "csum": ["09506000134352", "106901234500000010", "795260646688514634", "24"],
    "csumalpha": [
        "1987654Ad4X4bL5ttr2310c2K",
        "12345678901234567890123NT",
        "12345_ABCDEFGHIJKLMCP",
        "12345_NOPQRSTUVWXYZDN",
        "12345_abcdefghijklmN3",
        "12345_nopqrstuvwxyzP2",
        "12345_!\"%&'()*+,-./LC",
        "12345_0123456789:;<=>?62",
        "7907665Bm8v2AB",
        "225803106GSpEF",
        "00000!HV",
        "99999zzzzzzzzzzzzzzzzzzT2",
        "22",
    ],
    "gcppos1": ["0123", "01234", "0123A"],
    "gcppos2": ["90123", "901234A"],
    "yymmdd": ["260131", "240229", "000229", "991231"],
    "yymmd0": ["260100", "260200", "260228", "261231"],
    "yyyymmdd": ["20000229", "20240229", "19991231"],
    "hh": ["00", "23"],
    "mi": ["00", "59"],
    "ss": ["00", "59"],
    "hhmi": ["0000", "2359"],
    "iso3166": ["156", "840", "004", "894"],
    "iso3166999": ["156", "999"],
    "iso3166alpha2": ["CN", "US", "ZW"],
    "iso4217": ["156", "978", "999", "924"],
    "iso5218": ["0", "1", "2", "9"],
    "yesno": ["0", "1"],
    "winding": ["0", "1", "9"],
    "mediatype": ["01", "10", "80", "99"],
    "packagetype": ["1A", "200", "8", "9", "PX", "X11", "ZZ"],
    "pcenc": ["A", "%20", "ABC%fFXYZ", "%00+1"],
    "hyphen": ["-", "--"],
    "zero": ["0", "000"],
    "nonzero": ["1", "0010"],
    "nozeroprefix": ["0", "1", "10"],
    "hasnondigit": ["A", "1A2"],
    "importeridx": ["0", "9", "A", "z", "-", "_"],
    "latitude": ["0000000000", "1800000000"],
    "longitude": ["0000000000", "3600000000"],
    "pieceoftotal": ["0101", "0103", "9899", "9999", "11"],
    "posinseqslash": ["1/1", "2/3", "9/10", "998/999"],
    "iban": [
        "FR7630006000011234567890189",
        "DE91100000000123456789",
        "MU43BOMM0101123456789101000MUR",
        "CH5604835012345678009",
        "BE71096123456769",
        "LC14BOSL123456789012345678901234",
        "MT90MALT011000012345MTLCAST001SABC",
    ],
    "couponcode": [
        "012345612345611110123",
        "012345612345611110123" + "1" + "011" + "0" + "123" + "9",
        "012345612345611110123" + "1" + "011" + "0" + "123" + "0123456",
        "012345612345611110123" + "2" + "11" + "9" + "123" + "9",
        "012345612345611110123" + "3" + "261231" + "4" + "260101",
        "012345612345611110123" + "5" + "0123456" + "6" + "11234567" + "9" + "0001",
    ],
    "couponposoffer": [
        "001234561234560123456",
        "101234561234560123456",
        "00123456123456212345678",
        "001234561234569123456789012345",
        "061234567890121234569123456789012345",
    ],
}

# What is wrong, and at which character (0 is the first).
REFUSED = {
    "csum": [("09506000134353", 13)],
    "csumalpha": [
        ("2", 0),
        ("33", 0),
        ("1987654Ad4X4bL5ttr2310cXK", 23),
        ("1987654Ad4X4bL5ttr2310c2X", 23),
        ("1234567890123456789012 NT"[:22] + "3N ", 23),
    ],
    "gcppos1": [("012", 3), ("", 0), ("012AA", 3), ("A", 0)],
    "gcppos2": [("9012", 4), ("9A123", 1)],
    "yymmdd": [("260100", 4), ("260231", 4), ("260229", 4), ("260001", 2), ("261301", 2)],
    "yymmd0": [("260230", 4), ("260132", 4), ("260000", 2)],
    "yyyymmdd": [("19000229", 6), ("20261301", 4), ("20260100", 6)],
    "hh": [("24", 0)],
    "mi": [("60", 0)],
    "ss": [("60", 0)],
    "hhmi": [("2400", 0), ("2360", 2)],
    "iso3166": [("000", 0), ("999", 0), ("003", 0)],
    "iso3166999": [("998", 0)],
    "iso3166alpha2": [("XX", 0), ("cn", 0)],
    "iso4217": [("000", 0), ("998", 0)],
    "iso5218": [("3", 0)],
    "yesno": [("2", 0)],
    "winding": [("2", 0)],
    "mediatype": [("00", 0), ("11", 0), ("79", 0)],
    "packagetype": [("0", 0), ("000", 0), ("9_", 0), ("1a", 0)],
    "pcenc": [("%fg", 0), ("%g", 0), ("ABC%", 3), ("%2", 0), ("%20%GG", 3)],
    "hyphen": [("+", 0), ("-+", 1)],
    "zero": [("01", 1)],
    "nonzero": [("0", 0), ("0000", 0)],
    "nozeroprefix": [("01", 0), ("00", 0)],
    "hasnondigit": [("123", 0)],
    "importeridx": [(".", 0), ("ab", 0)],
    "latitude": [("1800000001", 0)],
    "longitude": [("3600000001", 0)],
    "pieceoftotal": [("0001", 0), ("0100", 0), ("0302", 0), ("21", 0)],
    "posinseqslash": [
        (value, 0) for value in ("1", "/", "1/", "/1", "1//2", "0/1", "01/2", "1/02", "10/9", "x/y")
    ],
    "iban": [
        ("BE71096123456760", 0),
        ("XX361234567890", 0),
        ("BE71", 0),
        ("LC14BOSLxx3456789012345678901230", 8),
    ],
    "couponcode": [
        ("a12345612345611110123", 0),
        ("", 0),
        ("01", 1),
        ("0123456", 7),
        ("71234567890123", 0),
        ("0123456123456", 13),
        ("01234561234560", 13),
        ("012345612345611110", 18),
        ("0123456123456111101237", 21),
        ("012345612345611115123", 17),
        ("012345612345611110123" + "3261331", 24),
        ("012345612345611110123" + "3260101" + "4261231", 29),
        ("012345612345611110123" + "90002", 25),
    ],
    "couponposoffer": [
        ("00123456123456012345a", 20),
        ("201234561234560123456", 0),
        ("0", 1),
        ("07", 1),
        ("001234", 2),
        ("00123456", 8),
        ("00123456123456", 14),
        ("0012345612345601", 15),
        ("0012345612345601234567", 21),
    ],
}


def test_it_works():
    assert LINTERS["csum"]("09506000134352") is None
    fault = LINTERS["yymmdd"]("261301")
    assert (fault.at, fault.values) == (2, {"month": 13})


def test_every_check_has_cases():
    assert set(ACCEPTED) == set(REFUSED) == set(LINTERS)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ACCEPTED.items() for value in values]
)
def test_a_right_value_passes(name, value):
    assert LINTERS[name](value) is None


@pytest.mark.parametrize(
    ("name", "value", "at"), [(name, *case) for name, cases in REFUSED.items() for case in cases]
)
def test_a_wrong_value_is_refused_at_the_character(name, value, at):
    fault = LINTERS[name](value)
    assert fault is not None
    assert fault.at == at
    assert fault.rule % {"name": "X", "number": value, "at": at + 1, **fault.values}
    assert fault.fix % {}


@pytest.mark.parametrize(
    ("ai", "value", "place"),
    [
        ("8030", "12=", None),
        ("8030", "1==", None),
        ("8030", "ab-_", None),
        ("8030", "12==", "(8030):3"),
        ("8030", "123=", "(8030):4"),
        ("8030", "a+b", "(8030):2"),
        ("8030", "=a=", "(8030):1"),
        ("8010", "0200#-/", None),
        ("8010", "0200a", "(8010):5"),
        ("7007", "260101", None),
        ("7007", "260101260102", None),
        ("7007", "2601012601", "(7007):11"),
        ("7007", "260101260132", "(7007):11"),
        ("423", "156840004", None),
        ("423", "15684", "(423):6"),
        ("423", "156998", "(423):4"),
        ("8008", "2601012359", None),
        ("8008", "26010123", None),
        ("8008", "260101235960", "(8008):11"),
        ("4330", "000100-", None),
        ("4330", "000100+", "(4330):7"),
        ("4309", "18000000003600000001", "(4309):11"),
        ("3912", "9980299", "(3912):1"),
        ("8003", "19506000134352", "(8003):1"),
    ],
)
def test_a_value_is_checked_part_by_part(ai, value, place):
    if place is None:
        check_value(APPLICATION_IDENTIFIERS[ai], value)
        return
    with pytest.raises(Invalid) as refusal:
        check_value(APPLICATION_IDENTIFIERS[ai], value)
    assert refusal.value.problems[0].place == place


@given(
    st.sampled_from(sorted(APPLICATION_IDENTIFIERS)),
    st.one_of(
        st.text("0123456789", max_size=40),
        st.text("".join(sorted(CHARSET_82)), max_size=95),
        st.text(max_size=95),
    ),
)
def test_any_value_is_taken_or_refused_with_reasons(ai, value):
    entry = APPLICATION_IDENTIFIERS[ai]
    try:
        check_value(entry, value)
    except Invalid as refusal:
        problems = refusal.problems
    else:
        problems = ()
        assert entry.shortest <= len(value) <= entry.longest
        assert CHARSET_82.union("#=").issuperset(value)
    for problem in problems:
        assert problem.place.startswith(f"({ai})")
        assert problem.text
