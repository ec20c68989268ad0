"""Facts about instrument, sample, media and reference beads, read from the TOML files of ``calibration/``."""

from nta.calibration.certificate import (
    BeadCertificate,
    known_certificate,
    list_certificates,
    load_certificate,
)
from nta.calibration.conditions import SampleConditions
from nta.calibration.folder import calibration_folder, find_file
from nta.calibration.media import Medium, list_media, load_medium
from nta.calibration.profile import InstrumentProfile, load_profile
from nta.calibration.writing import profile_toml

__all__ = [
    "BeadCertificate",
    "InstrumentProfile",
    "Medium",
    "SampleConditions",
    "calibration_folder",
    "find_file",
    "known_certificate",
    "list_certificates",
    "list_media",
    "load_certificate",
    "load_medium",
    "load_profile",
    "profile_toml",
]
