"""The judge against studies whose verdict is known."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from nta.assessment.finding import Verdict
from nta.assessment.integrity import (
    Arm,
    Decision,
    Integrity,
    Preparation,
    compare_arms,
    judge,
    load_integrity_limits,
)

from .studies import CASES, MEMBRANE, REFERENCE, study, three

LIMITS = load_integrity_limits()
SEEDS = 60


def verdicts(case, seeds=SEEDS, **evidence):
    return [
        judge(study(case, np.random.default_rng([seed, len(case)]), **evidence), LIMITS)
        for seed in range(seeds)
    ]


def share(judgements, verdict):
    return np.mean([judgement.verdict is verdict for judgement in judgements])


@pytest.mark.parametrize(
    "case", [c for c in CASES if c[:2] in {"T0", "T1", "T3", "T4", "T5", "T6", "T7", "X1", "X2"}]
)
def test_undamaged_samples_are_hardly_ever_called_damaged(case):
    assert share(verdicts(case), Integrity.DAMAGED) <= 0.02


@pytest.mark.parametrize(
    ("case", "verdict", "tag"),
    [
        ("T3 aggregates", Integrity.ALTERED, "larger (aggregated or fused)"),
        ("T4b more protein", Integrity.ALTERED, "gained in particles (contamination or normalisation)"),
        ("T5b freeze-thaw strong", Integrity.ALTERED, "larger (aggregated or fused)"),
        ("T6 detergent", Integrity.ALTERED, "severely depleted"),
        ("T7 lipoprotein", Integrity.ALTERED, "bright for their size"),
        ("T9 all ghosts", Integrity.DAMAGED, "dim for their size"),
    ],
)
def test_clear_cases_are_called_with_their_tag(case, verdict, tag):
    judged = verdicts(case)
    assert share(judged, verdict) >= 0.95
    assert np.mean([tag in judgement.tags for judgement in judged]) >= 0.95


def test_half_ghosts_are_mostly_called_damaged_and_never_intact():
    judged = verdicts("T8 osmotic lysis", **MEMBRANE)
    assert share(judged, Integrity.DAMAGED) >= 0.95
    assert share(judged, Integrity.INTACT) == 0


@pytest.mark.parametrize(
    "case", ["B1b ghosts at the margin", "B2 size at the margin", "B3 clusters at the margin"]
)
def test_cases_at_a_margin_are_left_open(case):
    counts = Counter(judgement.verdict for judgement in verdicts(case, **MEMBRANE))
    assert counts[Integrity.INTACT] <= 0.12 * SEEDS
    assert counts[Integrity.ALTERED] <= 0.1 * SEEDS
    assert counts[Integrity.DAMAGED] <= 0.1 * SEEDS


def test_identical_samples_are_intact_with_membrane_evidence_and_only_with_it():
    assert share(verdicts("T0 same again", **MEMBRANE), Integrity.INTACT) >= 0.85
    without = verdicts("T0 same again")
    assert share(without, Integrity.INTACT) == 0
    assert np.mean([j.reasons[0].code == "NO_MEMBRANE_EVIDENCE" for j in without if j.reasons]) >= 0.85


def test_two_identical_preparations_of_five_videos_are_rarely_flagged():
    judged = [
        judge(study("T0 same again", np.random.default_rng([7, seed]), n_videos=5, n_tracks=400), LIMITS)
        for seed in range(100)
    ]
    assert np.mean([bool(judgement.tags) for judgement in judged]) <= 0.05


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reference": None}, "NO_REFERENCE"),
        ({"bead_size_ratio": 1.05}, "DIFFERENT_RUN"),
        ({"blank_amount": 3e9}, "BLANK_HIGH"),
        ({"detection_limit_nm": 90.0}, "LOD_TOO_HIGH"),
        ({"bead_bias": 0.2}, "BEAD_SIZE"),
        ({"same_run": False}, "DIFFERENT_RUN"),
        ({"sham_amount": 4e9}, "SHAM_HIGH"),
    ],
)
def test_missing_or_bad_evidence_gives_no_verdict_and_says_why(change, code):
    for seed in range(10):
        judgement = judge(
            replace(study("T9 all ghosts", np.random.default_rng(seed), **MEMBRANE), **change), LIMITS
        )
        assert judgement.verdict is Integrity.INDETERMINATE
        reason = next(r for r in judgement.reasons if r.code == code)
        assert reason.remedy


def test_three_videos_are_too_few_for_a_verdict(rng):
    judgement = judge(study("T9 all ghosts", rng, n_videos=3), LIMITS)
    assert judgement.verdict is Integrity.INDETERMINATE
    assert {"FEW_REPLICATES"} <= {reason.code for reason in judgement.reasons}


def test_a_video_without_tracks_is_named(rng):
    evidence = study("T9 all ghosts", rng)
    videos = list(evidence.test.videos)
    nothing = np.empty(0)
    videos[2] = replace(videos[2], name="dark.h5", diameter_nm=nothing, intensity=nothing)
    dark = Arm(name="test", preparations=(Preparation(name="p", videos=tuple(videos)),))
    judgement = judge(replace(evidence, test=dark), LIMITS)
    assert judgement.verdict is Integrity.INDETERMINATE
    assert [r.code for r in judgement.reasons] == ["FEW_TRACKS"]
    assert "dark.h5" in judgement.reasons[0].text


def test_stability_needs_three_videos(rng):
    gates = judge(study("T0 same again", rng, n_videos=2), LIMITS).gates
    assert {g.verdict for g in gates if g.name == "UNSTABLE"} == {Verdict.NOT_ASSESSED}


def test_resting_tracks_support_and_make_no_verdict(rng):
    evidence = study("T0 same again", rng, **MEMBRANE)

    def resting(arm, share):
        parts = tuple(
            replace(p, videos=tuple(replace(v, immobile_share=share) for v in p.videos))
            for p in arm.preparations
        )
        return replace(arm, preparations=parts)

    judgement = judge(
        replace(evidence, test=resting(evidence.test, 0.1), reference=resting(evidence.reference, 0.01)),
        LIMITS,
    )
    assert judgement.criteria["immobile"].comparison.decision is Decision.CHANGED
    assert judgement.tags == ()


def test_dim_particles_without_beads_are_not_called_damaged(rng):
    judgement = judge(replace(study("T9 all ghosts", rng), bead_intensity_ratio=None), LIMITS)
    assert "dim for their size" in judgement.tags
    assert [reason.code for reason in judgement.reasons] == ["NO_BEADS"]


def test_identical_samples_without_blank_or_beads_are_not_called_intact(rng):
    for missing in ("blank_amount", "bead_bias", "bead_size_ratio"):
        judgement = judge(replace(study("T0 same again", rng, **MEMBRANE), **{missing: None}), LIMITS)
        assert judgement.verdict is Integrity.INDETERMINATE


def test_conflicting_membrane_evidence_is_said(rng):
    evidence = replace(
        study("T9 all ghosts", rng),
        reference=three("reference", REFERENCE, rng, sealed_ratio=(0.80, 0.79, 0.80)),
        test=three("test", CASES["T9 all ghosts"], rng, sealed_ratio=(0.80, 0.81, 0.79)),
    )
    judgement = judge(evidence, LIMITS)
    assert judgement.verdict is Integrity.INDETERMINATE
    assert [reason.code for reason in judgement.reasons] == ["CONFLICT"]


@pytest.mark.parametrize(
    ("sealed", "n", "verdict", "codes"),
    [
        ((0.79, 0.79, 0.79), 3, Integrity.INDETERMINATE, ["NO_MEMBRANE_EVIDENCE"]),  # 0.794 is 0.79 too
        ((0.70, 0.70, 0.71), 3, Integrity.DAMAGED, []),
        ((0.60, 0.60, 0.61), 2, Integrity.INDETERMINATE, ["FEW_REPLICATES"]),
    ],
)
def test_leaky_takes_three_preparations_and_more_than_a_last_digit(rng, sealed, n, verdict, codes):
    whole = three("reference", REFERENCE, rng, sealed_ratio=(1.0, 1.0, 1.0))
    test = three("test", REFERENCE, rng, sealed_ratio=sealed)
    arms = {a.name: replace(a, preparations=a.preparations[:n]) for a in (whole, test)}
    judgement = judge(replace(study("T0 same again", rng), **arms), LIMITS)
    assert judgement.verdict is verdict
    assert [reason.code for reason in judgement.reasons] == codes


def test_three_preparations_are_compared_by_preparation(rng):
    evidence = replace(
        study("T9 all ghosts", rng),
        reference=three("reference", REFERENCE, rng),
        test=three("test", CASES["T9 all ghosts"], rng),
        paired=True,
    )
    judgement = judge(evidence, LIMITS)
    assert judgement.verdict is Integrity.DAMAGED
    assert judgement.criteria["d50"].comparison.unit == "preparation"
    assert judgement.criteria["d50"].comparison.degrees_of_freedom == 2
    assert judgement.confidence == "moderate"


@pytest.mark.parametrize(
    ("paired", "test", "n", "degrees_of_freedom"),
    [
        (True, (0.96, 0.84, 0.75), 3, 2),
        (False, (0.96, 0.84, 0.75), 3, 4),
        (True, (0.96, None, 0.75), 2, 1),  # by preparation: the second reference has no partner
        (True, (0.96, None, None), None, None),
    ],
)
def test_values_are_paired_by_preparation_where_the_arms_are(rng, paired, test, n, degrees_of_freedom):
    """Donors differ by 0.2, arms by 0.01: only the pairs see it."""
    evidence = replace(
        study("T0 same again", rng),
        reference=three("reference", REFERENCE, rng, detergent_labile=(0.95, 0.85, 0.74)),
        test=three("test", REFERENCE, rng, detergent_labile=test),
        paired=paired,
    )
    found = compare_arms(evidence, LIMITS)["detergent_labile"].comparison
    if n is None:
        assert found is None
        return
    assert (found.n_test, found.n_reference) == (n, n)
    assert found.degrees_of_freedom == pytest.approx(degrees_of_freedom, abs=0.1)
    assert found.estimate == pytest.approx(0.01 if n == 2 else 0.01 / 3)
    assert (found.std_err < 0.01) == paired


def test_values_of_one_pair_are_compared_as_independent(rng):
    evidence = replace(
        study("T0 same again", rng),
        reference=three("reference", REFERENCE, rng, detergent_labile=(None, 0.85, 0.74)),
        test=three("test", REFERENCE, rng, detergent_labile=(0.96, None, 0.75)),
        paired=True,
    )
    found = compare_arms(evidence, LIMITS)["detergent_labile"].comparison
    assert found.std_err == pytest.approx(np.hypot(0.96 - 0.75, 0.85 - 0.74) / 2)


def test_a_video_that_stands_in_two_preparations_counts_with_the_volume_of_each(rng):
    evidence = study("T0 same again", rng)
    once = evidence.reference.preparations[0]
    twice = tuple(replace(once, name=f"of {volume:g} ml", volume_ml=volume) for volume in (1.0, 2.0))
    evidence = replace(evidence, test=Arm(name="test", preparations=twice), blank_amount=None)
    recovery = compare_arms(evidence, LIMITS)["recovery"].comparison
    assert recovery.estimate == pytest.approx(np.log(2) / 2)


def test_every_limit_has_a_source():
    names = {*LIMITS.gates, *LIMITS.margins, *LIMITS.thresholds}
    assert names == set(LIMITS.sources) == set(LIMITS.units)
    assert not any(source.startswith("1;") for source in LIMITS.sources.values())
