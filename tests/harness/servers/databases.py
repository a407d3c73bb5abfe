"""Real database servers on loopback, with data of their own: MariaDB and PostgreSQL, and PgBouncer before one."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.certificates import Certificate

_MARIADB = (
    "mariadbd",
    "--no-defaults",
    "--bind-address=127.0.0.1,::1",
    "--skip-log-bin",
    "--plugin-load-add=auth_ed25519",
)

_NOBODY_ELSE = ("DELETE FROM mysql.global_priv WHERE User = ''", "FLUSH PRIVILEGES")

_NO_SYNC = ("fsync=off", "full_page_writes=off")


@contextlib.contextmanager
def mariadb(statements: Sequence[str], *, tls: Certificate | None = None) -> Iterator[int]:
    """Run MariaDB, with what the statements make, on both loopback addresses; yield the port."""
    with _folder() as folder:
        user = pwd.getpwuid(os.getuid()).pw_name
        data = (f"--datadir={folder}/data", f"--user={user}")
        _run("mariadb-install-db", "--no-defaults", *data, "--auth-root-authentication-method=normal", "--skip-test-db")
        script = folder / "init.sql"
        script.write_text("".join(f"{statement};\n" for statement in (*_NOBODY_ELSE, *statements)))
        port = closed_port()
        files = (f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--init-file={script}")
        secured = (f"--ssl-cert={tls.certificate}", f"--ssl-key={tls.key}") if tls else ()
        with _serving([*_MARIADB, *data, *files, *secured, f"--port={port}"], port, folder / "log"):
            yield port


@contextlib.contextmanager
def postgres(access: str, statements: Sequence[str], *, tls: Certificate | None = None) -> Iterator[int]:
    """Run PostgreSQL, with what the statements make and ``access`` as pg_hba.conf; yield the port."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    user = _other_user()
    with _folder() as folder:
        port = closed_port()
        data = folder / "data"
        (folder / "hba").write_text(f"local all all trust\n{access}")
        settings = [f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1,::1", f"hba_file={folder}/hba"]
        settings += [f"port={port}", *_NO_SYNC]
        if tls:
            settings += ["ssl=on", f"ssl_cert_file={shutil.copy(tls.certificate, folder)}"]
            settings += [f"ssl_key_file={shutil.copy(tls.key, folder)}"]
        for file in (folder, *folder.iterdir()):
            _give(file, user)
        _run(programs / "initdb", "--no-sync", "--auth=trust", "--username=root", "-D", data, user=user)
        command = [str(programs / "postgres"), "-D", str(data)]
        command += [word for setting in settings for word in ("-c", setting)]
        with _serving(command, port, folder / "log", user=user):
            compiled = [word for statement in statements for word in ("-c", statement)]
            _run("psql", "-q", "-h", folder, "-p", str(port), "-U", "root", "-d", "postgres", *compiled, user=user)
            yield port


@contextlib.contextmanager
def pgbouncer(program: str, database: int, user: str, password: str) -> Iterator[int]:
    """Run PgBouncer before PostgreSQL on the port ``database``, with ``user`` as its administrator; yield the port."""
    with _folder() as folder:
        port = closed_port()
        (folder / "users").write_text(f'"{user}" "{password}"\n')
        settings = [f"listen_port={port}", "listen_addr=127.0.0.1,::1", "unix_socket_dir="]
        settings += ["auth_type=scram-sha-256", f"auth_file={folder}/users", f"admin_users={user}"]
        lines = ["[databases]", f"* = host=127.0.0.1 port={database}", "[pgbouncer]", *settings]
        (folder / "pgbouncer.ini").write_text("".join(f"{line}\n" for line in lines))
        for file in (folder, *folder.iterdir()):
            _give(file, _other_user())
        command = [program, str(folder / "pgbouncer.ini")]
        with _serving(command, port, folder / "log", user=_other_user()):
            yield port


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder that other users may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="database.") as folder:
        yield Path(folder)


def _other_user() -> str | None:
    """Return the user to run as if we are root, which PostgreSQL refuses."""
    return "nobody" if os.getuid() == 0 else None


def _give(path: Path, user: str | None) -> None:
    if user:
        shutil.chown(path, user)


def _run(*command: str | Path, user: str | None = None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


@contextlib.contextmanager
def _serving(command: Sequence[str], port: int, log: Path, user: str | None = None) -> Iterator[None]:
    with (
        log.open("wb") as output,
        subprocess.Popen(command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output) as server,
    ):
        try:
            for host in ("127.0.0.1", "::1"):
                _wait(server, host, port, log)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(server: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    """Wait until the port accepts; raises RuntimeError with the log when the server ends before, or in 30 seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{server.args!r} does not serve port {port}: {log.read_text(errors='replace')[-2000:]}")
