# Sourced by the other scripts: servers in the background.
#
#   free_port               prints a port that nothing listens on
#   start COMMAND... PORT   runs a server; returns when it listens. Its process id is in $server.
#   finish                  ends it as a user would; its exit status is the result
#   ended                   the same for one that was told to end already: a second SIGTERM would kill it

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
    "$@" &
    server=$!
    trap 'kill $server 2>/dev/null || true' EXIT
    for port in "$@"; do :; done
    python3 - "$port" <<'END'
import socket, sys, time
for attempt in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit("nothing listens on port " + sys.argv[1])
END
}

finish() {
    kill -TERM "$server" 2>/dev/null || true
    ended
}

ended() {
    timeout 60 tail --pid="$server" -f /dev/null || kill -KILL "$server"
    trap - EXIT
    wait "$server"
}
