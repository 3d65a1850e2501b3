"""An echo server inside a loop that is not ours: embedded.py udp|ticks ws://HOST:PORT/ PID

The loop's own work (c-examples/embed_*.c say which) goes on beside ours; idle, it sleeps; the library's deadlines
come though the loop only watches the descriptor; SIGINT ends it. The last check leaves PID on its way out.
"""

import os
import signal
import socket
import sys
import threading
import time

from checks import UPGRADE, check, end
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

WORK, URL, PID = sys.argv[1], sys.argv[2], int(sys.argv[3])
HOST, PORT = URL.split("/")[2].split(":")
ADDRESS = (HOST, int(PORT))


class Load(threading.Thread):
    """A client that sends and reads until `done`."""

    def __init__(self):
        super().__init__()
        self.done = threading.Event()
        self.echoed = self.wrong = 0

    def run(self):
        with connect(URL, proxy=None, compression=None, max_size=None) as ws:
            while not self.done.is_set():
                batch = [os.urandom(size) for size in (0, 1, 125, 5000, 70_000)]
                for data in batch:
                    ws.send(data)
                for data in batch:
                    while isinstance(answer := ws.recv(timeout=20), str):
                        pass  # what the loop publishes
                    self.wrong += answer != data
                    self.echoed += 1


def datagrams(subscriber):
    """Each is answered, and goes to the WebSocket clients."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(20)
        for number in range(50):
            udp.sendto(b"news %d" % number, ADDRESS)
            answer = udp.recv(100)
            if answer != b"2" or subscriber.recv(timeout=20) != "news %d" % number:
                return False
    return True


def ticks(subscriber):
    """They come ten times a second, none left out."""
    numbers = [int(subscriber.recv(timeout=20)) for _ in range(10)]
    return numbers == list(range(numbers[0], numbers[0] + 10))


def own_work_goes_on():
    load = Load()
    with connect(URL + ("ticks" if WORK == "ticks" else ""), proxy=None) as subscriber:
        load.start()
        while not load.echoed and load.is_alive():
            time.sleep(0.01)
        before = load.echoed
        check("the loop's own work goes on", datagrams(subscriber) if WORK == "udp" else ticks(subscriber))
        check("and so does ours", load.echoed > before, load.echoed)
        load.done.set()
        load.join()
    check("%d messages came back" % load.echoed, load.echoed and not load.wrong, load.wrong)


def woken():
    with open("/proc/%d/status" % PID) as status:
        return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


def cpu():
    with open("/proc/%d/stat" % PID) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_and_deadlines():
    """A client that never asks, and one that never says anything: the loop sleeps, and yet both are noticed in time."""
    with socket.create_connection(ADDRESS) as mute, socket.create_connection(ADDRESS) as silent:
        begin, used, times = time.monotonic(), cpu(), woken()
        mute.settimeout(20)
        silent.settimeout(20)
        silent.sendall(UPGRADE)
        answer = silent.makefile("rb")
        while answer.readline() not in (b"\r\n", b""):
            pass
        ping, after = answer.read(2), time.monotonic() - begin
        check("a silent client gets a ping after 1 s", ping == b"\x89\x00" and 0.9 <= after <= 2.5, (ping, after))
        mute.recv(1000)
        after = time.monotonic() - begin
        check("a client that never asks is dropped after 2 s", 1.9 <= after <= 3.5, after)
        used, times = cpu() - used, woken() - times
        check("meanwhile it uses no CPU", used <= 0.1, used)
        check("meanwhile it sleeps", times <= 100, times)


def ends():
    with connect(URL, proxy=None) as ws:
        os.kill(PID, signal.SIGINT)
        try:
            ws.recv(timeout=20)
            check("SIGINT: 1001 to who is connected", False)
        except ConnectionClosed as closed:
            check("SIGINT: 1001 to who is connected", closed.rcvd and closed.rcvd.code == 1001, closed)


own_work_goes_on()
idle_and_deadlines()
ends()
end()
