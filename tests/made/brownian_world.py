"""A world of Brownian spots with known identity, and the tables to put them in."""

from dataclasses import dataclass, replace

import numpy as np

from nta.spots.table import CameraModel, Scene, Spots


def make_scene(n_frames, height=480, width=640, **changes):
    """A dark, empty scene; `changes` replace its fields."""
    index = np.asarray(changes.pop("frame_index", np.arange(n_frames)), np.int64)
    scene = Scene(
        width_px=width,
        height_px=height,
        bit_depth=8,
        contrast="bright",
        camera=CameraModel(gain_e_per_adu=1.0, offset_adu=0.0, read_noise_e=1.0, source="stated"),
        spot_width_px=1.5,
        threshold_sd=4.75,
        frame_index=index,
        frame_time_s=index / 30.0,
        example_image=np.zeros((height, width), np.uint8),
        background=np.zeros((height, width), np.float32),
        saturated_fraction=0.0,
    )
    return replace(scene, **changes)


def make_spots(frame, y, x, *, scene=None, intensity=1000.0, snr=15.0, localization_error_px=0.1, flags=0):
    frame = np.asarray(frame, np.int32)

    def full(value, dtype):
        return np.broadcast_to(np.asarray(value, dtype), frame.shape).copy()

    n_frames = int(frame.max()) + 1 if frame.size else 1
    return Spots(
        frame=frame,
        y_px=np.asarray(y, float),
        x_px=np.asarray(x, float),
        intensity=full(intensity, np.float32),
        background=full(10.0, np.float32),
        width_px=full(1.5, np.float32),
        snr=full(snr, np.float32),
        localization_error_px=full(localization_error_px, np.float32),
        chi2=full(1.0, np.float32),
        flags=full(flags, np.uint16),
        scene=scene or make_scene(n_frames),
    )


@dataclass
class World:
    """Spots of a simulated recording and, row by row, the particle that made each (-1: noise)."""

    spots: Spots
    particle: np.ndarray
    y_true: np.ndarray
    x_true: np.ndarray


def brownian_world(
    rng, *, n=60, n_frames=60, height=480, width=640, step_sd=2.0, seen=0.97, drift=None, noise_per_frame=0.0,
    localization_error=0.1, periodic=True,
):  # fmt: skip
    """Give particles diffusing in a periodic box (`step_sd` px per axis, or one each), seen with probability `seen`.

    drift : (n_frames, 2) common displacement from the frame before, (y, x).
    """
    size = np.array([height, width], float)
    position = rng.uniform(0, 1, (n, 2)) * size
    sd = np.broadcast_to(np.asarray(step_sd, float), (n,))[:, None]
    rows = []
    for t in range(n_frames):
        if t:
            position = position + rng.normal(size=(n, 2)) * sd
            if drift is not None:
                position = position + drift[t]
        if periodic:
            position = np.mod(position, size)
        visible = (rng.random(n) < seen) & (position >= 0).all(1) & (position < size - 0.5).all(1)
        shown = position[visible] + rng.normal(size=(visible.sum(), 2)) * localization_error
        n_noise = rng.poisson(noise_per_frame)
        where = rng.uniform(0, 1, (n_noise, 2)) * (size - 1)
        places = np.concatenate([shown, where])
        who = np.concatenate([np.flatnonzero(visible), np.full(n_noise, -1)])
        true = np.concatenate([position[visible], where])
        mixed = rng.permutation(len(who))
        rows.append((np.full(len(who), t), places[mixed], who[mixed], true[mixed]))
    frame, places, who, true = (np.concatenate(part) for part in zip(*rows, strict=True))
    spots = make_spots(
        frame, *places.T, scene=make_scene(n_frames, height, width), localization_error_px=localization_error
    )
    return World(spots, who, *true.T)


def links_of(tracks):
    """Set of links (spot, next spot of the same track)."""
    same = np.diff(tracks.track) == 0
    return set(zip(tracks.spot[:-1][same].tolist(), tracks.spot[1:][same].tolist(), strict=True))


KT_OVER_3_PI_ETA = 4.9 * 100  # um2/s nm: water at 25 C, 100 nm


