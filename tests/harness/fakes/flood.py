"""A server in a thread of its own that floods whoever connects, and holds no memory for it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def flood(turns: Sequence[bytes], chunk: bytes, greeting: bytes = b"") -> Iterator[int]:
    """Serve one connection after the other: greet, answer what comes with the turns, then send ``chunk`` for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_sockets = [listener]
        thread = threading.Thread(target=_serve, args=(open_sockets, turns, chunk, greeting))
        thread.start()
        port: int = listener.getsockname()[1]
        try:
            yield port
        finally:
            for opened in (*open_sockets,):
                with contextlib.suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(open_sockets: list[socket.socket], turns: Sequence[bytes], chunk: bytes, greeting: bytes) -> None:
    while True:
        try:
            connection, _ = open_sockets[0].accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            open_sockets[1:] = [connection]
            connection.settimeout(10)
            connection.sendall(greeting)
            for turn in turns:
                connection.recv(65536)
                connection.sendall(turn)
            while True:
                connection.sendall(chunk)
