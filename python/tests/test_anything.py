"""Programs that do anything at any time, from a seed: nothing crashes, and each connection ends exactly once."""

import gc
import random
import sys
import threading
import unittest
from typing import Any, Dict, List

import wsrs
from support import url

SEEDS = range(30)
STEPS = 500


class Boom(Exception):
    pass


class Program:
    """A context whose callbacks do what comes to mind."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.steps = 0
        self.raised = 0
        self.announced: Dict[wsrs.Connection, int] = {}
        self.kept: List[wsrs.Connection] = []
        self.context = wsrs.Context(
            on_request=self.callback if seed % 3 == 0 else None,
            on_open=self.announce,
            on_message=self.callback,
            on_close=self.end,
            on_error=self.end,
            on_drain=self.callback,
            on_ping=self.callback,
            on_pong=self.callback,
            messages=self.random.choice(["bytes", "view"]),
            limits=wsrs.Limits(high_water=200_000, stop_grace=0.2, close_timeout=0.2, handshake_timeout=0.5),
        )
        self.listener = self.context.listen("127.0.0.1:0", streaming=seed % 4 == 0)
        self.target = url(self.listener)

    def run(self) -> None:
        for _ in range(4):
            self.connect()
        thread = threading.Thread(target=self.other_thread)
        thread.start()
        while not self.context.closed and self.steps < STEPS:
            try:
                self.context.poll(0.001)
                self.act(None)
            except Boom:
                self.raised += 1
            except wsrs.ClosedError:
                break
        thread.join()
        try:
            self.context.close()
        except Boom:
            self.raised += 1

    def other_thread(self) -> None:
        for _ in range(50):
            for conn in self.kept[-3:]:
                try:
                    self.random.choice([lambda: conn.send("thread"), conn.ping, conn.resume, lambda: conn.state])()
                    self.context.post(lambda: self.act(None))
                except wsrs.Error:
                    pass

    def connect(self) -> None:
        self.kept.append(self.context.connect(self.target, streaming=self.random.random() < 0.2))

    def announce(self, conn: wsrs.Connection) -> None:
        if conn in self.announced:
            raise AssertionError("opened twice")
        self.announced[conn] = 0
        self.kept.append(conn)
        self.callback(conn)

    def end(self, conn: wsrs.Connection, info: Any) -> None:
        self.announced[conn] = self.announced.get(conn, 0) + 1
        self.callback(conn)

    def callback(self, conn: wsrs.Connection, message: Any = None) -> None:
        self.act(conn)
        if self.random.random() < 0.02:
            self.raised -= 1
            raise Boom

    def act(self, conn: Any) -> None:
        """Something, about this connection or any other. What is refused is refused."""
        self.steps += 1
        conn = conn if conn is not None and self.random.random() < 0.5 else self.random.choice(self.kept)
        actions = [
            (20, lambda: conn.send("text")),
            (20, lambda: conn.send(bytes(self.random.randrange(100_000)))),
            (5, lambda: conn.send(memoryview(bytearray(1000)))),
            (3, lambda: conn.send_fragment(b"part", self.random.random() < 0.8)),
            (5, conn.ping),
            (2, conn.close),
            (2, conn.abort),
            (3, conn.pause),
            (6, conn.resume),
            (3, conn.request_drain),
            (2, lambda: conn.accept()),
            (2, lambda: conn.respond(404, body="no")),
            (2, conn.defer),
            (3, lambda: (conn.path, conn.headers, conn.subprotocol, conn.local_address)),
            (2, lambda: conn.stats()),
            (6, self.connect),
            (3, lambda: self.context.broadcast(b"all")),
            (3, lambda: self.context.send_many(self.kept, "many")),
            (2, lambda: self.context.timer(0.001, lambda: self.act(None))),
            (2, lambda: self.context.post(lambda: self.act(None))),
            (2, lambda: self.context.stats()),
            (1, lambda: self.context.poll()),
            (0.2, self.context.stop),
            (0.1, self.context.close),
            (0.1, lambda: gc.collect()),
        ]
        (_, action), *_ = self.random.choices(actions, [weight for weight, _ in actions])
        try:
            action()
        except wsrs.Error:
            pass


class Anything(unittest.TestCase):
    def test_each_connection_ends_once(self) -> None:
        reported: list = []
        before, sys.unraisablehook = sys.unraisablehook, reported.append
        try:
            for seed in SEEDS:
                with self.subTest(seed=seed):
                    program = Program(seed)
                    program.run()
                    self.assertEqual(set(program.announced.values()), {1})
                    self.assertEqual({each.exc_type for each in reported} - {Boom}, set())
                    self.assertEqual(program.raised, -len(reported))
                    reported.clear()
                    self.assertEqual({conn.state for conn in program.kept}, {wsrs.State.CLOSED})
        finally:
            sys.unraisablehook = before


if __name__ == "__main__":
    unittest.main()
