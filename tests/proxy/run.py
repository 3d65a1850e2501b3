"""Our client goes through real proxies to our echo server, over ws:// and wss://: run.py

Run by scripts/proxies.sh, which installs the proxies. One that is missing is skipped; with CI=true that is a failure. The
last line is 'N passed, N failed, N skipped'.
"""

import os
import subprocess
import sys
import tempfile

from servers import PROXIES, free_port, is_there, make_certificates

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
EXAMPLES = os.path.join(os.environ.get("WSRS_BUILD", os.path.join(TOP, "build")), "c-examples")
ECHO = "connected\n< Hello\nclosed with code 1000\n"
# Seconds for one connection.
PATIENCE = 30
CLEAN = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

HTTP = "http://{credentials}127.0.0.1:{port}"


class Totals:
    passed = failed = skipped = 0


# Of each proxy: what is tried, its address, where to, and what comes of it: the echo, or the words of the error. "secure"
# is wss://, all others are ws://.
def http(wrong="the proxy did not accept user name and password: 407 "):
    return [
        ("user and password", HTTP, "user:secret@", "target", ECHO),
        ("user and password, wss", HTTP, "user:secret@", "secure", ECHO),
        ("no credentials", HTTP, "", "target", "the proxy wants user name and password: 407 "),
        ("a wrong password", HTTP, "user:wrong@", "target", wrong),
        (
            "a target that it does not allow", HTTP, "user:secret@", "refused",
            "the proxy refused to connect to localhost:{refused}: 403 ",
        ),
    ]


SOCKS_AUTH = [
    ("user and password", "socks5h://{credentials}127.0.0.1:{port}", "user:secret@", "target", ECHO),
    ("user and password, wss", "socks5h://{credentials}127.0.0.1:{port}", "user:secret@", "secure", ECHO),
    ("a name that we look up", "socks5://{credentials}127.0.0.1:{port}", "user:secret@", "target", ECHO),
    (
        "no credentials", "socks5h://127.0.0.1:{port}", "", "target",
        "the proxy wants authentication, and no user name is set (status 0)",
    ),
    (
        "a wrong password", "socks5h://{credentials}127.0.0.1:{port}", "user:wrong@", "target",
        "the proxy did not accept user name and password (status 0)",
    ),
    (
        "a target where nobody listens", "socks5h://{credentials}127.0.0.1:{port}", "user:secret@", "closed",
        "localhost:{closed} refused the proxy's connection (reply 5) (status 5)",
    ),
]
SOCKS = [
    ("SOCKS5, its lookup", "socks5h://127.0.0.1:{port}", "", "target", ECHO),
    ("SOCKS5, our lookup", "socks5://127.0.0.1:{port}", "", "target", ECHO),
    ("credentials that it does not want", "socks5h://user:secret@127.0.0.1:{port}", "", "target", ECHO),
    # Dante has no SOCKS4a, which differs by the name alone.
    ("SOCKS4", "socks4://127.0.0.1:{port}", "", "target", ECHO),
    (
        "a target that it does not allow", "socks5h://127.0.0.1:{port}", "", "refused",
        "the proxy's rules don't allow a connection to localhost:{refused} (reply 2) (status 2)",
    ),
    (
        "the same in SOCKS4", "socks4://127.0.0.1:{port}", "", "refused",
        "the proxy rejected the connection to 127.0.0.1:{refused}, or it failed (reply 91) (status 91)",
    ),
]
CHECKS = {
    "squid with Basic": [
        *http(),
        ("a target where nobody listens", HTTP, "user:secret@", "closed", "localhost:{closed}: 503 "),
    ],
    "squid with Digest": http(),
    "squid with TLS": [
        ("ws", "https://localhost:{port}", "", "target", ECHO),
        ("wss, TLS inside TLS", "https://localhost:{port}", "", "secure", ECHO),
        ("a target that it does not allow", "https://localhost:{port}", "", "refused", "localhost:{refused}: 403 "),
        ("spoken to without TLS", "http://localhost:{port}", "", "target", "through http://localhost:{port}: "),
    ],
    # It answers 401, as if it were a server.
    "tinyproxy": http("the proxy refused to connect to localhost:{target}: 401 "),
    "microsocks": SOCKS_AUTH,
    "dante": SOCKS,
}


