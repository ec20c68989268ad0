"""From the ledger to the verdict: the controls of a study become evidence, and what is missing is said."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from nta.assessment import Verdict
from nta.assessment.integrity import Decision, Integrity, judge
from nta.study.gathering import evidence_of
from nta.study.wording import resolving, verdict_sentence

from .outcomes import judged, ledger, seeded


def only(outcome):
    (item,) = outcome.judged
    return item


def codes(item):
    return {reason.code for reason in item.judgement.reasons}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.toml"


def test_a_full_study_of_the_same_material_is_intact(path):
    item = only(judged(ledger(path), {"test": "T0 same again"}, seeded(1), n_tracks=1000))
    assert item.judgement.verdict is Integrity.INTACT
    assert item.judgement.confidence == "high"
    assert item.judgement.criteria["d50"].comparison.unit == "preparation"


def test_emptied_vesicles_are_called_damaged(path):
    item = only(judged(ledger(path), {"test": "T9 all ghosts"}, seeded(2)))
    assert item.judgement.verdict is Integrity.DAMAGED


def test_controls_become_the_evidence_they_stand_for(path):
    outcome = judged(ledger(path), {"test": "T0 same again"}, seeded(3))
    e = evidence_of(outcome.material, "test")
    material, study = outcome.material, outcome.study
    whole = material.mean_amount([study.arm("test")[0]])
    lysed = material.mean_amount([p for p in study.arm("detergent") if p.of == study.arm("test")[0].name])
    blank = material.mean_amount([p for p in study.arm("blank") if not p.with_detergent])
    micelles = material.mean_amount([p for p in study.arm("blank") if p.with_detergent])
    assert e.detergent_labile_test[0] == pytest.approx(1 - (lysed - micelles) / (whole - blank))
    assert e.particles_per_ug[0] == pytest.approx(whole / 0.5)
    assert e.blank_amount == pytest.approx(blank)
    assert e.bead_size_ratio == pytest.approx(1.0)
    assert abs(e.bead_bias) < 0.1
    assert e.paired


def test_a_blank_counts_for_what_the_buffer_adds_to_a_diluted_sample(path):
    from nta.study.gathering import Material

    study = ledger(path)
    outcome = judged(study, {"test": "T0 same again"}, seeded(3))
    blank = next(p for p in study.arm("blank") if not p.with_detergent)
    # the same frames, written down as undiluted: 200 times fewer particles "of the material", but no cleaner a buffer
    undiluted = tuple(
        replace(a, per_ml=a.per_ml / 200, in_view=a.in_view / 200, video=replace(a.video, dilution=None))
        for a in outcome.material.attached[blank.name]
    )
    again = Material.of(study, {**outcome.material.attached, blank.name: undiluted})
    assert again.mean_amount([blank]) == pytest.approx(outcome.material.mean_amount([blank]))


def test_shares_that_detergent_removes_are_paired_by_sample(path):
    """Of donor 2 the test tube was not split, of donor 1 the reference: one pair is left, and two values an arm."""
    study = ledger(path)
    left_out = {"donor_2 test + Triton", "donor_1 reference + Triton"}
    tubes = tuple(p for p in study.preparations if p.name not in left_out)
    item = only(judged(replace(study, preparations=tubes), {"test": "T0 same again"}, seeded(3)))
    measured = [[p.detergent_labile is not None for p in arm.preparations] for arm in item.evidence.arms]
    assert item.evidence.paired
    assert measured == [[True, False, True], [False, True, True]]
    found = item.judgement.criteria["detergent_labile"].comparison
    test, reference = item.evidence.detergent_labile_test, item.evidence.detergent_labile_reference
    assert found.std_err == pytest.approx(math.hypot(np.ptp(test), np.ptp(reference)) / 2)


def test_a_number_that_one_tube_of_the_arm_lacks_is_not_compared(path):
    study = ledger(path)
    tubes = tuple(replace(p, zeta_mv=-12.0, sealed_ratio=0.8) for p in study.preparations)
    bare = replace(tubes[0], zeta_mv=None)
    item = only(judged(replace(study, preparations=(bare, *tubes[1:])), {"test": "T0 same again"}, seeded(3)))
    assert item.judgement.criteria["zeta"].missing == "not measured"
    assert item.judgement.criteria["sealed"].comparison.n_reference == 3


def test_without_the_blank_of_the_detergent_there_is_no_labile_share(path):
    study = ledger(path)
    without = replace(study, preparations=tuple(p for p in study.preparations if not p.with_detergent))
    item = only(judged(without, {"test": "T0 same again"}, seeded(3), n_tracks=1000))
    assert item.evidence.detergent_labile_test == ()
    assert codes(item) == {"NO_MEMBRANE_EVIDENCE"}


@pytest.mark.parametrize(
    ("how", "drawn", "code"),
    [
        ({"reference": False}, {}, "NO_REFERENCE"),
        ({"donors": 1}, {"n_videos": 3}, "FEW_REPLICATES"),
        ({}, {"blank": 30.0}, "BLANK_HIGH"),
        ({}, {"sham": 10.0}, "SHAM_HIGH"),
    ],
)
def test_a_study_that_lacks_something_has_no_verdict_and_says_what_to_do(path, how, drawn, code):
    item = only(judged(ledger(path, **how), {"test": "T9 all ghosts"}, seeded(4), **drawn))
    assert item.judgement.verdict is Integrity.INDETERMINATE
    assert code in codes(item)
    assert next(reason.remedy for reason in item.judgement.reasons if reason.code == code)


def test_what_is_missing_is_never_fewer_videos_than_the_gate_asks_for(path):
    """Three more videos would show equivalence; but of three there is no verdict."""
    item = only(judged(ledger(path, donors=1), {"test": "T0 same again"}, seeded(4), n_videos=3))
    assert "FEW_REPLICATES" in codes(item)
    told = " ".join(words for _, words in resolving(item))
    asked = [int(n) for n in re.findall(r"about (\d+) videos per arm", told)]
    assert asked
    assert min(asked) >= 5


def test_drifting_beads_and_a_high_detection_limit_have_their_codes(path):
    study = ledger(path)
    high = replace(study, instrument=replace(study.instrument, detection_limit_nm=90.0))
    assert "LOD_TOO_HIGH" in codes(only(judged(high, {"test": "T9 all ghosts"}, seeded(5))))
    outcome = judged(study, {"test": "T9 all ghosts"}, seeded(5))
    after = next(p.name for p in study.arm("beads") if p.when == "after")
    larger = tuple(
        replace(a, video=replace(a.video, diameter_nm=1.05 * a.video.diameter_nm))
        for a in outcome.material.attached[after]
    )
    drifted = replace(outcome.material, attached={**outcome.material.attached, after: larger})
    assert evidence_of(drifted, "test").bead_size_ratio == pytest.approx(1.05)


def test_arms_of_different_runs_do_not_compare_in_brightness(path):
    study = ledger(path)
    tubes = tuple(replace(p, run="monday" if p.arm == "reference" else "friday") for p in study.preparations)
    item = only(judged(replace(study, preparations=tubes), {"test": "T9 all ghosts"}, seeded(6)))
    assert "DIFFERENT_RUN" in codes(item)
    assert item.judgement.criteria["size_at_brightness"].comparison is None
    margin = item.judgement.criteria["d50"].comparison.margin
    assert margin == item.judgement.limits.margins["d50_other_run"]


def test_counts_that_do_not_follow_the_dilution_are_refused(path):
    outcome = judged(ledger(path), {"test": "T0 same again"}, seeded(7))
    name = outcome.study.arm("test")[0].name
    items = outcome.material.attached[name]
    halved = tuple(
        replace(a, video=replace(a.video, dilution=100.0, amount=0.6 * a.video.amount)) if i % 2 else a
        for i, a in enumerate(items)
    )
    material = replace(outcome.material, attached={**outcome.material.attached, name: halved})
    gates = judge(evidence_of(material, "test")).gates
    assert next(g for g in gates if g.name == "DENSITY").verdict is Verdict.FAIL


def test_groups_are_judged_one_by_one_and_followed_along_their_storage(path):
    study = ledger(path, groups=("once", "thrice"))
    outcome = judged(
        study, {"once": "T0 same again", "thrice": "T5b freeze-thaw strong"}, seeded(8), n_tracks=1000
    )
    assert [item.judgement.verdict for item in outcome.judged] == [Integrity.INTACT, Integrity.ALTERED]
    cycles = next(t for t in outcome.trends if t.name == "d50" and "freeze" in t.along)
    assert [(group, x) for group, x, *_ in cycles.points] == [("once", 1.0), ("thrice", 3.0)]
    assert cycles.points[1][2] > cycles.margin[1]


def test_doses_hold_concentration_times_volume_with_the_sham_taken_off(path):
    outcome = judged(ledger(path), {"test": "T0 same again"}, seeded(9))
    name = outcome.study.arm("test")[0].name
    dose = next(d for d in outcome.doses if d.preparation == name and d.volume_ml == 0.1)
    amounts = [a.video.amount for a in outcome.material.attached[name]]
    sham = outcome.material.mean_amount(outcome.study.arm("sham"))
    assert dose.particles.value == pytest.approx(0.1 * np.mean(amounts))
    assert dose.particles_net.value == pytest.approx(0.1 * (np.mean(amounts) - sham))
    assert dose.particles.low < dose.particles.value < dose.particles.high
    assert dose.protein_ug == pytest.approx(0.05)


def test_counts_in_view_give_recovery_but_no_dose(path):
    outcome = judged(ledger(path), {"test": "T1 wall loss"}, seeded(10), per_ml=False)
    assert outcome.material.unit == "particles in view"
    assert all(dose.particles is None for dose in outcome.doses)
    recovery = only(outcome).judgement.criteria["recovery"].comparison
    assert math.exp(recovery.estimate) == pytest.approx(0.6, abs=0.1)


def test_the_detection_limit_is_the_stated_one_or_the_worst_that_was_found(path):
    study = ledger(path)
    outcome = judged(study, {"test": "T0 same again"}, seeded(11))
    assert evidence_of(outcome.material, "test").detection_limit_nm == 60.0
    unstated = replace(study, instrument=replace(study.instrument, detection_limit_nm=None))
    material = replace(outcome.material, study=unstated)
    assert evidence_of(material, "test").detection_limit_nm is None
    found = {
        name: tuple(replace(a, limit_nm=50.0 + i) for i, a in enumerate(items))
        for name, items in material.attached.items()
    }
    assert evidence_of(replace(material, attached=found), "test").detection_limit_nm == 54.0


def test_only_what_was_flagged_is_named(path, monkeypatch):
    """Above 150 nm alone p = 0.031; as the second of four it is 0.093, and flags nothing."""
    outcome = judged(ledger(path), {"test": "T3 aggregates"}, seeded(5), n_tracks=1000)
    item = only(outcome)
    p_values = {"d50": 1e-6, "above_150": 0.031, "above_200": 0.5, "below_60": 0.5}
    compared = dict(item.judgement.criteria)
    for name, p in p_values.items():
        c = compared["d50"].comparison
        compared[name] = replace(compared[name], comparison=replace(c, p_low=p / 2, p_high=1.0))
    monkeypatch.setattr("nta.assessment.integrity.verdict.compare_arms", lambda *_: compared)
    judgement = judge(item.evidence)
    assert judgement.adjusted_p["above_150"] == pytest.approx(0.093)
    assert judgement.criteria["above_150"].comparison.decision is Decision.CHANGED
    assert "d50" in judgement.flagged
    assert "above_150" not in judgement.flagged
    words = verdict_sentence(replace(item, judgement=judgement))
    assert "median diameter" in words
    assert "share above 150 nm" not in words
