"""D10, D50 and D90 over the settings of the analysis."""

from __future__ import annotations

from nta.pipeline import Analysis
from nta.report.figures.style import BLUE, GREY, HALF, LIGHT, SKY, VERMILLION, Picture, new_figure
from nta.report.wording import number

_NUMBERS = (("d90_nm", "D90", VERMILLION), ("d50_nm", "D50", BLUE), ("d10_nm", "D10", SKY))


def plateau(analysis: Analysis) -> Picture:
    """Draw the sizes over the settings; on a plateau they do not depend on them."""
    name, title = "plateau", "Size over the settings of the analysis"
    swept = analysis.sizes.sweep
    if swept is None:
        why = "Not looked at; nta analyze --sweep repeats the analysis with one setting changed at a time."
        return Picture(name=name, title=title, caption=why, figure=None)
    figure = new_figure(HALF)
    axis = figure.subplots()
    rows = range(len(swept.points))
    for field, label, colour in _NUMBERS:
        values = [getattr(point, field) for point in swept.points]
        known = [(v, row) for v, row in zip(values, rows, strict=True) if v is not None]
        axis.plot(
            [v for v, _ in known], [row for _, row in known], "o", color=colour, markersize=4, label=label
        )
        if values[0] is not None:
            axis.axvline(values[0], color=colour, linewidth=0.7, linestyle="--")
    d50 = analysis.sizes.statistical.get("d50_nm")
    if d50 is not None and d50.ends is not None:
        axis.axvspan(*d50.ends, color=LIGHT, alpha=0.6, zorder=0)
    axis.set_yticks(list(rows), [_label(p.setting, p.value) for p in swept.points], fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("hydrodynamic diameter, nm")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, fontsize=7)
    axis.tick_params(axis="y", color=GREY)
    fewest = min(point.n_tracks for point in swept.points)
    caption = (
        f"D50 spreads by {number(100 * swept.rel_std, 2)} % (standard deviation) over {len(swept.points)} analyses with one "
        f"setting changed at a time, the fewest on {fewest} tracks; the spread is in the systematic budget. Grey: "
        "statistical interval of D50 with the settings chosen."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _label(setting: str, value: str) -> str:
    words = setting.removesuffix("_px").removesuffix("_sd").replace("_", " ")
    return f"{words} {value}".strip()
