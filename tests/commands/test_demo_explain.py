"""`kubectl explain` through the demo's aggregator."""

from pathlib import Path

import pytest

from tests.commands.running import ready


@pytest.mark.parametrize("output", ["plaintext", "plaintext-openapiv2"])
async def test_a_field_is_explained_through_the_aggregator(tmp_path: Path, output: str) -> None:
    async with ready(tmp_path, "demo", "--nodes", "4", "--pods", "8", "--churn", "0") as demo:
        explained = await demo.kubectl("explain", "nosum.status.kubeletVersion", f"--output={output}")

    assert explained.code == 0
    assert "Version of the node's kubelet." in explained.out
