"""Is the sample suitable for sizing? Enough tracks, neither too dense nor too bright, in focus, moving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from nta.assessment.finding import Finding, Verdict
from nta.assessment.recording.evidence import Evidence, finding, not_assessed
from nta.diffusion import TrackFlag
from nta.visibility import evenness_across, evenness_in_time, share_not_gaussian

_FULL = 0.995  # share of full scale that counts as full: 8-bit data in the upper bits of 16 reach no higher


def enough_tracks(e: Evidence) -> Finding:
    """Judge the number of tracks that have a size; without a size distribution, few tracks are a warning at most."""
    sized = int(e.sized.diffusion.has_size.sum())
    if e.kind == "blank":
        return _few_wanted("enough_tracks", "Number of tracks", float(sized), f"{sized} tracks have a size")
    for_sizes = sized >= e.sized.sizing.min_tracks
    found = finding(
        e,
        "enough_tracks",
        "Number of tracks",
        float(sized),
        f"{sized} tracks have a size, of {e.sized.tracks.n_tracks} found",
        "record longer or more videos; the intervals already say what these tracks are worth"
        if for_sizes
        else "record longer or more videos; of a blank few tracks are wanted: say --kind blank",
    )
    if found.verdict is Verdict.FAIL and not for_sizes:
        return replace(found, verdict=Verdict.WARN, limit=e.limits["enough_tracks"].crossed(Verdict.WARN))
    return found


def in_range(e: Evidence) -> Finding:
    """Judge the share of tracks whose size lies beyond the bins of the distribution."""
    title = "Range of sizes"
    used = e.sized.used
    if not used.any():
        return not_assessed("beyond_range", title, "no track has a size", "")
    beyond = e.sized.sizes.tracks.share_beyond(used, e.sized.sizing)
    return finding(
        e,
        "beyond_range",
        title,
        beyond,
        f"{beyond:.1%} of the tracks lie beyond {e.sized.sizing.grid_low_nm:g} to {e.sized.sizing.grid_high_nm:g} nm",
        "check pixel size, frame rate and viscosity, or widen [sizing] grid_low_nm and grid_high_nm",
    )


def density(e: Evidence) -> Iterator[Finding]:
    """Judge the crowding: spots per frame, spots within the search range, links given up."""
    per_frame = e.spots.per_frame
    name, title, seen = "spots_per_frame_low", "Spots per frame", f"{per_frame:.3g} spots per frame"
    advice = "dilute the sample less, or record longer; of a blank few particles are wanted: say --kind blank"
    if e.kind == "blank":
        yield _few_wanted(name, title, per_frame, seen)
    else:
        yield finding(e, name, title, per_frame, seen, advice)
    yield _crowding(e, per_frame)
    yield _ambiguous(e)


def _few_wanted(name: str, title: str, value: float, seen: str) -> Finding:
    """Make the finding of a count that a sample can have too little of, and a blank cannot."""
    words = f"{seen}; of a blank few are wanted"
    return Finding(name=name, title=title, verdict=Verdict.PASS, value=value, evidence=words)


def _crowding(e: Evidence, per_frame: float) -> Finding:
    """Judge the expected number of foreign spots within the search range of a particle."""
    title, scene, range_px = "Particle density", e.spots.scene, e.sized.tracks.linking.search_range_px
    if not len(e.spots):
        return not_assessed("spots_per_frame_high", title, "no spots", "")
    area = math.pi * range_px**2
    crowding = per_frame * area / (scene.width_px * scene.height_px)
    return finding(
        e,
        "spots_per_frame_high",
        title,
        crowding,
        f"{crowding:.2g} foreign spots are expected within the search range of {range_px:.3g} px",
        _instead_of_noise(e) or "dilute further or raise the frame rate: crowded links become wrong sizes",
    )


def _ambiguous(e: Evidence) -> Finding:
    """Judge the share of links that were given up."""
    title, cut = "Ambiguous links", e.sized.tracks.share_given_up
    if math.isnan(cut):
        return not_assessed("ambiguous_links", title, "no links", "")
    return finding(
        e,
        "ambiguous_links",
        title,
        cut,
        f"{e.sized.tracks.linking.links_cut} links ({cut:.1%}) were given up because crowding made them ambiguous",
        _instead_of_noise(e) or "dilute further or raise the frame rate",
    )


def _instead_of_noise(e: Evidence) -> str:
    """Return advice for compressed recordings, in which the codec may have made spots; empty for others."""
    if e.report.lossy_codec is None:
        return ""
    return f"record uncompressed: what {e.report.lossy_codec} leaves of noise passes for particles; else dilute further"


def full_scale(e: Evidence) -> Finding:
    """Judge the share of the background that is at full scale, where nothing can be seen."""
    title, scene = "Pixels at full scale", e.spots.scene
    if not scene.has_borders:
        return not_assessed("full_scale", title, "there is no picture", "")
    share = float((scene.background >= _FULL * (2**scene.bit_depth - 1)).mean())
    return finding(
        e,
        "full_scale",
        title,
        share,
        f"{share:.1%} of the pixels are at full scale all the time",
        "lower exposure, gain or laser power: nothing can be seen on white",
        limit="saturated_spots",
    )


def clipped_at_black(e: Evidence) -> Iterator[Finding]:
    """Say where much of the picture is at 0, so that the noise below it is cut off and the camera is known wrongly."""
    if not e.spots.scene.has_borders:
        return
    share = float((e.spots.scene.example_image == 0).mean())
    found = finding(
        e,
        "clipped_at_black",
        "Pixels cut off at black",
        share,
        f"{share:.1%} of the pixels of the first frame are 0: what is darker was cut off, and with it half of the noise; "
        "brightness, and a gain or noise estimated from this recording, are wrong",
        "raise the black level (offset) of the camera until no pixel is 0",
    )
    if found.verdict in (Verdict.WARN, Verdict.FAIL):
        yield found


def saturation(e: Evidence) -> Finding:
    """Judge the share of spots that touch full scale."""
    title, share = "Saturated spots", e.spots.scene.saturated_fraction
    if not len(e.spots):
        return not_assessed("saturated_spots", title, "no spots", "")
    return finding(
        e,
        "saturated_spots",
        title,
        share,
        f"{share:.1%} of the spots touch full scale",
        "lower exposure, gain or laser power: saturated spots have no true brightness and worse positions",
    )


def focus(e: Evidence) -> Finding:
    """Judge the share of tracks out of focus."""
    return _flagged(
        e,
        TrackFlag.OUT_OF_FOCUS,
        "out_of_focus",
        "Focus",
        "of the tracks are discs or rings for most of their time",
        "refocus on the light sheet; a thinner sheet shows fewer particles out of focus",
    )


def shape(e: Evidence) -> Finding:
    """Judge whether spots are the Gaussians that the concentration takes them for."""
    title, share = "Shape of the spots", share_not_gaussian(e.sized.tracks, e.sized.diffusion)
    if share is None:
        return not_assessed(
            "spot_shape",
            title,
            "too few particles with bright spots in focus that motion does not smear to see their shape",
            "expose for a shorter time, or record longer",
        )
    seen = f"{share:.0%} of the bright spots in focus are neither Gaussians nor smeared by motion"
    found = finding(
        e,
        "spot_shape",
        title,
        share,
        seen,
        "anchor the light sheet to beads of known concentration on this instrument (nta calibrate), or use a thinner sheet",
    )
    if found.verdict is not Verdict.WARN:
        return found
    words = "a concentration has to guess how much light goes into the rings of such optics, and can be off by some 15 %"
    return replace(found, evidence=f"{seen}; {words}")


def evenness(e: Evidence) -> Iterator[Finding]:
    """Judge whether particles are as frequent all the time and all over the field: a concentration is their mean."""
    few = "too few particles to tell"
    name, title = "steady_number", "Number of particles over time"
    if (in_time := evenness_in_time(e.sized)) is None:
        yield not_assessed(name, title, few, "")
    else:
        change = f"{in_time.first:.3g} in the first third and {in_time.last:.3g} in the last"
        yield finding(
            e,
            name,
            title,
            in_time.shortfall,
            f"tracked particles per frame: {change}"
            + (f"; their mean is {in_time.shortfall:.0%} below the most" if in_time.shortfall else ""),
            "of a dye that bleaches take the first seconds only, with less laser power; else let the sample come to rest "
            "and hold the focus; the interval of the concentration holds the difference",
        )
    name, title = "even_field", "Particles across the field"
    if (across := evenness_across(e.sized)) is None:
        yield not_assessed(name, title, few, "")
        return
    narrow = "the light sheet is narrower than the field"
    change = f"{across.first:.3g} in the middle third of the field and {across.last:.3g} in each outer third"
    yield finding(
        e,
        name,
        title,
        across.shortfall,
        f"tracked particles per frame: {change}"
        + (f"; {narrow}, and the mean {across.shortfall:.0%} below the middle" if across.shortfall else ""),
        "widen the light sheet, or cut the recording to the field that it fills, or anchor the sheet to beads of known "
        "concentration (nta calibrate); its interval holds the difference",
    )


def immobile(e: Evidence) -> Finding:
    """Judge the share of tracks that do not move."""
    return _flagged(
        e,
        TrackFlag.IMMOBILE,
        "immobile_tracks",
        "Immobile tracks",
        "of the tracks move no more than their localization error explains, or are still light; they get no size",
        "clean the cell; check for text burnt into the image and for hot pixels",
    )


def _flagged(e: Evidence, flag: TrackFlag, name: str, title: str, seen: str, advice: str) -> Finding:
    """Judge the share of tracks with a flag."""
    share = e.sized.diffusion.share_flagged(flag)
    if share is None:
        return not_assessed(name, title, "no tracks", "")
    return finding(e, name, title, share, f"{share:.1%} {seen}", advice)
