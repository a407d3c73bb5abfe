"""A script that sends GET requests, each on a new connection with a timeout in seconds.

``once TIMEOUT ADDRESS PORT PATH`` sends one; ``endless TIMEOUT ADDRESS PORT WORKERS PAUSE`` sends them from so many
threads. It prints a line for each request: its start (monotonic seconds), its duration, ``ok`` or ``failed``, and the
server's answer or the kind of failure. It imports little, to start fast.
"""

import errno
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable

PARTS = 20  # of a timeout: a pause of this machine counts as one of them
REQUEST = "GET {} HTTP/1.0\r\nHost: lab\r\n\r\n"
KINDS = {
    ConnectionRefusedError: "refused",
    ConnectionResetError: "reset",
    BrokenPipeError: "reset",
    TimeoutError: "timeout",
}


def wait(connection: socket.socket, event: int, timeout: float) -> None:
    poller = select.poll()
    poller.register(connection, event)
    if not any(poller.poll(1000 * timeout / PARTS) for _ in range(PARTS)):
        raise TimeoutError


def connect(address: str, port: str, timeout: float) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    if (error := connection.connect_ex(where)) == errno.EINPROGRESS:
        wait(connection, select.POLLOUT, timeout)
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    return connection


def receive(connection: socket.socket, timeout: float) -> bytes:
    wait(connection, select.POLLIN, timeout)
    return connection.recv(4096)


def send_request(timeout: str, address: str, port: str, path: str) -> tuple[str, str]:
    try:
        with connect(address, port, float(timeout)) as connection:
            connection.send(REQUEST.format(path).encode())
            answer = b""
            while part := receive(connection, float(timeout)):
                answer += part
    except OSError as error:
        return "failed", KINDS.get(type(error), f"errno-{error.errno}")
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[9:12].decode()
    return ("ok", body.decode().strip()) if status == "200" and body else ("failed", status or "truncated")


def once(timeout: str, address: str, port: str, path: str) -> None:
    began = time.monotonic()
    outcome, detail = send_request(timeout, address, port, path)
    line = f"{began:.3f} {time.monotonic() - began:.3f} {outcome} {detail}\n"
    os.write(sys.stdout.fileno(), line.encode())  # one write a line: threads do not mix


def work(timeout: str, address: str, port: str, pause: str) -> None:
    while True:
        once(timeout, address, port, "/")
        time.sleep(float(pause))


def endless(timeout: str, address: str, port: str, workers: str, pause: str) -> None:
    for _ in range(int(workers)):
        threading.Thread(target=work, args=(timeout, address, port, pause)).start()


COMMANDS: dict[str, Callable[..., None]] = {"once": once, "endless": endless}
COMMANDS[sys.argv[1]](*sys.argv[2:])
