"""What is found in a folder, and what a manifest says: read right, or refused with its line."""

from fractions import Fraction

import pytest

from nta.batch import plan
from nta.batch.folder import recordings_in
from nta.batch.manifest import read_manifest
from nta.catalogue import About
from nta.errors import SettingError
from nta.one_recording import Request


def _touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _found(folder, **words):
    return [(f.path.relative_to(folder).as_posix(), f.doubtful) for f in recordings_in(folder, **words)]


def test_a_folder_is_searched_in_natural_order(tmp_path):
    _touch(
        tmp_path,
        "b10.avi",
        "b9.avi",
        "b9.toml",
        "b9.truth.npz",
        ".hidden.avi",
        "day 2/c.H5",
        "day 1/notes.docx",
    )
    assert _found(tmp_path) == [
        ("b9.avi", False),
        ("b10.avi", False),
        ("day 1/notes.docx", True),
        ("day 2/c.H5", False),
    ]


def test_images_alone_are_one_recording_and_results_are_none(tmp_path):
    _touch(tmp_path, "cell/f1.png", "cell/f2.png", "stacks/a.tif", "stacks/b.tif", "one/photo.png")
    _touch(tmp_path, "images/1.tif", "images/2.tif", "images/recording.toml")
    _touch(
        tmp_path,
        "old/results.h5",
        "old/spots.csv",
        "batch/batch.json",
        "batch/results/x/results.h5",
        "out/z.avi",
    )
    assert _found(tmp_path, leave_out=tmp_path / "out") == [
        ("cell", False),
        ("images", False),
        ("one/photo.png", True),
        ("stacks/a.tif", False),
        ("stacks/b.tif", False),
    ]


def test_a_link_to_the_folder_above_ends(tmp_path):
    _touch(tmp_path, "deep/a.avi")
    (tmp_path / "deep" / "back").symlink_to(tmp_path)
    assert _found(tmp_path) == [("deep/a.avi", False)]


def test_links_have_their_own_names_and_those_that_lead_nowhere_their_reason(tmp_path):
    folder = tmp_path / "in"
    _touch(folder, "good.h5")
    for name, target in (("away.h5", "gone.h5"), ("link.h5", "good.h5"), ("loop.h5", "loop.h5")):
        (folder / name).symlink_to(target)
    jobs = {job.name: job for job in plan(folder, tmp_path / "out")}
    assert list(jobs) == ["away.h5", "good.h5", "link.h5", "loop.h5"]
    assert [name for name, job in jobs.items() if "leads nowhere" in job.trouble] == ["away.h5", "loop.h5"]
    assert jobs["link.h5"].folder != jobs["good.h5"].folder


def test_a_folder_that_may_not_be_read_is_a_row(tmp_path, monkeypatch):
    _touch(tmp_path, "closed/a.avi", "open/b.avi")
    monkeypatch.setattr("os.access", lambda path, _mode: path.name != "closed")  # root may read everything
    closed, other = plan(tmp_path, tmp_path / "out")
    assert closed.name == "closed"
    assert "may not be read" in closed.trouble
    assert not other.trouble


def test_a_recording_within_another_is_refused(tmp_path):
    _touch(tmp_path, "nest/s.h5", "nested.h5")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file\nnest\nnested.h5\nnest/s.h5\n")
    with pytest.raises(SettingError, match=r"nest/s\.h5 lies in nest, which is named as a recording too"):
        plan(manifest, tmp_path / "out")


def test_words_come_from_the_manifest_then_from_the_command(tmp_path):
    _touch(tmp_path, "a.avi", "b.avi")
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "file,group,temperature_c,exposure_ms,frame_rate_hz\na.avi,lot 1,31.5,15,30000/1001\nb.avi,,,,\n"
    )
    asked = Request(conditions={"temperature_c": 25.0, "medium": "pbs"})
    a, b = plan(manifest, tmp_path / "out", request=asked)
    assert dict(a.request.conditions) == {"temperature_c": 31.5, "medium": "pbs"}
    assert dict(a.request.camera) == {"exposure_s": 0.015, "frame_rate_hz": Fraction(30000, 1001)}
    assert a.about.group == "lot 1"
    assert b.request == asked
    assert a.folder == tmp_path / "out" / "results" / "a.avi"


def test_a_dilution_may_be_written_as_a_ratio(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text("file,dilution\na.avi,1:200\nb.avi,50\n")
    assert [entry.words["dilution"] for entry in read_manifest(manifest)] == [200, 50]


@pytest.mark.parametrize("row", ["a.avi;1,000", "a.avi;1:1.000", 'a.avi,"1,000"'])
def test_a_dilution_of_one_or_a_thousand_is_refused(tmp_path, row):
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"file{row[5]}dilution\n{row}\n")
    with pytest.raises(
        SettingError, match=r"line 2: .*may be a dilution of one or of a thousand; write 1000"
    ):
        read_manifest(manifest)


