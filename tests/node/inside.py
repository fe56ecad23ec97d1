"""The first process in the run's namespaces: runs pytest, and takes in orphans until pytest has ended."""

import os
import subprocess
import sys


def main() -> int:
    tests = subprocess.Popen([sys.executable, "-m", "pytest", "tests/node", *sys.argv[1:]])
    while True:
        try:
            pid, status = os.wait()
        except KeyboardInterrupt:
            # pytest has it too, and says what it knows.
            continue
        if pid == tests.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
