"""wsrs.asyncio takes the place of websockets: each behaviour is the same with either package on either side.

What websockets does on both sides is the measure; then wsrs.asyncio is the server, the client, and both.
"""

import asyncio
import logging
import unittest
import unittest.mock
from typing import Any

import behaviours.compression
import behaviours.ends
import behaviours.handshake
import behaviours.messages
import behaviours.roads
import behaviours.servers
import websockets
import wsrs.asyncio

PATIENCE = 20.0


def run(function: Any, server: Any, client: Any) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(function(server, client), PATIENCE)

    return asyncio.run(bounded())


# Older ones, which Pythons before 3.11 get, don't have all of it.
@unittest.skipIf(int(websockets.__version__.split(".")[0]) < 17, "websockets 17 is the measure")
class Comparison(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        # Handlers that raise are part of it.
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def compare(self, function: Any) -> None:
        wanted = run(function, websockets, websockets)
        for server, client in ((wsrs.asyncio, websockets), (websockets, wsrs.asyncio), (wsrs.asyncio, wsrs.asyncio)):
            with self.subTest(server=server.__name__, client=client.__name__):
                self.assertEqual(wanted, run(function, server, client))


class Behaviours(Comparison):
    pass


class Compressed(Comparison):
    """Those of messages once more."""

    def setUp(self) -> None:
        super().setUp()
        compressed = unittest.mock.patch.dict(behaviours.PLAIN, compression="deflate")
        compressed.start()
        self.addCleanup(compressed.stop)


def _add(case: Any, name: str, function: Any) -> None:
    def test(self: Comparison) -> None:
        self.compare(function)

    test.__name__ = f"test_{name}"
    setattr(case, test.__name__, test)


for _name, _function in behaviours.BEHAVIOURS.items():
    _add(Behaviours, _name, _function)
    if _function.__module__ == behaviours.messages.__name__:
        _add(Compressed, _name, _function)

if __name__ == "__main__":
    unittest.main()
