"""What else a program asks for: timers and posted functions, messages to many, flow, limits, counters, the log."""

import logging
import unittest

import wsrs
from support import Case, url


class Calls(Case):
    def test_posts_come_in_order(self) -> None:
        got = []
        context = self.context()
        for number in range(100):
            context.post(lambda number=number: got.append(number))
        self.until(context, lambda: len(got) == 100)
        self.assertEqual(got, list(range(100)))
        context.post(lambda: got.append("at the end"))
        context.close()
        self.assertEqual(got[-1], "at the end")

    def test_timers(self) -> None:
        got = []
        context = self.context()

        def repeated() -> None:
            got.append("repeated")
            if got.count("repeated") == 3:
                ticking.cancel()

        ticking = context.timer(0.01, repeated, repeat=0.01)
        context.timer(0.005, lambda: got.append("once"))
        never = context.timer(0.001, lambda: got.append("never"))
        never.cancel()
        never.cancel()
        context.timer(0.2, context.stop)
        context.run()
        self.assertEqual(got.count("repeated"), 3)
        self.assertEqual((got.count("once"), got.count("never")), (1, 0))
        self.assertEqual(context._delivery.timers, {})
        with self.assertRaises(ValueError):
            context.timer(-1, print)
        with self.assertRaises(ValueError):
            context.timer(1, print, repeat=0)
        for never_due in (2**64 / 1000, float("inf")):
            with self.assertRaises(wsrs.ArgumentError):
                context.timer(never_due, print)
            with self.assertRaises(wsrs.ArgumentError):
                context.timer(1, print, repeat=never_due)

    def test_broadcast_and_send_many(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append((conn, message)))
        first, first_server = self.pair(context)
        second, second_server = self.pair(context)
        self.assertEqual(set(context.connections), {first, first_server, second, second_server})
        self.assertEqual(context.broadcast("all"), 4)
        self.assertEqual(context.send_many([first_server, second_server], bytearray(b"two")), 2)
        self.until(context, lambda: len(got) == 6)
        self.assertEqual([message for _, message in got].count("all"), 4)
        self.assertEqual({conn for conn, message in got if message == b"two"}, {first, second})
        self.assertEqual(context.send_many([], "nobody"), 0)
        second.close()
        self.assertEqual(context.send_many([second, first], "x"), 1)
        with self.assertRaises(wsrs.ArgumentError):
            self.context().send_many([first], "of another context")

    def test_a_listener_has_its_own_callbacks_and_the_contexts(self) -> None:
        got = []
        context = self.context(on_open=lambda conn: got.append("open"), on_message=lambda conn, m: got.append("context"))
        listener = context.listen("127.0.0.1:0", on_message=lambda conn, m: got.append("listener"))
        client = context.connect(url(listener), on_open=lambda conn: conn.send("x"))
        self.until(context, lambda: "listener" in got)
        for conn in context.connections:
            if conn is not client:
                conn.send("back")
        self.until(context, lambda: "context" in got)
        self.assertEqual(got, ["open", "listener", "context"])


class Flow(Case):
    def test_a_full_queue_and_its_drain(self) -> None:
        drained, received = [], []
        context = self.context(
            limits=wsrs.Limits(high_water=100_000),
            on_message=lambda conn, message: received.append(len(message)),
            on_drain=drained.append,
        )
        client, server = self.pair(context)
        server.pause()
        sent = 0
        with self.assertRaises(wsrs.AgainError) as raised:
            for _ in range(10_000):
                client.send(b"x" * 50_000)
                sent += 1
        self.assertEqual(raised.exception.code, -203)
        self.assertGreaterEqual(client.buffered, 100_000)
        server.resume()
        self.until(context, lambda: drained and len(received) == sent)
        self.assertEqual(drained, [client])
        self.assertEqual(client.buffered, 0)
        client.request_drain()
        self.until(context, lambda: len(drained) == 2)

    def test_limits(self) -> None:
        ends = []
        context = self.context(on_close=lambda conn, info: ends.append(info.code))
        client, _ = self.pair(context, limits=wsrs.Limits(max_message=10))
        client.send(b"x" * 11)
        self.until(context, lambda: len(ends) == 2)
        self.assertEqual(ends, [1009, 1009])
        client, _ = self.pair(context, limits=wsrs.Limits(max_message=wsrs.OFF, max_frame=wsrs.OFF))
        with self.assertRaises(wsrs.ArgumentError):
            wsrs.Context(limits=wsrs.Limits(max_head=wsrs.OFF))
        with self.assertRaises(ValueError):
            wsrs.Context(limits=wsrs.Limits(ping_interval=-1))
        ends.clear()
        client, _ = self.pair(context, limits=wsrs.Limits(idle_timeout=0.05))
        self.until(context, lambda: len(ends) == 2)
        self.assertEqual(ends, [1001, 1001])


class Counters(Case):
    def test_of_connections_and_contexts(self) -> None:
        pongs, ends = [], []
        context = self.context(
            on_pong=lambda conn, data: pongs.append(data),
            on_close=lambda conn, info: ends.append(conn.stats().messages_received),
        )
        client, server = self.pair(context)
        self.assertEqual(client.stats(), (0,) * 9 + (1, 0) + (None,) * 3 + (0,) * 4)
        client.send("four")
        client.send(b"sixsix")
        client.ping()
        self.until(context, lambda: pongs)
        stats = client.stats()
        self.assertEqual((stats.messages_sent, stats.bytes_sent, stats.pings_sent, stats.pongs_received), (2, 10, 1, 1))
        self.assertTrue(0 < stats.rtt < 10 and stats.rtt == stats.rtt_least == stats.rtt_mean, stats)
        stats = server.stats()
        self.assertEqual((stats.messages_received, stats.bytes_received, stats.pings_received), (2, 10, 1))
        client.close()
        self.until(context, lambda: len(ends) == 2)
        self.assertEqual(sorted(ends), [0, 2])
        totals = context.stats()
        self.assertEqual((totals.opened, totals.closed, totals.messages_sent, totals.losses), (2, 2, 2, 0))
        with self.assertRaises(wsrs.ClosedError):
            client.stats()
        context.close()
        with self.assertRaises(wsrs.ClosedError):
            context.stats()


class Logs(Case):
    def test_lines_go_to_a_function_or_a_logger(self) -> None:
        lines = []
        context = self.context(log=lambda level, line: lines.append((level, line)), log_level=wsrs.LogLevel.DEBUG)
        with self.assertRaises(wsrs.AddressError):
            context.listen("nonsense")
        self.assertTrue(lines)
        self.assertIsInstance(lines[0][0], wsrs.LogLevel)
        logger = logging.getLogger("test")
        with self.assertLogs(logger, logging.DEBUG) as logged:
            context.set_log(logger, wsrs.LogLevel.DEBUG)
            with self.assertRaises(wsrs.AddressError):
                context.listen("nonsense")
        self.assertTrue(logged.output)
        context.set_log(None)
        lines.clear()
        with self.assertRaises(wsrs.AddressError):
            context.listen("nonsense")
        self.assertEqual(lines, [])


if __name__ == "__main__":
    unittest.main()
