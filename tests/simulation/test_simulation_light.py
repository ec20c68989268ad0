"""Brightness: Mie theory against tabulated values, limits and a second implementation."""

import math
from dataclasses import replace

import miepython
import numpy as np
import pytest

from nta.errors import SettingError
from nta.scattering import cluster_gain, coated_amplitudes, dimer_gain
from nta.simulation import Collection, Population, coated_cross_section_nm2, sphere_cross_section_nm2
from nta.simulation.materials import MATERIALS
from nta.simulation.populations import Mixture

MEDIUM = {405: 1.3442, 488: 1.3387, 532: 1.3367, 642: 1.3332, 660: 1.3327}
POLYSTYRENE = {405: 1.627, 488: 1.605, 532: 1.598, 642: 1.587, 660: 1.586}
SILICA = {405: 1.470, 488: 1.463, 532: 1.461, 642: 1.457, 660: 1.456}


def light(wavelength=488, na=0.4, polarized=True):
    return Collection(
        wavelength_nm=wavelength, numerical_aperture=na, medium_index=MEDIUM[wavelength], polarized=polarized
    )


def sphere(diameter, index, where):
    return float(sphere_cross_section_nm2(np.array([diameter]), index, where)[0])


def coated(diameter, core, shell, where, thickness=5.0):
    return float(coated_cross_section_nm2(np.array([diameter]), core, shell, thickness, where)[0])


@pytest.mark.parametrize(
    ("wavelength", "expected_nm2"), [(405, 10.9), (488, 5.19), (532, 3.67), (642, 1.72), (660, 1.54)]
)
def test_polystyrene_of_100_nm_scatters_the_tabulated_light(wavelength, expected_nm2):
    """Values from an independent Mie code: NA 0.4 at 90 degrees, PBS; three digits."""
    assert sphere(100, POLYSTYRENE[wavelength], light(wavelength)) == pytest.approx(expected_nm2, rel=5e-3)


# relative to polystyrene of 100 nm at the same wavelength, two digits, from the same table
RATIOS = [
    # diameter, index (a number, or by wavelength), ratios at 405, 488, 532, 642, 660 nm
    (100, SILICA, (0.19, 0.22, 0.22, 0.24, 0.24)),
    (50, 1.39, (0.54e-3, 0.70e-3, 0.77e-3, 0.89e-3, 0.91e-3)),
    (70, 1.39, (3.7e-3, 4.9e-3, 5.5e-3, 6.5e-3, 6.6e-3)),
    (100, 1.39, (0.025, 0.036, 0.041, 0.051, 0.052)),
    (150, 1.39, (0.16, 0.28, 0.34, 0.47, 0.49)),
    (200, 1.39, (0.34, 0.86, 1.17, 1.92, 2.04)),
    (100, 1.37, (0.0080, 0.013, 0.016, 0.021, 0.022)),
    (100, 1.36, (0.0030, 0.0062, 0.0078, 0.011, 0.012)),
    (60, 1.47, (0.012, 0.013, 0.014, 0.015, 0.015)),
    (100, 1.50, (0.30, 0.36, 0.39, 0.44, 0.44)),
]


@pytest.mark.parametrize(("diameter", "index", "ratios"), RATIOS)
def test_brightness_relative_to_polystyrene(diameter, index, ratios):
    for wavelength, expected in zip(MEDIUM, ratios, strict=True):
        where = light(wavelength)
        n = index[wavelength] if isinstance(index, dict) else index
        ratio = sphere(diameter, n, where) / sphere(100, POLYSTYRENE[wavelength], where)
        last_digit = 10 ** (math.floor(math.log10(expected)) - 1)
        assert ratio == pytest.approx(expected, abs=0.75 * last_digit)


