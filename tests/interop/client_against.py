"""Our echo client against another library's server: client_against.py CLIENT SERVER COMMAND…

Starts the server, which prints its URL first, runs the client on it, and compares what both printed.
"""

import subprocess
import sys

from checks import check, end

client, command = sys.argv[1], sys.argv[2:]
server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
try:
    url = server.stdout.readline().strip()
    run = subprocess.run([client, url], capture_output=True, text=True, timeout=60)
    lines = run.stdout.splitlines()
    sent = [line[2:] for line in lines if line.startswith("> ")]
    check("the client ends well", run.returncode == 0, run.stderr)
    check("every message comes back", sent and sent == [line[2:] for line in lines if line.startswith("< ")], run.stdout)
    seen = [server.stdout.readline().strip() for _ in range(len(sent) + 1)]
    check("the server saw the same", seen[:-1] == ["received " + text for text in sent], seen)
    check("the server saw our Close", seen[-1] == "closed with 1000", seen[-1:])
finally:
    server.terminate()
    server.wait()
end()
