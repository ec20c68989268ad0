"""Tracks of other programs: one movie, several programs, the same tracks; and what is written is read back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.io.tracks import TrackFileError, TrackMateScale, TrackTable, read_tracks, write_isbi, write_trackmate


def steps(table):
    """All steps, each as (frame, y, x, next frame, y, x), rounded: what programs agree on, whatever they call tracks."""
    inside = np.flatnonzero(np.diff(table.track) == 0)
    place = np.column_stack([table.frame, table.y_px, table.x_px]).round(6)
    return {(*place[i], *place[i + 1]) for i in inside}


def places(table):
    return {tuple(row) for row in np.column_stack([table.frame, table.y_px, table.x_px]).round(6)}


@pytest.fixture
def programs(real_data):
    folder = real_data / "faketracks"
    other = folder / "other_programs"
    return {
        "isbi": read_tracks(folder / "FakeTracks_ISBI.xml"),
        "icy": read_tracks(folder / "FakeTracks_Icy.xml"),
        "trackmate": read_tracks(folder / "FakeTracks_TrackMate.xml"),
        "stracking": read_tracks(folder / "two_tracks.csv"),
        "mosaic": read_tracks(other / "Mosaic__example_1__mosaic_tracks.csv"),
        "trackmate 3": read_tracks(other / "TrackMate__example_2__FakeTracks.xml"),
        "package": read_tracks(other / "TrackMate__example_2__dp__objects.csv"),
        "cellprofiler": read_tracks(other / "CellProfiler__example_1__output__dp__objects.csv"),
    }


@pytest.mark.real
def test_programs_that_hold_the_same_tracks_are_read_as_the_same(programs):
    assert places(programs["trackmate"]) < places(programs["icy"])  # all but a spot that stands alone
    assert len(places(programs["icy"]) - places(programs["trackmate"])) == 1
    assert places(programs["isbi"]) <= places(programs["icy"])  # the challenge's tracks have no branches
    assert places(programs["stracking"]) <= places(programs["icy"])
    assert steps(programs["stracking"]) <= steps(programs["icy"])
    joined = steps(programs["icy"]) - steps(programs["trackmate"])
    assert len(joined) == 0
    assert places(programs["package"]) <= places(programs["trackmate 3"])
    assert (
        len(places(programs["trackmate 3"]) - places(programs["package"])) == 1
    )  # its converter dropped one


@pytest.mark.real
def test_counts_are_those_of_the_files(programs, real_data):
    expected = [42, 50, 50, 2, 10, 2]
    assert programs["isbi"].lengths.tolist() == expected
    assert programs["mosaic"].lengths.sum() == 181
    assert "8 branches" in programs["trackmate"].notes[0]
    assert programs["trackmate 3"].notes == ()
    assert programs["cellprofiler"].n_tracks == 48
    with pytest.raises(TrackFileError, match="without Location_Center_X"):
        read_tracks(
            real_data / "faketracks/other_programs/CellProfiler__example_1__output__bloboverlap15_spots.csv"
        )


@pytest.mark.real
@pytest.mark.parametrize("name", ["mosaic", "trackmate 3"])
def test_programs_that_found_the_spots_themselves_put_them_in_the_same_place(programs, name):
    """Axes, frame numbers and the place of pixel (0, 0) agree with the challenge's file, to the precision of detection."""
    mine, theirs = programs["isbi"], programs[name]
    nearest = []
    for frame, y, x in zip(theirs.frame, theirs.y_px, theirs.x_px, strict=True):
        here = mine.frame == frame
        away = np.column_stack([mine.y_px[here] - y, mine.x_px[here] - x])
        nearest.append(away[np.argmin(np.hypot(*away.T))])
    nearest = np.array(nearest)
    close = np.hypot(*nearest.T) < 2
    assert close.mean() > 0.65
    assert np.abs(np.median(nearest[close], axis=0)).max() < 0.15


def some_tracks(rng, n=6):
    rows = [(t, f, *rng.uniform(0, 100, 2)) for t in range(n) for f in range(t, t + 5 + t)]
    return TrackTable.of(*zip(*rows, strict=True), program="test")


