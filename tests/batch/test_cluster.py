"""A batch on a dask cluster of two workers, one of which is killed while it works."""

import os
import signal
import threading

import pytest

from made import cluster_work, videos
from made.hard_jobs import compiling
from made.waiting import until
from nta.batch import plan, run_batch
from nta.batch.cluster import ClusterError, on_dask
from nta.batch.outcome import OUTCOME_FILE
from nta.cli import EXIT_OK, main
from nta.errors import SettingError
from nta.one_recording import Request
from nta.settings import AnalysisSettings

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of the cluster that is killed on purpose
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cluster():
    free = "127.0.0.1:0"  # the usual port is taken where two workers of the tests have a cluster at once
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=free, silence_logs=50
    ) as local:
        yield local


@pytest.mark.slow
def test_a_worker_killed_midway_costs_no_file_and_doubles_none(cluster, eight, quick, tmp_path):
    output = tmp_path / "batch"
    executor = cluster.scheduler_address.replace("tcp://", "dask://")
    request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
    told, killed = [], threading.Event()

    def hear(job, _outcome):
        told.append(job.name)
        if len(told) == 2 and not killed.is_set():
            os.kill(next(iter(cluster.workers.values())).process.pid, signal.SIGKILL)
            # what is left where it was killed while it wrote
            (output / "results" / f".{videos.GOOD[0]}-killed.partial").mkdir()
            killed.set()

    batch = run_batch(plan(eight, output, request=request), output, executor=executor, on_done=hear)
    assert killed.is_set()
    assert sorted(told) == list(videos.GOOD[:8])
    assert [outcome.status for _, outcome in batch.done] == ["result"] * 8
    assert len(list((output / "results").rglob(OUTCOME_FILE))) == 8
    assert {path.name for path in (output / "results").iterdir()} == set(videos.GOOD[:8])
    stamps = {path: path.stat().st_mtime_ns for path in output.rglob(OUTCOME_FILE)}
    command = [
        "batch",
        str(eight),
        "-o",
        str(output),
        "--settings",
        str(quick),
        "--quiet",
        "--executor",
        executor,
    ]
    assert main(command) == EXIT_OK  # what the cluster did is kept, also under the command line
    assert {path: path.stat().st_mtime_ns for path in output.rglob(OUTCOME_FILE)} == stamps


def test_the_jobs_of_a_killed_worker_go_to_the_other(cluster, tmp_path):
    """The same without analyses: which process began what is written down."""
    for name in videos.GOOD:
        (tmp_path / name).write_bytes(b"x")
    jobs = plan(tmp_path, tmp_path / "batch")
    executor = cluster.scheduler_address.replace("tcp://", "dask://")
    found, killed = [], None
    for job, outcome in on_dask(jobs, cluster_work.patient, executor):
        found.append((job.name, outcome.status))
        if len(found) == 3:
            killed = next(iter(cluster.workers.values())).process.pid
            os.kill(killed, signal.SIGKILL)
    assert sorted(found) == [(name, "result") for name in videos.GOOD]
    begun = [line.split() for line in (tmp_path / "begun.log").read_text().splitlines()]
    assert str(killed) in {process for _, process in begun}
    assert {name for name, _ in begun} == set(videos.GOOD)


def test_that_a_worker_compiles_is_told_once(cluster, few, tmp_path):
    executor, told = cluster.scheduler_address.replace("tcp://", "dask://"), []
    jobs = plan(few, tmp_path / "batch")
    found = list(on_dask(jobs, compiling, executor, on_compiling=lambda: told.append(1)))
    assert [outcome.status for _, outcome in found] == ["result"] * 3
    until(lambda: told, 20)
    assert told == [1]


def test_no_cluster_is_said_in_one_line(few, tmp_path, monkeypatch):
    monkeypatch.setattr("nta.batch.cluster._PATIENCE_S", 0.5)
    with pytest.raises(ClusterError, match=r"no dask scheduler answers at 127\.0\.0\.1:1"):
        run_batch(plan(few, tmp_path / "batch"), tmp_path / "batch", executor="dask://127.0.0.1:1")
    with pytest.raises(SettingError, match="is no address of a cluster; write dask://host:port"):
        run_batch(plan(few, tmp_path / "batch"), tmp_path / "batch", executor="ray://head:6379")
