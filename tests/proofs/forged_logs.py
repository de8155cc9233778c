"""Logs that lie to who asks them: what a server would have to serve, class by class, derived from one true log."""

import contextlib
import http.server
import threading

from forged_proofs import TAMPERED, UNMET, flip
from true_log import LOG_KEY, ORIGIN, STRANGER, TrueLog

SIZE, KNOWN = 700, 600
FAILED, FORKED = 1, 4


class Case:
    """Files of a log, the checkpoint that its reader remembers, whether all of it is read, and the exit code."""

    def __init__(self, files, code, known=None, full=False):
        self.files, self.code, self.known, self.full = files, code, known, full


class Forgeries:
    def __init__(self):
        self.log = TrueLog(SIZE)
        self.fork = TrueLog(SIZE, fork=KNOWN - 5)
        self.files = self.log.files()

    def true_cases(self):
        for size in (1, 255, 256, 257, 512, SIZE):
            log = TrueLog(size)
            yield Case(log.files(), 0)
            yield Case(log.files(), 0, full=True)
            for known in sorted({1, size // 2 or 1, size - 1 or 1, size, min(size, 256)}):
                yield Case(log.files(), 0, log.note(known))
        yield Case(TrueLog(0).files(), 0)
        yield Case(self.files, 0, TrueLog(0).note())
        yield Case(self.log.files(256), 0, self.log.note(255), full=True)

    def changed(self, path, change, code=TAMPERED, **more):
        found = change(self.files[path])
        assert found != self.files[path], path
        return Case({**self.files, path: found}, code, **more)

    def classes(self):
        edge, full, top = "tile/0/002.p/188", "tile/0/001", "tile/1/000.p/2"
        entries = "tile/entries/001"
        yield "log that became smaller", [
            Case(self.log.files(size), FORKED, self.log.note()) for size in (SIZE - 1, KNOWN, 512, 1, 0)
        ]
        yield "another history of one size", [
            Case(self.fork.files(), FORKED, self.log.note()),
            Case(self.fork.files(), FORKED, self.log.note(), full=True),
        ]
        yield "another history, grown", [
            Case(self.fork.files(), FORKED, self.log.note(known)) for known in (KNOWN, KNOWN - 4, SIZE - 1)
        ]
        yield "history rewritten from its beginning", [
            Case(TrueLog(SIZE, fork=0).files(), FORKED, self.log.note(known)) for known in (1, 256, 512, KNOWN)
        ]
        yield "tile of the edge altered", [
            self.changed(path, lambda data, at=at: flip(data, at)) for path in (edge, top) for at in (0, 40)
        ]
        yield "tile of the edge of another width", [
            self.changed(path, change)
            for path in (edge, top)
            for change in (
                lambda data: data[:-32],
                lambda data: data + bytes(32),
                lambda data: data[:-1],
                lambda data: b"",
            )
        ]
        yield "full tile altered", [
            self.changed(full, lambda data: flip(data, 700), full=True),
            self.changed(full, lambda data: data[:-32], full=True),
            self.changed(full, lambda data: data + b"x", full=True),
        ]
        yield "full tile altered under a known checkpoint", [
            self.changed(full, lambda data: flip(data, 700), known=self.log.note(300)),
            self.changed(full, lambda data: flip(data, 8000), known=self.log.note(300)),
        ]
        yield "leaf altered", [
            self.changed(entries, lambda data, at=at: flip(data, at), full=True)
            for at in (2, 30, 70, 100, 129, 130 * 255 + 100)
        ]
        yield "leaves swapped, dropped, doubled or in another frame", [
            self.changed(entries, change, full=True)
            for change in (
                lambda data: data[130:260] + data[:130] + data[260:],
                lambda data: data[130:],
                lambda data: data[:130] + data,
                lambda data: data[:-1],
                lambda data: data + b"\0",
                lambda data: b"\x00\x7f" + data[2:],
                lambda data: b"",
            )
        ]
        yield "leaves of another history", [
            Case(
                {**self.files, **{path: data for path, data in self.fork.files().items() if "entries" in path}},
                TAMPERED,
                full=True,
            )
        ]
        yield "checkpoint altered", [
            self.changed("checkpoint", change)
            for change in (
                lambda data: data.replace(b"\n700\n", b"\n699\n"),
                lambda data: data.replace(b"\n700\n", b"\n0700\n"),
                lambda data: data[:-1],
                lambda data: data + data,
                lambda data: b"",
                lambda data: data.replace(b"\n", b"\r\n"),
                lambda data: b"<html>not found</html>\n",
                lambda data: data.replace(b"\n\n", b"\nmore\n\n"),
            )
        ]
        yield "checkpoint of a tree that the tiles do not give", [
            Case({**self.files, "checkpoint": self.fork.note().encode()}, TAMPERED)
        ]
        yield "checkpoint of a stranger", [
            self.changed("checkpoint", lambda data: self.log.note(signers=[STRANGER]).encode(), UNMET)
        ]
        yield "checkpoint without its quorum", [
            self.changed("checkpoint", lambda data: self.log.note(signers=[LOG_KEY]).encode(), UNMET)
        ]
        yield "checkpoint that never ends", [self.changed("checkpoint", lambda data: data * 20_000)]
        yield "tile that is not there", [
            Case({one: data for one, data in self.files.items() if one != path}, FAILED, full=True)
            for path in (edge, full, top, entries)
        ]
        yield "no log there", [Case({}, FAILED)]


@contextlib.contextmanager
def served():
    """A server on the loopback address: yields a function that says at which URL a case's files are."""
    sites = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            number, _, path = self.path[1:].partition("/")
            data = sites[int(number)].get(path.removeprefix("v1/logs/acme/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # a reader may have had enough
                self.wfile.write(data or b"")

        def log_message(self, *_):
            pass

    def serve(files):
        sites.append(files)
        return f"http://127.0.0.1:{server.server_address[1]}/{len(sites) - 1}/v1/logs/acme"

    assert ORIGIN.endswith("/v1/logs/acme")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield serve
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