@pytest.mark.parametrize(
    "scale", [None, TrackMateScale(pixel_size_um=0.25, frame_interval_s=1 / 30, width_px=100, height_px=100)]
)
def test_trackmate_is_written_and_read_back(tmp_path, rng, scale):
    table = some_tracks(rng)
    again = read_tracks(write_trackmate(table, tmp_path / "tracks.xml", scale))
    assert again.lengths.tolist() == table.lengths.tolist()
    assert again.frame.tolist() == table.frame.tolist()
    assert again.y_px == pytest.approx(table.y_px, rel=1e-12)
    assert again.x_px == pytest.approx(table.x_px, rel=1e-12)
    assert again.pixel_size_um == (scale and scale.pixel_size_um)
    assert again.frame_rate_hz == (scale and pytest.approx(1 / scale.frame_interval_s))


@pytest.mark.parametrize(
    ("units", "interval", "stated"),
    [
        ("spatialunits='nm' timeunits='ms'", "20.0", (0.25, 50.0)),
        (
            "spatialunits='µm' timeunits='sec'",
            "1.0",
            (250.0, None),
        ),  # 1 is what TrackMate writes of no frame rate
        ("spatialunits='inch' timeunits='frame'", "0.02", (None, None)),
    ],
)
def test_the_calibration_of_trackmate_is_in_its_units(tmp_path, rng, units, interval, stated):
    scale = TrackMateScale(pixel_size_um=250.0, frame_interval_s=2.0)
    path = write_trackmate(some_tracks(rng), tmp_path / "tracks.xml", scale)
    text = path.read_text(encoding="utf-8").replace('spatialunits="µm" timeunits="sec"', units)
    path.write_text(text.replace('timeinterval="2.0"', f'timeinterval="{interval}"'), encoding="utf-8")
    again = read_tracks(path)
    assert (again.pixel_size_um, again.frame_rate_hz) == (stated[0], stated[1] and pytest.approx(stated[1]))


def test_the_challenge_is_written_and_read_back(tmp_path, rng):
    table = some_tracks(rng)
    again = read_tracks(write_isbi(table, tmp_path / "tracks.xml"))
    assert places(again) == places(table)
    assert again.lengths.tolist() == table.lengths.tolist()


@pytest.mark.real
def test_our_trackmate_file_has_the_shape_of_one_trackmate_wrote(tmp_path, rng, real_data):
    from xml.etree import ElementTree

    theirs = ElementTree.parse(real_data / "faketracks" / "FakeTracks_TrackMate.xml").getroot()
    ours = ElementTree.parse(write_trackmate(some_tracks(rng), tmp_path / "t.xml")).getroot()
    spots, tracks = "Model/AllSpots/SpotsInFrame", "Model/AllTracks/Track"
    for path in (
        "Model",
        spots,
        f"{spots}/Spot",
        tracks,
        f"{tracks}/Edge",
        "Model/FilteredTracks/TrackID",
        "Settings/ImageData",
    ):
        mine, real = ours.find(path), theirs.find(path)
        assert mine is not None
        assert set(mine.attrib) <= set(real.attrib) | {"TRACK_INDEX"}, path


