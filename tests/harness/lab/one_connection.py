"""A script that sends GET requests on one connection until one fails: ``ADDRESS PORT PAUSE TIMEOUT [reset]``.

Times are in seconds. It prints the same lines as requests.py. With ``reset`` its end resets the connection, which
directors remember for 10 s then, and not for 2 minutes.
"""

import os
import socket
import struct
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


def main(address: str, port: str, pause: str, timeout: str, ending: str = "") -> None:
    outcome = "ok"
    with socket.create_connection((address, int(port)), float(timeout)) as connection:
        if ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while outcome == "ok":
            began = time.monotonic()
            outcome, detail = send_request(connection)
            line = f"{began:.3f} {time.monotonic() - began:.3f} {outcome} {detail}\n"
            os.write(sys.stdout.fileno(), line.encode())
            time.sleep(float(pause))


main(*sys.argv[1:])
