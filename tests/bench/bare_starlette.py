"""Run as a process: the floor of the service. Starlette on granian, one route that answers with bytes it has.

``python -m tests.bench.bare_starlette PORT FILE`` serves the bytes of FILE under every path.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server.mp import MPServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def application(body: bytes) -> Any:
    """One route, as a first version of any service has it."""

    async def answer(request: Request) -> Response:
        del request
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/prompts/{id:path}", answer)])


def main(port: str, file: str) -> None:
    """Serve until a signal, with the settings that the service gives granian."""
    server = MPServer(
        "bare", port=int(port), interface=Interfaces.ASGI, loop=Loops.uvloop, http=HTTPModes.http1, websockets=False,
        backlog=4096, backpressure=4096, log_enabled=False,
    )  # fmt: skip
    server.serve(target_loader=partial(application, Path(file).read_bytes()), wrap_loader=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
