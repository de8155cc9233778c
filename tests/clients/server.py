"""The real binary on a free port and a directory of its own, for tests in other languages. Standard library only."""

import contextlib
import os
import re
import subprocess
import tempfile


BINARY = os.path.abspath(os.environ.get("MAR_AUDIT_BIN", "target/debug/mar-audit"))


@contextlib.contextmanager
def running(*arguments, volatile=True, folder=None):
    """Yields the server's URL; stops the server at the end. Its log is shown if it does not start. Its data are in `data`
    below the folder, if one is given, and stay there.
    """
    with contextlib.nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="mar-audit-") as data:
        command = [BINARY, "serve", "--data", data + "/data", "--listen", "127.0.0.1:0", *arguments]
        if volatile:
            command.append("--allow-volatile")
        with open(data + "/log", "w+") as log:
            # Who may do what is told by tests of that: they say --access required.
            environment = {**os.environ, "MAR_AUDIT_ACCESS": "open"}
            server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, cwd=data)
            try:
                yield address(server, log)
            finally:
                server.terminate()
                server.wait(timeout=30)


def address(server, log):
    """The URL of the line that says the server is ready."""
    for line in server.stdout:
        found = re.search(r"https?://[0-9.]+:[0-9]+", line)
        if found:
            return found.group(0)
    log.seek(0)
    raise SystemExit("the server did not start:\n" + log.read())


class Tally:
    """Counts checks; one line each, and the line that ./test adds up."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
            print(f"ok      {name}")
        else:
            self.failed += 1
            print(f"FAILED  {name} {detail}")

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        raise SystemExit(1 if self.failed else 0)
