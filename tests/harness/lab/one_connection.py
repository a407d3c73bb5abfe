"""A script that sends GET requests on one connection until one fails: ``ADDRESS PORT PAUSE TIMEOUT``, in seconds.

It prints the same lines as requests.py.
"""

import os
import socket
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


def send_request(connection: socket.socket) -> tuple[str, str]:
    try:
        connection.sendall(REQUEST)
        body = connection.recv(4096).partition(b"\r\n\r\n")[2]  # small enough for one segment
    except OSError as error:
        return "failed", type(error).__name__
    return ("ok", body.decode().strip()) if body else ("failed", "closed")


def main(address: str, port: str, pause: str, timeout: str) -> None:
    outcome = "ok"
    with socket.create_connection((address, int(port)), float(timeout)) as connection:
        while outcome == "ok":
            began = time.monotonic()
            outcome, detail = send_request(connection)
            line = f"{began:.3f} {time.monotonic() - began:.3f} {outcome} {detail}\n"
            os.write(sys.stdout.fileno(), line.encode())
            time.sleep(float(pause))


main(*sys.argv[1:])
