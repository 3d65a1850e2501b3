"""Running, stopping, closing; a loop of one's own; timers and posted functions; flow."""

import logging
import select
import threading
import time
import unittest

import wsrs
from support import PATIENCE, Case, url


class Running(Case):
    def test_stop_ends_run_and_it_runs_again(self) -> None:
        ends = []
        context = self.context(
            on_message=lambda conn, message: context.stop(), on_close=lambda conn, info: ends.append(info.code)
        )
        for _ in range(2):
            listener = context.listen("127.0.0.1:0")
            context.connect(url(listener), on_open=lambda conn: conn.send("stop"))
            context.run()
            self.assertTrue(context.idle)
            with self.assertRaises(wsrs.ClosedError):
                listener.port
        self.assertEqual(ends, [1001] * 4)

    def test_stop_before_run(self) -> None:
        context = self.context()
        listener = context.listen("127.0.0.1:0")
        context.stop()
        context.run()
        with self.assertRaises(wsrs.ClosedError):
            listener.address
        context.listen("127.0.0.1:0")

    def test_while_it_stops_nothing_begins(self) -> None:
        context = self.context(limits=wsrs.Limits(stop_grace=60))
        client, server = self.pair(context)
        server.pause()
        context.stop()
        context.poll()
        with self.assertRaises(wsrs.StateError):
            context.listen("127.0.0.1:0")
        server.resume()
        self.until(context, lambda: context.idle)
        context.listen("127.0.0.1:0")

    def test_poll_waits_as_long_as_it_says(self) -> None:
        context = self.context()
        context.poll()
        begin = time.monotonic()
        context.poll(0.05)
        self.assertGreaterEqual(time.monotonic() - begin, 0.049)
        with self.assertRaises(ValueError):
            context.poll(-1)

    def test_poll_for_ever_ends_with_what_happens(self) -> None:
        context = self.context()
        done = []
        context.poll()
        context.timer(0.02, lambda: done.append(1))
        while not done:
            context.poll(None)

    def test_a_loop_of_its_own(self) -> None:
        got = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        poller = select.epoll()
        poller.register(context.fileno(), select.EPOLLIN)
        for number in range(5):
            client.send(str(number))
            while len(got) <= number:
                timeout = context.timeout()
                self.assertTrue(poller.poll(PATIENCE if timeout is None else timeout))
                context.poll()
        poller.close()
        self.assertEqual(got, ["0", "1", "2", "3", "4"])

    def test_reentry(self) -> None:
        refused = []

        def again() -> None:
            for wrong in (context.poll, context.run):
                with self.assertRaises(wsrs.ReentryError):
                    wrong()
                refused.append(wrong)

        context = self.context()
        context.post(again)
        self.until(context, lambda: len(refused) == 2)

    def test_idle_takes_no_processor_time(self) -> None:
        context = self.context()
        context.listen("127.0.0.1:0")
        context.timer(0.3, context.stop)
        begin = time.process_time()
        context.run()
        self.assertLess(time.process_time() - begin, 0.05)


