"""A folder of twenty recordings, four of them bad."""

import pytest

from made import videos


@pytest.fixture(scope="session")
def frames():
    """Frames of one simulated recording."""
    return videos.simulated_frames()


@pytest.fixture(scope="session")
def twenty(tmp_path_factory, frames):
    """Folder of the recordings; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("recordings")
    videos.make_twenty(folder, frames)
    return folder


@pytest.fixture(scope="session")
def quick(tmp_path_factory):
    """Settings file under which an analysis takes a fraction of a second."""
    path = tmp_path_factory.mktemp("settings") / "quick.toml"
    path.write_text(videos.SETTINGS)
    return path


@pytest.fixture
def few(tmp_path, frames):
    """Folder of three good recordings."""
    return _good(tmp_path / "few", frames, 3)


@pytest.fixture
def eight(tmp_path, frames):
    """Folder of eight good recordings."""
    return _good(tmp_path / "eight", frames, 8)


def _good(folder, frames, n):
    folder.mkdir()
    for name, film in zip(videos.GOOD[:n], videos.variants(frames), strict=False):
        videos.write_avi(folder / name, film)
        (folder / name).with_suffix(".toml").write_text(videos.SIDECAR.format(sample="beads"))
    return folder
