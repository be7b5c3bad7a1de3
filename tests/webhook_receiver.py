"""Another program on this machine that is told by webhooks: it keeps what arrives, and answers what it is told to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Door(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, said, headers = self.server.house.take(dict(self.headers.items()), body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


class Receiver:
    """`got` holds (headers, body), oldest first; `answers` are used up one by one, then everything is welcome."""

    def __init__(self):
        self.got, self.answers = [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
        self.server.daemon_threads = True
        self.server.house = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?from=aftercare"

    def take(self, headers, body):
        self.got.append((headers, body))
        return self.answers.pop(0) if self.answers else (204, b"", {})


@contextmanager
def running():
    house = Receiver()
    thread = threading.Thread(target=house.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield house
    finally:
        house.server.shutdown()
        thread.join()
        house.server.server_close()
