"""From the ledger to the verdict: the controls of a study become evidence, and what is missing is said."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from made.outcomes import judged, ledger, seeded
from nta.assessment import Verdict
from nta.assessment.integrity import Decision, Integrity, judge, load_integrity_limits
from nta.assessment.integrity.beads import bead_drifts
from nta.study.gathering import Material, evidence_of
from nta.study.wording import resolving, verdict_sentence


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
    words = verdict_sentence(item)
    assert (
        "margins of −9.52 to +10.5 % in median of the tracks' diameters, −8.61 to +9.42 % in size at given brightness"
        in words
    )
    assert re.search(r"9\d\.\d\s% \(9\d\.\d\sto\s9\d\.\d\s%\) of the particles are detergent-labile", words)
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
    assert e.test.values("detergent_labile")[0] == pytest.approx(
        1 - (lysed - 200 * micelles) / (whole - 200 * blank)
    )
    assert e.test.values("particles_per_ug")[0] == pytest.approx(whole / 0.5)
    assert e.blank_in_cell == pytest.approx(blank)
    sham = material.mean_amount(study.arm("sham"))
    assert e.sham_amount == pytest.approx(sham - 200 * blank)
    assert all(drift.decision is Decision.EQUIVALENT for drift in bead_drifts(e, load_integrity_limits()))
    assert abs(e.bead_bias) < 0.1
    assert e.paired


def in_cell(study, counts):
    """Attach videos that hold so many particles per ml of the cell, by name of the tube, else by arm; beads as drawn."""
    drawn = judged(study, dict.fromkeys(study.groups, "T0 same again"), seeded(3))
    return Material.of(
        study,
        {
            p.name: tuple(
                a
                if p.arm == "beads"
                else replace(a, per_ml=counts.get(p.name, counts.get(p.arm)) * (p.dilution or 1.0))
                for a in drawn.material.attached[p.name]
            )
            for p in study.preparations
        },
    )


def test_each_blank_counts_by_the_dilution_of_the_video_that_it_is_taken_off(path):
    """Detergent is worked with at another dilution than the sample; its micelles are as many in the cell."""
    study = ledger(path, donors=1)
    dilutions = {"donor_1 test": 1000.0, "donor_1 test + Triton": 100.0}
    tubes = tuple(replace(p, dilution=dilutions.get(p.name, p.dilution)) for p in study.preparations)
    counts = {
        "donor_1 test": 5.0e7,
        "donor_1 test + Triton": 0.2 * 5.0e8 + 1e6,
        "PBS": 0.0,
        "PBS + Triton": 1e6,
    }
    rest = {"reference": 5e7, "detergent": 1e7, "sham": 1e6}
    material = in_cell(replace(study, preparations=tubes), {**rest, **counts})
    assert evidence_of(material, "test").test.values("detergent_labile") == pytest.approx((0.8,))


@pytest.mark.parametrize(
    ("diluted", "in_reference", "recovery", "verdict"),
    [
        (20.0, 2.5e7, 1.0, Verdict.PASS),
        (20.0, 5e5, 1.0, Verdict.FAIL),  # of the reference's cell two thirds are buffer
        (10.0, 2.5e7, 0.5, Verdict.PASS),
    ],
)
def test_the_buffer_is_taken_off_each_arm_at_its_dilution(path, diluted, in_reference, recovery, verdict):
    buffer = 1e6
    study = ledger(path, donors=1, controls=False)
    tubes = [replace(p, dilution=1000.0 if p.arm == "reference" else diluted) for p in study.preparations]
    tubes.append(replace(tubes[0], name="PBS", arm="blank", sample="", dilution=None))
    in_test = recovery * in_reference * 1000 / diluted + buffer
    counts = {"reference": in_reference + buffer, "test": in_test, "blank": buffer}
    evidence = evidence_of(in_cell(replace(study, preparations=tuple(tubes)), counts), "test")
    judgement = judge(evidence)
    gate = next(g for g in judgement.gates if g.name == "BLANK_HIGH")
    assert gate.verdict is verdict
    assert gate.value == pytest.approx(buffer / (in_reference + buffer))
    assert math.exp(judgement.criteria["recovery"].comparison.estimate) == pytest.approx(recovery)


def test_a_blank_counts_for_what_the_buffer_adds_to_a_diluted_sample(path):
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


def labelled(study, arm, samples):
    """Name the samples of an arm anew, in order; None leaves a tube out."""
    named = dict(zip((p.name for p in study.arm(arm)), samples, strict=True))
    tubes = (
        replace(p, sample=named.get(p.name, p.sample))
        for p in study.preparations
        if named.get(p.name, "") is not None
    )
    return replace(study, preparations=tuple(tubes))


@pytest.mark.parametrize(
    ("arm", "samples", "left", "paired", "design"),
    [
        ("test", ("donor_1", "donor_2", None), 2, True, "paired by sample, 2 preparations each"),
        ("reference", ("donor_1", None, "donor_3"), 2, True, "paired by sample, 2 preparations each"),
        ("test", (None, "donor_2", None), 1, False, "one preparation each"),
        ("test", ("donor_1", "donor_1", "donor_3"), 3, False, "unpaired, 3 against 2 preparations"),
        ("reference", ("", "donor_2", "donor_3"), 3, False, "unpaired, 3 against 3 preparations"),
    ],
)
def test_a_group_is_compared_with_references_of_its_own_samples(path, arm, samples, left, paired, design):
    item = only(judged(labelled(ledger(path), arm, samples), {"test": "T0 same again"}, seeded(3)))
    evidence = item.evidence
    assert (len(evidence.test.preparations), evidence.paired, evidence.design) == (left, paired, design)
    gate = next(g for g in item.judgement.gates if g.name == "NO_REFERENCE")
    assert all(name in gate.evidence for name in (design, *evidence.left_out))
    assert design in " ".join(verdict_sentence(item).split()) or item.judgement.reasons


def test_a_reference_of_another_sample_is_none(path):
    study = labelled(ledger(path, donors=1), "test", ("donor_2",))
    item = only(judged(study, {"test": "X1 smaller but intact"}, seeded(3)))
    (reason,) = (r for r in item.judgement.reasons if r.code == "NO_REFERENCE")
    assert "donor_1 reference" in reason.text
    assert item.judgement.tags == ()


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
    arms = item.evidence.test, item.evidence.reference
    test, reference = (arm.values("detergent_labile") for arm in arms)
    assert found.std_err == pytest.approx(math.hypot(np.ptp(test), np.ptp(reference)) / 2)


def test_a_number_that_one_tube_of_the_arm_lacks_is_compared_for_the_others(path):
    """One reference without a value of its own took the sealed share of all others with it."""
    study = ledger(path)
    sealed = {"reference": (0.90, 0.91, 0.92), "test": (0.45, 0.46, 0.47)}
    given = {
        p.name: sealed[arm][i]
        for arm in sealed
        for i, p in enumerate(study.arm(arm))
        if (arm, i) != ("test", 2)
    }
    zeta = study.arm("test")[0].name
    tubes = tuple(
        replace(p, sealed_ratio=given.get(p.name), zeta_mv=-12.0 if p.name == zeta else None)
        for p in study.preparations
    )
    item = only(judged(replace(study, preparations=tubes), {"test": "T0 same again"}, seeded(3)))
    found = item.judgement.criteria
    assert (found["sealed"].comparison.n_test, found["sealed"].comparison.n_reference) == (2, 2)
    assert found["sealed"].comparison.estimate == pytest.approx(math.log(0.455 / 0.905), abs=0.01)
    assert found["zeta"].missing.startswith("known for 1 of 3 in the test arm and 0 of 3 in the reference")
    assert found["membrane_dye"].missing == "not measured"


def test_without_the_blank_of_the_detergent_there_is_no_labile_share(path):
    study = ledger(path)
    without = replace(study, preparations=tuple(p for p in study.preparations if not p.with_detergent))
    item = only(judged(without, {"test": "T0 same again"}, seeded(3), n_tracks=1000))
    assert item.evidence.test.values("detergent_labile") == ()
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
    words = verdict_sentence(item)
    assert words.startswith(f"No verdict: {item.judgement.reasons[0].text}")
    assert words.index(code) > len("No verdict: ")


def test_what_is_missing_is_never_fewer_videos_than_the_gate_asks_for(path):
    """Three more videos would show equivalence; but of three there is no verdict."""
    item = only(judged(ledger(path, donors=1), {"test": "T0 same again"}, seeded(4), n_videos=3))
    assert "FEW_REPLICATES" in codes(item)
    told = " ".join(words for _, words in resolving(item))
    asked = [int(n) for n in re.findall(r"about (\d+) videos per arm", told)]
    assert asked
    assert min(asked) >= 5


def test_pairs_are_planned_with_the_freedom_of_pairs(path):
    """Three pairs leave two degrees of freedom: planned with four, the three that there are would have done."""
    few = replace(ledger(path), title="few")
    item = only(judged(few, {"test": "T8 osmotic lysis"}, seeded(12), n_videos=5, n_tracks=400))
    c = item.judgement.criteria["size_at_brightness"].comparison
    assert c.paired
    c = replace(c, estimate=0.17, std_err=0.02, low=0.084, high=0.256, p_high=0.028)
    criteria = dict(item.judgement.criteria)
    criteria["size_at_brightness"] = replace(criteria["size_at_brightness"], comparison=c)
    undecided = replace(
        item.judgement, criteria=criteria, adjusted_p={"size_at_brightness": 0.056}, reasons=()
    )
    ((_, told),) = resolving(replace(item, judgement=undecided))
    assert (
        told
        == "with this scatter, about 4 preparations per arm would show a change, were it as large as it looks."
    )


@pytest.mark.parametrize(
    ("frames", "verdict"), [(28.0, Verdict.PASS), (15.0, Verdict.WARN), (None, Verdict.NOT_ASSESSED)]
)
def test_tracks_of_one_arm_that_are_shorter_are_told(path, frames, verdict):
    outcome = judged(ledger(path), {"test": "T0 same again"}, seeded(3))
    arms = {p.name: p.arm for p in outcome.study.preparations}
    attached = {
        name: tuple(
            replace(a, video=replace(a.video, track_frames=frames if arms[name] == "test" else 30.0))
            for a in items
        )
        for name, items in outcome.material.attached.items()
    }
    judgement = judge(evidence_of(replace(outcome.material, attached=attached), "test"))
    gate = next(g for g in judgement.gates if g.name == "TRACK_LENGTH")
    assert gate.verdict is verdict
    assert frames is None or f"{frames:.0f} frames in the test arm" in gate.evidence


def test_altered_neither_shows_nor_excludes_damage(path):
    outcome = judged(ledger(path), {"test": "T1 wall loss"}, seeded(10), n_tracks=1000)
    item = only(outcome)
    assert item.judgement.verdict is Integrity.ALTERED
    assert "neither shows nor excludes damage to vesicles." in verdict_sentence(item)
    dark = {
        name: tuple(
            replace(a, video=replace(a.video, intensity=np.full_like(a.video.intensity, np.nan)))
            for a in items
        )
        for name, items in outcome.material.attached.items()
    }
    evidence = evidence_of(replace(outcome.material, attached=dark), "test")
    words = verdict_sentence(replace(item, evidence=evidence, judgement=judge(evidence)))
    assert "neither shows nor excludes damage to vesicles: brightness was not assessed" in words


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
    size, light = bead_drifts(evidence_of(drifted, "test"), load_integrity_limits())
    assert math.exp(size.comparison.estimate) == pytest.approx(1.05)
    assert light.comparison.estimate == pytest.approx(0.0)


def test_arms_of_different_runs_do_not_compare_in_brightness(path):
    study = ledger(path)
    tubes = tuple(replace(p, run="monday" if p.arm == "reference" else "friday") for p in study.preparations)
    item = only(judged(replace(study, preparations=tubes), {"test": "T9 all ghosts"}, seeded(6)))
    assert "DIFFERENT_RUN" in codes(item)
    assert item.judgement.criteria["size_at_brightness"].comparison is None
    margin = item.judgement.criteria["d50"].comparison.margin
    assert margin == item.judgement.limits.margins["d50_other_run"]


@pytest.mark.parametrize(
    ("key", "reference", "test", "words"),
    [
        (
            "exposure_s",
            0.015,
            0.005,
            r"exposure 5 ms \(donor_1 test 1\.h5\) and 15 ms \(donor_1 reference 1\.h5\)",
        ),
        ("frame_rate_hz", 30.0, 25.0, "frame rate 25 Hz"),
        ("pixel_size_um", 0.25, 0.2, "pixel size 0.2 µm"),
        ("gain_e_per_adu", 1.0, 0.5, "gain 0.5 e/ADU"),
        ("software", {"NTA": "3.2"}, {"ZetaView": "8.5"}, r"program ZetaView 8\.5"),
        ("exposure_s", 0.015, 0.01502, None),  # timed, not set
    ],
)
def test_arms_that_were_recorded_otherwise_are_not_compared_as_one_run(path, key, reference, test, words):
    outcome = judged(ledger(path), {"test": "T9 all ghosts"}, seeded(6))
    arms = {p.name: p.arm for p in outcome.study.preparations}
    attached = {
        name: tuple(replace(a, facts={key: test if arms[name] == "test" else reference}) for a in items)
        for name, items in outcome.material.attached.items()
    }
    judgement = judge(evidence_of(replace(outcome.material, attached=attached), "test"))
    found = [g for g in judgement.gates if g.name == "DIFFERENT_RUN" and g.verdict is Verdict.FAIL]
    assert len(found) == (words is not None)
    if words:
        assert re.search(words, found[0].evidence)
        assert judgement.verdict is Integrity.INDETERMINATE
        assert judgement.criteria["size_at_brightness"].comparison is None


@pytest.mark.parametrize(
    ("runs", "same", "words"),
    [
        (("", ""), None, "run not stated"),
        (("monday", "monday"), True, "same run"),
        (("monday", ""), False, None),
    ],
)
def test_a_run_that_nobody_stated_is_not_called_the_same(path, runs, same, words):
    study = ledger(path)
    tubes = tuple(replace(p, run=runs[p.arm == "reference"]) for p in study.preparations)
    item = only(judged(replace(study, preparations=tubes), {"test": "T9 all ghosts"}, seeded(2)))
    assert item.evidence.same_run is same
    assert words is None or words in verdict_sentence(item)


@pytest.mark.parametrize("arm", ["test", "detergent"])
def test_a_dilution_that_is_stated_for_one_arm_is_not_one_for_the_other(path, arm):
    """An arm of 1:200 beside one of which nobody said it recovered 0.5 %."""
    study = ledger(path)
    tubes = tuple(replace(p, dilution=None if p.arm == arm else p.dilution) for p in study.preparations)
    counts = {"reference": 5e7, "test": 5e7, "detergent": 2e6, "blank": 1e4, "sham": 1e5}
    evidence = evidence_of(in_cell(replace(study, preparations=tubes), counts), "test")
    judgement = judge(evidence)
    assert judgement.verdict is Integrity.INDETERMINATE
    assert judgement.tags == ()
    missing = judgement.criteria["recovery" if arm == "test" else "detergent_labile"].missing
    assert missing.startswith("the dilution of donor_1 reference is stated, that of donor_1 ")


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
    assert {dose.particles for dose in outcome.doses} == {None}
    recovery = only(outcome).judgement.criteria["recovery"].comparison
    assert math.exp(recovery.estimate) == pytest.approx(0.6, abs=0.1)


def test_the_detection_limit_is_the_worst_of_what_was_stated_and_found(path):
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
    assert evidence_of(replace(outcome.material, attached=found), "test").detection_limit_nm == 60.0
    name = study.arm("test")[0].name
    found[name] = tuple(replace(a, limit_nm=95.0) for a in found[name])
    assert evidence_of(replace(outcome.material, attached=found), "test").detection_limit_nm == 95.0


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
    again = replace(item, judgement=judgement)
    assert judgement.decision("above_150") is Decision.INCONCLUSIVE  # in table, figure and advice alike
    assert dict(resolving(again))["Share above 150 nm"].startswith("with this scatter, about")
    words = verdict_sentence(again)
    assert "median of the tracks' diameters" in words
    assert "share above 150 nm" not in words
