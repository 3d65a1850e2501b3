"""What callbacks raise comes out of the loop, once, and nothing else is lost."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
import traceback
import unittest
import warnings
from typing import Any, Tuple

import wsrs
from support import Case, program, url


class Boom(Exception):
    pass


def boom(*_: object) -> None:
    raise Boom("here")


class Exceptions(Case):
    def expect(self, context: wsrs.Context) -> Boom:
        try:
            context.run()
        except Boom as error:
            return error
        self.fail("nothing was raised")

    def test_of_every_callback(self) -> None:
        for name in ("on_request", "on_open", "on_message", "on_ping", "on_close"):
            with self.subTest(name):
                context = self.context()
                listener = context.listen("127.0.0.1:0", **{name: boom})

                def on_open(conn: wsrs.Connection) -> None:
                    conn.ping()
                    conn.send("x")
                    conn.close()

                context.connect(url(listener), on_open=on_open)
                error = self.expect(context)
                self.assertIn("boom", [frame.name for frame in traceback.extract_tb(error.__traceback__)])
                context.poll()
        context = self.context()
        listener = context.listen("127.0.0.1:0")
        context.connect(url(listener), on_open=lambda conn: conn.ping(), on_pong=boom)
        self.expect(context)
        context.connect(url(listener), on_open=lambda conn: conn.request_drain(), on_drain=boom)
        self.expect(context)
        target = url(listener)
        listener.close()
        context.connect(target, on_error=boom)
        self.expect(context)
        context.post(boom)
        self.expect(context)
        context.timer(0, boom)
        self.expect(context)
        context.set_log(boom, wsrs.LogLevel.DEBUG)
        with self.assertRaises(wsrs.AddressError):
            context.listen("nonsense")
        with self.assertRaises(Boom):
            context.poll()
        context.set_log(None)

    def test_in_poll_and_close(self) -> None:
        context = self.context()
        context.post(boom)
        with self.assertRaises(Boom):
            self.until(context, lambda: False)
        self.pair(context, on_close=boom)
        with self.assertRaises(Boom):
            context.close()
        self.assertTrue(context.closed)

    def test_the_hook_of_python_shows_later_exceptions(self) -> None:
        ran = program(
            """
            import wsrs
            def fail(number):
                raise ValueError(f"number {number}")
            context = wsrs.Context()
            for number in range(3):
                context.post(lambda number=number: fail(number))
            try:
                context.poll()
            except ValueError as error:
                print(error)
            context.close()
            """
        )
        self.assertEqual((ran.returncode, ran.stdout), (0, "number 0\n"))
        self.assertEqual(ran.stderr.count("AnotherWasRaisedFirst"), 2, ran.stderr)
        self.assertIn("ValueError: number 1", ran.stderr)
        self.assertIn("ValueError: number 2", ran.stderr)
        self.assertEqual(ran.stderr.count("number 0"), 0)

    def test_later_messages_of_the_poll_come_and_later_exceptions_are_reported(self) -> None:
        got, reported = [], []

        def on_message(conn: wsrs.Connection, message: str) -> None:
            got.append(message)
            raise Boom(message)

        context = self.context()
        client, _ = self.pair(context, on_message=on_message)
        with replaced(sys, "unraisablehook", reported.append):
            for number in range(5):
                client.send(str(number))
            with self.assertRaises(Boom) as raised:
                context.run()
        self.assertEqual(str(raised.exception), "0")
        self.assertEqual([str(each.exc_value) for each in reported], got[1:])
        with replaced(sys, "unraisablehook", reported.append), contextlib.suppress(Boom):
            self.until(context, lambda: len(got) == 5)
        self.assertEqual(got, ["0", "1", "2", "3", "4"])

    def test_the_exception_is_not_kept(self) -> None:
        import weakref

        context = self.context()
        context.post(boom)
        try:
            context.run()
        except Boom as error:
            kept = weakref.ref(error)
        gc.collect()
        self.assertIsNone(kept())


class replaced:
    """An attribute has another value for a while."""

    def __init__(self, owner: object, name: str, value: object) -> None:
        self.owner, self.name, self.value = owner, name, value

    def __enter__(self) -> None:
        self.before = getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.value)

    def __exit__(self, *_: object) -> None:
        setattr(self.owner, self.name, self.before)


class Interrupts(Case):
    """Signals are sent to the process by itself, so that they come at a known place."""

    def interrupted(self, context: wsrs.Context) -> None:
        handler = signal.getsignal(signal.SIGINT)
        with self.assertRaises(KeyboardInterrupt):
            context.run()
        self.assertIs(signal.getsignal(signal.SIGINT), handler)
        self.assertEqual(signal.set_wakeup_fd(-1), -1)

    def test_while_it_waits(self) -> None:
        context = self.context()
        context.listen("127.0.0.1:0")
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        self.interrupted(context)
        timer.join()

    def test_inside_a_callback(self) -> None:
        def endless() -> None:
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                pass

        context = self.context()
        context.post(endless)
        self.interrupted(context)

    def test_a_signal_that_another_thread_gets(self) -> None:
        """It interrupts nothing on the main thread: only the wake-up descriptor ends the wait."""
        context = self.context()
        context.timer(10, boom)
        timer = threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
        timer.start()
        begin = time.monotonic()
        self.interrupted(context)
        self.assertLess(time.monotonic() - begin, 5)
        timer.join()

    def test_a_handler_may_stop(self) -> None:
        context = self.context()
        context.listen("127.0.0.1:0")
        with handler(signal.SIGTERM, lambda *_: context.stop()):
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
            context.run()
            timer.join()

    def test_under_load_no_interrupt_is_lost(self) -> None:
        """Ctrl-C comes anywhere, also in the first instruction of a callback."""
        ran = program(
            """
            import os, signal, sys, threading, time, wsrs
            signal.signal(signal.SIGINT, signal.default_int_handler)
            main = threading.get_ident()
            with wsrs.Context(on_message=lambda conn, message: conn.send(message)) as context:
                listener = context.listen("127.0.0.1:0")
                def opened(conn):
                    for _ in range(16):
                        conn.send(b"x" * 100)
                context.connect(f"ws://127.0.0.1:{listener.port}/", on_open=opened)
                lost = 0
                for attempt in range(100):
                    sent = threading.Event()
                    def interrupt():
                        time.sleep(0.001 + attempt * 0.00001)
                        os.kill(os.getpid(), signal.SIGINT)
                    def late():
                        global lost
                        lost += 1
                        context.close()
                    watchdog = context.timer(3, late)
                    thread = threading.Thread(target=interrupt)
                    try:
                        thread.start()
                        context.run()
                    except KeyboardInterrupt:
                        pass
                    thread.join()
                    if lost:
                        sys.exit("lost")
                    watchdog.cancel()
            print("all")
            """
        )
        self.assertEqual((ran.stdout, ran.stderr), ("all\n", ""))

    def test_at_every_line_where_run_begins_and_ends(self) -> None:
        for number in range(1000):
            context = self.context()
            context.stop()
            with self.subTest(line=number), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                came, interrupted = self.interrupted_at(number, context)
                gc.collect()
                self.assertEqual([str(each.message) for each in caught], [])
                self.assertEqual(interrupted, came)
                self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)
                self.assertEqual(signal.set_wakeup_fd(-1), -1)
            context.close()
            if not came:
                break
        self.assertGreater(number, 20)

    def interrupted_at(self, number: int, context: wsrs.Context) -> Tuple[bool, bool]:
        """Runs, with Ctrl-C at a line of _signals.py, counted as they come: was there such a line, did it interrupt."""
        lines = 0

        def trace(frame: Any, event: str, argument: object) -> Any:
            nonlocal lines
            if not frame.f_code.co_filename.endswith("_signals.py"):
                return None
            if event == "line":
                lines += 1
                if lines == number + 1:
                    signal.raise_signal(signal.SIGINT)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            context.run()
        except KeyboardInterrupt:
            return True, True
        finally:
            sys.settrace(before)
        return lines > number, False


@contextlib.contextmanager
def handler(number: int, function: object) -> object:
    before = signal.signal(number, function)
    try:
        yield
    finally:
        signal.signal(number, before)


if __name__ == "__main__":
    unittest.main()
