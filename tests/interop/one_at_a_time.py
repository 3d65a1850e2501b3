"""A TLS socket that two threads may use at once, for websockets' threaded client and server, which do.

OpenSSL forbids it ("SSL_read and SSL_write at the same time", its issue 20622), and Python 3.11 does not prevent it: about one
connection in 500 hangs, when a session ticket comes while the request is being sent, whatever the server is.
"""

import select
import ssl
import threading


class OneAtATime(ssl.SSLSocket):
    """Whoever has the turn does not wait in it."""

    turn = threading.Lock()

    def recv(self, buflen=1024, flags=0):
        return self._by_turns(lambda: ssl.SSLSocket.recv(self, buflen, flags))

    def sendall(self, data, flags=0):
        left = memoryview(data).cast("B")
        while left:
            left = left[self._by_turns(lambda: ssl.SSLSocket.send(self, left, flags)) :]

    def _by_turns(self, act):
        while True:
            with self.turn:
                timeout = self.gettimeout()
                self.settimeout(0)
                try:
                    return act()
                except ssl.SSLWantReadError:
                    wanted = [self], []
                except ssl.SSLWantWriteError:
                    wanted = [], [self]
                finally:
                    self.settimeout(timeout)
            select.select(*wanted, [], timeout)


def for_threads(context):
    """The context, whose connections are such sockets from now on."""
    context.sslsocket_class = OneAtATime
    return context
