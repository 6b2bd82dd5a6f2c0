"""The story of the demonstration: from four fields to three shops, and what went wrong.

Three lots of chilies come from the same cooperative. One becomes the good jars that the
demonstration's QR code shows; one breaks the limit for a pesticide and is recalled, with the
jars made of it; one became chopped chilies that are past their date by now.
"""

from dataclasses import dataclass

from foodtrace.consumer_web.demonstration import cast, panels
from foodtrace.consumer_web.demonstration.stage import Stage, When, kilograms, pieces
from foodtrace.inspections import services as inspections
from foodtrace.inspections.rules import CertificateKind
from foodtrace.trace.gs1.identifiers import lot_path

FACTORY_ORIGIN = "贵州省贵阳市花溪区"
FAMILY_LOT_CODE = "XZ0SHJFANXJ0N0MA2H0NGCH0AN1"
CARTON_1, CARTON_2, CARTON_3, PALLET = (
    "395210008000000015",
    "395210008000000022",
    "395210008000000039",
    "395210008000000046",
)


@dataclass(frozen=True, slots=True)
class Larder:
    """What the factory has of soybeans, oil and salt: canonical identifiers of lots."""

    soybeans: str
    oil: str
    salt: str


# The lots worth opening: good, recalled, past its date, and one of a farm without bar codes.
GOOD_JAR = lot_path(str(cast.JAR_280.gtin), "YL01")
RECALLED_JAR = lot_path(str(cast.JAR_280.gtin), "YL03")
EXPIRED_JAR = lot_path(str(cast.CHOPPED_CHILI.gtin), "DJ01")
FAMILY_LOT = f"/q/{FAMILY_LOT_CODE}"


def play(stage: Stage) -> None:
    """Play the whole story."""
    stage.register_all()
    larder = Larder(_soybeans(stage), _oil(stage), _salt(stage))
    chili = _chili(stage)
    _chopped_chili(stage, larder)
    jar, big_jar = _good_jars(stage, larder, chili)
    _distribute(stage, jar, big_jar)
    _recalled_jars(stage, larder)


def _soybeans(stage: Stage) -> str:
    """From the field over the packer to the factory."""
    harvest = stage.make(
        cast.SOYBEANS, cast.SOY_FIELD, When(80), "HL01", 12_000, origin="黑龙江省绥化市海伦市"
    )
    raw = [kilograms(harvest, 10_000)]
    stage.deliver(
        raw, cast.SOY_FIELD, cast.SOY_PLANT, When(78, "07:30"), When(78, "15:00"), "HL-0001"
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.COMMISSIONED,
        "SF-W-0001",
        harvest,
        78,
        panels.soybeans(stage.date(78)),
        sampled_at=cast.SOY_PLANT,
    )
    lot = stage.make(
        cast.SORTED_SOYBEANS,
        cast.SOY_PLANT,
        When(76, "16:00"),
        "HEB01",
        9_800,
        inputs=raw,
        origin="黑龙江省绥化市海伦市",
    )
    stage.deliver(
        [kilograms(lot, 6_000)],
        cast.SOY_PLANT,
        cast.KITCHEN,
        When(70, "09:00"),
        When(66, "10:30"),
        "HEB-0001",
    )
    return lot


def _oil(stage: Stage) -> str:
    """From the rapeseed field over the mill to the factory."""
    harvest = stage.make(
        cast.RAPESEED, cast.RAPESEED_FIELD, When(95), "ZX01", 20_000, origin="湖北省荆门市钟祥市"
    )
    seed = [kilograms(harvest, 20_000)]
    stage.deliver(
        seed, cast.RAPESEED_FIELD, cast.OIL_PLANT, When(94, "06:40"), When(94, "11:20"), "ZX-0001"
    )
    lot = stage.make(
        cast.RAPESEED_OIL,
        cast.OIL_PLANT,
        When(90, "17:00"),
        "JM01",
        7_600,
        inputs=seed,
        origin="湖北省荆门市",
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.COMMISSIONED,
        "SF-W-0002",
        lot,
        89,
        panels.rapeseed_oil(stage.date(89)),
        sampled_at=cast.OIL_PLANT,
    )
    stage.deliver(
        [kilograms(lot, 4_000)],
        cast.OIL_PLANT,
        cast.KITCHEN,
        When(85, "08:10"),
        When(83, "14:00"),
        "JM-0001",
    )
    return lot