@pytest.mark.parametrize(
    ("head", "row", "program"),
    [
        ("particle,frame,y,x", "3,0,1.5,2.5", "trackpy"),
        ("frame,y_px,x_px,track", "0,1.5,2.5,7", "nta"),
        (
            "ImageNumber,TrackObjects_Label_30,Location_Center_X,Location_Center_Y",
            "1,4,2.5,1.5",
            "CellProfiler",
        ),
        ("Trajectory\tFrame\tx\ty", "1\t0\t3.0\t2.0", "Mosaic"),
        ("TrackID;t;x;y", "1;0;2,5;1,5", "stracking"),
    ],
)
def test_tables_are_recognised_by_their_columns(tmp_path, head, row, program):
    path = tmp_path / "t.csv"
    path.write_text(f"{head}\n{row}\n", encoding="utf-8")
    table = read_tracks(path)
    assert table.program == program
    assert (table.frame[0], table.y_px[0], table.x_px[0]) == (0, 1.5, 2.5)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.csv", "a,b\n1,2\n", "no table of tracks"),
        ("a.csv", "particle,frame,y,x\n1,0,1\n", "cut off"),
        ("a.csv", "particle,frame,y,x\n1,0,1,one\n", "not a number"),
        ("a.csv", "particle,frame,y,x\n1,0,1,2\n1,0,3,4\n", "track 1 of trackpy is in two places in frame 0"),
        (
            "a.csv",
            "frame,particle,y,x\n0,1,1,2\n5,,1,2\n0.0167,1,3,4\n",
            r"row 4 of trackpy: frame is 0\.0167, not a whole",
        ),
        (
            "a.csv",
            "particle,frame,y,x\n1,0,1,2\n1,,3,4\n",
            "row 3 of trackpy: frame is nan, not a whole number$",
        ),
        ("a.xml", "<root><other/></root>", "of no program"),
        ("a.xml", "<root><TrackContestISBI2012>", "not whole"),
        ("a.xml", "<root><TrackContestISBI2012/></root>", "no track in it"),
        (
            "a.xml",
            "<TrackMate><Model spatialunits='micron'><AllSpots/></Model></TrackMate>",
            "does not say the pixel size",
        ),
    ],
)
def test_what_is_no_table_of_tracks_is_refused(tmp_path, name, text, complaint):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrackFileError, match=complaint):
        read_tracks(path)


@pytest.mark.parametrize(
    "frame", [[0, 1 / 60, 2 / 60], [0.0, float("nan"), 5.0], [0, 2.5, 5], ["0", "one", "2"]]
)
def test_frames_that_are_not_whole_are_refused_and_not_cut(frame):
    with pytest.raises(TrackFileError, match=r"row 1 of trackpy: frame is .*, not a whole|are no numbers"):
        TrackTable.of([0, 0, 0], frame, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], program="trackpy")


def test_rows_of_no_track_are_refused_and_not_joined_to_one():
    with pytest.raises(TrackFileError, match="row 1 of trackpy is of no track"):
        TrackTable.of([0, float("nan")], [0, 0], [1.0, 2.0], [1.0, 2.0], program="trackpy")


def test_tracks_may_have_names_that_are_not_whole_numbers():
    table = TrackTable.of([1.5, 1.0, 1.5], [0, 0, 1], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], program="mine")
    assert (table.n_tracks, table.lengths.tolist()) == (2, [1, 2])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=1, unique=True))
def test_rows_in_any_order_make_the_same_table(rows):
    def table(order):
        return TrackTable.of(*zip(*[(t, f, 1.0 * t, 1.0 * f) for t, f in order], strict=True), program="test")

    one, other = table(rows), table(rows[::-1])
    assert one.track.tolist() == other.track.tolist()
    assert one.x_px.tolist() == other.x_px.tolist()
    assert one.n_tracks == len({t for t, _ in rows})


def trackmate_xml_of_tracks(path, table, pixel_um, unit="µm", interval=1 / 30, time="sec"):
    """Write what TrackMate's action "Export tracks to XML file" does."""
    lines = [
        f'<Tracks nTracks="{table.n_tracks}" spaceUnits="{unit}" frameInterval="{interval}" timeUnits="{time}" '
        'generationDateTime="Mo., 3 Nov. 2025 10:00:00" from="TrackMate v7.11.1">'
    ]
    for track in range(table.n_tracks):
        rows = table.select(table.track == track)
        lines.append(f'<particle nSpots="{len(rows)}">')
        lines += [
            f'<detection t="{t}" x="{x * pixel_um}" y="{y * pixel_um}" z="0.0" />'
            for t, y, x in zip(rows.frame, rows.y_px, rows.x_px, strict=True)
        ]
        lines.append("</particle>")
    path.write_text("\n".join([*lines, "</Tracks>"]), encoding="utf-8")
    return path


