"""A chat, with its page from the same port: python chat_server.py [ADDRESS], then open http://127.0.0.1:9002/."""

import signal
import sys

import wsrs

PAGE = """<!doctype html><meta charset="utf-8"><title>Chat</title>
<ul id="log"></ul><form><input autofocus></form>
<script>
  const socket = new WebSocket(`ws://${location.host}/chat`);
  const log = document.getElementById("log");
  const form = document.querySelector("form"), input = document.querySelector("input");
  socket.onmessage = event => log.appendChild(document.createElement("li")).textContent = event.data;
  form.onsubmit = event => { event.preventDefault(); socket.send(input.value); input.value = ""; };
</script>
"""


def on_request(conn: wsrs.Connection, request: wsrs.Request) -> None:
    if request.path == "/" and not request.upgrade:
        conn.respond(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
    elif request.path != "/chat":
        conn.respond(404, body="not found\n")
    elif "Origin" in request.headers and request.headers["Origin"] != f"http://{request.headers['Host']}":
        # Any page may open a WebSocket to any server: the browser tells which page it is.
        conn.respond(403, body="only from our own page\n")


def on_open(conn: wsrs.Connection) -> None:
    conn.user = conn.peer_address


def on_message(conn: wsrs.Connection, message: str) -> None:
    conn.context.broadcast(f"{conn.user}: {message}")


def main() -> None:
    with wsrs.Context(on_request=on_request, on_open=on_open, on_message=on_message) as context:
        listener = context.listen(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9002")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: context.stop())
        print(listener.address, flush=True)
        context.run()


if __name__ == "__main__":
    main()
