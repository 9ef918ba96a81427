"""What exporter/server/uvicorn_adapter.py relies on in uvicorn, beyond what uvicorn documents.

A failure here after an upgrade says what changed: adapt that module, then this list.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import Callable
from itertools import pairwise
from threading import Thread
from typing import Any

import h11
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from exporter.server.asgi import Receive, Scope, Send
from exporter.server.uvicorn_adapter import LimitedServer, Limits
from tests.support.waiting import wait_until

VERSION = f"uvicorn {uvicorn.__version__}"


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (uvicorn.Server.__init__, ["self", "config"]),
        (uvicorn.Server.serve, ["self", "sockets"]),
        (uvicorn.Server.startup, ["self", "sockets"]),
        (uvicorn.Server.shutdown, ["self", "sockets"]),
        (uvicorn.Server.main_loop, ["self"]),
        (uvicorn.Server.on_tick, ["self", "counter"]),
        (H11Protocol.__init__, ["self", "config", "server_state", "app_state", "_loop"]),
        (H11Protocol.connection_made, ["self", "transport"]),
        (H11Protocol.connection_lost, ["self", "exc"]),
        (H11Protocol.data_received, ["self", "data"]),
        (H11Protocol.on_response_complete, ["self"]),
        (H11Protocol.send_400_response, ["self", "msg"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_the_methods_that_are_overridden_or_called_have_these_parameters(
    function: Callable[..., Any], parameters: list[str]
) -> None:
    found = list(inspect.signature(function).parameters)
    assert found == parameters, f"{VERSION}: {function.__qualname__} takes other parameters"


@pytest.mark.parametrize("name", ["serve", "startup", "shutdown", "main_loop", "on_tick"])
def test_the_servers_methods_are_coroutines(name: str) -> None:
    method = getattr(uvicorn.Server, name)
    assert inspect.iscoroutinefunction(method), f"{VERSION}: Server.{name} is not a coroutine"


@pytest.mark.parametrize(
    ("caller", "called"),
    [
        # Overrides that uvicorn no longer calls would be dead without any error.
        (uvicorn.Server._serve, "self.startup(sockets=sockets)"),
        (uvicorn.Server._serve, "self.shutdown(sockets=sockets)"),
        (uvicorn.Server._serve, "self.main_loop()"),
        (uvicorn.Server.on_tick, "if counter % 10 == 0"),
        (uvicorn.Server.on_tick, "self.should_exit"),
        (H11Protocol.handle_events, "self.send_400_response("),
        (H11Protocol.handle_events, "on_response=self.on_response_complete"),
        (H11Protocol.handle_events, '"state": self.app_state.copy()'),
        (RequestResponseCycle.send, "self.disconnected"),
        # Flow control, which keeps what is unread small.
        (RequestResponseCycle.send, "await self.flow.drain()"),
        # A connection that is closed after too many requests is not read on.
        (H11Protocol.on_response_complete, "if self.transport.is_closing():\n            return"),
    ],
)
def test_uvicorn_calls_what_is_overridden_and_reads_what_is_set(
    caller: Callable[..., Any], called: str
) -> None:
    source = inspect.getsource(caller)
    assert called in source, f"{VERSION}: {caller.__qualname__} has no {called} any more"


def protocol() -> tuple[H11Protocol, uvicorn.Server]:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    config = uvicorn.Config(app, http=H11Protocol, lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)

    async def create() -> H11Protocol:
        return H11Protocol(config, server.server_state, app_state={})

    return asyncio.run(create()), server


def test_the_attributes_that_are_used_are_there_and_are_what_they_were() -> None:
    connection, server = protocol()
    assert isinstance(server.server_state, ServerState), VERSION
    assert server.should_exit is False, f"{VERSION}: Server.should_exit"
    assert connection.connections is server.server_state.connections, (
        f"{VERSION}: H11Protocol.connections is not the server's set of connections"
    )
    assert connection.connections == set(), f"{VERSION}: ServerState.connections is not a set"
    assert connection.app_state == {}, f"{VERSION}: H11Protocol.app_state is not a dictionary"
    for name in ("transport", "cycle", "loop", "conn"):
        assert hasattr(connection, name), f"{VERSION}: H11Protocol has no attribute {name}"
    assert vars(connection)["cycle"] is None, (
        f"{VERSION}: H11Protocol.cycle exists before a request"
    )
    assert isinstance(connection.conn, h11.Connection), f"{VERSION}: it does not parse with h11"


def test_the_attributes_that_are_added_are_not_uvicorns_own() -> None:
    connection, server = protocol()
    for name in (
        "active_at",
        "_idle",
        "_ahead",
        "_limits",
        "_accepts_certificate",
        "_deadline",
        "_set_deadline",
        "_begin_exchange",
        "_expire",
    ):
        assert not hasattr(connection, name), f"{VERSION}: H11Protocol has an attribute {name} now"
    assert not hasattr(server, "_acceptor"), f"{VERSION}: Server has an attribute _acceptor now"


def test_it_wakes_once_a_second_and_stops_at_once() -> None:
    """By counting how often the server looks whether it is to stop."""
    looks: list[float] = []

    class Counted(LimitedServer):
        async def on_tick(self, counter: int) -> bool:
            looks.append(time.monotonic())
            return await super().on_tick(counter)

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    server = Counted(app, Limits(), lambda: None, lambda _: True)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    wait_until(lambda: len(looks) > 2)
    assert min(after - before for before, after in pairwise(looks)) > 0.9
    server.end()
    thread.join(30)
    assert not thread.is_alive()
    server.end()  # which is harmless once it has ended