def _salt(stage: Stage) -> str:
    """From the brine well to the factory."""
    lot = stage.make(
        cast.SALT, cast.SALT_PLANT, When(100, "18:00"), "ZG01", 5_000, origin="四川省自贡市"
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.COMMISSIONED,
        "SF-W-0003",
        lot,
        99,
        panels.salt(stage.date(99)),
        sampled_at=cast.SALT_PLANT,
    )
    stage.deliver(
        [kilograms(lot, 1_000)],
        cast.SALT_PLANT,
        cast.KITCHEN,
        When(95, "09:00"),
        When(94, "16:30"),
        "ZG-0001",
    )
    return lot


def _chili(stage: Stage) -> str:
    """A family farm's and the cooperative's chilies become one lot, and lie in a cold store."""
    family_lot = stage.make(
        cast.FAMILY_CHILI,
        cast.FAMILY_FIELD,
        When(61, "06:30"),
        "XZ01",
        600,
        origin="贵州省遵义市新蒲新区虾子镇",
        certificate_number="HGZ-XZ-0001",
        code=FAMILY_LOT_CODE,
    )
    bought = [kilograms(family_lot, 600)]
    stage.deliver(
        bought, cast.FAMILY_FIELD, cast.CHILI_SHED, When(61, "09:00"), When(61, "09:40"), "XZ-0001"
    )
    own = stage.make(
        cast.CHILI,
        cast.CHILI_FIELD,
        When(61, "07:00"),
        "LJ01",
        3_400,
        origin="贵州省遵义市新蒲新区",
        certificate_number="HGZ-LJ-0001",
    )
    # Who mixes issues a new 承诺达标合格证 and keeps those that came with the goods.
    lot = stage.make(
        cast.CHILI,
        cast.CHILI_SHED,
        When(60, "11:00"),
        "LJ02",
        3_960,
        inputs=[*bought, kilograms(own, 3_400)],
        origin="贵州省遵义市新蒲新区",
        certificate_number="HGZ-LJ-0002",
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.COMMISSIONED,
        "SF-W-0004",
        lot,
        60,
        panels.chili(stage.date(60), clothianidin="0.012"),
        sampled_at=cast.CHILI_SHED,
    )
    _keep_cold(stage, lot)
    return lot


def _keep_cold(stage: Stage, lot: str) -> None:
    load = [kilograms(lot, 2_000)]
    on_the_way = stage.readings(When(59, "06:00"), 2, "4.1", "3.8", "4.6")
    stage.send(load, cast.CHILI_SHED, cast.COLD_ROOM, When(59, "10:30"), "LJ-0002", on_the_way)
    stage.take_in(load, cast.CHILI_SHED, cast.COLD_ROOM, When(59, "13:30"))
    first = stage.readings(When(59, "14:00"), 8, "3.2", "2.6", "2.4", "2.5", "2.9", "2.3")
    stage.store(load, cast.COLD_ROOM, When(57, "14:00"), first)
    then = stage.readings(When(50, "08:00"), 12, "2.4", "2.7", "3.1", "2.2", "2.8")
    stage.store(load, cast.COLD_ROOM, When(47, "08:00"), then)
    stage.deliver(
        load, cast.COLD_ROOM, cast.KITCHEN, When(38, "06:00"), When(38, "08:20"), "LK-0001"
    )


