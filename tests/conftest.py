"""What all tests share: which cases are slow, and one cluster of two worker processes, which takes seconds to start."""

import logging

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow every case but the first of tests that are mostly slow, before any test is chosen by its markers."""
    seen = set()
    for item in items:
        test = item.nodeid.split("[")[0]
        if item.get_closest_marker("mostly_slow") and test in seen:
            item.add_marker("slow")
        seen.add(test)


@pytest.fixture(scope="session")
def client():
    """A client of two worker processes on this machine, patient with workers that start again on a busy one."""
    why = "the extra `dask` is needed: pip install 'convexnn[dask]'"
    distributed, dask = pytest.importorskip("distributed", reason=why), pytest.importorskip("dask", reason=why)
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"}),
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
