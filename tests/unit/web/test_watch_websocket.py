"""Watches over WebSocket, with a real client of that protocol: messages, endings, refusals."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from kubesum.operations.metrics import CONNECTIONS, LONG_RUNNING
from kubesum.vocabulary.resource import Source, Unavailable
from tests.serving.runningserver import eventually
from tests.unit.web.fakeresources import Served, Thing
from tests.unit.web.test_watch import TABLE, V, put, wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOXES = f"{V}/boxes?watch=true"


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """Two boxes."""
    await served.world.put(Source.PODS, Thing("a", "attic"), Thing("bb", "cellar"))
    return served


def websocket(
    served: Served, path: str, headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] | None = None
) -> connect:
    """A WebSocket to `path`."""
    return connect(
        f"wss://127.0.0.1:{served.endpoint.port}{path}",
        ssl=served.endpoint.tls,
        additional_headers=headers,
        subprotocols=[Subprotocol(name) for name in subprotocols or ()] or None,
        compression=None,
        proxy=None,
    )


async def event(connection: ClientConnection) -> Any:
    """The event of the next message, which is text."""
    message = await connection.recv()
    assert isinstance(message, str)
    return json.loads(message)


async def closing_code(connection: ClientConnection) -> int | None:
    """Reads to the end; the code that the server gives for it."""
    with suppress(ConnectionClosedError):
        async for _ in connection:
            pass
    return connection.close_code


async def refused(served: Served, path: str) -> Any:
    """The metav1.Status in place of the upgrade; its code is that of the response, which closes the connection."""
    with pytest.raises(InvalidStatus) as refusal:
        async with websocket(served, path):
            pass
    response = refusal.value.response
    status = json.loads(response.body)
    assert (status["kind"], status["code"]) == ("Status", response.status_code)
    assert response.headers["Connection"] == "close"
    assert response.headers["Content-Type"] == "application/json"
    return status


async def test_each_event_is_one_message_and_the_same_as_a_line(filled: Served) -> None:
    """[W1] [W3]"""
    async with websocket(filled, BOXES) as messages, wire(filled, BOXES) as lines:
        await lines.head()
        initial = [await event(messages), await event(messages)]
        assert initial == await lines.events()
        await put(filled, Thing("ccc", "attic"))
        later = await event(messages)

        assert [later] == await lines.events()

    assert [(one["type"], one["object"]["metadata"]["name"]) for one in (*initial, later)] == [
        ("ADDED", "a"),
        ("ADDED", "bb"),
        ("ADDED", "ccc"),
    ]


async def test_selectors_tables_and_bookmarks_are_as_in_any_watch(filled: Served) -> None:
    path = (
        f"{BOXES}&fieldSelector=metadata.name%3Dbb&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    )
    async with websocket(filled, path, {"Accept": TABLE}) as messages:
        added, bookmark = await event(messages), await event(messages)

    assert (added["type"], added["object"]["kind"]) == ("ADDED", "Table")
    assert added["object"]["rows"][0]["cells"] == ["bb", 2]
    assert bookmark["type"] == "BOOKMARK"


async def test_it_ends_in_order_after_its_timeout(filled: Served) -> None:
    async with websocket(filled, f"{BOXES}&timeoutSeconds=1") as messages:
        assert await closing_code(messages) == 1000


async def test_the_place_of_its_connection_is_free_after_its_end(filled: Served) -> None:
    open_before = CONNECTIONS._value.get()

    async def is_free() -> bool:
        return CONNECTIONS._value.get() <= open_before

    for path in (BOXES, f"{BOXES}&resourceVersion=invalid"):
        with suppress(InvalidStatus):
            async with websocket(filled, path) as messages:
                await event(messages)
                assert CONNECTIONS._value.get() == open_before + 1

    await eventually(is_free)


async def test_the_subprotocol_that_is_offered_is_accepted(filled: Served) -> None:
    async with websocket(filled, BOXES, subprotocols=["base64.binary.k8s.io"]) as messages:
        assert messages.subprotocol == "base64.binary.k8s.io"


async def test_a_token_is_not_sent_back_as_subprotocol(filled: Served) -> None:
    token = "base64url.bearer.authorization.k8s.io.Z29vZA"
    async with websocket(filled, BOXES, subprotocols=[token, "v1"]) as messages:
        assert messages.subprotocol == "v1"


async def test_a_user_of_more_groups_than_a_websocket_may_have_headers_watches(filled: Served) -> None:
    headers = {f"X-Remote-Extra-{number}": "group" for number in range(500)}
    async with websocket(filled, BOXES, headers) as messages:
        assert (await event(messages))["type"] == "ADDED"


async def test_messages_of_the_client_change_nothing(filled: Served) -> None:
    async with websocket(filled, BOXES) as messages:
        await messages.send("hello")
        await messages.send(b"\x00")
        await event(messages)
        await event(messages)
        await put(filled, Thing("ccc", "attic"))

        assert (await event(messages))["object"]["metadata"]["name"] == "ccc"


async def test_a_large_message_of_the_client_ends_it(filled: Served) -> None:
    async with websocket(filled, BOXES) as messages:
        await messages.send("x" * 5000)
        assert await closing_code(messages) == 1009


async def test_the_watch_ends_when_the_client_closes(filled: Served) -> None:
    watches = LONG_RUNNING.labels("WATCH", "summary.kubesum.dev", "v1alpha1", "boxes", "", "cluster", "apiserver")
    before = watches._value.get()
    async with websocket(filled, BOXES) as messages:
        await event(messages)
        assert watches._value.get() == before + 1
        answering = [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]
    assert answering
    await asyncio.wait(answering)

    assert watches._value.get() == before


async def test_frames_that_no_client_may_send_end_it(filled: Served) -> None:
    """RFC 6455, 5.1: a client masks its frames."""
    async with websocket(filled, BOXES) as messages:
        messages.transport.write(b"\x81\x02hi")
        assert await closing_code(messages) == 1002


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{BOXES}&labelSelector=%3D", 400),
        (f"{BOXES}&resourceVersion=soon", 400),
        (f"{V}/crates?watch=true", 404),
        (f"{V}/boxes", 400),
        (f"{V}/namespaces/attic/boxes/a?watch=true", 400),
        ("/apis", 400),
        ("/healthz?watch=true", 400),
    ],
)
async def test_a_request_that_is_no_watch_that_can_begin_gets_a_status(filled: Served, path: str, code: int) -> None:
    assert (await refused(filled, path))["code"] == code


async def test_what_a_client_causes_is_no_error_of_the_log(filled: Served, caplog: pytest.LogCaptureFixture) -> None:
    """uvicorn logged an error for each refused watch, and a traceback for messages that are no UTF-8."""
    caplog.set_level(logging.INFO)
    await refused(filled, f"{BOXES}&resourceVersion=soon")
    async with websocket(filled, BOXES) as connection:
        await connection.send(b"\xff", text=True)
        assert await closing_code(connection) == 1007

    assert [record.message for record in caplog.records if record.name.startswith(("uvicorn", "kubesum"))] == []


async def test_a_watch_of_input_that_is_not_synced_gets_a_status(filled: Served) -> None:
    filled.world.not_synced = Unavailable("pods are not synced", transient=True)

    assert (await refused(filled, BOXES))["code"] == 503


HANDSHAKE = {"Host": "test", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize(
    "headers",
    [
        HANDSHAKE,
        {**HANDSHAKE, **KEY, "Sec-WebSocket-Version": "8"},
        {**HANDSHAKE, **KEY, "Upgrade": "h2c"},
        {**HANDSHAKE, **KEY, "Content-Length": "3"},
        {**HANDSHAKE, **KEY, "Transfer-Encoding": "chunked"},
    ],
    ids=["no key", "another version", "another protocol", "a body", "a chunked body"],
)
async def test_a_handshake_that_is_none_gets_a_status(filled: Served, headers: Mapping[str, str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", filled.endpoint.port, ssl=filled.endpoint.tls)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    writer.write(f"GET {BOXES} HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.transport.abort()

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body)["kind"] == "Status"


async def test_an_upgrade_behind_a_request_that_is_being_answered_is_refused(filled: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", filled.endpoint.port, ssl=filled.endpoint.tls)
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**HANDSHAKE, **KEY}.items())
    writer.write(f"GET {V}/boxes HTTP/1.1\r\nHost: test\r\n\r\nGET {BOXES} HTTP/1.1\r\n{lines}\r\n".encode())
    answered = await reader.read()
    writer.transport.abort()

    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 400 Bad Request\r\n" in answered
    assert b"101" not in answered.partition(b"\r\n")[0]
