"""Running, stopping, closing; a loop of one's own; threads."""

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
        context.post(lambda: None)
        context.poll(1e9)

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
        self.assertEqual(ends[server], (4000, "grüße", True, wsrs.By.REMOTE, False, None))
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