def _chopped_chili(stage: Stage, larder: Larder) -> None:
    """Chilled chopped chilies of which some were never sold: past their date by now."""
    harvest = stage.make(
        cast.CHILI,
        cast.CHILI_FIELD,
        When(92, "07:00"),
        "LJ00",
        500,
        origin="贵州省遵义市新蒲新区",
        certificate_number="HGZ-LJ-0000",
    )
    load = [kilograms(harvest, 500)]
    stage.deliver(
        load, cast.CHILI_SHED, cast.KITCHEN, When(91, "06:00"), When(91, "09:30"), "LJ-0000"
    )
    lot = stage.make(
        cast.CHOPPED_CHILI,
        cast.KITCHEN,
        When(90, "15:00"),
        "DJ01",
        2_600,
        uom=None,
        inputs=[*load, kilograms(larder.salt, 40)],
        origin=FACTORY_ORIGIN,
    )
    stage.certify(
        cast.FACTORY_LABORATORY,
        CertificateKind.SELF_TEST,
        "SF-Z-0001",
        lot,
        90,
        panels.chopped_chili(stage.date(90)),
        sampled_at=cast.KITCHEN,
    )
    jars = [pieces(lot, 1_200)]
    stage.deliver(
        jars, cast.WAREHOUSE, cast.SHOP_JINJIANG, When(86, "05:00"), When(86, "16:00"), "GY-0000"
    )
    stage.sell([pieces(lot, 1_150)], cast.SHOP_JINJIANG, When(50, "21:00"))


def _good_jars(stage: Stage, larder: Larder, chili: str) -> tuple[str, str]:
    """One kettle, split into two sizes of jar, and tested three times."""
    kettle = stage.make(
        cast.CHILI_OIL_IN_BULK,
        cast.KITCHEN,
        When(36, "13:00"),
        "GL01",
        4_950,
        inputs=[
            kilograms(larder.oil, 2_000),
            kilograms(chili, 1_600),
            kilograms(larder.soybeans, 1_500),
            kilograms(larder.salt, 250),
        ],
    )
    jar = stage.make(
        cast.JAR_280,
        cast.FILLING_HALL,
        When(35, "10:00"),
        "YL01",
        10_000,
        uom=None,
        inputs=[kilograms(kettle, 2_820)],
        origin=FACTORY_ORIGIN,
    )
    big_jar = stage.make(
        cast.JAR_700,
        cast.FILLING_HALL,
        When(35, "15:00"),
        "YL02",
        3_000,
        uom=None,
        inputs=[kilograms(kettle, 2_120)],
        origin=FACTORY_ORIGIN,
    )
    stage.certify(
        cast.FACTORY_LABORATORY,
        CertificateKind.SELF_TEST,
        "SF-Z-0002",
        jar,
        35,
        panels.chili_oil(stage.date(35), lead="0.09"),
        sampled_at=cast.FILLING_HALL,
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.COMMISSIONED,
        "SF-W-0005",
        jar,
        34,
        panels.chili_oil(stage.date(34), lead="0.083"),
        sampled_at=cast.FILLING_HALL,
    )
    stage.certify(
        cast.LABORATORY,
        CertificateKind.SUPERVISION,
        "SF-J-0001",
        jar,
        14,
        panels.chili_oil(stage.date(14), lead="0.088"),
        sampled_at=cast.SHOP_HUANGPU,
        sampled_by=cast.AUTHORITY.name,
    )
    return jar, big_jar


def _distribute(stage: Stage, jar: str, big_jar: str) -> None:
    """Cartons on a pallet to the hub, and from there to three shops."""
    packed = When(31, "09:00")
    first = stage.pack(CARTON_1, [pieces(jar, 600)], cast.WAREHOUSE, packed)
    second = stage.pack(CARTON_2, [pieces(jar, 600)], cast.WAREHOUSE, packed)
    third = stage.pack(CARTON_3, [pieces(big_jar, 200)], cast.WAREHOUSE, packed)
    pallet = stage.pack(
        PALLET,
        [first, second, third, pieces(big_jar, 300)],
        cast.WAREHOUSE,
        When(31, "11:00"),
    )
    stage.deliver(
        [pallet], cast.WAREHOUSE, cast.HUB, When(30, "06:30"), When(29, "15:45"), "GY-0001"
    )
    stage.unpack(PALLET, [second, third], cast.HUB, When(28, "10:00"))
    # A step within the distributor that the public sees as a numbered blank.
    buffer = stage.readings(When(28, "11:00"), 1, "21.5")
    stage.store([second], cast.HUB_BUFFER, When(28, "11:00"), buffer, hidden=True)
    stage.deliver(
        [pallet], cast.HUB, cast.SHOP_HUANGPU, When(27, "08:00"), When(25, "07:20"), "CD-0001"
    )
    stage.unpack(PALLET, [], cast.SHOP_HUANGPU, When(25, "08:00"))
    stage.unpack(CARTON_1, [], cast.SHOP_HUANGPU, When(25, "08:30"))
    stage.sell([pieces(jar, 210), pieces(big_jar, 80)], cast.SHOP_HUANGPU, When(10, "21:30"))
    stage.deliver(
        [second], cast.HUB, cast.SHOP_JINJIANG, When(26, "06:00"), When(26, "09:10"), "CD-0002"
    )
    stage.unpack(CARTON_2, [], cast.SHOP_JINJIANG, When(26, "10:00"))
    stage.sell([pieces(jar, 95)], cast.SHOP_JINJIANG, When(8, "22:00"))
    # On its way: sent, and not confirmed by the shop.
    stage.send([third], cast.HUB, cast.SHOP_PUDONG, When(1, "08:00"), "CD-0003")