def test_a_comma_in_a_file_separated_by_commas_is_no_decimal_comma(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text('file,temperature_c\na.avi,"25,125"\n')
    with pytest.raises(SettingError, match="line 2: temperature_c must be a number, got '25,125'"):
        read_manifest(manifest)
    manifest.write_text("file;temperature_c\na.avi;25,125\n")
    assert read_manifest(manifest)[0].words["temperature_c"] == 25.125


@pytest.mark.parametrize(
    "text",
    [
        "file,temperature_c,sample\na.avi,31.5,EV 7\n",
        "\ufefffile,temperature_c,sample\r\na.avi,31.5,EV 7\r\n",
        "file;temperature_c;sample\na.avi;31,5;EV 7\n",
        "file\ttemperature_c\tsample\na.avi\t31.5\tEV 7\n",
        "# measured by A. Roth\n\nFile,Temperature_C,Sample\n a.avi , 31.5 ,EV 7\n,,\n",
        "file;temperature_c;sample;;\na.avi;31,5;EV 7;;\n;;;;\n",
    ],
    ids=["plain", "excel", "decimal comma", "tabs", "comments", "padded"],
)
def test_a_csv_is_read_however_a_spreadsheet_wrote_it(tmp_path, text):
    manifest = tmp_path / "list.csv"
    manifest.write_text(text, encoding="utf-8", newline="")
    (entry,) = read_manifest(manifest)
    assert entry.path == tmp_path / "a.avi"
    assert dict(entry.words) == {"temperature_c": 31.5, "sample": "EV 7"}


def test_a_list_written_under_windows_names_folders_its_own_way(tmp_path):
    (tmp_path / "monday").mkdir()
    _touch(tmp_path / "monday", "a_1.avi", "a_2.avi", "b.avi")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file;kind\nmonday\\a_*.avi;Sample\nmonday\\b.avi;BLANK\n")
    jobs = plan(manifest, tmp_path / "out")
    names = {job.name: job.request.kind for job in jobs}
    assert names == {"monday/a_1.avi": "sample", "monday/a_2.avi": "sample", "monday/b.avi": "blank"}


def test_a_toml_manifest_has_words_for_all_and_patterns(tmp_path):
    _touch(tmp_path, "lot1_2.avi", "lot1_10.avi", "lot1_2.toml", "beads.avi")
    manifest = tmp_path / "list.toml"
    manifest.write_text(
        'temperature_c = 25\noperator = "A. Roth"\n[[recording]]\nfile = "lot1_*.avi"\ngroup = "lot 1"\n'
        '[[recording]]\nfile = "beads.avi"\nkind = "beads"\nstandard = "PS 100"\ntemperature_c = 26\n'
    )
    entries = read_manifest(manifest)
    assert [e.path.name for e in entries] == ["lot1_2.avi", "lot1_10.avi", "beads.avi"]
    assert [e.words["temperature_c"] for e in entries] == [25, 25, 26]
    assert {e.words["operator"] for e in entries} == {"A. Roth"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,temperatur_c\na.avi,25\n", r"unknown 'temperatur_c'; did you mean 'temperature_c'"),
        ("file,exposure_s\na.avi,0.015\n", r"unknown 'exposure_s'; did you mean 'exposure_ms'"),
        ("file,temperature_c\na.avi,warm\n", r"line 2: temperature_c must be a number, got 'warm'"),
        ("file,kind\na.avi,bead\n", r"line 2: kind must be one of sample, beads, blank, got 'bead'"),
        ("file,standard\na.avi,PS 100\n", r"line 2: standard can be said of beads alone.* kind = beads"),
        ("file,kind,lot\na.avi,blank,7\n", r"line 2: lot can be said of beads alone.* of kind blank"),
        ("file,date\na.avi,05.01.2026\n", r"line 2: date: '05\.01\.2026' is no date; write 2026-"),
        (
            "file,date\na.avi,2026-01-05 14:20\n",
            r"line 2: date: '2026-01-05 14:20' is a time of day without a zone",
        ),
        ("file,group\na.avi,1\na.avi,2\n", r"line 3: a\.avi is there already, at line 2"),
        ("file,group\n,lot 1\n", r"line 2: file is missing"),
        ("recording\na.avi\n", r"one of them 'file'"),
        ("file,group\na.avi,lot, 1\n", r"line 2 has 3 cells, the head has 2"),
        ("file,file\na.avi,b.avi\n", r"the column 'file' is there twice"),
        ("file,bit_depth\na.avi,40\n", r"line 2: bit_depth must be 1 to 16, a whole number, got 40"),
        (
            "file,temperature_c\na.avi,298\n",
            r"line 2: temperature_c=298 °C is no temperature .* give °C, not K",
        ),
        ("file,dilution\na.avi,0.01\n", r"line 2: dilution must be >= 1"),
        ("file,pixel_size_um\na.avi,250\n", r"line 2: pixel_size_um=250 .* give µm, not nm"),
        ("file,exposure_ms,frame_rate_hz\na.avi,50,30\n", r"line 2: exposure_s=0\.05 is longer than"),
        ("file,medium\na.avi,pbss\n", r"line 2: no 'pbss' in .*; there are .*pbs"),
        (
            "file,medium,temperature_c\na.avi,glycerol 50 %,120\n",
            r"line 2: the viscosity of glycerol 50 % is",
        ),
        ("file,profile\na.avi,\nb.avi,no_such_instrument\n", r"line 3: no 'no_such_instrument' in "),
        ("file,settings\na.avi,no_such.toml\n", r"line 2: .*no_such\.toml"),
        ("file\n", r"names no recording"),
        ("", r"the file is empty"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_line(tmp_path, text, words):
    manifest = tmp_path / "list.csv"
    manifest.write_text(text)
    with pytest.raises(Exception, match=words) as caught:
        read_manifest(manifest)
    assert str(manifest) in str(caught.value)


def test_all_complaints_come_at_once(tmp_path):
    manifest = tmp_path / "list.toml"
    manifest.write_text('[[recording]]\nfile = "a.avi"\ndilution = "1:10"\n[[recording]]\ngrup = "x"\n')
    with pytest.raises(SettingError) as caught:
        read_manifest(manifest)
    assert "[[recording]] a.avi: dilution must be a number, got '1:10'" in str(caught.value)
    assert "[[recording]] number 2: file is missing" in str(caught.value)
    assert "unknown 'grup'; did you mean 'group'" in str(caught.value)


def test_what_is_wrong_in_several_lines_is_said_of_each_before_any_work(tmp_path):
    _touch(tmp_path, "a.avi", "b.avi", "c.avi")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file;temperature_c;medium;profile\na.avi;25;;\nb.avi;298;pbss;\nc.avi;25;;nobodys\n")
    with pytest.raises(SettingError) as caught:
        plan(manifest, tmp_path / "out")
    assert [line.split(":")[0].strip() for line in str(caught.value).splitlines()[1:]] == ["line 3", "line 4"]


def test_files_named_in_a_manifest_lie_beside_it_and_are_read_with_it(tmp_path):
    _touch(tmp_path, "a.avi", "b.avi")
    (tmp_path / "mine.toml").write_text("[sizing]\nmin_tracks = 7\n")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file,profile,settings,blank\na.avi,simulated,mine.toml,empty/results\nb.avi,,,\n")
    a, b = plan(manifest, tmp_path / "out")
    assert a.request.profile.name == "simulated"
    assert a.request.settings.sizing.min_tracks == 7
    assert a.request.blank == tmp_path / "empty" / "results"
    assert b.request == Request()


def test_a_missing_file_is_a_row_not_an_end(tmp_path):
    _touch(tmp_path, "a.avi")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file\na.avi\ngone.avi\nlot_*.avi\n")
    a, gone, none = plan(manifest, tmp_path / "out")
    assert not a.trouble
    assert "there is no" in gone.trouble
    assert "no file is named like" in none.trouble


def test_what_is_no_source_is_said(tmp_path):
    _touch(tmp_path, "a.avi")
    (tmp_path / "empty").mkdir()
    _touch(tmp_path, "list.xlsx")
    for source, words in (
        ("list.xlsx", "save its sheet as CSV"),
        ("a.avi", "nta analyze"),
        ("gone", "there is no"),
        ("empty", "no recording in"),
    ):
        with pytest.raises(SettingError, match=words):
            plan(tmp_path / source, tmp_path / "out")


def test_a_standard_of_the_command_line_is_of_the_beads_in_the_list_and_of_nothing_else(tmp_path):
    _touch(tmp_path, "a.avi", "b.avi")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file,kind\na.avi,beads\nb.avi,blank\n")
    beads, blank = plan(manifest, tmp_path / "out", about=About(standard="PS 100", lot="7"))
    assert (beads.about.standard, beads.about.lot, beads.request.standard) == ("PS 100", "7", "PS 100")
    assert (blank.about.standard, blank.about.lot, blank.request.standard) == ("", "", "")
    manifest.write_text("file,standard\na.avi,PS 100\n")
    (beads,) = plan(manifest, tmp_path / "out", about=About(kind="beads"))
    assert beads.request.standard == "PS 100"
    with pytest.raises(SettingError, match=r"standard can be said of beads alone.* --kind beads"):
        plan(tmp_path, tmp_path / "out", about=About(standard="PS 100"))
