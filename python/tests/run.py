"""Runs all tests of this folder. The last line is 'N passed, N failed, N skipped'.

The package must be installed. WSRS_TREE names the clone, for tests that compare with its files.
"""

import faulthandler
import os
import sys
import unittest

# A test that hangs is a failure with a traceback.
faulthandler.dump_traceback_later(240, exit=True)


def main() -> int:
    suite = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
