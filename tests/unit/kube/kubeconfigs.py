"""Kubeconfigs for tests."""

from pathlib import Path
from typing import Any

import yaml


def written_kubeconfig(
    path: Path, server: str, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> Path:
    """A kubeconfig with one context, `shop`, that is the current one."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "shop", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "shop", "user": user or {}}],
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "shop"}}],
        "current-context": "shop",
    }
    path.write_text(yaml.safe_dump(document))
    return path
