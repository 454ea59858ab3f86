"""A worker of a cluster that dies in the middle of its work."""

import os
import signal
import threading


class Killer(threading.Thread):
    """Kills a worker, once, while it is at a task and `ready` says so."""

    def __init__(self, client, ready=lambda: True):
        super().__init__()
        self.client, self.ready, self.pids, self.killed = client, ready, client.run(os.getpid), None
        self.over = threading.Event()

    def run(self):
        while self.killed is None and not self.over.wait(0.02):
            busy = [worker for worker, tasks in self.client.processing().items() if tasks and worker in self.pids]
            if busy and self.ready():
                self.killed = self.pids[busy[0]]
                os.kill(self.killed, signal.SIGKILL)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, error, *_):
        self.over.set()
        self.join()
        if error is None:
            assert self.killed is not None, "no worker was at work"
            self.client.wait_for_workers(2, timeout=60)  # for the next test
            assert self.killed not in self.client.run(os.getpid).values()
