"""A daemon of the lab dies in the middle of a batch of changes, and only there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from builders import service_key
from harness.director_site import WEB, destination
from harness.lab.cut_short import CUT_FILE, change_ends, cut
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink.encode import batch, request
from ldirectord_py.ipvs.netlink.uapi import CTRL_CMD_GETFAMILY, GENL_ID_CTRL, IPVS_CMD_GET_DEST
from ldirectord_py.ipvs.table import Service

FAMILY = 30
SERVICE = Service(service_key(WEB), "wrr")
OPS = [
    Op(Verb.ADD, SERVICE),
    Op(Verb.ADD, destination(WEB, "10.1.0.1:80")),
    Op(Verb.EDIT, destination(WEB, "10.1.0.2:80")),
    Op(Verb.DELETE, destination(WEB, "10.1.0.3:80")),
    Op(Verb.DELETE, SERVICE),
]
DATA = batch(OPS, FAMILY, 7)


class EndedError(Exception):
    """In place of the end of the process."""


def test_the_ends_of_all_changes_are_found() -> None:
    ends = change_ends(DATA)
    assert (len(ends), ends[-1]) == (len(OPS), len(DATA))
    assert [change_ends(DATA[:end])[-1] for end in ends] == ends


def test_questions_are_no_changes() -> None:
    assert change_ends(request(GENL_ID_CTRL, 1, CTRL_CMD_GETFAMILY)) == []
    assert change_ends(request(FAMILY, 1, IPVS_CMD_GET_DEST)) == []


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def end(*_: object) -> NoReturn:
        raise EndedError

    monkeypatch.setattr(os, "kill", end)
    monkeypatch.setenv(CUT_FILE, str(tmp_path / "cut"))
    return tmp_path / "cut"


def test_without_the_file_all_is_sent(file: Path) -> None:
    sent: list[bytes] = []
    send: Any = cut(lambda _, data: sent.append(data))
    send(None, DATA)
    assert sent == [DATA]


@pytest.mark.parametrize("count", range(1, len(OPS) + 1))
def test_the_process_ends_after_so_many_changes_of_the_second_batch(file: Path, count: int) -> None:
    sent: list[bytes] = []
    send: Any = cut(lambda _, data: sent.append(data))
    file.write_text(str(len(OPS) + count))
    send(None, DATA)
    send(None, question := request(FAMILY, 1, IPVS_CMD_GET_DEST))
    with pytest.raises(EndedError):
        send(None, DATA)
    assert sent == [DATA, question, DATA[: change_ends(DATA)[count - 1]]]
