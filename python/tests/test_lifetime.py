"""Nothing crashes, whatever a program keeps, forgets or ends."""

import copy
import gc
import os
import pickle
import signal
import threading
import unittest
import warnings
import weakref

import wsrs
from support import Case, program, url


class Forgotten(Case):
    def test_a_forgotten_context_drops_its_connections(self) -> None:
        other = self.context()
        errors, calls = [], []

        def forget() -> "weakref.ref[wsrs.Context]":
            context = wsrs.Context(on_close=lambda conn, info: calls.append("close"))
            listener = context.listen("127.0.0.1:0")
            opened: list = []
            client = other.connect(url(listener), on_close=lambda conn, info: errors.append(info.code))
            context.post(lambda: calls.append("post"))
            while client.state != wsrs.State.OPEN:
                context.poll()
                other.poll(0.01)
            context.post(lambda: calls.append("late post"))
            context.timer(0, lambda: calls.append("timer"))
            del opened
            return weakref.ref(context)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kept = forget()
            gc.collect()
        self.assertIsNone(kept())
        self.assertEqual([each.category for each in caught], [ResourceWarning])
        self.assertEqual(calls, ["post"])
        self.until(other, lambda: errors)
        self.assertIn(errors[0], (1001, 1006))

    def test_a_closed_context_is_freed(self) -> None:
        context = wsrs.Context()
        client, server = self.pair(context)
        client.user = context
        context.close()
        kept = weakref.ref(context)
        del context, client, server
        gc.collect()
        self.assertIsNone(kept())

    def test_connections_are_forgotten_by_their_context(self) -> None:
        kept: list = []
        context = self.context(on_open=lambda conn: kept.append(weakref.ref(conn)))
        context.connect(url(context.listen("127.0.0.1:0")))
        self.until(context, lambda: len(kept) == 2)
        gc.collect()
        self.assertNotIn(None, [each() for each in kept])
        kept[0]().close()
        self.until(context, lambda: not context.connections)
        gc.collect()
        self.assertEqual([each() for each in kept], [None, None])

    def test_a_connection_keeps_its_context(self) -> None:
        context = wsrs.Context()
        client, _ = self.pair(context)
        del context
        gc.collect()
        client.send("still there")
        client.context.close()
        with self.assertRaises(wsrs.ClosedError):
            client.send("gone")

    def test_what_a_thread_that_is_gone_has_forgotten(self) -> None:
        ran = program(
            """
            import gc, threading, wsrs
            def work():
                context = wsrs.Context(on_close=print)
                context.listen("127.0.0.1:0")
                context.poll()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            gc.collect()
            print("end")
            """,
        )
        self.assertEqual((ran.returncode, ran.stdout), (0, "end\n"), ran.stderr)

    def test_what_another_thread_has_collected_ends_with_the_next_context(self) -> None:
        other = self.context()
        codes: list = []

        def forget() -> None:
            context = wsrs.Context()
            context.user = context  # type: ignore[attr-defined]  # only the collector frees it
            client = other.connect(url(context.listen("127.0.0.1:0")), on_close=lambda conn, info: codes.append(info.code))
            while client.state != wsrs.State.OPEN:
                context.poll()
                other.poll(0.01)

        gc.disable()
        self.addCleanup(gc.enable)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            forget()
            thread = threading.Thread(target=gc.collect)
            thread.start()
            thread.join()
        other.poll(0.05)
        self.assertEqual(codes, [])
        self.context()
        self.until(other, lambda: codes)
        self.assertEqual(codes, [1001])

    def test_a_context_is_not_copied(self) -> None:
        context = self.context()
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "copied"):
                copied(context)
        context.poll()

    def test_a_thousand_contexts(self) -> None:
        for _ in range(1100):
            with wsrs.Context() as context:
                context.listen("127.0.0.1:0")


