"""The openb trace as Kubernetes objects: nodes and pods of a production cluster with GPUs (Alibaba, 2023).

The trace does not say on which node a pod ran. Pods can be placed here: each active pod on the first node that has
room for it, in the order of the files.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "openb"
NODES = FOLDER / "openb_node_list_all_node.csv"
PODS = FOLDER / "openb_pod_list_default.csv"

GPU, GPU_MILLI = "nvidia.com/gpu", "openb.example/gpu-milli"

JsonObject = dict[str, Any]
Amounts = dict[str, int]
"""Millicores, MiB, pods, GPUs and thousandths of GPUs by resource name."""


def cluster(*, placed: bool) -> JsonObject:
    """All nodes and pods as one list, as `kubectl get nodes,pods -A -o json` prints it."""
    nodes, pods = list(_rows(NODES)), list(_rows(PODS))
    places = _first_fit(nodes, pods) if placed else {}
    items = [*map(_node, nodes), *(_pod(row, places.get(row["name"])) for row in pods)]
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def _node(row: Mapping[str, str]) -> JsonObject:
    size = _quantities(_capacity(row))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": row["sn"], "labels": {"gpu-model": row["model"]} if row["model"] else {}},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _pod(row: Mapping[str, str], node: str | None) -> JsonObject:
    asked = _requests(row)
    del asked["pods"]
    container = {"name": "main", "image": "openb:1", "resources": {"requests": _quantities(asked)}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": row["name"], "namespace": "openb", "annotations": {"qos": row["qos"]}},
        "spec": {"containers": [container]} | ({"nodeName": node} if node else {}),
        "status": {"phase": row["pod_phase"]},
    }


def _capacity(row: Mapping[str, str]) -> Amounts:
    gpus = int(row["gpu"])
    sizes = {"cpu": int(row["cpu_milli"]), "memory": int(row["memory_mib"]), "pods": 500}
    return sizes | ({GPU: gpus, GPU_MILLI: gpus * 1000} if gpus else {})


def _requests(row: Mapping[str, str]) -> Amounts:
    gpus = int(row["num_gpu"])
    asked = {"cpu": int(row["cpu_milli"]), "memory": int(row["memory_mib"]), "pods": 1}
    return asked | ({GPU: gpus, GPU_MILLI: gpus * int(row["gpu_milli"])} if gpus else {})


def _quantities(amounts: Amounts) -> dict[str, str]:
    units = {"cpu": "m", "memory": "Mi"}
    return {name: f"{amount}{units.get(name, '')}" for name, amount in amounts.items()}


def _first_fit(nodes: list[dict[str, str]], pods: list[dict[str, str]]) -> dict[str, str]:
    """The node of each active pod that finds one."""
    free = [_capacity(row) for row in nodes]
    # Room only shrinks: a pod with the same requests can start where the previous one found room.
    begin: dict[tuple[tuple[str, int], ...], int] = {}
    places = {}
    for row in pods:
        if row["pod_phase"] in ("Succeeded", "Failed"):
            continue
        asked = _requests(row)
        shape = tuple(asked.items())
        at = begin.get(shape, 0)
        while at < len(free) and not _fits(asked, free[at]):
            at += 1
        begin[shape] = at
        if at < len(free):
            places[row["name"]] = nodes[at]["sn"]
            free[at] = {name: left - asked.get(name, 0) for name, left in free[at].items()}
    return places


def _fits(asked: Amounts, free: Amounts) -> bool:
    return all(free.get(name, 0) >= amount for name, amount in asked.items())
