"""Studies judged without frames: the ledger is read from TOML, the videos are drawn from populations."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from made.studies import CASES, REFERENCE, beads, video
from nta.study.assessing import judge_study
from nta.study.attached import Attached
from nta.study.reading import read_study

LEDGER = """
title = "Does one freeze-thaw cycle touch our vesicles?"
operator = "A. Example"
date = 2026-11-24
[instrument]
name = "simulated"
detection_limit_nm = 60
[dose]
volumes_ml = [0.05, 0.1]
[sample.donor_1]
source = "conditioned medium, HEK293T passage 12"
[sample.donor_2]
source = "conditioned medium, HEK293T passage 13"
[sample.donor_3]
source = "conditioned medium, HEK293T passage 14"
[isolation.sec]
method = "size-exclusion chromatography"
column = "35 nm, 10 ml"
[isolation.uc]
method = "ultracentrifugation"
rotor = "SW 32 Ti"
force_g = 100000
time_min = 70
[storage.fresh]
buffer = "PBS"
tube = "low-binding"
temperature_c = 4
hours = 1
freeze_thaw_cycles = 0
[storage.once]
buffer = "PBS"
tube = "low-binding"
temperature_c = -80
hours = 72
freeze_thaw_cycles = 1
[storage.thrice]
buffer = "PBS"
tube = "low-binding"
temperature_c = -80
hours = 168
freeze_thaw_cycles = 3
"""

_TUBE = """
[[preparation]]
name = "{name}"
arm = "{arm}"
dilution = 200
volume_ml = 1.0
temperature_c = 25
{more}
"""
_SAMPLES = ("donor_1", "donor_2", "donor_3")


def ledger(path, *, groups=("test",), donors=3, controls=True, reference=True, extra=""):
    """Write a study file with a reference arm, test groups and, if asked, every control."""
    text = LEDGER + extra
    tubes = []
    for donor in _SAMPLES[:donors]:
        if reference:
            more = f'sample = "{donor}"\nisolation = "sec"\nstorage = "fresh"\nprotein_ug_per_ml = 0.5'
            tubes.append(_TUBE.format(name=f"{donor} reference", arm="reference", more=more))
        for i, group in enumerate(groups):
            stored, isolated = ("once", "thrice")[i % 2], ("sec", "uc")[i % 2]
            more = f'sample = "{donor}"\ngroup = "{group}"\nisolation = "{isolated}"\nstorage = "{stored}"'
            tubes.append(
                _TUBE.format(name=f"{donor} {group}", arm="test", more=more + "\nprotein_ug_per_ml = 0.5")
            )
    if controls:
        for donor in _SAMPLES[:donors]:
            for of in (*(["reference"] if reference else []), *groups):
                more = f'of = "{donor} {of}"'
                tubes.append(_TUBE.format(name=f"{donor} {of} + Triton", arm="detergent", more=more))
        tubes.append(_TUBE.format(name="PBS", arm="blank", more=""))
        tubes.append(_TUBE.format(name="PBS + Triton", arm="blank", more="with_detergent = true"))
        tubes.append(_TUBE.format(name="medium without cells", arm="sham", more=""))
        for when in ("before", "after"):
            more = f'when = "{when}"\ncertificate = "example_polystyrene_100nm"'
            tubes.append(_TUBE.format(name=f"beads {when}", arm="beads", more=more))
    path.write_text(text + "".join(tubes))
    return read_study(path)


def judged(study, cases, rng, *, n_videos=5, n_tracks=600, per_ml=True, **changes):
    """Draw the videos of every preparation, each group from its case, and judge."""
    attached = {}
    for tube in study.preparations:
        n = n_videos if tube.arm in ("reference", "test") else 2
        populations = CASES[cases[tube.group or "test"]] if tube.arm == "test" else REFERENCE
        drawn = (
            [replace(bead, amount=1e10) for bead in beads()]
            if tube.arm == "beads"
            else [video(populations, n_tracks, rng) for _ in range(n)]
        )
        scale = {"detergent": 0.07, "blank": 0.01, "sham": 0.03}.get(tube.arm, 1.0)
        attached[tube.name] = tuple(
            _attached(replace(v, name=f"{tube.name} {i + 1}.h5"), scale, per_ml, tube, changes)
            for i, v in enumerate(drawn)
        )
    return judge_study(study, attached)


def _attached(drawn, scale, per_ml, tube, changes):
    amount = drawn.amount * scale * changes.get(tube.arm, 1.0)
    return Attached(
        path=Path(drawn.name),
        sha256="0" * 64,
        kind="recording",
        video=replace(drawn, immobile_share=0.01, dilution=tube.dilution),
        per_ml=amount if per_ml else None,
        in_view=amount / 1e8,
        facts={},
    )


def seeded(seed):
    return np.random.default_rng([20261124, seed])