def _recalled_jars(stage: Stage, larder: Larder) -> None:
    """Chilies over the limit, found when their jars stood in the shop already."""
    harvest = stage.make(
        cast.CHILI,
        cast.CHILI_FIELD,
        When(33, "07:00"),
        "LJ03",
        2_000,
        origin="贵州省遵义市新蒲新区",
        certificate_number="HGZ-LJ-0003",
    )
    load = [kilograms(harvest, 2_000)]
    stage.deliver(
        load, cast.CHILI_SHED, cast.KITCHEN, When(32, "06:00"), When(32, "09:30"), "LJ-0003"
    )
    kettle = stage.make(
        cast.CHILI_OIL_IN_BULK,
        cast.KITCHEN,
        When(31, "13:00"),
        "GL02",
        2_480,
        inputs=[
            kilograms(larder.oil, 1_000),
            kilograms(harvest, 800),
            kilograms(larder.soybeans, 750),
            kilograms(larder.salt, 125),
        ],
    )
    jar = stage.make(
        cast.JAR_280,
        cast.FILLING_HALL,
        When(30, "10:00"),
        "YL03",
        8_800,
        uom=None,
        inputs=[kilograms(kettle, 2_480)],
        origin=FACTORY_ORIGIN,
    )
    stage.deliver(
        [pieces(jar, 2_400)],
        cast.WAREHOUSE,
        cast.HUB,
        When(24, "06:30"),
        When(23, "15:00"),
        "GY-0002",
    )
    to_shop = [pieces(jar, 480)]
    stage.deliver(
        to_shop, cast.HUB, cast.SHOP_JINJIANG, When(22, "06:00"), When(22, "09:20"), "CD-0004"
    )
    stage.sell([pieces(jar, 60)], cast.SHOP_JINJIANG, When(16, "22:00"))
    _recall(stage, harvest)


def _recall(stage: Stage, chili: str) -> None:
    stage.certify(
        cast.LABORATORY,
        CertificateKind.SUPERVISION,
        "SF-J-0002",
        chili,
        18,
        panels.chili(stage.date(18), clothianidin="0.18"),
        sampled_at=cast.KITCHEN,
        sampled_by=cast.AUTHORITY.name,
    )
    inspections.open_recall(
        stage.session,
        stage.actor(cast.AUTHORITY),
        lot=chili,
        recall_class=2,
        reason="监督抽检发现该批次鲜辣椒噻虫胺残留量为0.18 mg/kg，超过0.05 mg/kg的限量",
        reason_en="Supervision sampling found 0.18 mg/kg of clothianidin in this lot of fresh"
        " chilies; the limit is 0.05 mg/kg",
        hazard="农药残留超标，长期食用可能损害健康",
        hazard_en="Pesticide residue above the limit; eaten for long it may harm health",
        advice="请立即停止食用，保留包装，到购买门店退货",
        advice_en="Stop eating it, keep the packaging and take it back to the shop",
        compensation="凭实物或购物凭证全额退款，费用由生产企业承担",
        compensation_en="Full refund for the goods or the receipt; the producer bears the cost",
        contact=cast.AUTHORITY.phone,
        area="四川省成都市",
        at=stage.at(When(14, "10:00")),
    )
