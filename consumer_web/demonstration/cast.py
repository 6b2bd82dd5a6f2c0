"""Who and what plays in the demonstration: organisations, their places and products.

All of it is invented, and says so: every name holds 示范 (demonstration). GS1 keys stand
under the prefix 952, which GS1 keeps for demonstrations and examples; credit codes and
licences have right check characters on organisation numbers nobody has (DEM00001…); no
Chinese telephone number begins with 0 after its area code.
"""

from dataclasses import dataclass
from typing import Literal

PartyKind = Literal[
    "farm", "packer", "processor", "cold_store", "distributor", "shop", "laboratory", "authority"
]


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation as the register will know it."""

    name: str
    name_en: str
    kind: PartyKind
    gln: str
    uscc: str
    region: str
    address: str
    phone: str
    food_licence: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place of an organisation, in the organisation's region unless it says another."""

    owner: Org
    name: str
    name_en: str
    gln: str
    region: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Food:
    """A kind of food that an organisation makes. Without a GTIN it has a code of ours."""

    maker: Org
    name: str
    name_en: str
    gtin: str | None = None
    code: str | None = None
    brand: str | None = None
    net_content: str | None = None
    storage: str | None = None
    shelf_life_days: int | None = None
    standard: str | None = None
    ingredients: str | None = None
    allergens: str | None = None


SOY_FARM = Org(
    "海伦示范大豆种植专业合作社",
    "Hailun Shifan Soybean Cooperative",
    "farm",
    "9521000100008",
    "93231283DEM0000145",
    "黑龙江省绥化市海伦市",
    "示范镇一村一组",
    "0455-00000001",
)
CHILI_FAMILY = Org(
    "虾子镇示范家庭农场",
    "Xiazi Shifan Family Farm",
    "farm",
    "9521000200005",
    "92520302DEM000022H",
    "贵州省遵义市新蒲新区",
    "虾子镇示范村二组",
    "0851-00000002",
)
CHILI_FARM = Org(
    "遵义示范辣椒专业合作社",
    "Zunyi Shifan Chili Cooperative",
    "farm",
    "9521000300002",
    "93520302DEM0000309",
    "贵州省遵义市新蒲新区",
    "虾子镇示范路3号",
    "0851-00000003",
)
RAPESEED_FARM = Org(
    "钟祥示范油菜种植专业合作社",
    "Zhongxiang Shifan Rapeseed Cooperative",
    "farm",
    "9521000400009",
    "93420881DEM000049N",
    "湖北省荆门市钟祥市",
    "示范镇四村",
    "0724-00000004",
)
SOY_PACKER = Org(
    "哈尔滨示范粮食分装有限公司",
    "Harbin Shifan Grain Packing Co., Ltd",
    "packer",
    "9521000500006",
    "91230102DEM000057W",
    "黑龙江省哈尔滨市道里区",
    "示范路5号",
    "0451-00000005",
    "SC10123010299995",
)
OIL_MILL = Org(
    "荆门示范油脂有限公司",
    "Jingmen Shifan Oil Mill Co., Ltd",
    "processor",
    "9521000600003",
    "91420804DEM0000652",
    "湖北省荆门市掇刀区",
    "示范路6号",
    "0724-00000006",
    "SC10242080499998",
)
SALT_WORKS = Org(
    "自贡示范井盐有限公司",
    "Zigong Shifan Well Salt Co., Ltd",
    "processor",
    "9521000700000",
    "91510302DEM000073Q",
    "四川省自贡市自流井区",
    "示范路7号",
    "0813-00000007",
    "SC10351030299999",
)
FACTORY = Org(
    "贵阳示范食品有限公司",
    "Guiyang Shifan Foods Co., Ltd",
    "processor",
    "9521000800007",
    "91520111DEM000081E",
    "贵州省贵阳市花溪区",
    "示范食品产业园8号",
    "0851-00000008",
    "SC10352011199993",
)
COLD_STORE = Org(
    "贵阳示范冷链仓储有限公司",
    "Guiyang Shifan Cold Storage Co., Ltd",
    "cold_store",
    "9521000900004",
    "91520112DEM00009XL",
    "贵州省贵阳市乌当区",
    "示范物流园9号",
    "0851-00000009",
)
DISTRIBUTOR = Org(
    "成都示范供应链管理有限公司",
    "Chengdu Shifan Supply Chain Co., Ltd",
    "distributor",
    "9521001000000",
    "91510114DEM0001026",
    "四川省成都市新都区",
    "示范物流大道10号",
    "028-00000010",
)
SUPERMARKET = Org(
    "上海示范超市有限公司",
    "Shanghai Shifan Supermarket Co., Ltd",
    "shop",
    "9521001100007",
    "91310101DEM000110Q",
    "上海市黄浦区",
    "示范路11号",
    "021-00000011",
)
CORNER_SHOP = Org(
    "成都示范便利店有限公司",
    "Chengdu Shifan Corner Shops Co., Ltd",
    "shop",
    "9521001200004",
    "91510104DEM000129E",
    "四川省成都市锦江区",
    "示范街12号",
    "028-00000012",
)
LABORATORY = Org(
    "贵州示范检验检测有限公司",
    "Guizhou Shifan Testing Co., Ltd",
    "laboratory",
    "9521001300001",
    "91520103DEM000137Y",
    "贵州省贵阳市云岩区",
    "示范路13号",
    "0851-00000013",
)
FACTORY_LABORATORY = Org(
    "贵阳示范食品有限公司检验中心",
    "Guiyang Shifan Foods, In-house Laboratory",
    "laboratory",
    "9521001400008",
    "91520111DEM000145C",
    "贵州省贵阳市花溪区",
    "示范食品产业园8号B座",
    "0851-00000014",
)
AUTHORITY = Org(
    "贵阳市示范区市场监督管理局",
    "Guiyang Shifan District Administration for Market Regulation",
    "authority",
    "9521001500005",
    "11520100DEM000153H",
    "贵州省贵阳市",
    "示范路15号",
    "0851-00000015",
)

