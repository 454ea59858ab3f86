"""The peers' side of ``bench_peers.py``: their environments, their workers, and one judge for every answer."""
