"""The names of EPCIS XML: namespaces, the fields of each event type and their order (XSD 2.0)."""

from collections.abc import Mapping

EPCIS_2 = "urn:epcglobal:epcis:xsd:2"
EPCIS_1 = "urn:epcglobal:epcis:xsd:1"
QUERY_2 = "urn:epcglobal:epcis-query:xsd:2"
QUERY_1 = "urn:epcglobal:epcis-query:xsd:1"
SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
XML = "http://www.w3.org/XML/1998/namespace"
# Our own attributes, on extensions only: what JSON says and XML has no words for.
JSON = "https://foodtrace.example/ns/json"

# The schemas leave their elements unqualified; many senders qualify them all the same.
EPCIS_NAMESPACES = frozenset({None, EPCIS_2, EPCIS_1, QUERY_2, QUERY_1})
LEGACY_NAMESPACES = frozenset({EPCIS_1, QUERY_1})

# EPCIS 1 put every field of a later version into one of these; 2.0 leaves them empty.
WRAPPERS = frozenset({"extension", "baseExtension"})

_WHEN = ("eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "errorDeclaration")
_BASE = (*_WHEN, "certificationInfo")
_WHERE_AND_WHY = ("bizStep", "disposition", "readPoint", "bizLocation")
_PARTIES = ("sourceList", "destinationList", "sensorElementList", "persistentDisposition")

# The order in which the schema of EPCIS 2.0 wants the elements of an event.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "ObjectEvent": (
        *(*_BASE, "epcList", "action", *_WHERE_AND_WHY, "bizTransactionList", "quantityList"),
        *(*_PARTIES, "ilmd"),
    ),
    "AggregationEvent": (
        *(*_BASE, "parentID", "childEPCs", "action", *_WHERE_AND_WHY, "bizTransactionList"),
        *("childQuantityList", *_PARTIES),
    ),
    "TransactionEvent": (
        *(*_BASE, "bizTransactionList", "parentID", "epcList", "action", *_WHERE_AND_WHY),
        *("quantityList", *_PARTIES),
    ),
    "TransformationEvent": (
        *(*_BASE, "inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList"),
        *("transformationID", *_WHERE_AND_WHY, "bizTransactionList", *_PARTIES, "ilmd"),
    ),
    "AssociationEvent": (
        *(*_BASE, "parentID", "childEPCs", "childQuantityList", "action", *_WHERE_AND_WHY),
        *("bizTransactionList", *_PARTIES),
    ),
}

# EPCIS 1 only: since 1.1 the same as an ObjectEvent that observes a quantityList.
QUANTITY_EVENT = "QuantityEvent"
QUANTITY_EVENT_FIELDS = (*_WHEN, "epcClass", "quantity", *_WHERE_AND_WHY, "bizTransactionList")

# Lists whose elements hold one text each.
TEXT_LISTS: Mapping[str, str] = {
    "epcList": "epc",
    "childEPCs": "epc",
    "inputEPCList": "epc",
    "outputEPCList": "epc",
}
QUANTITY_LISTS = frozenset(
    {"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"}
)
# Lists whose elements hold a text and its type.
TYPED_LISTS: Mapping[str, str] = {
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
}

SENSOR_METADATA = (
    *("time", "deviceID", "deviceMetadata", "rawData", "startTime", "endTime"),
    *("dataProcessingMethod", "bizRules"),
)
SENSOR_NUMBERS = frozenset(
    {"value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"}
)
SENSOR_REPORT = (
    *("type", "exception", "microorganism", "chemicalSubstance", "coordinateReferenceSystem"),
    *("value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue"),
    *("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom"),
    *("time", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"),
)
