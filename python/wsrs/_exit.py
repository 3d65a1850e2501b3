"""The end of the process.

Used by context. A daemon thread that is inside the library when Python ends would be ended by Python in the middle of
the library's frames, which aborts the process. So at exit each context's lock is taken and never given back: its thread
leaves the library first, and then waits for the lock in Python's own code, where it may be ended.
"""

import atexit
import os
import threading
import time
import weakref
from typing import Any

#: Longest wait at exit for a callback that doesn't return.
PATIENCE = 1.0

contexts: "weakref.WeakSet[Any]" = weakref.WeakSet()
exiting = threading.Event()


def _hold_all() -> None:
    exiting.set()
    end = time.monotonic() + PATIENCE
    for context in list(contexts):
        context._busy.acquire(timeout=max(0.0, end - time.monotonic()))


atexit.register(_hold_all)
# The child of a fork can't use its parent's contexts, and nobody gives their locks back there.
os.register_at_fork(after_in_child=contexts.clear)
