"""The part of kubernetes_asyncio that is used: configuration, credentials and TLS.

The `__init__` of its packages import a module for each kind and API group of Kubernetes: 860 modules, 60 MiB and up
to a second of CPU, for models that are not used here (tomplus/kubernetes_asyncio#293). So these packages are entered
into `sys.modules` before their `__init__` has run, and only the modules that are used are imported. The `__init__`
runs as soon as its package is asked for a name that it lacks, so that other importers find the whole library.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any


def _defer(name: str) -> None:
    """Enters a package without running its `__init__`, unless it is loaded already; its parent must be entered."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def missing(attribute: str) -> Any:
        """Called for an attribute that the package lacks (PEP 562)."""
        if find_spec(f"{name}.{attribute}") is not None:
            return import_module(f"{name}.{attribute}")
        del package.__getattr__
        loader.exec_module(package)
        return getattr(package, attribute)

    package.__getattr__ = missing  # type: ignore[method-assign]  # a module's own attribute, as PEP 562 defines it
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


for _package in ("kubernetes_asyncio", "kubernetes_asyncio.client", "kubernetes_asyncio.client.models"):
    _defer(_package)

# ruff: noqa: E402  # what follows must find the packages entered
from kubernetes_asyncio import client
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.client.configuration import Configuration

# kubernetes_asyncio.config imports these two from the package.
vars(client).update(ApiClient=ApiClient, Configuration=Configuration)

from kubernetes_asyncio.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes_asyncio.config.kube_config import KubeConfigMerger

__all__ = [
    "ApiClient",
    "ConfigException",
    "Configuration",
    "KubeConfigMerger",
    "load_incluster_config",
    "load_kube_config",
]
