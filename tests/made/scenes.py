"""Films of Gaussian spots with known truth, and how well spots agree with it."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.special import ndtr

from nta.frames import CameraState, Frame

MATCH_PX = 2.0
ISOLATED_PX = 14.0
CLEAR_SNR = 8.0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is filmed; `widths_px` and `electrons` are ranges, electrons drawn log-uniformly."""

    height: int = 256
    width: int = 320
    n_spots: int = 20
    n_frames: int = 24
    widths_px: tuple[float, float] = (1.3, 2.2)
    electrons: tuple[float, float] = (150.0, 4500.0)
    background_e: float = 16.0
    gradient: float = 0.0  # relative change of the background from left to right
    gain_e_per_adu: float = 2.0
    offset_adu: float = 4.0
    read_noise_e: float = 2.0
    bits: int = 8
    dark: bool = False
    hot_pixels: int = 0
    apart_px: float = 0.0  # least distance between spots
    camera_told: bool = False
    seed: int = 1

    @property
    def camera(self):
        told = {}
        if self.camera_told:
            told = {
                "gain_e_per_adu": self.gain_e_per_adu,
                "offset_adu": self.offset_adu,
                "read_noise_e": self.read_noise_e,
            }
        return CameraState(width_px=self.width, height_px=self.height, bit_depth=self.bits, **told)


@dataclass(frozen=True, eq=False)
class Film:
    """Frames, and per frame a table with columns x, y, electrons, width, SNR, Cramer-Rao bound."""

    setup: Setup
    frames: list[Frame]
    truth: list[np.ndarray] = field(repr=False)


def background_of(setup):
    ramp = 1 + setup.gradient * (np.arange(setup.width) / (setup.width - 1) - 0.5)
    return np.broadcast_to(setup.background_e * ramp, (setup.height, setup.width)).copy()


def film(setup):
    """Render the setup: photon noise, read noise, gain, offset, rounding."""
    rng = np.random.default_rng(setup.seed)
    hot = tuple(rng.integers(0, n, setup.hot_pixels) for n in (setup.height, setup.width))
    frames, truth = [], []
    for index in range(setup.n_frames):
        x, y = _places(setup, rng)
        electrons = np.exp(rng.uniform(*np.log(setup.electrons), x.size))
        widths = rng.uniform(*setup.widths_px, x.size)
        background = background_of(setup)
        light = np.zeros_like(background)
        for spot in zip(x, y, electrons, widths, strict=True):
            rows, columns, image = spot_image(*spot, setup.height, setup.width)[:3]
            light[rows, columns] += image
        mean = background - light if setup.dark else background + light
        mean = np.maximum(mean, 0)
        mean[hot] += 400.0
        snr = electrons / np.sqrt(4 * np.pi * widths**2 * (_at(background, x, y) + setup.read_noise_e**2))
        bound = np.array(
            [
                crlb_px(*spot, mean, setup.read_noise_e, setup.gain_e_per_adu)
                for spot in zip(x, y, electrons, widths, strict=True)
            ]
        )
        truth.append(np.column_stack([x, y, electrons, widths, snr, bound]))
        frames.append(Frame(image=exposed(mean, setup, rng), index=index, time_s=index / 30))
    return Film(setup, frames, truth)


def exposed(mean_e, setup, rng):
    """What the camera makes of the expected electrons."""
    e = rng.poisson(mean_e) + rng.normal(0, setup.read_noise_e, mean_e.shape)
    grey = np.clip(np.rint(e / setup.gain_e_per_adu + setup.offset_adu), 0, 2**setup.bits - 1)
    return grey.astype(np.uint8 if setup.bits == 8 else np.uint16)


def spot_image(x, y, electrons, width, height, columns):
    """Pixel-integrated Gaussian on its window: slices, light, and light's derivatives by x and y."""
    reach = 5 * width + 1
    y0, y1 = max(0, int(y - reach)), min(height, int(y + reach) + 2)
    x0, x1 = max(0, int(x - reach)), min(columns, int(x + reach) + 2)
    ey, ex = np.arange(y0, y1 + 1) - 0.5 - y, np.arange(x0, x1 + 1) - 0.5 - x
    py, px = np.diff(ndtr(ey / width)), np.diff(ndtr(ex / width))
    norm = np.sqrt(2 * np.pi) * width
    dy, dx = (-np.diff(np.exp(-0.5 * (e / width) ** 2) / norm) for e in (ey, ex))
    image = electrons * np.outer(py, px)
    return slice(y0, y1), slice(x0, x1), image, electrons * np.outer(py, dx), electrons * np.outer(dy, px)


