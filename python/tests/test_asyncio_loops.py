"""wsrs.asyncio and event loops: the context of each, threads, uvloop, the end of the process."""

import asyncio
import gc
import importlib.util
import os
import threading
import unittest
from typing import Any, Awaitable, Callable, List
from unittest import mock

import wsrs.asyncio
from behaviours import echo, hold, pair, uri
from support import program
from wsrs.asyncio import connect, loops, serve
from wsrs.asyncio.exceptions import ConnectionClosedError

PATIENCE = 20.0
PACKAGE = wsrs.asyncio


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(work(), PATIENCE)

    return asyncio.run(bounded())


async def one_echo() -> str:
    async with serve(echo, "127.0.0.1", 0) as server:
        async with connect(uri(server)) as client:
            await client.send("x")
            return str(await client.recv())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Loops(unittest.TestCase):
    def test_a_context_ends_with_its_loop(self) -> None:
        run(one_echo)
        before = descriptors()
        for _ in range(5):
            run(one_echo)
            self.assertEqual({}, loops._drivers)
        self.assertEqual(before, descriptors())

    def test_connections_left_open_end_with_the_loop(self) -> None:
        left: List[Any] = []

        async def leave() -> None:
            server = await serve(hold, "127.0.0.1", 0)
            left.append(await connect(uri(server)))

        before = descriptors()
        run(leave)
        self.assertEqual(before, descriptors())
        self.assertEqual(wsrs.asyncio.State.CLOSED, left[0].state)

    def test_a_loop_that_is_only_closed_leaves_its_context_to_the_next(self) -> None:
        before = descriptors()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(one_echo())
        loop.close()
        self.assertEqual(1, len(loops._drivers))
        run(one_echo)
        self.assertEqual({}, loops._drivers)
        del loop
        gc.collect()
        self.assertEqual(before, descriptors())

    def test_a_loop_left_behind_by_a_thread_that_lives_on(self) -> None:
        left, go = threading.Event(), threading.Event()

        def work() -> None:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(one_echo())
            loop.close()
            left.set()
            go.wait(PATIENCE)
            run(one_echo)

        thread = threading.Thread(target=work)
        thread.start()
        left.wait(PATIENCE)
        self.assertEqual("x", run(one_echo))
        self.assertEqual(1, len(loops._drivers))
        go.set()
        thread.join(PATIENCE)
        self.assertEqual({}, loops._drivers)

    def test_a_context_that_fails_tells_everybody(self) -> None:
        complaints: List[Any] = []

        async def work() -> Any:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))
            async with pair(PACKAGE, PACKAGE) as (client, server):
                with mock.patch.object(client.driver.context, "poll", side_effect=wsrs.PanicError()):
                    receiving = [asyncio.create_task(end.recv()) for end in (client, server)]
                    await client.send("wakes the loop")
                    return await asyncio.gather(*receiving, return_exceptions=True)

        ended = run(work)
        self.assertEqual([ConnectionClosedError] * 2, [type(each) for each in ended])
        self.assertEqual([wsrs.PanicError], [type(each) for each in complaints])

    def test_loops_in_several_threads(self) -> None:
        got: List[Any] = []

        def work() -> None:
            for _ in range(10):
                got.append(run(one_echo))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(["x"] * 40, got)
        self.assertEqual({}, loops._drivers)

    def test_a_loop_may_run_several_times(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(_started(echo))
            client = loop.run_until_complete(_connected(uri(server)))
            loop.run_until_complete(client.send("x"))
            self.assertEqual("x", loop.run_until_complete(client.recv()))
            server.close()
            loop.run_until_complete(server.wait_closed())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    @unittest.skipUnless(importlib.util.find_spec("uvloop"), "uvloop is not installed")
    def test_uvloop(self) -> None:
        import uvloop

        async def work() -> Any:
            async with pair(PACKAGE, PACKAGE, echo) as (client, _):
                await client.send(["a", "b"])
                got = [await client.recv()]
                for number in range(100):
                    await client.send(number.to_bytes(4, "big") * 16384)
                    got.append(len(await client.recv()))
                await (await client.ping())
                return got

        loop = uvloop.new_event_loop()
        try:
            got = loop.run_until_complete(asyncio.wait_for(work(), PATIENCE))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
        self.assertEqual(["ab"] + [65536] * 100, got)
        self.assertEqual({}, loops._drivers)

    def test_a_process_that_ends_in_the_middle(self) -> None:
        done = program(
            """
            import asyncio, sys
            from wsrs.asyncio import connect, loops, serve

            async def main():
                server = await serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0)
                await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                sys.exit(3)

            asyncio.run(main())
            """
        )
        self.assertEqual((3, "", ""), (done.returncode, done.stdout, done.stderr))

    def test_interrupt(self) -> None:
        done = program(
            """
            import asyncio, os, signal
            from wsrs.asyncio import connect, loops, serve

            async def main():
                async with serve(lambda connection: None, "127.0.0.1", 0) as server:
                    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
                    await server.serve_forever()

            try:
                asyncio.run(main())
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
        self.assertEqual(("interrupted\n", ""), (done.stdout, done.stderr))


async def _started(handler: Any) -> Any:
    return await serve(handler, "127.0.0.1", 0)


async def _connected(address: str) -> Any:
    return await connect(address)


if __name__ == "__main__":
    unittest.main()
