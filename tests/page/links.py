"""The views of the page by the queries of their addresses, in the demo of the tests."""

from typing import Final

QUERIES: Final = {
    "overview": "",
    "nodes": "?view=nodes",
    "namespaces": "?view=namespaces",
    "workloads": "?view=workloads",
    "unhealthy": "?view=unhealthy",
    "images": "?view=images",
    "pending": "?view=pending",
    "node": "?view=node&name=worker-a-04",
    "namespace": "?view=namespace&name=payments",
    "workload": "?view=workload&namespace=payments&kind=Deployment&name=ledger",
    "image": "?view=image&repository=docker.io/library/nginx&tag=latest",
    "kind": "?view=kind&plural=nodepools",
}
TABLES: Final = {
    "overview": "Workloads that are not healthy",
    "nodes": "Nodes",
    "namespaces": "Namespaces",
    "workloads": "Workloads",
    "unhealthy": "Unhealthy pods",
    "images": "Images",
    "pending": "Pods without a node",
    "node": "Pods",
    "namespace": "Workloads",
    "workload": "Pods",
    "image": "Namespaces of the image",
    "kind": "nodepools",
}
"""The table of each view, which has rows in the demo of the tests."""
