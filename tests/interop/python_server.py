"""An echo server on Python websockets, port chosen free: prints its URL, and what it received once a client leaves."""

from websockets.sync.server import serve


def echo(ws):
    for message in ws:
        print("received " + message, flush=True)
        ws.send(message)
    print("closed with %s" % (ws.protocol.close_rcvd and ws.protocol.close_rcvd.code), flush=True)


with serve(echo, "127.0.0.1", 0) as server:
    print("ws://127.0.0.1:%d/" % server.socket.getsockname()[1], flush=True)
    server.serve_forever()
