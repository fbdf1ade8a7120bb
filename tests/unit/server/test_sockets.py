"""Listening sockets, and what is said where there can be none."""

import pytest

from kubesum.server.sockets import listen
from kubesum.vocabulary.errors import UsageError


def test_an_address_of_another_machine_is_not_the_port_s_fault() -> None:
    """The message named another port as the remedy."""
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1, port 0: .*; choose another address"):
        listen(0, "192.0.2.1")


def test_a_port_that_is_taken_is() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(UsageError, match=rf"port {port}: Address already in use; choose another port"):
            listen(port)
