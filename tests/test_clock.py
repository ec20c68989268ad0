"""Frame rates from time stamps: rounded, jittering, with jumps and gaps."""

import numpy as np
import pytest

from nta.clock import agreed_rate, indices_at, numbered, rate_of_clock, recorded_rate

RATES_HZ = (24, 25, 29.97, 30, 60, 75, 90, 100, 120, 144, 160, 240)


def _stamps(rate_hz, count=600, unit_ns=1):
    return np.floor(np.arange(count) * 1e9 / rate_hz / unit_ns + 0.5) * unit_ns


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("unit_ns", [1, 1000, 1_000_000])
def test_a_clock_that_rounds_says_the_rate_of_the_camera(rate_hz, unit_ns):
    found = rate_of_clock(_stamps(rate_hz, unit_ns=unit_ns))
    assert found.rate_hz == pytest.approx(rate_hz, rel=5e-4)
    assert abs(found.rate_hz / rate_hz - 1) <= found.rel_uncertainty < 1e-3


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_jumps_and_gaps_take_no_part(rate_hz):
    stamps, indices = _stamps(rate_hz, unit_ns=1_000_000), np.arange(600)
    stamps[200:] += 3600e9  # the clock was set
    kept = np.r_[:50, 90:400, 401:600]  # frames lost
    assert rate_of_clock(stamps).rate_hz == pytest.approx(rate_hz, rel=1e-3)
    assert rate_of_clock(stamps[kept], indices[kept]).rate_hz == pytest.approx(rate_hz, rel=1e-3)
    assert rate_of_clock(stamps[kept]).rate_hz == pytest.approx(rate_hz, rel=1e-3)


def test_a_clock_that_jitters_says_how_sure_it_is(rng):
    for _ in range(20):
        stamps = _stamps(30, count=60) + rng.normal(0, 3e6, 60)
        found = rate_of_clock(stamps)
        assert abs(found.rate_hz / 30 - 1) <= found.rel_uncertainty < 0.02


@pytest.mark.parametrize(
    "stamps", [[], [5], [5, 5, 5, 5], [30, 20, 10], [0, np.nan, 20], [np.nan, np.nan]], ids=str
)
def test_a_clock_that_tells_nothing(stamps):
    assert rate_of_clock(1e6 * np.array(stamps)) is None


@pytest.mark.parametrize(
    ("stated_hz", "taken_hz", "remarks"),
    [(60.0, 60.0, 0), (60.001, 60.001, 0), (60.2, 60.0, 0), (58.8, 60.0, 1), (0.0, 60.0, 0), (None, 60.0, 0)],
)
def test_a_stated_rate_goes_before_the_stamps_that_cannot_contradict_it(stated_hz, taken_hz, remarks):
    rate, notes = agreed_rate(stated_hz, rate_of_clock(_stamps(60, unit_ns=1_000_000)))
    assert rate == pytest.approx(taken_hz, rel=1e-4)
    assert len(notes) == remarks


def test_without_a_clock_the_stated_rate_is_taken():
    assert agreed_rate(25.0, None) == (25.0, ())
    assert agreed_rate(0.0, None) == (None, ())


def test_stamps_since_1970_keep_their_resolution():
    stamps = 1_780_000_000_000_000_000 + np.array([0, 33_000_000, 67_000_000], dtype=np.int64)
    late, early = rate_of_clock(stamps), rate_of_clock(stamps - stamps[0])
    assert late.rel_uncertainty == pytest.approx(early.rel_uncertainty)
    assert late.rel_uncertainty > 0.01


def test_a_camera_that_runs_slower_than_it_was_set_is_believed_by_its_clocks():
    clock, numbers = _stamps(95.9), np.arange(600)
    for clocks in ((clock, clock + 7e9), (None, clock), (clock, None)):
        rate, notes = recorded_rate(160.0, clocks, numbers, 0.005)
        assert rate == pytest.approx(95.9, rel=1e-4)
        assert "set to 160 Hz" in notes[0]
    assert recorded_rate(30.0, (_stamps(30), None), numbers) == (30.0, ())
    assert recorded_rate(30.0, (None, None), numbers) == (30.0, ())
    assert recorded_rate(None, (None, clock), numbers)[0] == pytest.approx(95.9, rel=1e-4)


