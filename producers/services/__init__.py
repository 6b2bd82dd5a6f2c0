"""What those who make and move food can do and ask: one function an act."""

from foodtrace.producers.events import Moved, Reading
from foodtrace.producers.services.batches import (
    Batch,
    LastBatch,
    Share,
    last_batch,
    proposed_lot_number,
    register_batch,
    split,
)
from foodtrace.producers.services.found import find_goods, find_lots
from foodtrace.producers.services.goods import Goods
from foodtrace.producers.services.hops import (
    destroy,
    receive,
    record_temperatures,
    sell,
    ship,
    store_cold,
)
from foodtrace.producers.services.lot_page import LotPage, get_lot, lot_page
from foodtrace.producers.services.lots import LotList, list_lots
from foodtrace.producers.services.packing import pack, proposed_sscc, unpack
from foodtrace.producers.services.stock import stock_of
from foodtrace.producers.services.transit import Shipment, ShipmentLine, shipments_to

__all__ = [
    "Batch",
    "Goods",
    "LastBatch",
    "LotList",
    "LotPage",
    "Moved",
    "Reading",
    "Share",
    "Shipment",
    "ShipmentLine",
    "destroy",
    "find_goods",
    "find_lots",
    "get_lot",
    "last_batch",
    "list_lots",
    "lot_page",
    "pack",
    "proposed_lot_number",
    "proposed_sscc",
    "receive",
    "record_temperatures",
    "register_batch",
    "sell",
    "ship",
    "shipments_to",
    "split",
    "stock_of",
    "store_cold",
    "unpack",
]
