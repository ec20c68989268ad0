"""Read tracks as XML: the ISBI 2012 tracking challenge, Icy, and TrackMate; write all but Icy.

Formats: Chenouard et al., Nat. Methods 11, 281 (2014), supplement, for the challenge; for TrackMate the files that versions
3.4 and 6.0 write.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from nta.io.atomic import new_file
from nta.io.text import number
from nta.io.tracks.scale import frame_rate_hz, is_pixels, positions_in, um_per
from nta.io.tracks.table import TrackFileError, TrackTable, UnknownTracksError

Element = ElementTree.Element
_SPOT_FEATURES = {
    "QUALITY": ("Quality", "Quality", "QUALITY", "false"),
    "POSITION_X": ("X", "X", "POSITION", "false"),
    "POSITION_Y": ("Y", "Y", "POSITION", "false"),
    "POSITION_Z": ("Z", "Z", "POSITION", "false"),
    "POSITION_T": ("T", "T", "TIME", "false"),
    "FRAME": ("Frame", "Frame", "NONE", "true"),
    "RADIUS": ("Radius", "R", "LENGTH", "false"),
    "VISIBILITY": ("Visibility", "Visibility", "NONE", "true"),
}
_MORE_FEATURES = {
    "TOTAL_INTENSITY": ("Total intensity", "Total int.", "INTENSITY", "false"),
    "SNR": ("Signal/Noise ratio", "SNR", "NONE", "false"),
}
_EDGE_FEATURES = {
    "SPOT_SOURCE_ID": ("Source spot ID", "Source ID", "NONE", "true"),
    "SPOT_TARGET_ID": ("Target spot ID", "Target ID", "NONE", "true"),
    "EDGE_TIME": ("Time (mean)", "T", "TIME", "false"),
}
_TRACK_FEATURES = {
    "NUMBER_SPOTS": ("Number of spots in track", "N spots", "NONE", "true"),
    "TRACK_INDEX": ("Track index", "Index", "NONE", "true"),
    "TRACK_ID": ("Track ID", "ID", "NONE", "true"),
}


def read_xml(path: Path, pixel_size_um: float | None = None) -> TrackTable:
    """Read an XML file of tracks, recognised by its elements.

    pixel_size_um : needed for positions in um in a file that does not state it.

    Raises
    ------
    TrackFileError
        The file is incomplete, of none of the three programs, or has positions in um and no stated pixel size.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise TrackFileError(f"{path}: not whole XML: {error}") from None
    if root.tag == "TrackMate":
        return _trackmate(path, root, pixel_size_um)
    if root.tag == "Tracks":
        return _simple_tracks(path, root, pixel_size_um)
    for group, track, program in (
        (root.find("TrackContestISBI2012"), "particle", "ISBI challenge"),
        (root.find("trackgroup"), "track", "Icy"),
    ):
        if group is not None:
            return _detections(path, group, track, program)
    raise UnknownTracksError(
        f"{path}: XML, but of no program whose tracks are understood (first element {root.tag!r})"
    )


def write_isbi(table: TrackTable, path: str | Path) -> Path:
    """Write tracks as XML of the ISBI challenge; positions in pixels."""
    root = Element("root")
    contest = ElementTree.SubElement(
        root, "TrackContestISBI2012", snr="?", density="?", scenario=Path(path).stem
    )
    for rows in _of_tracks(table):
        particle = ElementTree.SubElement(contest, "particle")
        for t, x, y in zip(rows.frame.tolist(), rows.x_px.tolist(), rows.y_px.tolist(), strict=True):
            ElementTree.SubElement(particle, "detection", t=str(t), x=repr(x), y=repr(y), z="0.0")
    return _written(root, path)


