"""``check`` and ``dump``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ldirectord_py.cli import check, main
from ldirectord_py.ipvs.settings import EXPIRE_TEMPLATE

GOOD = """\
virtual = 192.0.2.1:80
        real = 127.0.0.1:8080 masq
        real = 127.0.0.2:8080 masq
        service = http
        login = "anna"
        passwd = "geheim"
virtual = 192.0.2.1:443
        real = 127.0.0.1:8443 masq
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "web.cf"
    path.write_text(GOOD)
    return path


def test_check_prints_a_summary_of_a_valid_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "check"]) == 0
    expected = f"{config} is good: 2 virtual servers, 3 real servers, 0 warnings\n"
    assert (expected, "") == capsys.readouterr()


@pytest.mark.parametrize(
    ("expire", "setting", "warned"),
    [("", None, True), ("", "0", True), ("", "1", False), ("expire = yes\n", "0", False)],
)
def test_persistent_clients_of_a_quiescent_server_that_is_down_are_warned_of(
    config: Path,
    expire: str,
    setting: str | None,
    warned: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {} if setting is None else {EXPIRE_TEMPLATE: setting}
    monkeypatch.setattr(check, "read_sysctls", lambda _: settings)
    config.write_text(f"{expire}quiescent = yes\n{GOOD}        persistent = 600\n")
    assert main([str(config), "check"]) == 0
    out, err = capsys.readouterr()
    assert out.endswith(f"{int(warned)} warning{'' if warned else 's'}\n")
    assert ("tcp:192.0.2.1:443: persistent and quiescent: known clients" in err) is warned


def test_every_error_of_an_invalid_file_is_a_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("checkintervall = 2\n" + GOOD.replace("service = http", "service = htpp"))
    assert main([str(config), "check"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    places = [line.removeprefix(f"{config}:").split(":")[0] for line in err.splitlines()]
    assert places == ["1", "5"]


BYTES = b"""virtual = 192.0.2.1:80
    real = 127.0.0.1:8080 masq
    receive = "verf\xfcgbar"
    quiescent = j\xfc
"""


@pytest.mark.parametrize("encoding", ["utf-8", pytest.param("ascii", marks=pytest.mark.slow)])
def test_bytes_that_are_not_utf_8_are_printed_with_escapes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / os.fsdecode(b"gr\xfcn.cf")
    path.write_bytes(BYTES)
    done = subprocess.run(
        [sys.executable, "-m", "ldirectord_py", path, "check"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    expected = rb'gr\xfcn.cf:4:17: quiescent must be yes or no, not "j\xfc"; write quiescent=yes or quiescent=no'
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(expected + b"\n")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_bytes_that_are_not_utf_8_are_dumped(config: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_bytes(BYTES.replace(b"j\xfc", b"no"))
    assert main([str(config), "check"]) == 0
    assert capsys.readouterr().out.endswith("1 real server, 0 warnings\n")
    assert main([str(config), "dump", "--format", form]) == 0
    assert r"verf\udcfcgbar" in capsys.readouterr().out.lower()


def test_the_file_is_named_as_it_was_given(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    config.write_text("bogus = 1\n")
    assert main(["web.cf", "check"]) == 2
    assert capsys.readouterr().err.startswith("web.cf:1:1: ")


def test_dump_prints_json_without_secrets(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "dump"]) == 0
    dumped = json.loads(capsys.readouterr().out)
    assert [virtual["id"] for virtual in dumped["virtuals"]] == ["tcp:192.0.2.1:80", "tcp:192.0.2.1:443"]
    assert (dumped["virtuals"][0]["login"], dumped["virtuals"][0]["passwd"]) == ("anna", "***")


def test_dump_shows_secrets_with_its_option(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "dump", "--format", "json", "--show-secrets"]) == 0
    assert json.loads(capsys.readouterr().out)["virtuals"][0]["passwd"] == "geheim"


def test_dump_prints_yaml(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "dump", "--format=yaml"]) == 0
    out = capsys.readouterr().out
    assert "geheim" not in out
    assert "192.0.2.1" in out


@pytest.mark.parametrize("words", [["--format", "xml"], ["--bogus"], ["extra"], ["--show"]])
def test_dump_refuses_other_options(words: list[str], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "dump", *words]) == 255
    assert capsys.readouterr().err.startswith("dump: ")


def test_included_files_are_checked_and_dumped_too(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.parent)
    config.write_text("include = conf.d/*.cf\n")
    Path("conf.d").mkdir()
    Path("conf.d/shop.cf").write_text(GOOD)
    assert main(["web.cf", "check"]) == 0
    assert capsys.readouterr().out == "web.cf is good: 2 virtual servers, 3 real servers, 0 warnings\n"
    assert main(["web.cf", "dump"]) == 0
    dumped = json.loads(capsys.readouterr().out)
    assert [virtual["id"] for virtual in dumped["virtuals"]] == ["tcp:192.0.2.1:80", "tcp:192.0.2.1:443"]
    Path("conf.d/mail.cf").write_text("bogus = 1\n")
    assert main(["web.cf", "check"]) == 2
    assert capsys.readouterr().err.startswith("conf.d/mail.cf:1:1: ")


@pytest.mark.parametrize("words", [["--strict"], ["extra"]])
def test_check_takes_no_options(words: list[str], config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "check", *words]) == 255
    assert capsys.readouterr().err.startswith(f"check: unrecognized arguments: {words[0]}\n")
