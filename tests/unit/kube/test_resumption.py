"""When a watch is resumed after a failure, and when its kind is listed again."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.failures import Unreachable
from kubesum.kube.resumption import Resumption
from kubesum.kube.serverhistory import ServerHistory
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Answer, Script, body, failure, playing
from tests.unit.kube.test_serverhistory import namespaces

WITHIN_S = 90.0


def after_a_failure(home: Path, script: Script, test: Callable[[Resumption], Coroutine[Any, Any, None]]) -> None:
    """Runs a test on a leaping clock with a watch that had its last line and failed just now.

    The first answer of the script is what the server says at the start.
    """

    async def main() -> None:
        async with playing(script), await upstream_of(script, home) as upstream:
            resumption = Resumption(ServerHistory(upstream), WITHIN_S)
            assert await resumption.relist_reason(has_version=False) == ""
            resumption.confirmed()
            resumption.failed()
            await test(resumption)

    leaping(main())


async def upstream_of(script: Script, home: Path) -> Upstream:
    return await connect(kubeconfig(written_kubeconfig(home / "config", script.url), None))


@pytest.mark.parametrize("answer", [failure(500), failure(503), failure(429), body(b"<html>", 200, "text/html")])
def test_a_server_that_does_not_answer_is_asked_until_the_watch_is_too_old(tmp_path: Path, answer: Answer) -> None:
    """No longer: the watches may work while this question gets no answer."""

    async def test(resumption: Resumption) -> None:
        for _ in range(8):
            with pytest.raises(UpstreamError):
                await resumption.relist_reason(has_version=True)
            resumption.failed()
            await asyncio.sleep(WITHIN_S / 8)
        assert await resumption.relist_reason(has_version=True) == "outage"

    after_a_failure(tmp_path, Script([namespaces("90"), *[answer] * 9]), test)


@pytest.mark.parametrize("answer", [failure(403), failure(404), namespaces("x"), namespaces("100", "")])
def test_a_server_that_does_not_say_it_is_listed_again_at_once(tmp_path: Path, answer: Answer) -> None:
    """After each failure, until it says it."""

    async def test(resumption: Resumption) -> None:
        assert await resumption.relist_reason(has_version=True) == "unknown"
        resumption.confirmed()
        assert await resumption.relist_reason(has_version=True) == ""
        assert await resumption.relist_reason(has_version=True) == "", "nothing is asked without a failure"

    after_a_failure(tmp_path, Script([namespaces("90"), answer, namespaces("100")]), test)


def test_a_watch_without_a_line_for_long_is_not_resumed(tmp_path: Path) -> None:
    """A process that was frozen has noticed no failure, and a later version of the same cluster proves nothing."""

    async def test(resumption: Resumption) -> None:
        assert await resumption.relist_reason(has_version=True) == ""
        await asyncio.sleep(WITHIN_S + 1)
        assert await resumption.relist_reason(has_version=True) == "outage"
        resumption.confirmed()
        assert await resumption.relist_reason(has_version=True) == ""

    after_a_failure(tmp_path, Script([namespaces("90"), namespaces("2000")]), test)


def test_nothing_is_forgotten_while_there_is_no_connection(tmp_path: Path) -> None:
    """A list would fail as well."""

    async def main() -> None:
        async with playing(Script()) as script:
            pass
        async with await upstream_of(script, tmp_path) as upstream:
            resumption = Resumption(ServerHistory(upstream), WITHIN_S)
            resumption.confirmed()
            await asyncio.sleep(WITHIN_S + 1)
            with pytest.raises(Unreachable):
                await resumption.relist_reason(has_version=True)

    leaping(main())


def test_a_first_list_waits_for_no_answer(tmp_path: Path) -> None:
    async def main() -> None:
        script = Script([failure(503), namespaces("90")])
        async with playing(script), await upstream_of(script, tmp_path) as upstream:
            resumption = Resumption(ServerHistory(upstream), WITHIN_S)
            assert await resumption.relist_reason(has_version=False) == "unknown"
            resumption.confirmed()
            assert await resumption.relist_reason(has_version=True) == "", "it is asked again"

    leaping(main())
