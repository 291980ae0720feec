"""Expands a file on a cluster of several raylets on this machine, one of which may be killed on the way.

In: JSON, ``{"raylets", "kill", "arguments", "result"}``, as the only argument; ``arguments`` are those of
`everyturn.ray.expand_to`. Out: what became of it, as JSON in the file ``result``. Each raylet has one CPU; with
``kill`` one of them dies when the first shard is noted.
"""

import json
import logging
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
    """Kill the last raylet and its workers when a shard is noted."""
    while not any(b'"name"' in path.read_bytes() for path in folder.glob("*/.progress.json")):
        time.sleep(WAIT_SECONDS)
    cluster.remove_node(cluster.worker_nodes[-1], allow_graceful=False)
    killed.set()


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
