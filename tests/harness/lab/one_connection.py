"""A script of GET requests on one connection, to the first failure: ``held.py ADDRESS PORT PAUSE PATIENCE``.

Prints lines as requests.py does; times are seconds.
"""

import os
import socket
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


def ask(connection: socket.socket) -> tuple[str, str]:
    try:
        connection.sendall(REQUEST)
        body = connection.recv(4096).partition(b"\r\n\r\n")[2]  # small enough for one segment
    except OSError as error:
        return "failed", type(error).__name__
    return ("ok", body.decode().strip()) if body else ("failed", "closed")


def main(address: str, port: str, pause: str, patience: str) -> None:
    outcome = "ok"
    with socket.create_connection((address, int(port)), float(patience)) as connection:
        while outcome == "ok":
            began = time.monotonic()
            outcome, detail = ask(connection)
            line = f"{began:.3f} {time.monotonic() - began:.3f} {outcome} {detail}\n"
            os.write(sys.stdout.fileno(), line.encode())
            time.sleep(float(pause))


main(*sys.argv[1:])
