"""A pod of the simulated cluster that begins to crash, as its kubelet would report it."""

import json
from typing import Any

REASON = "CrashLoopBackOff"


def crashing(pods: list[dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    """Namespace and name of the first pod that is ready, and the status with which its first container crashes."""
    pod = next(pod for pod in pods if _conditions(pod).get("Ready") == "True")
    first, *others = pod["status"]["containerStatuses"]
    state = {"waiting": {"reason": REASON, "message": "back-off 10s restarting failed container"}}
    crashed = first | {"ready": False, "started": False, "state": state, "restartCount": first["restartCount"] + 1}
    conditions = [
        one | {"status": "False"} if one["type"] in ("Ready", "ContainersReady") else one
        for one in pod["status"]["conditions"]
    ]
    metadata = pod["metadata"]
    return (
        metadata["namespace"],
        metadata["name"],
        {"containerStatuses": [crashed, *others], "conditions": conditions},
    )


def patch(namespace: str, name: str, status: dict[str, Any]) -> tuple[str, ...]:
    """The arguments with which kubectl writes these parts of a pod's status."""
    document = json.dumps({"status": status})
    return "patch", "pod", name, "--namespace", namespace, "--subresource=status", "--type=merge", "--patch", document


def _conditions(pod: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
