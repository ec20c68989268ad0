"""The compiled assignment against SciPy's, against its own dual proof, and its margins against enumeration."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from nta.tracks.kernels.assignment import assign, has_rivals, margin, transpose
from nta.tracks.kernels.types import Graph, Matching, Search

NONE = 1e9  # cost of a link that is no candidate


def graph_of(cost):
    """Sparse graph of the candidates (cost <= 0) of a dense table of sources by spots."""
    source, spot = np.nonzero(cost <= 0)
    first = np.searchsorted(source, np.arange(cost.shape[0] + 1)).astype(np.int64)
    return Graph(first, spot.astype(np.int64), cost[source, spot])


def search(n):
    return Search(np.full(n, np.inf), np.empty(n, np.int64), np.zeros(n, bool), np.empty(n, np.int64))


def solve(cost):
    n_sources, n_spots = cost.shape
    matching = Matching(
        np.empty(n_sources, np.int64), np.empty(n_spots, np.int64), np.empty(n_sources), np.empty(n_spots)
    )
    over_spots = search(n_spots)
    graph = graph_of(cost)
    assign(graph, n_sources, n_spots, matching, over_spots)
    assert np.isinf(over_spots.distance).all()
    assert not over_spots.visited.any()
    return graph, matching


def total(cost, matching):
    linked = np.flatnonzero(matching.spot_of >= 0)
    return cost[linked, matching.spot_of[linked]].sum()


def scipy_total(cost):
    gain = np.minimum(cost, 0.0)
    return gain[linear_sum_assignment(gain)].sum()


def margins(cost):
    n_sources, n_spots = cost.shape
    graph, matching = solve(cost)
    other = Graph(
        np.zeros(n_spots + 1, np.int64), np.empty(graph.spot.size, np.int64), np.empty(graph.spot.size)
    )
    transpose(graph, n_sources, n_spots, other)
    for i in np.flatnonzero(matching.spot_of >= 0):
        found = margin(i, graph, other, matching, search(n_spots), search(n_sources), np.inf)
        yield i, matching.spot_of[i], found, has_rivals(i, matching.spot_of[i], graph, other, matching, 3.0)


@st.composite
def sparse_problems(draw, most=12, ties=True):
    n_sources, n_spots = draw(st.integers(1, most)), draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cost = -rng.uniform(0, 10, (n_sources, n_spots))
    if ties and draw(st.booleans()):
        cost = np.round(cost)
    density = draw(st.sampled_from([0.1, 0.3, 0.7, 1.0]))
    return np.where(rng.random(cost.shape) < density, cost, NONE)


@settings(max_examples=300)
@given(sparse_problems())
def test_the_summed_cost_is_scipys(cost):
    _, matching = solve(cost)
    assert total(cost, matching) == pytest.approx(scipy_total(cost), abs=1e-9)


@settings(max_examples=200)
@given(sparse_problems(most=30))
def test_the_prices_prove_the_matching_best(cost):
    _, (spot_of, source_of, u, v) = solve(cost)
    linked = np.flatnonzero(spot_of >= 0)
    assert (source_of[spot_of[linked]] == linked).all()
    assert (source_of >= 0).sum() == linked.size
    reduced = cost - u[:, None] - v[None, :]
    assert (reduced >= -1e-9).all()
    assert reduced[linked, spot_of[linked]] == pytest.approx(0, abs=1e-9)
    assert (u <= 1e-9).all()
    assert (v <= 1e-9).all()
    assert u[spot_of < 0] == pytest.approx(0, abs=1e-9)  # who stays alone gains nothing
    assert v[source_of < 0] == pytest.approx(0, abs=1e-9)


def test_a_component_may_have_any_size(rng):
    """600 sources all in reach of one another: trackpy gives up at 30."""
    places, spots = rng.uniform(0, 60, (600, 2)), rng.uniform(0, 60, (620, 2))
    cost = ((places[:, None] - spots[None]) ** 2).sum(-1) - 30.0**2
    _, matching = solve(np.where(cost <= 0, cost, NONE))
    assert total(cost, matching) == pytest.approx(scipy_total(cost), rel=1e-12)


def enumerated_margin(cost, source, spot):
    """Least rise of the summed cost among all matchings without the link in which its source or its spot is taken."""
    without = cost.copy()
    without[source, spot] = NONE
    n_sources, n_spots = cost.shape
    best = np.inf
    for taken in permutations(range(-n_sources, n_spots), n_sources):  # negative: a free end of one's own
        links = [(i, j) for i, j in enumerate(taken) if j >= 0 and without[i, j] <= 0]
        if any(i == source or j == spot for i, j in links):
            best = min(best, sum(without[i, j] for i, j in links))
    return best - scipy_total(cost)


@settings(max_examples=60)
@given(sparse_problems(most=4, ties=False))
def test_the_margin_is_that_of_the_next_best_matching(cost):
    for source, spot, found, rivals in margins(cost):
        expected = enumerated_margin(cost, source, spot)
        assert found == pytest.approx(expected, abs=1e-9)
        assert rivals or expected >= 3.0  # no rival below the limit: no margin below it


def test_the_price_of_a_link_is_its_cost(rng):
    """What decides on a gap is u + v, which must be the cost of the link taken."""
    cost = -rng.uniform(0, 10, (20, 20))
    _, matching = solve(cost)
    linked = np.flatnonzero(matching.spot_of >= 0)
    taken = matching.spot_of[linked]
    assert matching.u[linked] + matching.v[taken] == pytest.approx(cost[linked, taken])