@pytest.mark.parametrize(
    ("core", "shell", "wavelength", "intact_nm2", "ratios"),
    [
        (1.38, 1.46, 405, (0.078002, 0.38987, 1.6872), (0.4003, 0.2465, 0.0964)),
        (1.38, 1.46, 488, (0.047233, 0.26589, 1.5379), (0.3808, 0.2383, 0.1088)),
        (1.38, 1.46, 642, (0.019652, 0.12219, 0.89267), (0.3656, 0.2325, 0.1181)),
        (1.37, 1.48, 405, (0.078925, 0.34743, 1.2418), (0.5428, 0.3791, 0.1781)),
        (1.37, 1.48, 488, (0.048013, 0.24289, 1.2190), (0.5071, 0.3530, 0.1852)),
        (1.37, 1.48, 642, (0.020044, 0.11373, 0.74412), (0.4791, 0.3339, 0.1892)),
    ],
)
def test_vesicles_and_ghosts_are_as_bright_as_another_program_says(
    core, shell, wavelength, intact_nm2, ratios
):
    """Amplitudes from scattnlay 2.4 (layered spheres, 4001 angles), integrated over the cone on 200 x 720 nodes."""
    where = light(wavelength)
    for diameter, sigma, ratio in zip((70, 100, 150), intact_nm2, ratios, strict=True):
        intact, ghost = (
            coated(diameter, core, shell, where),
            coated(diameter, MEDIUM[wavelength], shell, where),
        )
        assert intact == pytest.approx(sigma, rel=1e-4)
        assert ghost / intact == pytest.approx(ratio, abs=1e-4)


@pytest.mark.parametrize("diameter", [20, 70, 100, 150, 400, 1000])
def test_a_coat_of_the_same_index_changes_nothing(diameter):
    """Our coated sphere and miepython's homogeneous one share no line of code."""
    where = light()
    assert coated(diameter, 1.45, 1.45, where) == pytest.approx(sphere(diameter, 1.45, where), rel=1e-9)


@pytest.mark.parametrize("size", [0.05, 1.0, 5.0, 20.0])
def test_coated_amplitudes_are_miepythons_where_the_core_is_everything_or_nothing(size):
    mu = np.linspace(-0.99, 0.99, 41)
    expected = miepython.S1_S2(1.2, size, mu, norm="wiscombe")
    whole = coated_amplitudes(np.array([size]), np.array([size]), 1.2, 1.1, mu)
    tiny = coated_amplitudes(np.array([1e-4 * size]), np.array([size]), 1.1, 1.2, mu)
    for ours in (whole, tiny):
        for mine, theirs in zip(ours, expected, strict=True):
            assert np.abs(mine[0]) == pytest.approx(np.abs(theirs), rel=1e-6, abs=1e-9 * np.abs(theirs).max())


