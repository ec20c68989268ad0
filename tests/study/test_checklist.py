"""The list of what a reader looks for: every fact is collected by itself, whatever the others are."""

from dataclasses import replace

import pytest

from made.outcomes import judged, ledger, seeded
from nta.study.attached import programs
from nta.study.checklist import checklist


@pytest.fixture
def outcome(tmp_path):
    return judged(ledger(tmp_path / "study.toml"), {"test": "T0 same again"}, seeded(31), n_tracks=100)


def told(outcome, facts):
    """Return the checklist's values, with facts given by arm."""
    arms = {p.name: p.arm for p in outcome.study.preparations}
    attached = {
        name: tuple(replace(a, facts=facts(arms[name])) for a in items)
        for name, items in outcome.material.attached.items()
    }
    material = replace(outcome.material, attached=attached)
    return {item.name: item.value for item in checklist(replace(outcome, material=material)).items}


def test_the_methods_name_each_arm_once_and_the_design(tmp_path):
    study = ledger(tmp_path / "study.toml", groups=("once", "thrice"))
    cases = {"once": "T0 same again", "thrice": "T0 same again"}
    methods = checklist(judged(study, cases, seeded(31), n_tracks=100)).methods
    assert methods.count("reference: 3 preparations") == 1
    assert "median diameter −9.52 to +10.5 %, share above 150 nm −8 to +8 percentage points" in methods
    assert "Design: paired by sample, 3 preparations each." in methods


def test_beads_at_another_exposure_are_listed_beside_the_vesicles(outcome):
    values = told(
        outcome,
        lambda arm: {"bit_depth": 12, "gain_e_per_adu": 1.0, "exposure_s": 5e-3 if arm == "beads" else 15e-3},
    )
    assert values["exposure, s"] == [15e-3, 5e-3]
    assert values["bit depth"] == 12


def test_a_program_that_repeats_its_name_in_its_version_is_named_once():
    assert programs({"ZetaView": "ZetaView (version 8.06)", "nta-lab": "1.0"}) == (
        "ZetaView (version 8.06), nta-lab 1.0"
    )