class Fork(Case):
    def test_the_child_can_not_use_it_and_disturbs_nothing(self) -> None:
        got: list = []
        context = self.context(on_message=lambda conn, message: got.append(message))
        client, _ = self.pair(context)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            status = 1
            try:
                for wrong in (context.poll, context.run, lambda: client.send("x"), context.stop, context.fileno):
                    with self.assertRaises(wsrs.ForkedError):
                        wrong()
                context.close()
                with wsrs.Context() as own:
                    own.listen("127.0.0.1:0")
                    own.poll()
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        client.send("after")
        self.until(context, lambda: got)
        self.assertEqual(got, ["after"])

    def test_fork_while_another_thread_runs(self) -> None:
        ran = program(
            """
            import os, sys, threading, time, wsrs
            context = wsrs.Context(on_message=lambda conn, message: conn.send(message))
            listener = context.listen("127.0.0.1:0")
            conn = context.connect(f"ws://127.0.0.1:{listener.port}/", on_open=lambda conn: conn.send("x"))
            thread = threading.Thread(target=context.run)
            thread.start()
            for _ in range(20):
                time.sleep(0.002)
                child = os.fork()
                if child == 0:
                    sys.exit(7 if not list(wsrs._exit.contexts) else 1)
                assert os.waitpid(child, 0)[1] == 7 << 8
            context.stop()
            thread.join()
            context.close()
            print("end")
            """
        )
        self.assertEqual((ran.returncode, ran.stdout), (0, "end\n"), ran.stderr)


class Exit(unittest.TestCase):
    maxDiff = None
    """The end of the process, with things going on."""

    LOAD = """
        import sys, threading, time, wsrs
        def echo(conn, message):
            conn.send(message)
        context = wsrs.Context(on_message=echo)
        listener = context.listen("127.0.0.1:0")
        def opened(conn):
            for _ in range(50):
                conn.send(b"x" * 100)
        context.connect(f"ws://127.0.0.1:{listener.port}/", on_open=opened)
        threading.Thread(target=TARGET, daemon=True).start()
        time.sleep(0.1)
        print("end", flush=True)
    """

    def end(self, text: str, errors: str = "") -> None:
        for _ in range(3):
            ran = program(text)
            self.assertEqual((ran.returncode, ran.stdout), (0, "end\n"), ran.stderr)
            self.assertEqual(ran.stderr, errors, ran.stderr)

    def test_with_a_daemon_thread_that_runs(self) -> None:
        self.end(self.LOAD.replace("TARGET", "context.run"))

    def test_with_a_daemon_thread_that_polls(self) -> None:
        self.end(self.LOAD.replace("TARGET", "lambda: [context.poll() for _ in iter(int, 1)]"))

    def test_with_a_daemon_thread_that_waits(self) -> None:
        self.end(
            """
            import threading, time, wsrs
            context = wsrs.Context()
            context.listen("127.0.0.1:0")
            threading.Thread(target=context.run, daemon=True).start()
            time.sleep(0.1)
            print("end", flush=True)
            """
        )

    def test_with_a_callback_that_never_returns(self) -> None:
        ran = program(
            """
            import threading, time, wsrs
            context = wsrs.Context()
            context.post(threading.Event().wait)
            threading.Thread(target=context.run, daemon=True).start()
            time.sleep(0.1)
            print("end", flush=True)
            """
        )
        self.assertEqual(ran.stdout, "end\n")

    def test_from_inside_a_callback(self) -> None:
        ran = program(
            """
            import sys, wsrs
            with wsrs.Context() as context:
                context.post(lambda: sys.exit(7))
                context.run()
            """
        )
        self.assertEqual((ran.returncode, ran.stderr), (7, ""))

    def test_with_an_open_context_in_a_module(self) -> None:
        ran = program(
            """
            import wsrs
            context = wsrs.Context(on_close=print)
            listener = context.listen("127.0.0.1:0")
            conn = context.connect(f"ws://127.0.0.1:{listener.port}/")
            while conn.state != wsrs.State.OPEN:
                context.poll(1)
            print("end")
            """
        )
        self.assertEqual((ran.returncode, ran.stdout), (0, "end\n"), ran.stderr)
        self.assertNotIn("Traceback", ran.stderr)

    def test_by_a_signal_while_it_runs(self) -> None:
        ran = program(
            """
            import os, signal, threading, wsrs
            with wsrs.Context() as context:
                context.timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
                context.run()
            """
        )
        self.assertEqual(ran.returncode, -signal.SIGINT)
        self.assertIn("KeyboardInterrupt", ran.stderr)


if __name__ == "__main__":
    unittest.main()