@dataclass(frozen=True, kw_only=True)
class TrackMateScale:
    """Conversion of pixels and frames into TrackMate's units; without a pixel size, positions stay in pixels.

    spot_radius_px : radius that TrackMate draws around each spot. features : values of the rows, by TrackMate's name:
        "QUALITY", "TOTAL_INTENSITY", "SNR".
    """

    width_px: int = 0
    height_px: int = 0
    pixel_size_um: float | None = None
    frame_interval_s: float | None = None
    spot_radius_px: float = 2.5
    features: Mapping[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = field(default_factory=dict)


def write_trackmate(table: TrackTable, path: str | Path, scale: TrackMateScale | None = None) -> Path:
    """Write tracks as a TrackMate file: spots by frame, edges by track, all tracks visible."""
    scale = scale or TrackMateScale()
    step, interval = scale.pixel_size_um or 1.0, scale.frame_interval_s or 1.0
    root = Element("TrackMate", version="6.0.1")
    units = {
        "spatialunits": "µm" if scale.pixel_size_um else "pixel",
        "timeunits": "sec" if scale.frame_interval_s else "frame",
    }
    model = ElementTree.SubElement(root, "Model", units)
    _declarations(model, scale)
    _spots(model, table, scale, step, interval)
    every, shown = Element("AllTracks"), Element("FilteredTracks")
    start = np.searchsorted(table.track, np.arange(table.n_tracks + 1)).tolist()
    for name_of, (first, last) in enumerate(itertools.pairwise(start)):
        name = {"name": f"Track_{name_of}", "TRACK_ID": str(name_of), "TRACK_INDEX": str(name_of)}
        track = ElementTree.SubElement(every, "Track", name, NUMBER_SPOTS=str(last - first))
        for row in range(first, last - 1):
            middle = repr(interval * float(table.frame[row : row + 2].mean()))
            ends = {"SPOT_SOURCE_ID": str(row), "SPOT_TARGET_ID": str(row + 1), "EDGE_TIME": middle}
            ElementTree.SubElement(track, "Edge", ends)
        ElementTree.SubElement(shown, "TrackID", TRACK_ID=str(name_of))
    model.extend((every, shown))
    settings = ElementTree.SubElement(root, "Settings")
    image = {
        "filename": "", "folder": "", "width": str(scale.width_px), "height": str(scale.height_px), "nslices": "1",
        "nframes": str(int(table.frame.max()) + 1 if len(table) else 0), "pixelwidth": repr(step),
        "pixelheight": repr(step), "voxeldepth": "1.0", "timeinterval": repr(interval),
    }  # fmt: skip
    ElementTree.SubElement(settings, "ImageData", image)
    least = (
        float(np.min(scale.features["QUALITY"])) - 1 if len(table) and "QUALITY" in scale.features else 0.0
    )
    every_spot = {"feature": "QUALITY", "value": repr(least), "isabove": "true"}
    ElementTree.SubElement(settings, "InitialSpotFilter", every_spot)
    ElementTree.SubElement(settings, "SpotFilterCollection")
    ElementTree.SubElement(settings, "TrackFilterCollection")
    return _written(root, path)


def _declarations(model: Element, scale: TrackMateScale) -> None:
    """Declare the features of spots, edges and tracks: readers look only for declared ones."""
    more = {name: declared for name, declared in _MORE_FEATURES.items() if name in scale.features}
    every = {"Spot": {**_SPOT_FEATURES, **more}, "Edge": _EDGE_FEATURES, "Track": _TRACK_FEATURES}
    declarations = ElementTree.SubElement(model, "FeatureDeclarations")
    for kind, features in every.items():
        group = ElementTree.SubElement(declarations, f"{kind}Features")
        for feature, (name, short, dimension, whole) in features.items():
            words = {
                "feature": feature,
                "name": name,
                "shortname": short,
                "dimension": dimension,
                "isint": whole,
            }
            ElementTree.SubElement(group, "Feature", words)


def _spots(model: Element, table: TrackTable, scale: TrackMateScale, step: float, interval: float) -> None:
    spots = ElementTree.SubElement(model, "AllSpots", nspots=str(len(table)))
    order = np.argsort(table.frame, kind="stable")
    frame_element, current = None, -1
    for row in order.tolist():
        frame = int(table.frame[row])
        if frame != current or frame_element is None:
            frame_element = ElementTree.SubElement(spots, "SpotsInFrame", frame=str(frame))
            current = frame
        more = {name: repr(float(values[row])) for name, values in scale.features.items()}
        ElementTree.SubElement(
            frame_element,
            "Spot",
            {
                "ID": str(row),
                "name": f"ID{row}",
                "QUALITY": "1.0",
                "POSITION_T": repr(frame * interval),
                "FRAME": str(frame),
                "VISIBILITY": "1",
                "RADIUS": repr(scale.spot_radius_px * step),
                "POSITION_X": repr(float(table.x_px[row]) * step),
                "POSITION_Y": repr(float(table.y_px[row]) * step),
                "POSITION_Z": "0.0",
                **more,
            },
        )


def _detections(path: Path, group: Element, track: str, program: str) -> TrackTable:
    rows = []
    for name, element in enumerate(group.findall(track)):
        try:
            rows += [
                (name, int(d.attrib["t"]), float(d.attrib["y"]), float(d.attrib["x"]))
                for d in element.iter("detection")
            ]
        except (KeyError, ValueError) as error:
            raise TrackFileError(f"{path}: a detection of track {name} lacks {error}") from None
    return TrackTable.of(*_columns(path, rows), program=program)


def _simple_tracks(path: Path, root: Element, pixel_size_um: float | None) -> TrackTable:
    """Read what TrackMate calls "Export tracks to XML file": positions in the movie's unit, without its pixel size."""
    scale, stated_um = positions_in(path, root.get("spaceUnits", ""), pixel_size_um)
    tracks = _detections(path, root, "particle", root.get("from", "TrackMate"))
    return replace(
        tracks,
        y_px=tracks.y_px / scale,
        x_px=tracks.x_px / scale,
        pixel_size_um=stated_um,
        frame_rate_hz=frame_rate_hz(_float(root.get("frameInterval")), root.get("timeUnits", "")),
    )


def _float(text: str | None) -> float:
    """Return a number; NaN for other text."""
    value = None if text is None else number(text)
    return math.nan if value is None else value


def _trackmate(path: Path, root: Element, pixel_size_um: float | None) -> TrackTable:
    """Follow the edges of every visible track; if a track splits or merges, its branches become separate tracks."""
    model = root.find("Model")
    if model is None:
        raise TrackFileError(f"{path}: a TrackMate file without a model")
    scale, stated_um = _pixel_size(path, root, model, pixel_size_um)
    spots = {
        int(s.attrib["ID"]): (
            int(s.attrib["FRAME"]),
            float(s.attrib["POSITION_Y"]) / scale,
            float(s.attrib["POSITION_X"]) / scale,
        )
        for s in model.iter("Spot")
    }
    shown = {e.attrib["TRACK_ID"] for e in model.iterfind("FilteredTracks/TrackID")}
    rows, cut = [], 0
    found = 0
    for track in model.iterfind("AllTracks/Track"):
        if shown and track.attrib["TRACK_ID"] not in shown:
            continue
        edges = [
            (int(e.attrib["SPOT_SOURCE_ID"]), int(e.attrib["SPOT_TARGET_ID"])) for e in track.iter("Edge")
        ]
        pieces = list(_branches([(a, b) if spots[a][0] < spots[b][0] else (b, a) for a, b in edges]))
        cut += len(pieces) - 1
        for piece in pieces:
            rows += [(found, *spots[spot]) for spot in piece]
            found += 1
    notes = [f"{cut} branches of tracks that split or merge were made tracks of their own"] if cut else []
    table = TrackTable.of(
        *_columns(path, rows), program=f"TrackMate {root.get('version', '')}".strip(), notes=notes
    )
    image = root.find("Settings/ImageData")
    interval = _float(image.get("timeinterval")) if image is not None else math.nan
    return replace(
        table, pixel_size_um=stated_um, frame_rate_hz=frame_rate_hz(interval, model.get("timeunits", ""))
    )


def _pixel_size(
    path: Path, root: Element, model: Element, given_um: float | None
) -> tuple[float, float | None]:
    """Return the pixel size in the file's unit, 1 if positions are in pixels, and in um if its unit is known."""
    unit = model.get("spatialunits", "")
    image = root.find("Settings/ImageData")
    size = _float(image.get("pixelwidth")) if image is not None else math.nan
    if is_pixels(unit) or not size > 0:
        return positions_in(path, unit, given_um)
    um = um_per(unit)
    return size, None if um is None else size * um


def _branches(edges: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield chains of spots between splits and merges; a single spot is not a track."""
    after: dict[int, list[int]] = {}
    before: dict[int, list[int]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
        before.setdefault(b, []).append(a)

    def plain(a: int, b: int) -> bool:
        return len(after[a]) == 1 and len(before[b]) == 1

    for spot in sorted(set(after) | set(before)):
        if len(before.get(spot, ())) == 1 and plain(before[spot][0], spot):
            continue  # not the start of a chain
        chain = [spot]
        while len(after.get(chain[-1], ())) == 1 and plain(chain[-1], after[chain[-1]][0]):
            chain.append(after[chain[-1]][0])
        if len(chain) > 1:
            yield chain


def _columns(path: Path, rows: list[tuple[int, int, float, float]]) -> tuple[list[float], ...]:
    if not rows:
        raise TrackFileError(f"{path}: there is no track in it")
    return tuple(list(column) for column in zip(*rows, strict=True))


def _of_tracks(table: TrackTable) -> Iterator[TrackTable]:
    start = np.searchsorted(table.track, np.arange(table.n_tracks + 1))
    for first, last in itertools.pairwise(start):
        yield table.select(slice(int(first), int(last)))


def _written(root: Element, path: str | Path) -> Path:
    path = Path(path)
    ElementTree.indent(root)
    with new_file(path) as partial:
        ElementTree.ElementTree(root).write(partial, encoding="UTF-8", xml_declaration=True)
    return path
