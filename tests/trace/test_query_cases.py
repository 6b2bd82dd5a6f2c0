"""Every kind of query parameter, end to end: a few events, and which of them each one finds.

The same table is held against the service on both databases and against the filter in plain
Python, so that neither can be wrong alone.
"""

import json
import shutil
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import QueryParameter, QueryTooLarge
from foodtrace.trace.query.parameters import query_of, stored
from foodtrace.trace.query.services import find_events
from foodtrace.trace.store.session import Store

from ..conftest import administer, postgresql_url
from .acts import ALBA
from .query_reference import Told, found, thing

EVENTS = "https://example.com/events/"
EX = "https://example.com/ns/"
PREFIXES = {"ex": EX}
FARM = "urn:epc:id:sgln:9506000.00001.0"
FIELD = "urn:epc:id:sgln:9506000.00001.field"
STORE = "urn:epc:id:sgln:9506000.00002.0"
DOCK = "https://dock.example.com/gates/5"
OWNER = "urn:epc:id:pgln:9506000.00001"
BUYER = "urn:epc:id:pgln:0614141.00777"
LOT = "urn:epc:class:lgtin:9506000.013435.L1"
OIL = "urn:epc:class:lgtin:9506000.013436.OIL"
SERIAL = "urn:epc:id:sgtin:9506000.013435"
OTHER = "urn:epc:id:sgtin:0614141.107346.2017"
PALLET = "urn:epc:id:sscc:9506000.1000000001"
ORDER = "urn:epcglobal:cbv:bt:0614141073467:1152"

