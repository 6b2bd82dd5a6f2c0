"""The standard words of the Core Business Vocabulary (CBV 2.0, section 7).

A word comes bare (``shipping``), as ``cbv:BizStep-shipping``, as
``https://ref.gs1.org/cbv/BizStep-shipping`` or as ``urn:epcglobal:cbv:bizstep:shipping``.
All four are the same word. A word of one's own must be a URI.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from foodtrace.trace.epcis.context import CBV, GS1_VOCABULARY, expanded
from foodtrace.trace.errors import Invalid, Problem, mark

_MAX_URI = 500
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A list of standard words and the two prefixes of their URI forms."""

    name: str
    web: str
    urn: str
    words: frozenset[str]

    def word(self, text: str, prefixes: Mapping[str, str], place: str) -> str:
        """Return the bare standard word, or the full URI of a custom one. Raises Invalid."""
        if text in self.words:
            return text
        uri = expanded(text, prefixes)
        for start in (self.web, self.urn):
            if uri.startswith(start):
                bare = uri[len(start) :]
                if bare in self.words:
                    return bare
                raise Invalid(self._unknown(place, bare))
        if len(uri) > _MAX_URI or not _URI.fullmatch(uri):
            raise Invalid(self._unknown(place, text))
        return uri

    def _unknown(self, place: str, text: str) -> Problem:
        near = difflib.get_close_matches(text[:50], sorted(self.words), 3, 0.5)
        return Problem(
            place,
            mark("%(text)s is no standard %(vocabulary)s of the CBV"),
            mark("Use a standard word such as %(near)s, or a complete URI of your own"),
            {
                "text": text[:100],
                "vocabulary": self.name,
                "near": ", ".join(near or sorted(self.words)[:3]),
            },
        )


def _vocabulary(name: str, web: str, urn: str, words: str) -> Vocabulary:
    return Vocabulary(name, CBV + web, f"urn:epcglobal:cbv:{urn}:", frozenset(words.split()))


BIZ_STEP = _vocabulary(
    "bizStep",
    "BizStep-",
    "bizstep",
    """accepting arriving assembling collecting commissioning consigning creating_class_instance
    cycle_counting decommissioning departing destroying disassembling dispensing encoding
    entering_exiting holding inspecting installing killing loading other packing picking
    receiving removing repackaging repairing replacing reserving retail_selling sampling
    sensor_reporting shipping staging_outbound stock_taking stocking storing transporting
    unloading unpacking void_shipping""",
)
DISPOSITION = _vocabulary(
    "disposition",
    "Disp-",
    "disp",
    """active available completeness_inferred completeness_verified conformant container_closed
    container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit
    inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement
    no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled reserved
    retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable
    unknown""",
)
BIZ_TRANSACTION = _vocabulary(
    "bizTransaction type",
    "BTT-",
    "btt",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
)
SOURCE_OR_DESTINATION = _vocabulary(
    "source or destination type", "SDT-", "sdt", "location owning_party possessing_party"
)
ERROR_REASON = _vocabulary("error reason", "ER-", "er", "did_not_occur incorrect_data")


def _sensor_vocabulary(name: str, stem: str, words: str) -> Vocabulary:
    # What sensors report has no URN: the second form is the first.
    return Vocabulary(name, stem, stem, frozenset(words.split()))


COMPONENT = _sensor_vocabulary(
    "component",
    CBV + "Comp-",
    """x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting
    northing latitude longitude altitude""",
)
SENSOR_ALERT = _sensor_vocabulary("sensor alert", GS1_VOCABULARY, "ALARM_CONDITION ERROR_CONDITION")
MEASUREMENT = _sensor_vocabulary(
    "measurement type",
    GS1_VOCABULARY,
    """AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area
    Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent
    DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity
    ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance
    KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux
    MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
    MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power
    Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity
    SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage
    Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber""",
)