@pytest.mark.parametrize(
    ("device", "host", "count", "exposure_s"),
    [
        (_stamps(240), _stamps(30), 600, None),  # ticks of 8 ns taken for ns
        (_stamps(30), _stamps(240), 600, None),  # played eight times as fast
        (_stamps(45), None, 9, None),  # too few frames
        (_stamps(45), None, 600, 0.033),  # 45 Hz leave no time for the exposure
    ],
    ids=["ticks", "played", "few", "exposure"],
)
def test_a_clock_that_cannot_be_believed_changes_no_stated_rate(device, host, count, exposure_s):
    clocks = [None if times is None else times[:count] for times in (device, host)]
    assert recorded_rate(30.0, clocks, np.arange(count), exposure_s)[0] == 30.0


def _arrivals(true_s, how, rng):
    """Return when a computer that is busy, ticks or collects frames says that they came."""
    late = {
        "2 ms": rng.exponential(0.002, true_s.size),
        "8 ms": rng.exponential(0.008, true_s.size),
        "ticks": np.ceil(true_s * 64) / 64 - true_s,
        "batches": np.repeat(true_s[3::4], 4) + np.resize([0, 3e-4, 6e-4, 9e-4], true_s.size) - true_s,
        "pairs": np.resize([1 / 60, 5e-4], true_s.size),
    }[how]
    return np.maximum.accumulate(true_s + late)


@pytest.mark.parametrize("how", ["2 ms", "8 ms", "ticks", "batches", "pairs"])
def test_frames_that_are_late_are_no_gaps_and_no_other_rate(how, rng):
    arrivals = _arrivals(np.arange(1800) / 60, how, rng)
    found = rate_of_clock(1e9 * arrivals)
    assert found.rate_hz == pytest.approx(60, rel=5e-4)
    assert found.jumps == 0
    assert [k for _, k in numbered(((None, t) for t in arrivals), found.rate_hz)] == list(range(1800))
    assert recorded_rate(200.0, (None, 1e9 * arrivals), np.arange(1800))[0] == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize("how", ["2 ms", "8 ms"])
def test_gaps_among_late_frames_are_found(how, rng):
    true = np.delete(np.arange(1846), [100, *range(500, 505), *range(900, 940)])
    arrivals = _arrivals(true / 60, how, rng)
    found = rate_of_clock(1e9 * arrivals)
    assert found.rate_hz == pytest.approx(60, rel=1e-3)
    numbers = np.array([k for _, k in numbered(((None, t) for t in arrivals), found.rate_hz)])
    assert np.mean(numbers != true) <= 0.005
    assert numbers[-1] == true[-1]
    assert indices_at(arrivals, found.rate_hz) == numbers.tolist()


def test_what_somebody_says_decides_between_ticks_and_a_faster_clock_with_gaps():
    stamps = 1e9 / 30 * np.array([k for k in range(600) if k % 5 != 4])  # at 30 Hz one in five is lost
    assert rate_of_clock(stamps).rate_hz == pytest.approx(30)
    assert rate_of_clock(stamps, near_hz=24.0).rate_hz == pytest.approx(24, rel=1e-3)
    assert rate_of_clock(stamps, near_hz=100.0).rate_hz == pytest.approx(30)


def test_where_no_frame_is_late_none_is_kept_waiting():
    read = []
    stamped = ((read.append(k) or k, time_s) for k, time_s in enumerate([0.0, 0.1, 0.3, 0.4]))
    numbers = [(item, index, len(read)) for item, index in numbered(stamped, 10.0, on_time=True)]
    assert numbers == [(0, 0, 1), (1, 1, 2), (2, 3, 3), (3, 4, 4)]
