"""Twenty short films out of one simulation: turned, mirrored and run backwards, Brownian motion stays Brownian motion."""

from dataclasses import replace
from itertools import product

import av
import numpy as np

from nta.simulation import load_scenario, simulate

N_FRAMES, EDGE_PX = 50, 128
SIDECAR = (
    'pixel_size_um = 0.25\nframe_rate_hz = 30\nexposure_ms = 15\ntemperature_c = 25\nsample = "{sample}"\n'
)
SETTINGS = (
    "[sizing]\nmethod = 'histogram'\nrepeats = 50\nbins = 100\nmin_tracks = 5\nmax_components = 1\n"
    "[visibility]\nframes = 0\n"
)
GOOD = tuple(f"run_{number:02d}.avi" for number in range(16))
BAD = ("cut_off.avi", "empty.avi", "no_metadata.avi", "really_text.avi")


def simulated_frames():
    """Return (frames, height, width) of 100 nm beads, 8 bit, square."""
    scene = load_scenario("polystyrene_100nm")
    scene = replace(
        scene,
        n_frames=N_FRAMES,
        seed=11,
        camera=replace(scene.camera, width_px=EDGE_PX, height_px=EDGE_PX, bit_depth=8),
        sample=replace(scene.sample, number_in_view=15.0),
    )
    return np.stack([frame.image for frame in simulate(scene).frames()]).astype(np.uint8)


def variants(frames):
    """Yield sixteen films: four quarter turns, mirrored or not, forwards or backwards."""
    for turns, mirrored, backwards in product(range(4), (False, True), (False, True)):
        film = np.rot90(frames, turns, axes=(1, 2))
        film = film[:, :, ::-1] if mirrored else film
        yield np.ascontiguousarray(film[::-1] if backwards else film)


def write_avi(path, frames, rate=30):
    """Write an uncompressed grey AVI."""
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("rawvideo", rate=rate)
        stream.pix_fmt = "gray"
        stream.height, stream.width = frames[0].shape
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())


def make_twenty(folder, frames):
    """Write sixteen good films in two folders, and four bad ones."""
    for number, (name, film) in enumerate(zip(GOOD, variants(frames), strict=True)):
        path = folder / ("monday" if number < 8 else "tuesday") / name
        path.parent.mkdir(exist_ok=True)
        write_avi(path, film)
        path.with_suffix(".toml").write_text(SIDECAR.format(sample=f"beads {number // 4}"))
    whole = (folder / "monday" / GOOD[0]).read_bytes()
    (folder / "cut_off.avi").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "cut_off.toml").write_text(SIDECAR.format(sample="beads 0"))
    (folder / "empty.avi").write_bytes(b"")
    (folder / "no_metadata.avi").write_bytes(whole)
    (folder / "really_text.avi").write_text("The videos are on the other disk.\n")
