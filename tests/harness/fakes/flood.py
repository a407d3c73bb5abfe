"""A server in a thread that sends without end, and takes no memory for it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def flood(answers: Sequence[bytes], chunk: bytes, greeting: bytes = b"") -> Iterator[int]:
    """Serve connections one by one: send greeting and ``answers``, one per read, then ``chunk`` for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_sockets = [listener]
        thread = threading.Thread(target=_serve, args=(open_sockets, answers, chunk, greeting))
        thread.start()
        port: int = listener.getsockname()[1]
        try:
            yield port
        finally:
            for opened in (*open_sockets,):
                with contextlib.suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(open_sockets: list[socket.socket], answers: Sequence[bytes], chunk: bytes, greeting: bytes) -> None:
    while True:
        try:
            connection, _ = open_sockets[0].accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            open_sockets[1:] = [connection]
            connection.settimeout(10)
            connection.sendall(greeting)
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)
            while True:
                connection.sendall(chunk)