def test_amplitudes_carry_the_optical_theorem():
    """Without absorption what is scattered in all directions is 4 pi / k² Re S(0): fixes the norm of the amplitudes."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for core, outer in ((0.8, 1.5), (3.0, 4.0)):
        s1, s2 = coated_amplitudes(np.array([core]), np.array([outer]), 1.1, 1.2, nodes)
        forward, _ = coated_amplitudes(np.array([core]), np.array([outer]), 1.1, 1.2, np.array([1.0 - 1e-12]))
        scattered = math.pi * (weights * (np.abs(s1[0]) ** 2 + np.abs(s2[0]) ** 2)).sum()
        assert scattered == pytest.approx(4 * math.pi * forward[0, 0].real, rel=1e-6)


def test_the_norm_is_not_the_one_that_is_four_times_too_bright():
    mu = np.array([0.0])
    s1 = {norm: miepython.S1_S2(1.2, 1.0, mu, norm=norm)[0] for norm in ("wiscombe", "bohren")}
    assert np.abs(s1["bohren"]) ** 2 == pytest.approx(4 * np.abs(s1["wiscombe"]) ** 2)
    ours = coated_amplitudes(np.array([0.5]), np.array([1.0]), 1.2, 1.2, mu)[0]
    assert np.abs(ours[0]) == pytest.approx(np.abs(s1["wiscombe"]), rel=1e-9)


def test_small_spheres_follow_rayleigh():
    where = light()
    k, m = where.wave_number_nm, 1.605 / where.medium_index
    # |S1|² = k⁶ r⁶ |(m² - 1) / (m² + 2)|², over a small cone across the field
    narrow = replace(where, numerical_aperture=0.05)
    solid_angle = 2 * math.pi * (1 - math.sqrt(1 - (0.05 / where.medium_index) ** 2))
    expected = (k * 2.5) ** 6 * ((m * m - 1) / (m * m + 2)) ** 2 * solid_angle / k**2
    assert sphere(5, 1.605, narrow) == pytest.approx(expected, rel=3e-3)
    assert sphere(10, 1.605, where) / sphere(5, 1.605, where) == pytest.approx(64, rel=0.01)


def test_the_slope_of_brightness_over_diameter_falls_from_six():
    """dln I / dln d at 488 nm and 50, 100, 150, 180 nm, from scattnlay 2.4: "I as d^6" is wrong for vesicles."""
    where = light()

    def slope(brightness, d):
        return math.log(brightness(1.01 * d) / brightness(0.99 * d)) / math.log(1.01 / 0.99)

    for brightness, slopes in (
        (lambda d: sphere(d, 1.39, where), (5.863, 5.411, 4.537, 3.746)),
        (lambda d: coated(d, 1.38, 1.46, where), (5.074, 4.686, 3.818, 2.987)),
        (lambda d: coated(d, where.medium_index, 1.46, where), (4.206, 3.156, 1.311, -0.661)),
    ):
        assert [slope(brightness, d) for d in (50, 100, 150, 180)] == pytest.approx(slopes, abs=2e-3)


@pytest.mark.parametrize("na", [0.2, 0.5])
def test_aperture_and_polarisation_hardly_change_ratios(na):
    """By at most 2 % at 100 nm, as integrated independently."""

    def ratio(where):
        return sphere(100, 1.39, where) / sphere(100, 1.605, where)

    assert ratio(light(na=na)) == pytest.approx(ratio(light()), rel=0.02)
    assert ratio(light(na=na, polarized=False)) == pytest.approx(ratio(light()), rel=0.02)


def test_indices_of_the_reference_materials():
    for wavelength in MEDIUM:
        assert MATERIALS["polystyrene"].index(wavelength) == pytest.approx(POLYSTYRENE[wavelength], abs=1e-3)
        assert MATERIALS["silica"].index(wavelength) == pytest.approx(SILICA[wavelength], abs=1e-3)


@pytest.mark.parametrize(
    "population",
    [
        Population(name="beads", diameter_nm=300, gsd=1.25, max_diameter_nm=1000),
        Population(name="EVs", material="vesicle", diameter_nm=100, gsd=1.5, max_diameter_nm=800),
        Population(name="ghosts", material="ghost", diameter_nm=100, gsd=1.5, max_diameter_nm=800),
        Population(
            name="clusters", assembly="cluster", monomer_nm=80, diameter_nm=300, gsd=1.3, min_diameter_nm=100
        ),
    ],
    ids=lambda p: p.name,
)
def test_the_table_of_brightness_is_exact_to_a_tenth_of_a_percent(population, rng):
    where = light()
    mixture = Mixture([population], where)
    which, diameters = mixture.draw_sizes(60, rng)
    drawn = mixture.complete(which, diameters, rng)
    exact = population.cross_section_nm2(diameters, population.index(where), where)
    assert drawn.cross_section_nm2 == pytest.approx(exact, rel=1e-3)


def test_indices_scatter_and_take_the_brightness_along(rng):
    where = light()
    population = Population(name="EVs", material="vesicle", diameter_nm=100, index_std=0.01)
    mixture = Mixture([population], where)
    which, diameters = mixture.draw_sizes(2000, rng)
    drawn = mixture.complete(which, diameters, rng)
    assert drawn.refractive_index.mean() == pytest.approx(1.38, abs=1e-3)
    assert drawn.refractive_index.std() == pytest.approx(0.01, rel=0.08)
    for i in range(0, 60):
        exact = population.cross_section_nm2(diameters[i : i + 1], float(drawn.refractive_index[i]), where)
        assert drawn.cross_section_nm2[i] == pytest.approx(exact[0], rel=2e-3)


def test_dimers_and_clusters():
    where = light()
    # two spheres in step: 4 times; far apart: twice
    assert dimer_gain(np.array([1e-3, 1e6]), where) == pytest.approx([4, 2], rel=1e-3)
    # two touching 100 nm vesicles: 2 (1 + sin(qL) / (qL)), q = 2 k sin 45°
    qL = 4 * math.pi * 1.3387 / 488 * math.sin(math.pi / 4) * 100
    assert dimer_gain(np.array([100.0]), where)[0] == pytest.approx(2 * (1 + math.sin(qL) / qL))
    assert cluster_gain(np.array([50.0]), np.array([1e-3]), 1.9, where)[0] == pytest.approx(2500)
    # large fractals: each blob of size 1/q on its own, so linear in the number
    big, bigger = (
        cluster_gain(np.array([n]), np.array([100 * n ** (1 / 1.9)]), 1.9, where)[0] for n in (1e4, 2e4)
    )
    assert bigger / big == pytest.approx(2, rel=0.01)
    pair = Population(name="pair", material="vesicle", assembly="dimer", diameter_nm=139.2)
    single = Population(name="one", material="vesicle", diameter_nm=100)
    sigma = [
        float(p.cross_section_nm2(np.array([d]), 1.38, where)[0]) for p, d in ((pair, 139.2), (single, 100.0))
    ]
    assert sigma[0] / sigma[1] == pytest.approx(dimer_gain(np.array([100.0]), where)[0])


def test_a_corona_adds_size_and_no_light():
    where = light()
    plain = Population(name="a", diameter_nm=100).cross_section_nm2(np.array([100.0]), 1.6, where)
    coat = Population(name="b", diameter_nm=110, corona_nm=10).cross_section_nm2(
        np.array([110.0]), 1.6, where
    )
    assert coat == pytest.approx(plain)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"diameter_nm": 5.0}, "min_diameter_nm"),
        ({"fraction": 0.0}, "fraction"),
        ({"gsd": 1.2, "cv": 0.1}, "not both"),
        ({"material": "gold"}, "unknown material"),
        ({"assembly": "cluster"}, "monomer_nm"),
        ({"assembly": "chain"}, "assembly"),
        ({"corona_nm": 40.0}, "corona_nm"),
        ({"gsd": 0.8}, "gsd"),
    ],
)
def test_impossible_populations_are_refused(values, complaint):
    with pytest.raises(SettingError, match=complaint):
        Population(**{"name": "x", "diameter_nm": 100.0, **values})


def test_drawn_sizes_follow_their_law(rng):
    n = 40_000
    bell = Population(name="a", diameter_nm=100, cv=0.05).draw_diameters_nm(n, rng)
    assert bell.mean() == pytest.approx(100, abs=0.1)
    assert bell.std() == pytest.approx(5, rel=0.02)
    skew = np.log(Population(name="b", diameter_nm=100, gsd=1.4).draw_diameters_nm(n, rng))
    assert skew.mean() == pytest.approx(math.log(100), abs=0.01)
    assert skew.std() == pytest.approx(math.log(1.4), rel=0.02)
    cut = Population(name="c", diameter_nm=100, gsd=1.4, min_diameter_nm=80, max_diameter_nm=120)
    diameters = cut.draw_diameters_nm(n, rng)
    assert diameters.min() >= 80
    assert diameters.max() <= 120
    parts = [
        Population(name="d", diameter_nm=60, fraction=2),
        Population(name="e", diameter_nm=100, fraction=1),
    ]
    which, _ = Mixture(parts, light()).draw_sizes(n, rng)
    assert (which == 0).mean() == pytest.approx(2 / 3, abs=0.01)
