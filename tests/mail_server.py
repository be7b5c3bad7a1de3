"""A mail server on this machine: it takes mails as a real one does, and refuses what it is told to refuse."""

from __future__ import annotations

import email
import socketserver
import threading
from contextlib import contextmanager
from email import policy


class _Dialogue(socketserver.StreamRequestHandler):
    """One client: the words of RFC 5321 that smtplib uses."""

    def handle(self):
        self.say("220 here")
        sender, receivers = "", []
        while line := self.rfile.readline():
            word, rest = line.decode().strip().partition(" ")[::2]
            word = word.upper()
            if word in ("EHLO", "HELO"):
                self.say("250 here")
            elif word == "MAIL":
                sender, receivers = rest, []
                self.say("250 ok")
            elif word == "RCPT":
                refusal = self.server.house.refusal_for(rest)
                receivers += [] if refusal else [rest]
                self.say(refusal or "250 ok")
            elif word == "DATA":
                self.say("354 go on")
                self.server.house.take(sender, receivers, self.data())
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def data(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, words):
        self.wfile.write(f"{words}\r\n".encode())


class MailServer:
    """What arrived, oldest first, and what is refused: part of an address -> the server's answer."""

    def __init__(self):
        self.mails, self.refused, self._lock = [], {}, threading.Lock()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Dialogue)
        self.server.daemon_threads = True
        self.server.house = self
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}?from=aftercare@office.example"

    def refusal_for(self, address):
        return next((answer for part, answer in self.refused.items() if part in address), "")

    def take(self, sender, receivers, data):
        message = email.message_from_bytes(data, policy=policy.default)
        with self._lock:
            self.mails.append(message)

    def ids(self):
        with self._lock:
            return [mail["Message-ID"] for mail in self.mails]


@contextmanager
def running():
    house = MailServer()
    thread = threading.Thread(target=house.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield house
    finally:
        house.server.shutdown()
        house.server.server_close()
        thread.join()
