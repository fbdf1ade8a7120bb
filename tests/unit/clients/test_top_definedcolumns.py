"""The columns of a kind that a RollupDefinition makes, while the definition changes."""

import asyncio
import json
from pathlib import Path

import pytest

from kubesum.clients.model.defined import defined_view
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.views import Scope
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from tests.hanging import HANGS_AFTER_S
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Answer, JsonObject, Script, body, event, playing, silent_watch

DISCOVERY = {"resources": [{"name": "things", "kind": "Thing", "singularName": "thing", "namespaced": False}]}


def answer(content: JsonObject) -> Answer:
    """A complete response with this JSON."""
    return body(json.dumps(content).encode())


def table(*columns: str) -> Answer:
    """A Table without rows."""
    return answer({"kind": "Table", "columnDefinitions": [{"name": name, "type": "integer"} for name in columns]})


def empty_list() -> Answer:
    """The initial events of a kind without groups, and a watch that stays open."""
    metadata = {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}
    rows = [{"cells": [""], "object": {"metadata": metadata}}]
    return silent_watch(event("BOOKMARK", {"kind": "Table", "metadata": {"resourceVersion": "9"}, "rows": rows}))


async def test_columns_that_change_between_their_request_and_the_list_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the new definition stayed under the columns of the old one until the next list."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    script = Script([answer(DISCOVERY), table("Pods"), table("Pods"), empty_list(), table("Restarts", "Pods")])
    async with (
        playing(script),
        await connect(kubeconfig(written_kubeconfig(tmp_path / "config", script.url), None)) as upstream,
        asyncio.timeout(HANGS_AFTER_S),
    ):
        view = await defined_view(upstream, "things", "")
        changed = asyncio.Event()
        informer = Informer(Scope(view), lambda: 0.0, changed)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(informer.run(upstream))
            while not informer.has_synced:
                changed.clear()
                await changed.wait()
            running.cancel()

    assert [column.name for column in informer.columns] == ["RESTARTS", "PODS"]