def client(arguments, environment=None):
    """What our client printed, in whole."""
    command = [os.path.join(EXAMPLES, "proxy_client"), *arguments]
    done = subprocess.run(
        command, env={**CLEAN, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
    )
    return done.stdout


def check(name, printed, wanted):
    good = printed == ECHO if wanted == ECHO else wanted in printed and printed.count("\n") == 1
    good = good and "secret" not in printed and "wrong" not in printed
    Totals.passed += good
    Totals.failed += not good
    print("ok   " if good else "FAIL ", name + ("" if good else ": %r instead of %r" % (printed, wanted)), flush=True)


def try_proxy(name, proxy, ports, folder):
    for what, address, credentials, target, wanted in CHECKS[name]:
        address = address.format(credentials=credentials, port=proxy.port)
        url = "%s://localhost:%d/" % ("wss" if target == "secure" else "ws", ports[target])
        printed = client(["--proxy", address, "--ca", os.path.join(folder, "ca.pem"), "--once", url])
        check("%s: %s" % (name, what), printed, wanted.format(port=proxy.port, **ports))


def try_environment(proxy, ports):
    """Variables name a proxy that denies us; who reaches the server all the same has gone past it."""
    there, url = "http://127.0.0.1:%d" % proxy.port, "ws://localhost:%d/" % ports["target"]
    denied = "407 "
    for what, variables, wanted in [
        ("ws_proxy", {"ws_proxy": there}, denied),
        ("http_proxy", {"http_proxy": there}, denied),
        ("HTTP_PROXY", {"HTTP_PROXY": there}, denied),
        ("HTTP_PROXY in a CGI program", {"HTTP_PROXY": there, "REQUEST_METHOD": "GET"}, ECHO),
        ("ALL_PROXY", {"ALL_PROXY": there}, denied),
        ("wss_proxy", {"wss_proxy": there}, ECHO),
        ("no_proxy", {"ws_proxy": there, "no_proxy": "example.org,localhost"}, ECHO),
        ("no_proxy for another port", {"ws_proxy": there, "no_proxy": "localhost:1"}, denied),
    ]:
        check("environment: " + what, client(["--once", url], variables), wanted)
    check("environment: the program says none", client(["--proxy", "", "--once", url], {"ws_proxy": there}), ECHO)


def try_all(folder, ports):
    started = []
    try:
        for name, program, begin in PROXIES:
            if is_there(program):
                started.append((name, begin(folder, **ports)))
            else:
                print("skipped: %s: %s is not there and could not be installed" % (name, program))
                Totals.skipped += 1
                Totals.failed += os.environ.get("CI") == "true"
        for name, proxy in started:
            if not proxy.wait():
                check(name, "it does not start", ECHO)
                continue
            try_proxy(name, proxy, ports, folder)
            if name == "squid with Basic":
                try_environment(proxy, ports)
    finally:
        for _, proxy in started:
            proxy.end()


def echo_server(log, *arguments):
    command = [os.path.join(EXAMPLES, "echo_server"), *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def main():
    ports = {name: free_port() for name in ("target", "secure", "refused", "closed")}
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "echo_server.out"), "w") as log:
        # Some of the proxies give up root.
        os.chmod(folder, 0o777)
        make_certificates(folder)
        own = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
        servers = [echo_server(log, str(ports["target"])), echo_server(log, "--tls", *own, str(ports["secure"]))]
        try:
            try_all(folder, ports)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
    print("%d passed, %d failed, %d skipped" % (Totals.passed, Totals.failed, Totals.skipped))
    return 1 if Totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
