"""A script of GET requests, each on a new connection, given up after PATIENCE seconds of silence.

``once PATIENCE ADDRESS PORT PATH``, or ``endless PATIENCE ADDRESS PORT WORKERS PAUSE``, from that many threads.
Prints a line a request: when it started (monotonic seconds), how long it took, ``ok`` or ``failed``, and the
server's answer or the kind of failure. It uses the standard library only, and little of it, to start fast.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable

REQUEST = "GET {} HTTP/1.0\r\nHost: lab\r\n\r\n"
KINDS = {
    ConnectionRefusedError: "refused",
    ConnectionResetError: "reset",
    BrokenPipeError: "reset",
    TimeoutError: "timeout",
}


def ask(patience: str, address: str, port: str, path: str) -> tuple[str, str]:
    try:
        with socket.create_connection((address, int(port)), float(patience)) as connection:
            connection.sendall(REQUEST.format(path).encode())
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError as error:
        return "failed", KINDS.get(type(error), f"errno-{error.errno}")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[9:12].decode()
    return ("ok", body.decode().strip()) if status == "200" and body else ("failed", status or "truncated")


def once(patience: str, address: str, port: str, path: str) -> None:
    began = time.monotonic()
    outcome, detail = ask(patience, address, port, path)
    line = f"{began:.3f} {time.monotonic() - began:.3f} {outcome} {detail}\n"
    os.write(sys.stdout.fileno(), line.encode())  # one write a line: threads do not mix


def work(patience: str, address: str, port: str, pause: str) -> None:
    while True:
        once(patience, address, port, "/")
        time.sleep(float(pause))


def endless(patience: str, address: str, port: str, workers: str, pause: str) -> None:
    for _ in range(int(workers)):
        threading.Thread(target=work, args=(patience, address, port, pause)).start()


COMMANDS: dict[str, Callable[..., None]] = {"once": once, "endless": endless}
COMMANDS[sys.argv[1]](*sys.argv[2:])
