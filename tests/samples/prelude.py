# Stands before Python samples of the documents that don't import wsrs: what they take for granted.
import asyncio
import select
import threading

import wsrs

poller = select.poll()
context = wsrs.Context()
conn = context.connect("ws://127.0.0.1:9/")