def sheet_world(
    rng, *, per_frame=60.0, n_frames=300, diameters_nm=(100.0,), shares=None, pixel_um=0.25, frame_rate_hz=30.0,
    height=480, width=640, sheet_um=5.0, snr=20.0, log_snr_sd=0.5, threshold=4.75, noise_per_frame=0.0, blend_px=2.5,
):  # fmt: skip
    """What a detector sees of spheres diffusing in and out of a Gaussian light sheet, in and out of the picture.

    A spot's light follows exp(-2 z^2 / sheet^2); it is found with the probability that its noisy signal passes the
    threshold; its localization error is that of a Gaussian spot of 1.6 px, 1.6 px / snr; of two closer than `blend_px` the
    dimmer is not seen. Each particle has one brightness, log-normal over the sample.
    """
    shares = np.ones(len(diameters_nm)) / len(diameters_nm) if shares is None else np.asarray(shares)
    margin, depth = 20.0, 2.5 * sheet_um / pixel_um
    low, high = np.array([-depth, -margin, -margin]), np.array([depth, height + margin, width + margin])
    kinds = np.repeat(np.arange(len(shares)), 4000)
    probe_z = rng.uniform(-depth, depth, kinds.size)
    probe_snr = snr * np.exp(
        log_snr_sd * rng.normal(size=kinds.size) - 2 * (probe_z * pixel_um / sheet_um) ** 2
    )
    seen_share = (probe_snr + rng.normal(size=kinds.size) > threshold).mean()
    outside = np.prod((high - low)[1:]) / (height * width)
    n = round(per_frame / seen_share * outside)
    kind = rng.choice(len(shares), n, p=shares / shares.sum())
    step_sd = np.sqrt(2 * KT_OVER_3_PI_ETA / np.asarray(diameters_nm)[kind] / frame_rate_hz) / pixel_um
    peak = snr * np.exp(log_snr_sd * rng.normal(size=n))
    place, who, n_ids, kind_of = rng.uniform(low, high, (n, 3)), np.arange(n), n, [kind]
    rows = []
    for t in range(n_frames):
        now = peak * np.exp(-2 * (place[:, 0] * pixel_um / sheet_um) ** 2)
        inside = (place[:, 1:] >= -0.5).all(1) & (place[:, 1:] < [height - 0.5, width - 0.5]).all(1)
        visible = np.flatnonzero(inside & (now + rng.normal(size=n) > threshold))
        visible = _unblended(place[visible, 1:], now[visible], blend_px, visible)
        error = 1.6 / np.maximum(now[visible], 2.0)
        shown = place[visible, 1:] + rng.normal(size=(visible.size, 2)) * error[:, None]
        n_noise = rng.poisson(noise_per_frame)
        false = rng.uniform(0, 1, (n_noise, 2)) * (height - 1, width - 1)
        noisy = np.append(
            np.maximum(now[visible] + rng.normal(size=visible.size), 3.0), np.full(n_noise, 5.0)
        )
        rows.append((
            np.full(visible.size + n_noise, t), np.concatenate([shown, false]),
            np.append(who[visible], np.full(n_noise, -1)), np.concatenate([place[visible, 1:], false]),
            noisy, np.append(error, np.full(n_noise, 0.4)),
        ))  # fmt: skip
        place = place + rng.normal(size=(n, 3)) * step_sd[:, None]
        left = ((place < low) | (place >= high)).any(1)
        place = low + np.mod(place - low, high - low)
        who = who.copy()
        who[left] = n_ids + np.arange(left.sum())
        n_ids += int(left.sum())
        kind_of.append(kind[left])
    frame, places, who, true, snrs, errors = (np.concatenate(part) for part in zip(*rows, strict=True))
    spots = make_spots(
        frame, *places.T, scene=make_scene(n_frames, height, width), intensity=50 * snrs, snr=snrs,
        localization_error_px=errors,
    )  # fmt: skip
    return World(spots, who, *true.T), np.append(np.concatenate(kind_of), -1)


def _unblended(place, light, blend_px, rows):
    if not rows.size:
        return rows
    near = ((place[:, None] - place[None]) ** 2).sum(-1) < blend_px**2
    outshone = (near & (light[None, :] > light[:, None])).any(1)
    return rows[~outshone]


def true_tracks_of(world, memory_frames=2):
    """Track number of each spot by true identity, a new one after more than `memory_frames` missed; noise: one each."""
    spots, who = world.spots, world.particle
    order = np.lexsort((spots.frame, who))
    new = np.ones(order.size, bool)
    new[1:] = (
        (np.diff(who[order]) != 0) | (np.diff(spots.frame[order]) > memory_frames + 1) | (who[order][1:] < 0)
    )
    track = np.empty(order.size, np.int64)
    track[order] = np.cumsum(new) - 1
    return track


def wrong_share(track, particle, least=2):
    """Share, by length, of the tracks of at least so many spots that hold spots of more than one particle."""
    length = np.bincount(track)
    order = np.argsort(track, kind="stable")
    first = np.append(0, np.cumsum(length))[:-1]
    who = particle[order]
    mixed = np.minimum.reduceat(who, first) != np.maximum.reduceat(who, first)
    counted = length >= least
    return length[mixed & counted].sum() / length[counted].sum()