ORGS = (
    SOY_FARM,
    CHILI_FAMILY,
    CHILI_FARM,
    RAPESEED_FARM,
    SOY_PACKER,
    OIL_MILL,
    SALT_WORKS,
    FACTORY,
    COLD_STORE,
    DISTRIBUTOR,
    SUPERMARKET,
    CORNER_SHOP,
    LABORATORY,
    FACTORY_LABORATORY,
    AUTHORITY,
)

SOY_FIELD = Site(SOY_FARM, "示范大豆地块1号", "Soybean field 1", "9521000100015")
FAMILY_FIELD = Site(CHILI_FAMILY, "示范辣椒地块", "Chili field", "9521000200012")
CHILI_FIELD = Site(CHILI_FARM, "示范辣椒基地", "Chili base", "9521000300019")
CHILI_SHED = Site(CHILI_FARM, "示范分拣中心", "Sorting shed", "9521000300026")
RAPESEED_FIELD = Site(RAPESEED_FARM, "示范油菜基地", "Rapeseed base", "9521000400016")
SOY_PLANT = Site(SOY_PACKER, "示范分装车间", "Packing plant", "9521000500013")
OIL_PLANT = Site(OIL_MILL, "示范压榨车间", "Pressing plant", "9521000600010")
SALT_PLANT = Site(SALT_WORKS, "示范制盐车间", "Salt plant", "9521000700017")
KITCHEN = Site(FACTORY, "示范炒制车间", "Cooking hall", "9521000800014")
FILLING_HALL = Site(FACTORY, "示范灌装车间", "Filling hall", "9521000800021")
WAREHOUSE = Site(FACTORY, "示范成品库", "Finished goods store", "9521000800038")
COLD_ROOM = Site(COLD_STORE, "示范3号冷库", "Cold room 3", "9521000900011")
HUB = Site(DISTRIBUTOR, "示范新都分拨中心", "Xindu hub", "9521001000017")
HUB_BUFFER = Site(DISTRIBUTOR, "示范新都备货库", "Xindu buffer store", "9521001000024")
SHOP_HUANGPU = Site(SUPERMARKET, "示范超市人民广场店", "People's Square shop", "9521001100014")
SHOP_PUDONG = Site(
    SUPERMARKET,
    "示范超市浦东世纪大道店",
    "Pudong Century Avenue shop",
    "9521001100021",
    "上海市浦东新区",
    "示范大道21号",
)
SHOP_JINJIANG = Site(CORNER_SHOP, "示范便利店锦江店", "Jinjiang shop", "9521001200011")

