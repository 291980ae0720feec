"""Expands a file on a cluster of several raylets on this machine, one of which may be killed on the way.

In: JSON, ``{"raylets", "kill", "arguments", "result"}``, as the only argument; ``arguments`` are those of
`everyturn.ray.expand_to`. Out: what became of it, as JSON in the file ``result``. Each raylet has one CPU; with
``kill`` one of them dies, and the worker on it that is writing a folder.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import ray
import ray.data
from ray.cluster_utils import Cluster

import everyturn.ray

WAIT_SECONDS = 0.05


def kill_one(cluster: Cluster, folder: Path, killed: threading.Event) -> None:
    """Kill a worker that has noted a shard of a folder that is not whole, and the raylet that it is on."""
    raylets = {node.all_processes["raylet"][0].process.pid: node for node in cluster.worker_nodes}
    while not killed.is_set():
        time.sleep(WAIT_SECONDS)
        writers = lock_holders()
        for progress in folder.glob("*/.progress.json"):
            writer = writers.get(progress.parent.stat().st_ino)
            node = raylets.get(parent_of(writer)) if writer else None
            if writer and node and has_shards(progress):
                os.kill(writer, signal.SIGKILL)
                cluster.remove_node(node, allow_graceful=False)
                killed.set()
                break


def lock_holders() -> dict[int, int]:
    """The processes that hold locks, by the inode of what they have locked."""
    rows = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    return {int(row[5].rpartition(":")[2]): int(row[4]) for row in rows if row[1] == "FLOCK"}


def parent_of(process: int) -> int:
    """The process that has started it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def has_shards(progress: Path) -> bool:
    """Whether a run has noted a shard, and is not done."""
    try:
        return bool(json.loads(progress.read_bytes())["shards"])
    except FileNotFoundError:
        return False


def main() -> None:
    """Run one cluster from its start to its end."""
    task = json.loads(sys.argv[1])
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    cluster.worker_nodes = [cluster.add_node(num_cpus=1) for _ in range(task["raylets"] - 1)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    killed = threading.Event()
    if task["kill"]:
        arguments = (cluster, Path(task["arguments"]["folder"]), killed)
        threading.Thread(target=kill_one, args=arguments, daemon=True).start()
    began = time.perf_counter()
    report = everyturn.ray.expand_to(**task["arguments"])
    seconds = time.perf_counter() - began
    result = {"report": report.to_dict(), "seconds": seconds, "killed": killed.is_set()}
    Path(task["result"]).write_text(json.dumps(result), encoding="utf-8")
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
