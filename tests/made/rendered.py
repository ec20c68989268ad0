"""Studies with known verdicts rendered as recordings, judged through the whole pipeline from study.toml."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from made.studies import CASES, REFERENCE
from nta.io.recordings import RecordingWriter
from nta.simulation import CameraSettings, OpticsSettings, Population, SampleSettings, Scenario, simulate
from nta.study import read_study
from nta.study.assessing import assess_study

BEAD_NM = 60.0
BEADS = (Population(name="beads", diameter_nm=BEAD_NM, cv=0.02, material="polystyrene"),)
CERTIFICATE = f"""
name = "simulated beads"
material = "polystyrene"
method = "simulation"
lot = "1"
document = "none"
source = "simulation"
date = 2026-11-24
diameter = {{ value = {BEAD_NM}, unit = "nm", std = 0.8 }}
"""
# the judgement reads tracks; the rest only costs time
SETTINGS = '[sizing]\nmethod = "histogram"\nrepeats = 0\n[visibility]\nframes = 0\n'
IN_VIEW = 55.0
# many beads for a short while: what scatters from video to video is which of them cross the brightest part of the sheet
BEADS_IN_VIEW, BEAD_FRAMES = 70.0, 150


def rendered_study(folder, case, *, n_videos=5, n_frames=300, seed=1):
    """Render reference, controls and one case into a folder; what is there already is used again."""
    arms = [("reference", REFERENCE, n_videos), (case, CASES[case], n_videos), ("blank", (), 1)]
    arms += [("beads before", BEADS, 3), ("beads after", BEADS, 3)]
    text = 'title = "rendered"\n[instrument]\nname = "simulated"\ndetection_limit_nm = 60\n'
    text += '[analysis]\nsettings = "analysis.toml"\n[sample.one]\nsource = "simulation"\n'
    for name, populations, count in arms:
        paths = [_recording(folder, name, populations, i, n_frames, seed) for i in range(count)]
        text += _tube(name, case, paths)
    (folder / "analysis.toml").write_text(SETTINGS)
    (folder / "beads.toml").write_text(CERTIFICATE)
    path = folder / f"{case.split()[0]}_{seed}.toml"
    path.write_text(text)
    return assess_study(read_study(path), folder / "analyses", tell=lambda _: None)


def _tube(name, case, paths):
    arm = {"reference": "reference", case: "test", "blank": "blank"}.get(name, "beads")
    more = {
        "reference": 'sample = "one"\nvolume_ml = 1.0\n',
        "test": 'sample = "one"\nvolume_ml = 1.0\n',
    }.get(arm, "")
    if arm == "beads":
        more = f'certificate = "{paths[0].parent}/beads.toml"\nwhen = "{name.split()[1]}"\n'
    recordings = ", ".join(f'"{path.name}"' for path in paths)
    return (
        f'[[preparation]]\nname = "{name}"\narm = "{arm}"\n{more}temperature_c = 25.0\nmedium = "pbs"\ndilution = 200\n'
        f"recordings = [{recordings}]\n"
    )


def _recording(folder: Path, name: str, populations, number: int, n_frames: int, seed: int) -> Path:
    path = folder / f"{name.replace(' ', '_')}_{seed}_{number}.h5"
    if path.exists():
        return path
    share = sum(p.fraction for p in populations)
    amount = BEADS_IN_VIEW if populations is BEADS else IN_VIEW * share
    scenario = Scenario(
        name=name,
        camera=CameraSettings(width_px=320, height_px=240),
        optics=OpticsSettings(numerical_aperture=0.3, brightness_e_per_ms_nm2=900.0),
        sample=SampleSettings(medium="pbs", number_in_view=amount),
        populations=populations,
        n_frames=BEAD_FRAMES if populations is BEADS else n_frames,
        seed=crc32(f"{name} {seed} {number}".encode()),
    )
    with simulate(scenario) as simulation, RecordingWriter(path, simulation.camera) as writer:
        for frame in simulation.frames():
            writer.write(frame)
    return path