SITES = (
    SOY_FIELD,
    FAMILY_FIELD,
    CHILI_FIELD,
    CHILI_SHED,
    RAPESEED_FIELD,
    SOY_PLANT,
    OIL_PLANT,
    SALT_PLANT,
    KITCHEN,
    FILLING_HALL,
    WAREHOUSE,
    COLD_ROOM,
    HUB,
    HUB_BUFFER,
    SHOP_HUANGPU,
    SHOP_PUDONG,
    SHOP_JINJIANG,
)

SOYBEANS = Food(
    SOY_FARM,
    "示范大豆（原粮）",
    "Shifan soybeans, unsorted",
    "09521000190016",
    storage="阴凉干燥处保存",
    shelf_life_days=365,
    standard="GB 1352-2023",
)
# The family farm has no bar codes: its chilies and their lot have codes of ours.
FAMILY_CHILI = Food(
    CHILI_FAMILY,
    "示范鲜辣椒（农户自产）",
    "Shifan fresh chili, family farm",
    code="SHJFANXKAJJA0N0NGCHANGPJN1J",
    storage="0～10℃保存",
    shelf_life_days=30,
)
CHILI = Food(
    CHILI_FARM,
    "示范鲜红辣椒",
    "Shifan fresh red chili",
    "09521000390010",
    storage="0～10℃保存",
    shelf_life_days=30,
    standard="NY/T 944-2006",
)
RAPESEED = Food(
    RAPESEED_FARM,
    "示范油菜籽",
    "Shifan rapeseed",
    "09521000490017",
    storage="阴凉干燥处保存",
    shelf_life_days=365,
    standard="GB/T 11762-2006",
)
SORTED_SOYBEANS = Food(
    SOY_PACKER,
    "示范精选大豆",
    "Shifan sorted soybeans",
    "09521000590014",
    brand="示范",
    net_content="25 kg",
    storage="阴凉干燥处保存",
    shelf_life_days=360,
    standard="GB 1352-2023",
    ingredients="大豆",
    allergens="大豆",
)
RAPESEED_OIL = Food(
    OIL_MILL,
    "示范压榨菜籽油",
    "Shifan pressed rapeseed oil",
    "09521000690011",
    brand="示范",
    net_content="200 kg",
    storage="避光、阴凉处保存",
    shelf_life_days=540,
    standard="GB/T 1536-2021",
    ingredients="油菜籽",
)
SALT = Food(
    SALT_WORKS,
    "示范精制井盐",
    "Shifan refined well salt",
    "09521000790018",
    brand="示范",
    net_content="50 kg",
    storage="干燥处保存",
    standard="GB/T 5461-2016",
    ingredients="食用盐、抗结剂（亚铁氰化钾）",
)
CHILI_OIL_IN_BULK = Food(
    FACTORY,
    "示范香辣黄豆油辣椒（半成品）",
    "Shifan chili oil with soybeans, in bulk",
    "09521000890015",
    storage="常温密闭保存",
    shelf_life_days=30,
    allergens="大豆",
)
_INGREDIENTS = "菜籽油、辣椒、大豆、食用盐"
JAR_280 = Food(
    FACTORY,
    "示范牌香辣黄豆油辣椒 280克",
    "Shifan chili oil with soybeans, 280 g",
    "09521000890022",
    brand="示范",
    net_content="280 g",
    storage="常温保存，开封后冷藏",
    shelf_life_days=540,
    standard="GB/T 20293-2006",
    ingredients=_INGREDIENTS,
    allergens="大豆",
)
JAR_700 = Food(
    FACTORY,
    "示范牌香辣黄豆油辣椒 700克",
    "Shifan chili oil with soybeans, 700 g",
    "09521000890039",
    brand="示范",
    net_content="700 g",
    storage="常温保存，开封后冷藏",
    shelf_life_days=540,
    standard="GB/T 20293-2006",
    ingredients=_INGREDIENTS,
    allergens="大豆",
)
CHOPPED_CHILI = Food(
    FACTORY,
    "示范牌鲜剁椒（冷藏）200克",
    "Shifan chilled chopped chili, 200 g",
    "09521000890046",
    brand="示范",
    net_content="200 g",
    storage="0～4℃冷藏",
    shelf_life_days=45,
    standard="SB/T 10439-2007",
    ingredients="辣椒、食用盐",
)

FOODS = (
    SOYBEANS,
    FAMILY_CHILI,
    CHILI,
    RAPESEED,
    SORTED_SOYBEANS,
    RAPESEED_OIL,
    SALT,
    CHILI_OIL_IN_BULK,
    JAR_280,
    JAR_700,
    CHOPPED_CHILI,
)