def crlb_px(x, y, electrons, width, mean_e, read_e, gain):
    """Cramer-Rao bound of a place (rms of x and y) from the true variances, all else known."""
    rows, columns, _, by_x, by_y = spot_image(x, y, electrons, width, *mean_e.shape)
    variance = mean_e[rows, columns] + read_e**2 + gain**2 / 12
    information = np.array([(d**2 / variance).sum() for d in (by_x, by_y)])
    return float(np.sqrt(0.5 * (1 / np.maximum(information, 1e-12)).sum()))


def _places(setup, rng):
    margin = 1.0
    if not setup.apart_px:
        return rng.uniform(margin, setup.width - 1 - margin, setup.n_spots), rng.uniform(
            margin, setup.height - 1 - margin, setup.n_spots
        )
    places = []
    for _ in range(200 * setup.n_spots):
        one = rng.uniform(8, [setup.width - 9, setup.height - 9])
        if all(np.hypot(*(one - other)) > setup.apart_px for other in places):
            places.append(one)
        if len(places) == setup.n_spots:
            break
    return np.array(places).T


def _at(image, x, y):
    return image[np.rint(y).astype(int), np.rint(x).astype(int)]


def positions(spots, film):
    """Places (x, y) found in each frame."""
    return [np.c_[spots.x_px, spots.y_px][spots.frame == f.index] for f in film.frames]


@dataclass(frozen=True)
class Score:
    """Precision, recall, F1; recall of spots of SNR 4-8, 8-16, beyond; rms of error over bound of clear lone spots."""

    precision: float
    recall: float
    f1: float
    bands: tuple[float, float, float]
    xcrlb: float
    n_lone: int
    n_false_per_frame: float


def score(film, found, frames=None):
    """Compare places per frame with the truth, one to one within MATCH_PX."""
    true = false = missed = 0
    hits, snrs, ratios = [], [], []
    for truth, places in zip(film.truth if frames is None else film.truth[frames], found, strict=True):
        hit = np.zeros(len(truth), bool)
        if len(places):
            distance = np.hypot(
                places[:, None, 0] - truth[None, :, 0], places[:, None, 1] - truth[None, :, 1]
            )
            rows, columns = linear_sum_assignment(np.where(distance < MATCH_PX, distance, 1e3))
            good = distance[rows, columns] < MATCH_PX
            rows, columns = rows[good], columns[good]
            hit[columns] = True
            near = cKDTree(truth[:, :2]).query(truth[:, :2], 2)[0][:, 1] if len(truth) > 1 else np.full(1, 99)
            inside = (
                (truth[:, :2] > 8) & (truth[:, :2] < [film.setup.width - 9, film.setup.height - 9])
            ).all(1)
            lone = ((near > ISOLATED_PX) & inside & (truth[:, 4] >= CLEAR_SNR))[columns]
            square = ((places[rows] - truth[columns, :2]) ** 2).mean(1) / truth[columns, 5] ** 2
            ratios.append(square[lone])
        true, false, missed = true + hit.sum(), false + len(places) - hit.sum(), missed + (~hit).sum()
        hits.append(hit)
        snrs.append(truth[:, 4])
    hits, snrs = np.concatenate(hits), np.concatenate(snrs)
    bands = [(4, 8), (8, 16), (16, np.inf)]
    ratio = np.concatenate(ratios) if ratios else np.empty(0)
    return Score(
        precision=true / max(true + false, 1),
        recall=true / max(true + missed, 1),
        f1=2 * true / max(2 * true + false + missed, 1),
        bands=tuple(
            float(hits[(snrs >= a) & (snrs < b)].mean()) if ((snrs >= a) & (snrs < b)).any() else np.nan
            for a, b in bands
        ),
        xcrlb=float(np.sqrt(ratio.mean())) if ratio.size else np.nan,
        n_lone=int(ratio.size),
        n_false_per_frame=false / max(len(found), 1),
    )
