"""A mail server that takes everything: ``mailbox.py FILE`` listens on 127.0.0.1:25, a line of FILE for each mail."""

from __future__ import annotations

import json
import socketserver
import sys
from pathlib import Path


class Session(socketserver.StreamRequestHandler):
    """One session of SMTP."""

    def handle(self) -> None:
        """Take mails until the client is gone."""
        self.say("220 mailbox")
        recipients: list[str] = []
        while line := self.rfile.readline().decode():
            word = line.split(maxsplit=1)[0].upper() if line.strip() else ""
            if word == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            if word == "DATA":
                self.say("354 go on")
                self.keep(recipients)
                recipients = []
            self.say("221 bye" if word == "QUIT" else "250 ok")

    def keep(self, recipients: list[str]) -> None:
        """Read a mail and write who gets it and its subject."""
        subject = ""
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            if line.startswith("Subject: ") and not subject:
                subject = line.removeprefix("Subject: ")
        with Path(sys.argv[1]).open("a") as file:
            file.write(json.dumps([*recipients, subject]) + "\n")

    def say(self, text: str) -> None:
        """Send a line."""
        self.wfile.write(f"{text}\r\n".encode())


class Server(socketserver.ThreadingTCPServer):
    """Sessions beside each other."""

    daemon_threads = True
    allow_reuse_address = True


if __name__ == "__main__":
    Server(("127.0.0.1", 25), Session).serve_forever()
