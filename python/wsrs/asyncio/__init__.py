"""WebSocket servers and clients for asyncio, shaped like the ``websockets`` package.

    from wsrs.asyncio import serve

    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async def main():
        async with serve(echo, "localhost", 8765) as server:
            await server.serve_forever()

``serve`` and ``connect`` stand in ``server`` and ``client``, what they raise in ``exceptions``.
"""

from . import exceptions as exceptions
from .auth import basic_auth as basic_auth
from .broadcasting import broadcast as broadcast
from .client import ClientConnection as ClientConnection
from .client import connect as connect
from .client import unix_connect as unix_connect
from .connection import Connection as Connection
from .exceptions import *  # noqa: F403
from .frames import Close as Close
from .frames import CloseCode as CloseCode
from .frames import State as State
from .http import Headers as Headers
from .http import Request as Request
from .http import Response as Response
from .server import Server as Server
from .server import ServerConnection as ServerConnection
from .server import serve as serve
from .server import unix_serve as unix_serve
