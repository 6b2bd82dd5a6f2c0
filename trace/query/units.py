"""Measured values in one unit a kind, so that a query in Fahrenheit finds degrees Celsius.

Units are codes of UN/CEFACT Recommendation 20. Each belongs to a kind with one base unit, and a
value is converted to it in decimal arithmetic, with more digits than a double has. A unit that
is not listed is a kind of its own: it compares with itself alone. A value without a unit is a
bare number, as in C62.

Kinds follow the measurement types of GS1 (EPCIS 2.0, section 7.3.7) as far as food needs
them. Ratios are one kind: 5 P1 (per cent) is 0.05 C62. So is relative humidity, which is
written in P1.
"""

from collections.abc import Mapping
from decimal import Context, Decimal

PIECES = "C62"

# No traps: what is beyond all numbers is infinite, and no query finds it.
_ARITHMETIC = Context(prec=34, traps=[])
# The base unit, what is added to a value, what multiplies it, and what divides it then.
_Conversion = tuple[str, Decimal, Decimal, Decimal]


def base_unit(unit: str | None) -> str:
    """Return the base unit of the unit's kind."""
    conversion = _UNITS.get(unit or PIECES)
    return conversion[0] if conversion else unit or PIECES


def in_base_unit(
    value: Decimal | int | float, unit: str | None, *, difference: bool = False
) -> float:
    """Return the value in the base unit; a difference knows no zero to start from.

    >>> in_base_unit(Decimal("39.2"), "FAH")
    4.0
    >>> in_base_unit(9, "FAH", difference=True)
    5.0
    """
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    conversion = _UNITS.get(unit or PIECES)
    if conversion is None:
        return float(number)
    _, shift, over, under = conversion
    shifted = number if difference else _ARITHMETIC.add(number, shift)
    # Multiplied first, so that what comes out even is even: 32 degrees Fahrenheit are 0.
    return float(_ARITHMETIC.divide(_ARITHMETIC.multiply(shifted, over), under))


def _kind(base: str, units: str) -> Mapping[str, _Conversion]:
    """Return the units of a kind, written as ``CODE factor``; factors may be fractions."""
    zero, one = Decimal(0), Decimal(1)
    found = {base: (base, zero, one, one)}
    for line in units.split(","):
        code, factor = line.split()
        over, _, under = factor.partition("/")
        found[code] = (base, zero, Decimal(over), Decimal(under or 1))
    return found


def _table(*kinds: Mapping[str, _Conversion]) -> Mapping[str, _Conversion]:
    """Return all units of all kinds, each once."""
    found: dict[str, _Conversion] = {}
    for kind in kinds:
        if twice := found.keys() & kind.keys():
            raise ValueError(f"units of two kinds: {sorted(twice)}")
        found.update(kind)
    return found


