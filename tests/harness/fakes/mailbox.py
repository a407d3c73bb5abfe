"""A mail server that accepts everything: ``mailbox.py FILE`` listens on 127.0.0.1:25 and writes a line per mail."""

from __future__ import annotations

import json
import socketserver
import sys
from pathlib import Path


class Session(socketserver.StreamRequestHandler):
    """One session of SMTP."""

    def handle(self) -> None:
        """Accept mails until the client disconnects."""
        self.say("220 mailbox")
        sender, recipients = "", ""
        while line := self.rfile.readline().decode():
            word = line.split(maxsplit=1)[0].upper() if line.strip() else ""
            address = line.partition("<")[2].partition(">")[0]
            if word == "MAIL":
                sender, recipients = address, ""
            if word == "RCPT":
                recipients += f"<{address}>"
            if word == "DATA":
                self.say("354 go on")
                self.keep(sender, recipients)
            self.say("221 bye" if word == "QUIT" else "250 ok")

    def keep(self, sender: str, recipients: str) -> None:
        """Read a mail, and write it with its recipients to the file."""
        lines: list[str] = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        head, _, body = "\n".join(lines).partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        with Path(sys.argv[1]).open("a") as file:
            file.write(json.dumps({"from": sender, "to": recipients, "headers": headers, "body": body}) + "\n")

    def say(self, text: str) -> None:
        """Send a line."""
        self.wfile.write(f"{text}\r\n".encode())


class Server(socketserver.ThreadingTCPServer):
    """Runs sessions in threads."""

    daemon_threads = True
    allow_reuse_address = True


if __name__ == "__main__":
    Server(("127.0.0.1", 25), Session).serve_forever()
