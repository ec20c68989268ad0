"""Synthetic twins: files in the form in which programs are said to write them, of which no real one was at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nta.physics import diffusion_um2_s, water_viscosity_pa_s

PIXEL_UM, RATE_HZ, TEMPERATURE_C = 0.25, 30.0, 25.0


def walks(rng, diameter_nm, n_points, drift_px=0.0):
    """Positions (rows of track, frame, y, x) of free particles with a localization error of 0.1 px."""
    rows = []
    for i, (d, n) in enumerate(zip(diameter_nm, n_points, strict=True)):
        diffusion = diffusion_um2_s(d, TEMPERATURE_C, water_viscosity_pa_s(TEMPERATURE_C))
        step = np.sqrt(2 * diffusion / RATE_HZ) / PIXEL_UM
        walk = rng.uniform(50, 400, 2) + np.cumsum(step * rng.standard_normal((n, 2)), axis=0)
        frame = int(rng.integers(0, 200)) + np.arange(n)
        walk += 0.1 * rng.standard_normal(walk.shape) + drift_px * frame[:, None]
        rows += [(i, int(f), *yx) for f, yx in zip(frame, walk, strict=True)]
    return rows


def nanosight_tables(
    folder: Path, rng, *, diameter_nm=100.0, n_tracks=400, yes="True", no="False", encoding="cp1252"
):
    """Write `video_ParticleData.csv` and `video_AllTracks.csv`; every tenth track is not in the distribution."""
    n_points = rng.geometric(1 / 30, n_tracks) + 6
    size = np.full(n_tracks, float(diameter_nm))
    rows = walks(rng, size, n_points, drift_px=0.05)
    of_track = {i: [r for r in rows if r[0] == i] for i in range(n_tracks)}
    eta = 0.9985 * water_viscosity_pa_s(TEMPERATURE_C)
    noisy = size * np.exp(rng.standard_normal(n_tracks) / np.sqrt(n_points))
    known, ending = "Particle ID,Size/nm,Diffusion coefficient/nm^2 s^-1", "Included in distribution?"
    light = "Ln(Adjusted intensity)/AU"
    particles = [f"{known},{light},Start frame,Tracklength,{ending}"]
    tracks = [f"{known},Frame,X/pixels,Y/pixels,{light},{ending}"]
    for i in range(n_tracks):
        diffusion = 1e6 * diffusion_um2_s(float(noisy[i]), TEMPERATURE_C, eta)
        word = no if i % 10 == 0 else yes
        head = f"{i + 1},{noisy[i]:.2f},{diffusion:.1f}"
        particles.append(f"{head},{4.2:.3f},{of_track[i][0][1]},{n_points[i]},{word}")
        tracks += [f"{head},{f},{x:.4f},{y:.4f},{4.2:.3f},{word}" for _, f, y, x in of_track[i]]
    for name, lines in (("ParticleData", particles), ("AllTracks", tracks)):
        (folder / f"video_{name}.csv").write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    return noisy, n_points


def videodrop_result(folder: Path, *, comma=False, unit="nm", n_tracked=4):
    """Write `phages-Results.csv`."""
    sizes = (80.5, 95.25, 101.0, 140.75)
    factor = {"nm": 1.0, "µm": 1e-3}[unit]
    lines = [
        "RESULTS;", "Concentration;1.2E9 particles/mL", f"Median diameter;{98.1 * factor:.6g} {unit}",
        f"Mean diameter;{104.4 * factor:.6g} {unit}", f"Modal diameter;{95 * factor:.6g} {unit}",
        f"D10;{80.5 * factor:.6g} {unit}", f"D90;{140.75 * factor:.6g} {unit}", "Average counted particles;12.5 particles",
        "Number of videos;10", f"Tracked particles;{n_tracked}", "SETTINGS;", "Saturation;92 %", "TRACKING;",
        f"Track;Diameter ({unit});Length",
        *(f"{i};{d * factor:.6g};{20 + i}" for i, d in enumerate(sizes)),
    ]  # fmt: skip
    text = "\n".join(lines) + "\n"
    path = folder / "phages-Results.csv"
    path.write_bytes((text.replace(".", ",") if comma else text).encode("cp1252"))
    return path


def nanosight_summary(
    folder: Path, *, weighting="Number", dilution="Not recorded", per_bin=(0.0, 2e7, 6e7, 2e7)
):
    """Write `video_Summary.csv`: one video, four bins of 1 nm about 100 nm."""
    centers = [98.5, 99.5, 100.5, 101.5]
    total = sum(per_bin)
    lines = [
        "NTA Single Analysis Summary File", "Created with NTA 3.4 Build 3.4.003", "", "Filename:,video",
        "[Experiment Details]", "Sample Name,beads", "[Conditions]", "Temperature/C,25", "Viscosity/cP,0.889",
        "Frame rate/fps,25", "Shutter/ms,10", "Laser Type,Blue488", "[Settings]", "Detection Threshold,5", "[Results]",
        f"Dilution factor (concentrations adjusted for this factor),{dilution}", "Particles per frame,12.5",
        f"Concentration (Particles / ml),{total:g}", "[Size Data]", f"Weighting,{weighting}", "Filename,video",
        "Mean,100.5", "Mode,100.5", "SD,0.6", "D10,99.5", "D50,100.5", "D90,101.5", "Valid Tracks,321",
        "Bin centre (nm), Concentration (particles / ml)", *(f"{c},{v:g}" for c, v in zip(centers, per_bin, strict=True)),
        "", "Percentile,Number", "0,98",
    ]  # fmt: skip
    path = folder / "video_Summary.csv"
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return path