_UNITS = _table(
    # Temperature: the one kind whose units do not share a zero.
    {
        "CEL": ("CEL", Decimal(0), Decimal(1), Decimal(1)),
        "KEL": ("CEL", Decimal("-273.15"), Decimal(1), Decimal(1)),
        "FAH": ("CEL", Decimal(-32), Decimal(5), Decimal(9)),
    },
    # Mass
    _kind(
        "KGM",
        "GRM 0.001, MGM 0.000001, MC 0.000000001, HGM 0.1, DG 0.0001, CGM 0.00001, DTN 100,"
        "TNE 1000, 2U 1000, LBR 0.45359237, ONZ 0.028349523125, GRN 0.00006479891,"
        "STI 6.35029318, STN 907.18474, LTN 1016.0469088, CWA 45.359237, CWI 50.80234544",
    ),
    # Volume
    _kind(
        "MTQ",
        "K6 1, LTR 0.001, DMQ 0.001, DLT 0.0001, CLT 0.00001, MLT 0.000001, CMQ 0.000001,"
        "4G 0.000000001, MMQ 0.000000001, A44 0.01, HLT 0.1, GLL 0.003785411784,"
        "GLI 0.00454609, QTL 0.000946352946, QTI 0.0011365225, PTL 0.000473176473,"
        "PTI 0.00056826125, OZA 0.0000295735295625, OZI 0.0000284130625,"
        "INQ 0.000016387064, FTQ 0.028316846592, YDQ 0.764554857984, BLL 0.158987294928",
    ),
    # Length and altitude
    _kind(
        "MTR",
        "KMT 1000, HMT 100, DMT 0.1, CMT 0.01, MMT 0.001, 4H 0.000001, C45 0.000000001,"
        "INH 0.0254, FOT 0.3048, YRD 0.9144, SMI 1609.344, NMI 1852",
    ),
    # Area
    _kind(
        "MTK",
        "KMK 1000000, HAR 10000, ARE 100, DMK 0.01, CMK 0.0001, MMK 0.000001,"
        "INK 0.00064516, FTK 0.09290304, YDK 0.83612736, ACR 4046.8564224",
    ),
    # Pressure
    _kind(
        "PAL",
        "KPA 1000, MPA 1000000, A97 100, BAR 100000, MBR 100, ATM 101325, ATT 98066.5,"
        "HN 133.322387415, UA 101325/760, PS 4.4482216152605/0.00064516",
    ),
    # Counts and ratios, relative humidity among them
    _kind(
        PIECES,
        "P1 0.01, NX 0.001, 59 0.000001, 61 0.000000001, M29 1, NA 0.000001, J33 0.000000001,"
        "K62 1, L19 0.001, J36 0.000001, EA 1, H87 1, PR 2, DZN 12, CEN 100, GRO 144, MIL 1000",
    ),
    # Density and concentration of mass
    _kind(
        "KMQ",
        "GL 1, F23 1, 23 1000, GJ 1000, B34 1000, B35 1000, B72 1000, D41 1000, A93 0.001,"
        "M1 0.001, GP 0.000001, H29 0.000001, GQ 0.000000001",
    ),
    # Amount of substance, and its concentration
    _kind("C34", "B45 1000, C18 0.001, FH 0.000001"),
    _kind("C36", "C38 1000, C35 1000, B46 1000, M33 1"),
    # Speed and acceleration
    _kind("MTS", "KMH 1/3.6, HM 0.44704, KNT 1852/3600, FS 0.3048, 2M 0.01, C16 0.001"),
    _kind("MSK", "M38 1000, M39 0.01, A76 0.01, K40 9.80665"),
    # Time and frequency
    _kind(
        "SEC",
        "MIN 60, HUR 3600, DAY 86400, WEE 604800, C26 0.001, B98 0.000001, C47 0.000000001",
    ),
    _kind("HTZ", "KHZ 1000, MHZ 1000000, A86 1000000000"),
    # Energy, power and force
    _kind(
        "JOU",
        "KJO 1000, 3B 1000000, GV 1000000000, WHR 3600, KWH 3600000, MWH 3600000000,"
        "D70 4.1868, E14 4186.8, BTU 1055.05585262",
    ),
    _kind("WTT", "KWT 1000, MAW 1000000, C31 0.001, D80 0.000001"),
    _kind("NEW", "B47 1000, B73 1000000, B37 9.80665"),
    # Voltage, current and resistance
    _kind("VLT", "2Z 0.001, KVT 1000, B78 1000000, D82 0.000001"),
    _kind("AMP", "4K 0.001, B84 0.000001, B22 1000"),
    _kind("OHM", "E45 0.001, B49 1000, B75 1000000"),
    _kind("D10", "H61 100"),
    # Light and other radiation
    _kind("LUX", "KLX 1000"),
    _kind("D54", "C32 0.001"),
    _kind("BQL", "2Q 1000, 4N 1000000, GBQ 1000000000, CUR 37000000000, MCU 37000000, M5 37000"),
    _kind("A95", "C13 0.001, C80 0.01"),
    _kind("D13", "C28 0.001"),
    # Plane angle, latitude and longitude
    _kind("DD", "C81 57.29577951308232087679815481410517, D61 1/60, D62 1/3600, A91 0.9"),
    # Flow, and viscosity
    _kind("KGS", "F31 1/60, E93 1/3600, 4M 0.000001/3600"),
    _kind("MQS", "MQH 1/3600, G51 0.001, L2 0.001/60, E32 0.001/3600"),
    _kind("C65", "C24 0.001, C7 0.001, 89 0.1"),
    # The memory of a logger
    _kind("AD", "A99 0.125, 2P 1000, 4L 1000000, E34 1000000000"),
)
