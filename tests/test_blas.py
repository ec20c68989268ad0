"""The number of BLAS threads is as it was, whoever overlaps with whom."""

import threading
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_info

from nta.blas import one_blas_thread


def _threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_those_that_overlap_leave_the_threads_as_they_were():
    together = threading.Barrier(4)

    def work(_):
        together.wait(10)
        for _ in range(5):
            with one_blas_thread(), one_blas_thread():  # nested, too
                assert _threads() == {1}

    before = _threads()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert _threads() == before
