"""Runs servers under a load generator: started afresh for every measurement, pinned, in turns.

A change in the machine's load meets all servers of a round alike, so ratios are taken within a round.
"""

import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import tempfile
import time

# Enough for 18,000 connections and the programs' own files; the hard limit when that is lower and can't be raised.
DESCRIPTORS = 20480
PATIENCE = 120
ATTEMPTS = 3


class Failed(Exception):
    """What a table shows instead of a figure."""


class Pinning:
    """The server has the last CPU for itself, the generator the first."""

    def __init__(self):
        cpus = sorted(os.sched_getaffinity(0))
        self.server, self.load = ({cpus[-1]}, {cpus[0]}) if len(cpus) > 1 else (None, None)

    @staticmethod
    def to(cpus):
        return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


PINNING = Pinning()


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, DESCRIPTORS), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            continue


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server, for the time of a `with`."""

    def __init__(self, command, cpus=None):
        self.command = command
        self.cpus = cpus or PINNING.server
        self.process = None

    def __enter__(self):
        # Another program may take the port between its choice and its use.
        for _ in range(ATTEMPTS):
            self.start()
            if self.listens():
                return self
            status = self.process.poll()
            self.__exit__()
            if status is None:
                break
        self.log.seek(0)
        said = self.log.read().decode(errors="replace").strip().splitlines()[-1:]
        raise Failed(" ".join(["it does not listen" if status is None else f"it exits with {status}", *said]))

    def start(self):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        words = [word.replace("{port}", str(self.port)) for word in self.command]
        try:
            self.process = subprocess.Popen(words, preexec_fn=Pinning.to(self.cpus), stdin=subprocess.DEVNULL,
                                            stdout=self.log, stderr=self.log)
        except OSError as error:
            raise Failed(f"cannot run {words[0]}: {error.strerror}") from None

    def listens(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def generate(load, arguments, running):
    """The result of one run of the generator against a server that runs."""
    command = [load, *arguments, "--port", str(running.port), "--pid", str(running.process.pid)]
    return output_of(command)


def output_of(command):
    """The object that a generator prints as its last line."""
    try:
        done = subprocess.run(command, preexec_fn=Pinning.to(PINNING.load), capture_output=True, text=True,
                              timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {PATIENCE} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        reason = lines[0].partition(": ")[2] if lines else ""
        raise Failed(reason or f"{os.path.basename(command[0])} exited with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def take_turns(runs, rounds, log=None):
    """Calls each of `runs`, a dict of functions, once a round. Returns what they return, or a Failed, by name."""
    results = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            try:
                result = run()
            except Failed as failure:
                result = failure
            results[name].append(result)
            if log:
                record = result if isinstance(result, dict) else {"failed": str(result)}
                log.write(json.dumps({"round": number, "name": name, **record}) + "\n")
                log.flush()
    return results


def run_once(load, arguments, command, cpus=None):
    with Running(command, cpus) as running:
        return generate(load, arguments, running)


def succeeded(results):
    return [result for result in results if isinstance(result, dict)]


def all_succeeded(tables):
    """Each server of each table was measured at least once."""
    return all(succeeded(runs) for results in tables.values() for runs in results.values())


def median(results, key):
    values = [result[key] for result in succeeded(results) if key in result]
    return statistics.median(values) if values else None


def ratios(results, base, key):
    """The ratios within each round in which both were measured."""
    return [one[key] / other[key] for one, other in zip(results, base)
            if isinstance(one, dict) and isinstance(other, dict) and key in one and other.get(key)]


def remarks(results):
    """What hinders a measurement, as one line."""
    failures = {str(result) for result in results if isinstance(result, Failed)}
    notes = {result["not_counted"] for result in succeeded(results) if "not_counted" in result}
    return "; ".join(sorted(failures | notes))


def interrupt(process):
    process.send_signal(signal.SIGINT)
    process.wait(10)
