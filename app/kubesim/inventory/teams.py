"""The workloads of the teams that use the cluster.

Together they have every kind of owner, every way to request resources and every stage of a pod; the rest of a
cluster is made of generated applications.
"""

from collections.abc import Mapping
from typing import Final

from kubesim.inventory import data, ml, payments, platform, shop

TEAM_NAMESPACES: Final[Mapping[str, Mapping[str, str]]] = {
    "monitoring": {"team": "platform"},
    "payments": {"team": "payments", "cost-center": "4711", "pod-security.kubernetes.io/enforce": "restricted"},
    "shop": {"team": "shop", "cost-center": "4712"},
    "ml": {"team": "research", "cost-center": "4800"},
    "ci": {"team": "platform"},
    "data": {"team": "data", "cost-center": "4720"},
    "empty": {"team": "nobody"},
}

APPLICATIONS: Final = (
    *payments.WORKLOADS,
    *shop.WORKLOADS,
    *ml.WORKLOADS,
    *data.WORKLOADS,
    *platform.WORKLOADS,
)