HARVEST = {
    "type": "ObjectEvent",
    "action": "ADD",
    "bizStep": "commissioning",
    "disposition": "active",
    "quantityList": [{"epcClass": LOT, "quantity": 120, "uom": "KGM"}],
    "readPoint": {"id": FIELD, "ex:row": "12", "ex:block": {"ex:name": "North", "ex:size": 4}},
    "bizLocation": {"id": FARM, "ex:region": "Piedmont", "ex:map": {"ex:sheet": "B7"}},
    "ilmd": {
        "cbvmda:lotNumber": "L1",
        "cbvmda:itemExpirationDate": "2026-06-01",
        "ex:grade": ["A", "extra"],
        "ex:weight": 12.5,
        "ex:brix": "11",
        "ex:organic": True,
        "ex:origin": {
            "ex:village": "Alba",
            "ex:altitude": 300,
            "ex:picked": "2026-04-30T06:00:00+02:00",
            "ex:plot": [{"ex:number": "007"}, {"ex:number": 8}],
        },
    },
}
SERIALS = {
    "type": "ObjectEvent",
    "action": "ADD",
    "bizStep": "urn:epcglobal:cbv:bizstep:commissioning",
    "disposition": "cbv:Disp-active",
    "epcList": [f"{SERIAL}.1", f"{SERIAL}.2", OTHER],
    "quantityList": [{"epcClass": "urn:epc:idpat:sgtin:9506000.013435.*", "quantity": 2}],
    "readPoint": {"id": FARM},
    "ilmd": {"ex:grade": "B", "ex:weight": 3, "ex:origin": {"ex:village": "Barolo"}},
}
PACKING = {
    "type": "AggregationEvent",
    "action": "ADD",
    "bizStep": "packing",
    "parentID": PALLET,
    "childEPCs": [f"{SERIAL}.1", f"{SERIAL}.2"],
    "childQuantityList": [{"epcClass": LOT, "quantity": 500, "uom": "GRM"}],
    "bizLocation": {"id": STORE},
    "ex:temperature": 4.5,
    "ex:line": "7",
}
SHIPPING = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "bizStep": "shipping",
    "disposition": "in_transit",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["damaged"]},
    "epcList": [PALLET],
    "readPoint": {"id": STORE},
    "bizTransactionList": [
        {"type": "po", "bizTransaction": ORDER},
        {"bizTransaction": "https://erp.example.com/notes/9"},
    ],
    "sourceList": [
        {"type": "owning_party", "source": OWNER},
        {"type": "location", "source": STORE},
    ],
    "destinationList": [
        {"type": "owning_party", "destination": BUYER},
        {"type": "ex:customs", "destination": DOCK},
    ],
    "ex:seal": {"ex:number": 4711, "ex:by": "urn:epc:id:pgln:9506000.00001", "ex:at": "2026-05-01"},
    "ex:departure": "2026-05-01T12:30:00+02:00",
    "ex:truck": "https://id.gs1.org/8004/9506000TRUCK1",
}
RECEIVING = {
    "type": "TransactionEvent",
    "action": "ADD",
    "bizStep": f"{EX}unpacking-at-dock",
    "disposition": "https://ref.gs1.org/cbv/Disp-in_progress",
    "parentID": "urn:epc:id:sscc:0614141.1234567890",
    "epcList": [PALLET],
    "readPoint": {"id": DOCK},
    "bizTransactionList": [
        {"type": "desadv", "bizTransaction": "https://erp.example.com/advices/77"}
    ],
    "ex:departure": "2026-05-02T08:00:00Z",
    "ex:note": "late, but complete",
}
PRESSING = {
    "type": "TransformationEvent",
    "transformationID": "urn:epc:id:gdti:9506000.00001.PRESS1",
    "bizStep": "creating_class_instance",
    "inputQuantityList": [{"epcClass": LOT, "quantity": 100, "uom": "KGM"}],
    "inputEPCList": [f"{SERIAL}.2"],
    "outputQuantityList": [{"epcClass": OIL, "quantity": 60, "uom": "LTR"}],
    "outputEPCList": ["urn:epc:id:sgtin:9506000.013436.99"],
    "ilmd": {"ex:acidity": 0.3, "cbvmda:itemExpirationDate": "2027-11-30"},
}
COOLING = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "bizStep": "sensor_reporting",
    "epcList": [PALLET],
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2026-05-01T10:00:00Z",
                "startTime": "2026-05-01T09:00:00Z",
                "endTime": "2026-05-01T10:00:00Z",
                "deviceID": "urn:epc:id:giai:9506000.SENSOR1",
                "deviceMetadata": "https://id.gs1.org/8004/9506000SENSOR1?info",
                "rawData": "https://example.com/raw/1",
                "dataProcessingMethod": "https://example.com/methods/mean",
                "bizRules": "https://example.com/rules/cold",
                "ex:firmware": "2.1",
            },
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 4,
                    "minValue": 2,
                    "maxValue": 6.5,
                    "meanValue": 4.2,
                    "sDev": 1,
                    "percRank": 95,
                    "percValue": 6,
                    "uom": "CEL",
                    "component": "x",
                    "ex:probe": {"ex:serial": "P-9", "ex:depth": 3},
                },
                {"type": "gs1:RelativeHumidity", "value": 85, "uom": "P1"},
            ],
            "ex:zone": "front",
            "ex:rack": {"ex:level": 2},
        }
    ],
}
WARMING = {
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "epcList": [OTHER],
    "sensorElementList": [
        {
            "sensorMetadata": {"time": "2026-05-03T10:00:00Z"},
            "sensorReport": [
                {
                    "type": "https://gs1.org/voc/Temperature",
                    "value": 50,
                    "minValue": 41,
                    "maxValue": 68,
                    "meanValue": 50,
                    "sDev": 9,
                    "uom": "FAH",
                    "exception": "ALARM_CONDITION",
                    "coordinateReferenceSystem": "https://gs1.org/voc/CRS-WGS84",
                },
                {
                    "type": "ex:Colony",
                    "value": 9,
                    "uom": "XYZ",
                    "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                    "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN",
                },
                {"type": "ex:Text", "stringValue": "warm", "booleanValue": True},
                {
                    "type": "ex:Code",
                    "hexBinaryValue": "F0F0",
                    "uriValue": "https://example.com/codes/7",
                },
            ],
        }
    ],
}
JOINING = {
    "type": "AssociationEvent",
    "action": "DELETE",
    "parentID": "urn:epc:id:grai:9506000.01234.CRATE",
    "childEPCs": ["urn:epc:id:giai:9506000.SENSOR1"],
    "readPoint": {"id": DOCK},
}
MISTAKE = {
    "type": "ObjectEvent",
    "action": "DELETE",
    "bizStep": "destroying",
    "epcList": [f"{SERIAL}.3"],
    "errorDeclaration": {
        "declarationTime": "2026-05-10T08:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": [f"{EVENTS}shipping"],
        "ex:ticket": 42,
        "ex:clerk": {"ex:name": "Rosa", "ex:years": 9},
    },
}
BODIES = {
    "harvest": HARVEST,
    "serials": SERIALS,
    "packing": PACKING,
    "shipping": SHIPPING,
    "receiving": RECEIVING,
    "pressing": PRESSING,
    "cooling": COOLING,
    "warming": WARMING,
    "joining": JOINING,
    "mistake": MISTAKE,
}
START = datetime(2026, 5, 1, 8, tzinfo=UTC)
TOLD = [
    {
        "eventID": EVENTS + name,
        "eventTime": (START + timedelta(hours=number)).isoformat(),
        "eventTimeZoneOffset": "+00:00",
        **body,
    }
    for number, (name, body) in enumerate(BODIES.items())
]
MASTER_DATA = [
    {
        "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
        "vocabularyElementList": [
            {
                "id": FARM,
                "attributes": [
                    {"id": "cbvmda:countryCode", "attribute": "IT"},
                    {"id": "ex:soil_type", "attribute": "marl"},
                ],
                "children": [FIELD, "https://farm.example.com/barn"],
            },
            {"id": STORE, "attributes": [{"id": "cbvmda:countryCode", "attribute": "FR"}]},
            {"id": "https://farm.example.com/all", "children": [FARM]},
        ],
    },
    {
        "type": "urn:epcglobal:epcis:vtype:EPCClass",
        "vocabularyElementList": [
            {"id": LOT, "attributes": [{"id": "cbvmda:descriptionShort", "attribute": "Olives"}]}
        ],
    },
    {
        "type": "urn:epcglobal:epcis:vtype:SourceDest",
        "vocabularyElementList": [
            {"id": OWNER, "attributes": [{"id": "cbvmda:name", "attribute": "Alba"}]},
            {"id": ORDER, "attributes": [{"id": "ex:urgent", "attribute": "yes"}]},
            {"id": PALLET, "attributes": [{"id": "ex:colour", "attribute": "blue"}]},
            {
                "id": "https://id.gs1.org/8004/9506000TRUCK1",
                "attributes": [{"id": "ex:plate", "attribute": "AB 123"}],
            },
        ],
    },
]
ALL = " ".join(BODIES)