class Closing(Case):
    def test_close_tells_every_connection(self) -> None:
        ends, errors = [], []
        context = self.context(
            on_close=lambda conn, info: ends.append((conn, info, conn.state)),
            on_error=lambda conn, error: errors.append((conn, type(error))),
        )
        client, server = self.pair(context)
        trying = context.connect(f"ws://{client.peer_address}/")
        context.close()
        self.assertEqual({conn for conn, _, _ in ends}, {client, server})
        self.assertEqual({state for _, _, state in ends}, {wsrs.State.CLOSED})
        self.assertEqual(errors, [(trying, wsrs.ClosedError)])
        self.assertTrue(context.closed)
        context.close()
        for wrong in (context.poll, context.run, context.stop, context.fileno, context.timeout, lambda: context.idle):
            with self.assertRaises(wsrs.ClosedError):
                wrong()
        for wrong in (lambda: context.listen("127.0.0.1:0"), lambda: context.post(print), lambda: context.broadcast("")):
            with self.assertRaises(wsrs.ClosedError):
                wrong()
        self.assertEqual(context.connections, ())

    def test_close_inside_a_callback(self) -> None:
        ends = []

        def on_message(conn: wsrs.Connection, message: str) -> None:
            context.close()
            with self.assertRaises(wsrs.ClosedError):
                conn.send(message)
            self.assertEqual(ends, [])

        context = self.context(on_message=on_message, on_close=lambda conn, info: ends.append(conn))
        client, _ = self.pair(context)
        client.send("x")
        context.run()
        self.assertEqual(len(ends), 2)

    def test_close_inside_the_on_close_of_close(self) -> None:
        context = self.context(on_close=lambda conn, info: context.close())
        self.pair(context)
        context.close()

    def test_how_it_ended(self) -> None:
        ends = {}
        context = self.context(on_close=lambda conn, info: ends.update({conn: info}))
        client, server = self.pair(context)
        client.close(4000, "grüße")
        client.close()
        self.until(context, lambda: len(ends) == 2)
        self.assertEqual(ends[server], (4000, "grüße", True, wsrs.By.REMOTE))
        self.assertEqual((ends[client].code, ends[client].clean, ends[client].by), (4000, True, wsrs.By.LOCAL))
        client, server = self.pair(context)
        server.abort()
        server.abort()
        self.until(context, lambda: len(ends) == 4)
        self.assertEqual((ends[client].code, ends[client].clean, ends[client].by), (1006, False, wsrs.By.NETWORK))

    def test_wrong_closes(self) -> None:
        client, _ = self.pair(self.context())
        for code, reason, error in (
            (1005, "", wsrs.CloseCodeError),
            (1000, "x" * 124, wsrs.TooLargeError),
            (0, "why", wsrs.ArgumentError),
        ):
            with self.assertRaises(error):
                client.close(code, reason)
        self.assertEqual(client.state, wsrs.State.OPEN)

    def test_a_closed_connection_refuses_everything(self) -> None:
        ends = []
        context = self.context(on_close=lambda conn, info: ends.append((conn, conn.path if conn is server else None)))
        client, server = self.pair(context)
        client.close()
        with self.assertRaises(wsrs.ClosedError):
            client.send("x")
        self.until(context, lambda: len(ends) == 2)
        self.assertIn((server, "/"), ends)
        for wrong in (
            lambda: client.send("x"),
            lambda: client.send(b"x"),
            lambda: client.send(bytearray(b"x")),
            lambda: client.send_fragment("x", True),
            client.ping,
            client.pong,
            client.pause,
            client.resume,
            client.request_drain,
            client.defer,
            client.accept,
            lambda: client.respond(200),
            lambda: client.buffered,
            lambda: client.headers,
            lambda: client.subprotocol,
            lambda: client.local_address,
            lambda: client.peer_address,
        ):
            with self.assertRaises(wsrs.ClosedError):
                wrong()
        client.close()
        client.abort()
        self.assertEqual(client.state, wsrs.State.CLOSED)
        self.assertIn("CLOSED", repr(client))
        self.assertEqual(context.connections, ())


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
        self.assertEqual(client.stats(), (0,) * 9 + (None,) * 3)
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


class Threads(Case):
    def test_other_threads_send_post_and_stop(self) -> None:
        got, answers = [], []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, server = self.pair(context)
        refused = []

        def work(name: str) -> None:
            for number in range(200):
                client.send(f"{name}{number}")
            context.post(lambda: answers.append(name))

        def others() -> None:
            with self.assertRaises(wsrs.ThreadError):
                context.poll()
            with self.assertRaises(wsrs.ThreadError):
                context.close()
            with self.assertRaises(wsrs.ThreadError):
                client.buffered
            refused.append(1)
            workers = [threading.Thread(target=work, args=(name,)) for name in "ab"]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            context.post(lambda: context.timer(0, finish, repeat=0.01))

        def finish() -> None:
            if len(got) == 400:
                context.stop()

        thread = threading.Thread(target=others)
        thread.start()
        context.run()
        thread.join()
        self.assertEqual(refused, [1])
        for name in "ab":
            self.assertEqual([each for each in got if each[0] == name], [f"{name}{number}" for number in range(200)])
        self.assertEqual(sorted(answers), ["a", "b"])

    def test_stop_from_another_thread_ends_a_wait(self) -> None:
        for _ in range(50):
            context = self.context()
            context.listen("127.0.0.1:0")
            thread = threading.Thread(target=context.stop)
            thread.start()
            context.run()
            thread.join()
            context.close()

    def test_a_context_moves_when_its_thread_has_ended(self) -> None:
        context = self.context()
        thread = threading.Thread(target=context.poll)
        thread.start()
        thread.join()
        context.poll()


if __name__ == "__main__":
    unittest.main()
