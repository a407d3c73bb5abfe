"""What became of the client's requests is read from the script's lines."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from harness.lab.client import SCRIPT, Request, Traffic
from harness.lab.namespace import python

LINES = """\
10.000 0.010 ok web1
10.100 0.020 ok web2
10.200 3.000 failed timeout
11.000 0.010 ok web1
11.100 0.0"""  # a line that is being written


def test_requests_are_counted_by_server_and_time(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_text(LINES)
    traffic = Traffic(path)
    assert traffic.counts() == Counter(web1=2, web2=1)
    assert traffic.counts(since=10.05, until=11) == Counter(web2=1)
    assert traffic.failures() == [Request(10.2, 3.0, "", "timeout")]
    assert traffic.failures(since=10.5) == []
    path.write_text(f"{LINES}10 ok web2\n12.000 0.010 ok web2\n")
    assert traffic.counts() == Counter(web1=2, web2=3)


def request(address: str, port: int, timeout: float) -> subprocess.Popen[bytes]:
    arguments = ("once", str(timeout), address, str(port), "/")
    return subprocess.Popen(python(SCRIPT, *arguments), stdout=subprocess.PIPE)


def result(process: subprocess.Popen[bytes]) -> Request:
    return Request.parse(process.communicate(timeout=60)[0].decode().rstrip())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_request_is_refused_times_out_or_has_an_answer(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        assert result(request(address, port, 0.1)).failure == "timeout"
        server.accept()[0].close()
        answered = request(address, port, 30)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(4096).startswith(b"GET / HTTP/1.0\r\n")
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nweb1")
        assert result(answered).server == "web1"
        reset = request(address, port, 30)
        server.accept()[0].close()
        assert result(reset).failure in {"reset", "truncated"}
    assert result(request(address, port, 30)).failure == "refused"


def test_a_pause_of_the_client_is_no_failure_of_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = request("127.0.0.1", server.getsockname()[1], 1.0)
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            process.send_signal(signal.SIGSTOP)
            time.sleep(1.5)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.1)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nweb1")
        assert result(process).server == "web1"
