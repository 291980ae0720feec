"""Expands a file on a cluster of several raylets on this machine, whose workers may be halted and killed on the way.

In: JSON, ``{"raylets", "halt", "arguments", "result"}``, as the only argument; ``arguments`` are those of
`everyturn.ray.expand_to`. Out: what became of it, as JSON in the file ``result``. Each raylet has one CPU. ``halt``
says who stops after its first shard and waits to be killed: ``none``; ``one``, which this process kills with the
raylet that it is on; ``all``, which the caller kills with this process.
"""

import functools
import json
import logging
import os
import signal
import sys
import threading
import time
import unittest.mock
from collections.abc import Callable
from pathlib import Path

import ray
import ray.data
from ray.cluster_utils import Cluster

import everyturn.ray

WAIT_SECONDS = 0.05


def halting(may_halt: Callable[[], bool]) -> Callable[[], None]:
    """Return what a worker does at its start, so that it halts when it has noted a shard, if it may then."""

    def set_up() -> None:
        from everyturn.io.shard_folder import Folder, Progress

        save_progress = Folder.save_progress

        def save_and_halt(folder: Folder, progress: Progress) -> None:
            save_progress(folder, progress)
            if progress.shards and may_halt():
                threading.Event().wait()

        unittest.mock.patch.object(Folder, "save_progress", save_and_halt).start()

    return set_up


def is_first(note: Path, raylets: list[int]) -> bool:
    """Whether this worker is on one of the raylets, and the first to ask; who that is stands in the note."""
    raylet = os.getppid()
    if raylet not in raylets:
        return False
    try:
        with note.open("x", encoding="utf-8") as file:
            json.dump({"worker": os.getpid(), "raylet": raylet}, file)
    except FileExistsError:
        return False
    return True


def kill_halted(cluster: Cluster, note: Path, killed: threading.Event) -> None:
    """Wait for a worker that has halted, and kill it and the raylet that it is on."""
    while not (note.exists() and note.stat().st_size):
        time.sleep(WAIT_SECONDS)
    halted = json.loads(note.read_bytes())
    os.kill(halted["worker"], signal.SIGKILL)
    node = next(node for node in cluster.worker_nodes if pid_of(node) == halted["raylet"])
    cluster.remove_node(node, allow_graceful=False)
    killed.set()


def pid_of(node: ray._private.node.Node) -> int:
    """The process of a node's raylet."""
    pid: int = node.all_processes["raylet"][0].process.pid
    return pid


def main() -> None:
    """Run one cluster from its start to its end."""
    task = json.loads(sys.argv[1])
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    cluster.worker_nodes = [cluster.add_node(num_cpus=1) for _ in range(task["raylets"] - 1)]
    killed = threading.Event()
    runtime_env = {}
    if task["halt"] == "one":
        note = Path(f"{task['result']}.halted")
        raylets = [pid_of(node) for node in cluster.worker_nodes]
        may_halt = functools.partial(is_first, note, raylets)
        runtime_env = {"worker_process_setup_hook": halting(may_halt)}
        arguments = (cluster, note, killed)
        threading.Thread(target=kill_halted, args=arguments, daemon=True).start()
    elif task["halt"] == "all":
        runtime_env = {"worker_process_setup_hook": halting(lambda: True)}
    ray.init(
        address=cluster.address,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env=runtime_env,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    began = time.perf_counter()
    report = everyturn.ray.expand_to(**task["arguments"])
    seconds = time.perf_counter() - began
    result = {"report": report.to_dict(), "seconds": seconds, "killed": killed.is_set()}
    Path(task["result"]).write_text(json.dumps(result), encoding="utf-8")
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
