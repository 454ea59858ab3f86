"""One cluster of two worker processes for all tests of a session that need one: to start it takes seconds."""

import logging

import pytest


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