def trackmate_table_of_spots(path, table, pixel_um, unit="micron", interval=1 / 30):
    """Write what TrackMate 7 saves of its table of spots: names and units in three rows below the columns."""
    columns = "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS"
    names = "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius"
    units = f",,,(quality),({unit}),({unit}),({unit}),(sec),,({unit})"
    rows = [
        f"ID{i},{i},{track},9.5,{x * pixel_um},{y * pixel_um},0,{frame * interval},{frame},0.5"
        for i, (track, frame, y, x) in enumerate(
            zip(table.track, table.frame, table.y_px, table.x_px, strict=True)
        )
    ]
    alone = f"ID99,99,None,9.5,1,1,0,{interval},1,0.5"
    path.write_text("\n".join([columns, names, names, units, alone, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(trackmate_xml_of_tracks, "tracks.xml"), (trackmate_table_of_spots, "spots.csv")]
)
def test_the_common_exports_of_trackmate_are_read(tmp_path, rng, write, name):
    table = some_tracks(rng)
    path = write(tmp_path / name, table, 0.25)
    with pytest.raises(TrackFileError, match=r"does not say the pixel size; give it .* --pixel-size-um"):
        read_tracks(path)
    again = read_tracks(path, 0.25)
    assert places(again) == places(table)
    assert again.lengths.tolist() == table.lengths.tolist()
    assert (again.pixel_size_um, again.frame_rate_hz) == (0.25, pytest.approx(30))
    nanometres = read_tracks(write(path, table, 250.0, "nm"), 0.25)
    assert places(nanometres) == places(table)
    pixels = read_tracks(write(path, table, 1.0, "pixel"))
    assert places(pixels) == places(table)
    assert pixels.pixel_size_um is None
    assert read_tracks(write(path, table, 1.0, "pixel", interval=1.0)).frame_rate_hz is None  # nobody said it
    with pytest.raises(TrackFileError, match="in inch, which is no length that is known"):
        read_tracks(write(path, table, 1.0, "inch"), 0.25)


def test_spots_of_trackmate_without_units_are_refused(tmp_path, rng):
    path = trackmate_table_of_spots(tmp_path / "spots.csv", some_tracks(rng), 0.25)
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *rows[3:]]), encoding="utf-8")
    with pytest.raises(TrackFileError, match="without the row that gives the units"):
        read_tracks(path, 0.25)


@pytest.mark.parametrize("features", [{}, {"QUALITY": 3.0, "SNR": 3.0}])
def test_what_pytrackmate_asks_for_is_in_our_trackmate_file(tmp_path, rng, features):
    """Its version 1.3.4 reads the features that are declared, of every spot, and applies the filters of the settings."""
    from xml.etree import ElementTree

    table = some_tracks(rng)
    values = {name: value + rng.random(len(table)) for name, value in features.items()}
    path = write_trackmate(table, tmp_path / "t.xml", TrackMateScale(frame_interval_s=0.1, features=values))
    root = ElementTree.parse(path).getroot()
    declared = [f.get("feature") for f in root.findall("Model/FeatureDeclarations/SpotFeatures/Feature")]
    assert {"POSITION_X", "POSITION_T", "FRAME", "QUALITY", *features} <= set(declared)
    spots = root.findall("Model/AllSpots/SpotsInFrame/Spot")
    assert len(spots) == len(table)
    assert all(math.isfinite(float(spot.get(name))) for spot in spots for name in declared)
    chosen = root.find("Settings/InitialSpotFilter")
    assert all(float(spot.get(chosen.get("feature"))) > float(chosen.get("value")) for spot in spots)
    assert root.find("Settings/SpotFilterCollection") is not None
    edge = root.find("Model/AllTracks/Track/Edge")
    assert float(edge.get("EDGE_TIME")) == pytest.approx(0.05)
    order = [element.tag for element in root.find("Model")]
    assert order == ["FeatureDeclarations", "AllSpots", "AllTracks", "FilteredTracks"]


def test_a_quoted_comma_is_no_decimal_comma_where_commas_separate(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('particle,frame,y,x\n1,0,"1,125",2\n', encoding="utf-8")
    with pytest.raises(TrackFileError, match="y is '1,125' in row 2, not a number"):
        read_tracks(path)