# Parameters, and the names of the events that they find.
CASES = [
    ({}, ALL),
    # What and when
    ({"eventType": ["ObjectEvent"]}, "harvest serials shipping cooling warming mistake"),
    ({"eventType": ["AggregationEvent", "AssociationEvent"]}, "packing joining"),
    ({"eventType": ["https://example.com/types/Own"]}, ""),
    ({"GE_eventTime": "2026-05-01T15:00:00Z"}, "warming joining mistake"),
    ({"GE_eventTime": "2026-05-01T17:00:00+02:00"}, "warming joining mistake"),
    ({"LT_eventTime": "2026-05-01T10:00:00Z"}, "harvest serials"),
    (
        {"GE_eventTime": "2026-05-01T09:00:00Z", "LT_eventTime": "2026-05-01T11:00:00Z"},
        "serials packing",
    ),
    ({"GE_recordTime": "2000-01-01T00:00:00Z"}, ALL),
    ({"LT_recordTime": "2000-01-01T00:00:00Z"}, ""),
    ({"EQ_action": ["OBSERVE"]}, "shipping cooling warming"),
    ({"EQ_action": ["ADD", "DELETE"]}, "harvest serials packing receiving joining mistake"),
    ({"EQ_eventID": [EVENTS + "packing", EVENTS + "nothing"]}, "packing"),
    # Why
    ({"EQ_bizStep": ["commissioning"]}, "harvest serials"),
    ({"EQ_bizStep": ["https://ref.gs1.org/cbv/BizStep-commissioning"]}, "harvest serials"),
    ({"EQ_bizStep": ["urn:epcglobal:cbv:bizstep:packing", "cbv:BizStep-shipping"]},
     "packing shipping"),
    ({"EQ_bizStep": ["ex:unpacking-at-dock"]}, "receiving"),
    ({"EQ_disposition": ["active"]}, "harvest serials"),
    ({"EQ_disposition": ["urn:epcglobal:cbv:disp:in_progress"]}, "receiving"),
    ({"EQ_persistentDisposition_set": ["completeness_verified"]}, "shipping"),
    ({"EQ_persistentDisposition_set": ["damaged"]}, ""),
    ({"EQ_persistentDisposition_unset": ["damaged"]}, "shipping"),
    ({"EQ_bizTransaction_po": [ORDER]}, "shipping"),
    ({"EQ_bizTransaction_desadv": [ORDER]}, ""),
    ({"EQ_bizTransaction_urn:epcglobal:cbv:btt:desadv": ["https://erp.example.com/advices/77"]},
     "receiving"),
    ({"EQ_bizTransaction": ["https://erp.example.com/notes/9"]}, "shipping"),
    ({"EQ_source_owning_party": [OWNER]}, "shipping"),
    ({"EQ_source_owning_party": ["https://id.gs1.org/417/9506000000015"]}, "shipping"),
    ({"EQ_source_owning_party": [FARM]}, "shipping"),
    ({"EQ_source_possessing_party": [OWNER]}, ""),
    ({"EQ_source_location": [STORE]}, "shipping"),
    ({"EQ_destination_owning_party": [BUYER, OWNER]}, "shipping"),
    ({"EQ_destination_ex:customs": [DOCK]}, "shipping"),
    ({"EQ_transformationID": ["urn:epc:id:gdti:9506000.00001.PRESS1"]}, "pressing"),
    ({"EQ_transformationID": ["https://id.gs1.org/253/9506000000015PRESS1"]}, "pressing"),
    # Where
    ({"EQ_readPoint": [FIELD]}, "harvest"),
    ({"EQ_readPoint": ["https://id.gs1.org/414/9506000000015"]}, "serials"),
    ({"EQ_readPoint": [STORE, DOCK]}, "shipping receiving joining"),
    ({"WD_readPoint": [FARM]}, "harvest serials"),
    ({"WD_readPoint": ["https://farm.example.com/all"]}, "harvest serials"),
    ({"WD_readPoint": [FIELD]}, "harvest"),
    ({"EQ_bizLocation": [STORE]}, "packing"),
    ({"WD_bizLocation": ["https://farm.example.com/all", STORE]}, "harvest packing"),
    ({"EQ_readPoint_ex:row": ["12"]}, "harvest"),
    ({"EQ_INNER_readPoint_ex:name": ["North"]}, "harvest"),
    ({"EQ_readPoint_ex:name": ["North"]}, ""),
    ({"GE_INNER_readPoint_ex:size": 4}, "harvest"),
    ({"EQ_bizLocation_ex:region": ["Piedmont", "Lazio"]}, "harvest"),
    ({"EQ_INNER_bizLocation_ex:sheet": ["B7"]}, "harvest"),
    # Which things
    ({"MATCH_epc": [f"{SERIAL}.1"]}, "serials packing"),
    ({"MATCH_epc": ["https://shop.example.com/01/09506000134352/21/1"]}, "serials packing"),
    ({"MATCH_epc": ["urn:epc:idpat:sgtin:9506000.013435.*"]}, "serials packing mistake"),
    ({"MATCH_epc": ["urn:epc:idpat:sgtin:9506000.*.*"]}, "serials packing mistake"),
    ({"MATCH_epc": ["urn:epc:idpat:sgtin:*.*.*"]}, "serials packing warming mistake"),
    ({"MATCH_epc": ["urn:epc:idpat:sscc:9506000.*"]}, "shipping receiving cooling"),
    ({"MATCH_epc": [LOT]}, ""),
    ({"MATCH_parentID": [PALLET]}, "packing"),
    ({"MATCH_parentID": ["urn:epc:idpat:sscc:*.*"]}, "packing receiving"),
    ({"MATCH_parentID": ["urn:epc:id:grai:9506000.01234.CRATE"]}, "joining"),
    ({"MATCH_inputEPC": [f"{SERIAL}.2"]}, "pressing"),
    ({"MATCH_outputEPC": ["urn:epc:idpat:sgtin:9506000.013436.*"]}, "pressing"),
    ({"MATCH_outputEPC": [f"{SERIAL}.2"]}, ""),
    ({"MATCH_anyEPC": [f"{SERIAL}.2"]}, "serials packing pressing"),
    ({"MATCH_anyEPC": [PALLET]}, "packing shipping receiving cooling"),
    ({"MATCH_anyEPC": ["urn:epc:id:giai:9506000.SENSOR1"]}, "joining"),
    ({"MATCH_epcClass": [LOT]}, "harvest packing"),
    ({"MATCH_epcClass": ["https://id.gs1.org/01/09506000134352/10/L1"]}, "harvest packing"),
    ({"MATCH_epcClass": ["urn:epc:idpat:sgtin:9506000.013435.*"]}, "serials"),
    ({"MATCH_epcClass": ["urn:epc:idpat:lgtin:9506000.013435.*"]}, "harvest packing"),
    ({"MATCH_inputEPCClass": [LOT]}, "pressing"),
    ({"MATCH_outputEPCClass": [OIL]}, "pressing"),
    ({"MATCH_outputEPCClass": [LOT]}, ""),
    ({"MATCH_anyEPCClass": [LOT]}, "harvest packing pressing"),
    ({"MATCH_anyEPCClass": ["urn:epc:idpat:sgtin:9506000.*.*"]},
     "serials"),
    ({"MATCH_anyEPCClass": ["urn:epc:idpat:lgtin:9506000.*.*"]}, "harvest packing pressing"),
    # How many
    ({"EQ_quantity": [120, 2]}, "harvest serials"),
    ({"GT_quantity": 120}, "packing"),
    ({"GE_quantity": 120}, "harvest packing"),
    ({"LT_quantity": 60}, "serials"),
    ({"LE_quantity": 60}, "serials pressing"),
    ({"EQ_quantity_KGM": [0.5]}, "packing"),
    ({"EQ_quantity_GRM": [120000]}, "harvest"),
    ({"GT_quantity_KGM": 100}, "harvest"),
    ({"GE_quantity_KGM": 100}, "harvest pressing"),
    ({"LT_quantity_TNE": 0.1}, "packing"),
    ({"LE_quantity_MLT": 60000}, "pressing"),
    ({"GE_quantity_C62": 1}, "serials"),
    # Extensions of the event
    ({"EQ_ex:line": ["7"]}, "packing"),
    ({"EQ_ex:line": 7}, "packing"),
    ({f"EQ_{EX}line": ["7"]}, "packing"),
    ({"EQ_https://example.com/ns#line": ["7"]}, "packing"),
    ({"EQ_ex:temperature": 4.5}, "packing"),
    ({"EQ_ex:temperature": ["4.50"]}, "packing"),
    ({"EQ_ex:note": ["late, but complete"]}, "receiving"),
    ({"EQ_ex:truck": ["urn:epc:id:giai:9506000.TRUCK1"]}, "shipping"),
    ({"EQ_ex:departure": ["2026-05-01T10:30:00Z"]}, "shipping"),
    ({"GT_ex:temperature": 4.5}, ""),
    ({"GE_ex:temperature": 4.5}, "packing"),
    ({"LT_ex:line": 8}, "packing"),
    ({"LE_ex:temperature": 4.4}, ""),
    ({"GE_ex:departure": "2026-05-02T08:00:00Z"}, "receiving"),
    ({"LT_ex:departure": "2026-05-02T08:00:00Z"}, "shipping"),
    ({"EXISTS_ex:departure": None}, "shipping receiving"),
    ({"EXISTS_ex:number": None}, ""),
    ({"EQ_INNER_ex:by": [OWNER]}, "shipping"),
    ({"EQ_INNER_ex:number": 4711}, "shipping"),
    ({"GT_INNER_ex:number": 4710}, "shipping"),
    ({"GE_INNER_ex:at": "2026-05-01"}, "shipping"),
    ({"LT_INNER_ex:number": 4711}, ""),
    ({"LE_INNER_ex:number": 4711}, "shipping"),
    ({"EXISTS_INNER_ex:number": None}, "shipping"),
    ({"EXISTS_INNER_ex:seal": None}, ""),
    # Master data of lots
    ({"EQ_ILMD_cbvmda:lotNumber": ["L1"]}, "harvest"),
    ({"EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber": ["L1"]}, "harvest"),
    ({"EQ_ILMD_ex:grade": ["A", "B"]}, "harvest serials"),
    ({"EQ_ILMD_ex:grade": ["extra"]}, "harvest"),
    ({"EQ_ILMD_ex:organic": ["true"]}, "harvest"),
    ({"EQ_ILMD_ex:weight": 3}, "serials"),
    ({"GT_ILMD_ex:weight": 3}, "harvest"),
    ({"GE_ILMD_ex:weight": 3}, "harvest serials"),
    ({"LT_ILMD_ex:weight": 12.5}, "serials"),
    ({"LE_ILMD_ex:weight": 12.5}, "harvest serials"),
    ({"GE_ILMD_ex:brix": 11}, "harvest"),
    ({"LT_ILMD_cbvmda:itemExpirationDate": "2026-06-02T00:00:00Z"}, "harvest"),
    ({"GE_ILMD_cbvmda:itemExpirationDate": "2026-06-01"}, "harvest pressing"),
    ({"EXISTS_ILMD_ex:origin": None}, "harvest serials"),
    ({"EXISTS_ILMD_ex:village": None}, ""),
    ({"EQ_INNER_ILMD_ex:village": ["Barolo"]}, "serials"),
    ({"EQ_INNER_ILMD_ex:number": ["7"]}, ""),
    ({"EQ_INNER_ILMD_ex:number": ["007"]}, "harvest"),
    ({"EQ_INNER_ILMD_ex:number": ["8"]}, "harvest"),
    ({"GT_INNER_ILMD_ex:altitude": 299}, "harvest"),
    ({"GE_INNER_ILMD_ex:picked": "2026-04-30T04:00:00Z"}, "harvest"),
    ({"LT_INNER_ILMD_ex:picked": "2026-04-30T04:00:00Z"}, ""),
    ({"LE_INNER_ILMD_ex:altitude": 300}, "harvest"),
    ({"EXISTS_INNER_ILMD_ex:village": None}, "harvest serials"),
    # Errors
    ({"EXISTS_errorDeclaration": None}, "mistake"),
    ({"GE_errorDeclaration_Time": "2026-05-10T08:00:00Z"}, "mistake"),
    ({"LT_errorDeclarationTime": "2026-05-10T08:00:00Z"}, ""),
    ({"EQ_errorReason": ["urn:epcglobal:cbv:er:incorrect_data"]}, "mistake"),
    ({"EQ_errorReason": ["did_not_occur"]}, ""),
    ({"EQ_correctiveEventID": [EVENTS + "shipping"]}, "mistake"),
    ({"EQ_ERROR_DECLARATION_ex:ticket": 42}, "mistake"),
    ({"GT_ERROR_DECLARATION_ex:ticket": 42}, ""),
    ({"LE_ERROR_DECLARATION_ex:ticket": 42}, "mistake"),
    ({"EXISTS_ERROR_DECLARATION_ex:clerk": None}, "mistake"),
    ({"EQ_INNER_ERROR_DECLARATION_ex:name": ["Rosa"]}, "mistake"),
    ({"GE_INNER_ERROR_DECLARATION_ex:years": 9}, "mistake"),
    ({"EXISTS_INNER_ERROR_DECLARATION_ex:clerk": None}, ""),
    # Sensors
    ({"EXISTS_sensorElementList": None}, "cooling warming"),
    ({"EQ_type": ["Temperature"]}, "cooling warming"),
    ({"EQ_type": ["gs1:RelativeHumidity"]}, "cooling"),
    ({"EQ_type": [f"{EX}Colony"]}, "warming"),
    ({"EQ_exception": ["gs1:SensorAlertType-ALARM_CONDITION"]}, "warming"),
    ({"EQ_component": ["cbv:Comp-x"]}, "cooling"),
    ({"EQ_deviceID": ["https://id.gs1.org/8004/9506000SENSOR1"]}, "cooling"),
    ({"EQ_deviceMetadata": ["urn:epc:id:giai:9506000.SENSOR1"]}, "cooling"),
    ({"EQ_rawData": ["https://example.com/raw/1"]}, "cooling"),
    ({"EQ_dataProcessingMethod": ["https://example.com/methods/mean"]}, "cooling"),
    ({"EQ_bizRules": ["https://example.com/rules/cold"]}, "cooling"),
    ({"EQ_microorganism": ["https://www.ncbi.nlm.nih.gov/taxonomy/1126011"]}, "warming"),
    ({"EQ_chemicalSubstance": ["https://identifiers.org/inchikey:CZMRCDWAGMRECN"]}, "warming"),
    ({"EQ_coordinateReferenceSystem": ["https://gs1.org/voc/CRS-WGS84"]}, "warming"),
    ({"EQ_stringValue": ["warm"]}, "warming"),
    ({"EQ_booleanValue": True}, "warming"),
    ({"EQ_booleanValue": False}, ""),
    ({"EQ_hexBinaryValue": ["f0f0"]}, "warming"),
    ({"EQ_uriValue": ["https://example.com/codes/7"]}, "warming"),
    ({"GE_time": "2026-05-03T10:00:00Z"}, "warming"),
    ({"LT_time": "2026-05-03T10:00:00Z"}, "cooling"),
    ({"GE_startTime": "2026-05-01T09:00:00Z"}, "cooling"),
    ({"LT_startTime": "2026-05-01T09:00:00Z"}, ""),
    ({"GE_endTime": "2026-05-01T10:00:00Z"}, "cooling"),
    ({"LT_endTime": "2026-05-01T10:00:01Z"}, "cooling"),
    ({"EQ_value_CEL": [10]}, "warming"),
    ({"EQ_value_FAH": [39.2]}, "cooling"),
    ({"EQ_value_KEL": [277.15]}, "cooling"),
    ({"GT_value_CEL": 4}, "warming"),
    ({"GE_value_CEL": 4}, "cooling warming"),
    ({"LT_value_CEL": 10}, "cooling"),
    ({"LE_value_FAH": 50}, "cooling warming"),
    ({"GE_value_C62": 0.85}, "cooling"),
    ({"EQ_value_XYZ": [9]}, "warming"),
    ({"EQ_value_LTR": [9]}, ""),
    ({"GE_minValue_CEL": 5}, "warming"),
    ({"LT_minValue_CEL": 5}, "cooling"),
    ({"GT_maxValue_CEL": 6.5}, "warming"),
    ({"LE_maxValue_CEL": 6.5}, "cooling"),
    ({"GT_meanValue_CEL": 4.2}, "warming"),
    ({"GE_meanValue_FAH": 39.56}, "cooling warming"),
    ({"GE_sDev_CEL": 5}, "warming"),
    ({"LT_sDev_FAH": 9}, "cooling"),
    ({"GE_percRank": 95}, "cooling"),
    ({"LT_percRank": 95}, ""),
    ({"LE_percValue_CEL": 6}, "cooling"),
    ({"GT_percValue_CEL": 6}, ""),
    ({"EQ_SENSORELEMENT_ex:zone": ["front"]}, "cooling"),
    ({"GE_INNER_SENSORELEMENT_ex:level": 2}, "cooling"),
    ({"EXISTS_SENSORELEMENT_ex:rack": None}, "cooling"),
    ({"EQ_SENSORMETADATA_ex:firmware": ["2.1"]}, "cooling"),
    ({"LT_SENSORMETADATA_ex:firmware": 2.1}, ""),
    ({"EXISTS_SENSORMETADATA_ex:firmware": None}, "cooling"),
    ({"EXISTS_SENSORREPORT_ex:probe": None}, "cooling"),
    ({"EQ_INNER_SENSORREPORT_ex:serial": ["P-9"]}, "cooling"),
    ({"LE_INNER_SENSORREPORT_ex:depth": 3}, "cooling"),
    ({"EQ_SENSORREPORT_ex:serial": ["P-9"]}, ""),
    # What master data say
    ({"HASATTR_bizLocation": ["cbvmda:countryCode"]}, "harvest packing"),
    ({"HASATTR_bizLocation": ["ex:soil_type", "ex:nothing"]}, "harvest"),
    ({"HASATTR_readPoint": ["countryCode"]}, "serials shipping"),
    ({"EQATTR_bizLocation_cbvmda:countryCode": ["FR", "DE"]}, "packing"),
    ({"EQATTR_readPoint_cbvmda:countryCode": ["IT"]}, "serials"),
    ({"HASATTR_epcClass": ["cbvmda:descriptionShort"]}, "harvest packing pressing"),
    ({"EQATTR_epcClass_cbvmda:descriptionShort": ["Apples"]}, ""),
    ({"HASATTR_epc": ["ex:colour"]}, "packing shipping receiving cooling"),
    ({"EQATTR_source_cbvmda:name": ["Alba"]}, "shipping"),
    ({"HASATTR_destination": ["cbvmda:name"]}, ""),
    ({"EQATTR_bizTransaction_ex:urgent": ["yes"]}, "shipping"),
    ({"EQATTR_ex:truck_ex:plate": ["AB 123"]}, "shipping"),
    # Together
    ({"EQ_bizStep": ["commissioning"], "GE_quantity_KGM": 1}, "harvest"),
    ({"EQ_action": ["OBSERVE"], "MATCH_epc": [PALLET], "EQ_disposition": ["in_transit"]},
     "shipping"),
    ({"EQ_bizStep": ["commissioning"], "EQ_action": ["DELETE"]}, ""),
]  # fmt: skip


