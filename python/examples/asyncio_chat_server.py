"""Everybody reads what anybody writes: python asyncio_chat_server.py [PORT], until Ctrl-C.

A room is the path: ws://127.0.0.1:9001/kitchen. Who is new in it gets its last messages. Pages of other sites are kept out.
"""

import asyncio
import collections
import sys
from typing import Deque, Dict, Set

from wsrs.asyncio import ServerConnection, broadcast, serve

KEPT = 20

members: Dict[str, Set[ServerConnection]] = collections.defaultdict(set)
history: Dict[str, Deque[str]] = collections.defaultdict(lambda: collections.deque(maxlen=KEPT))


async def chat(connection: ServerConnection) -> None:
    assert connection.request is not None
    room = connection.request.path
    for line in history[room]:
        await connection.send(line)
    members[room].add(connection)
    try:
        async for message in connection:
            if isinstance(message, str):
                history[room].append(message)
                broadcast(members[room], message)
    finally:
        members[room].discard(connection)
        if not members[room]:
            del members[room], history[room]


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9001
    origins = [f"http://127.0.0.1:{port}", f"http://localhost:{port}", None]
    async with serve(chat, "localhost", port, origins=origins, max_size=4096) as server:
        print(*server.sockets[0].getsockname()[:2], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
