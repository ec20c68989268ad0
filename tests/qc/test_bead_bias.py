"""Does a check fail what it should, and only that? Bead runs with known bias against limits of 5 %."""

from scipy.stats import binom

from made.bead_runs import bead_runs, bias_specification, certificate
from nta.qc import CheckVerdict, check

N_RUNS = 30


def verdicts(runs, folder, true_bias):
    specification = bias_specification(certificate(folder, true_bias=true_bias))
    return [check(run, specification).verdict for run in runs]


def test_bias_is_caught_and_a_good_instrument_is_not_failed(rng, tmp_path):
    runs = list(bead_runs(N_RUNS, rng))
    by_chance = binom.ppf(0.999, N_RUNS, 0.05)
    at_the_limit = verdicts(runs, tmp_path, 0.05)
    assert (
        at_the_limit.count(CheckVerdict.FAIL) <= by_chance
    )  # at most 5 %, where the truth stands on the limit itself
    assert verdicts(runs, tmp_path, -0.10).count(CheckVerdict.FAIL) >= N_RUNS - by_chance
    assert verdicts(runs, tmp_path, 0.10).count(CheckVerdict.FAIL) >= N_RUNS - by_chance
    good = verdicts(runs, tmp_path, 0.0)
    assert good.count(CheckVerdict.FAIL) == 0
    assert good.count(CheckVerdict.PASS) >= N_RUNS - by_chance
    assert (
        at_the_limit.count(CheckVerdict.INCONCLUSIVE) > N_RUNS / 2
    )  # an interval about the limit decides nothing