def label(case):
    return json.dumps(case[0])[1:-1].replace("https://", "")[:90]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    """A store in which the events have been captured, once for all cases."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("cases") / "cases.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        name = f"cases_{uuid.uuid4().hex}"
        template = request.getfixturevalue("postgresql_template")
        administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = postgresql_url(name)
    store = Store(url)
    capture(store, TOLD, MASTER_DATA)
    yield store
    store.close()
    if request.param == "postgresql":
        administer(f"DROP DATABASE {name} WITH (FORCE)")


def capture(store, events, vocabularies=()):
    context = ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": EX}]
    document = {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-05-01T00:00:00Z",
        "epcisBody": {"eventList": events},
    }
    if vocabularies:
        document["epcisHeader"] = {"epcisMasterData": {"vocabularyList": vocabularies}}
    body = json.dumps(document).encode()
    with store.transaction() as session:
        read = read_document(body, now=datetime(2026, 6, 1, tzinfo=UTC))
        capture_document(session, ALBA, read, content_type="application/ld+json", key=None)


def answer(store, parameters, prefixes=PREFIXES):
    """Return the names of the events in their order."""
    query = query_of(parameters, prefixes)
    with store.reading() as session:
        page = find_events(session, ALBA, query, per_page=100, secret="a secret of 32 characters")
        return [each.event_id.removeprefix(EVENTS) for each in page.events]


def reference_events():
    elements = [e for each in MASTER_DATA for e in each["vocabularyElementList"]]
    master = tuple(
        (thing_of(e["id"]), attribute_of(a["id"]), a["attribute"])
        for e in elements
        for a in e.get("attributes", [])
    )
    children = tuple(
        (thing_of(e["id"]), thing_of(child)) for e in elements for child in e.get("children", [])
    )
    now = datetime(2026, 6, 1, tzinfo=UTC)
    return [Told(body, now, PREFIXES, master, children) for body in TOLD]


def thing_of(text):
    return thing(text, {})


def attribute_of(name):
    return name.replace("cbvmda:", "urn:epcglobal:cbv:mda:").replace("ex:", EX)


REFERENCE = reference_events()


def test_it_works(store):
    assert answer(store, {"EQ_bizStep": ["shipping"]}) == ["shipping"]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_parameter_finds_these_events(store, case):
    parameters, names = case
    assert sorted(answer(store, parameters)) == sorted(names.split())


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_filter_in_plain_python_finds_the_same(case):
    parameters, names = case
    hits = [event_id.removeprefix(EVENTS) for event_id in found(REFERENCE, parameters, PREFIXES)]
    assert sorted(hits) == sorted(names.split())


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_stored_query_needs_no_prefixes(case):
    parameters, _ = case
    kept = stored(parameters, PREFIXES)
    assert json.loads(json.dumps(kept)) == kept
    assert query_of(kept, {}) == query_of(parameters, PREFIXES)
    assert stored(kept, {}) == kept


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_events_come_in_the_order_asked_for(store, direction):
    in_time = ALL.split()
    names = answer(store, {"orderBy": "eventTime", "orderDirection": direction})
    assert names == (in_time if direction == "ASC" else in_time[::-1])
    by_record = answer(store, {"orderBy": "recordTime", "orderDirection": direction})
    assert sorted(by_record) == sorted(in_time)


def test_the_answer_is_cut_off_after_so_many_events(store):
    parameters = {"orderBy": "eventTime", "orderDirection": "ASC", "eventCountLimit": 2}
    assert answer(store, parameters) == ["harvest", "serials"]


def test_more_events_than_the_query_allows_are_too_many(store):
    assert len(answer(store, {"maxEventCount": len(TOLD)})) == len(TOLD)
    with pytest.raises(QueryTooLarge):
        answer(store, {"maxEventCount": len(TOLD) - 1})


def test_both_limits_at_once_are_refused(store):
    with pytest.raises(QueryParameter):
        answer(store, {"orderBy": "eventTime", "eventCountLimit": 1, "maxEventCount": 1})
