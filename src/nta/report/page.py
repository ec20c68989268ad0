"""The report as one self-contained HTML page, the most important part first."""

from __future__ import annotations

from collections.abc import Iterable

from nta.pipeline import Analysis
from nta.report.details import details
from nta.report.document.html import captions_alone, figure
from nta.report.figures.style import Picture
from nta.report.headline import findings, headline, what_passed
from nta.report.markup import element, whole_page
from nta.report.numbers import numbers

_FULL_WIDTH = ("size_distribution", "particles_per_ml", "frame_with_tracks")

_HOW_TO_READ = (
    "<b>Hydrodynamic diameter.</b> Each particle is followed while it diffuses; its diffusion coefficient gives the "
    "diameter of the sphere that would diffuse alike (Stokes–Einstein, with the temperature and viscosity below). "
    "Coronas, glycans and departures from a sphere count in: it is usually larger than in electron microscopy.",
    "<b>Not an identification.</b> Tracking measures hydrodynamic diameter and scattered light. It does not identify "
    "vesicles: lipoproteins, protein aggregates and debris of the same size look alike.",
    "<b>Number-weighted.</b> Every particle counts once, whatever its volume or light. D50 is the diameter that half "
    "of the particles do not exceed.",
    "<b>In view, not in the tube.</b> Particles too faint for this instrument are missing, and bright ones are seen in "
    "a deeper layer. Only what is labelled “in suspension” is corrected for that.",
    "<b>Intervals.</b> They hold the counting statistics of the tracks and the systematic terms listed in the budget. "
    "What nobody stated, such as the uncertainty of a pixel size without a profile, is not in them.",
    "<b>Not assessed</b> is not a pass: the evidence for that question did not come with the recording.",
)


def page(analysis: Analysis, pictures: Iterable[Picture]) -> str:
    """Return the whole page as HTML."""
    shown = tuple(pictures)
    sizes, per_ml, scene = (next(p for p in shown if p.name == name) for name in _FULL_WIDTH)
    small = [p for p in shown if p.name not in _FULL_WIDTH]
    empty = [p for p in (per_ml, *small) if p.figure is None]
    body = "\n".join(
        (
            headline(analysis),
            findings(analysis),
            element("h2", "Size distribution"),
            figure(sizes, kind="wide"),
            figure(per_ml, kind="wide") if per_ml.figure else "",
            numbers(analysis),
            element("h2", "What was seen"),
            figure(scene, kind="wide"),
            element("h2", "Motion, light and counts"),
            element("div", "\n".join(figure(p) for p in small if p.figure), kind="pairs"),
            captions_alone(empty) if empty else "",
            element("h2", "How to read this"),
            element("ul", "\n".join(element("li", words) for words in _HOW_TO_READ), kind="read"),
            what_passed(analysis),
            details(analysis),
        )
    )
    return whole_page(f"{analysis.provenance.called} · nanoparticle tracking analysis", body)
