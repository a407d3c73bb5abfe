"""Further files: found, read within bounds, and named where something is wrong with them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.files import MAX_FILE_SIZE, Files
from ldirectord_py.config.include import MAX_DEPTH, MAX_FILES, Texts
from ldirectord_py.config.lines import Text
from ldirectord_py.config.load import load, reparse
from ldirectord_py.config.parse import Parsed, parse, parse_files
from ldirectord_py.errors import ConfigError, Problem

NAMES = Names(hostname="director")


class Shelf:
    """Files in memory; a pattern matches all of a folder."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.read: list[str] = []

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        return [name for name in sorted(self.files) if name.startswith(pattern.rstrip("*"))]

    def text(self, file: str) -> Text:
        self.read.append(file)
        if file not in self.files:
            raise ConfigError((Problem(file, 1, 1, "cannot read the file: No such file or directory", "look"),))
        return Text(file, self.files[file])


def read(shelf: Shelf, main: str = "main.cf") -> Parsed:
    return parse_files(Texts(Text(main, shelf.files[main]), shelf), NAMES, KINDS)


def problems(shelf: Shelf) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(shelf)
    return [str(problem) for problem in caught.value.problems]


def test_F25_files_may_include_each_other_to_a_depth_but_no_deeper() -> None:
    files = {"main.cf": "include=0.cf", **{f"{n}.cf": f"include={n + 1}.cf" for n in range(MAX_DEPTH)}}
    deepest = {f"{MAX_DEPTH - 1}.cf": "autoreload=yes"}
    assert read(Shelf(files | deepest)).config.settings.autoreload
    assert problems(Shelf(files | {f"{MAX_DEPTH}.cf": ""})) == [
        f"{MAX_DEPTH - 1}.cf:1:9: files include each other more than {MAX_DEPTH} deep; include them from one file"
    ]


def test_files_that_multiply_are_bounded() -> None:
    files = {f"{n}.cf": f"include={n + 1}.cf\ninclude={n + 1}.cf" for n in range(MAX_DEPTH)}
    shelf = Shelf({"main.cf": "include=0.cf", **files, f"{MAX_DEPTH}.cf": ""})
    assert any(f"more than {MAX_FILES} files are included; put" in problem for problem in problems(shelf))
    assert len(shelf.read) == MAX_FILES


@pytest.mark.slow
def test_what_is_included_is_bounded_in_all() -> None:
    large = "#" * MAX_FILE_SIZE
    shelf = Shelf({"main.cf": "include=a*", **{f"a{n}": large for n in range(7)}})
    assert "main.cf:1:9: the files included are larger than 64 MB in all; include less" in problems(shelf)
    assert shelf.read == ["a0", "a1", "a2", "a3", "a4"]  # none is kept after the one that is too much


def test_what_cannot_be_read_is_bounded_too() -> None:
    shelf = Shelf({"main.cf": "include=absent.cf\n" * (MAX_FILES + 9)})
    refused = f"main.cf:{MAX_FILES + 1}:9: more than {MAX_FILES} files are included; put them together"
    assert refused in problems(shelf)
    assert len(shelf.read) == MAX_FILES


def test_hints_for_unknown_words_are_bounded_over_all_files() -> None:
    shelf = Shelf({"main.cf": "include=a*", **{f"a{n}": "sheduler=rr\n" * 60 for n in range(2)}})
    hints = [problem for problem in problems(shelf) if "did you mean" in problem]
    assert len(hints) == 100


def test_a_text_without_files_around_it_includes_nothing() -> None:
    assert parse("include=conf.d/*.cf", "x.cf", NAMES, KINDS).warnings == ()
    with pytest.raises(ConfigError, match=r"x\.cf:1:9: cannot include web\.cf: there are no files here; leave it out"):
        parse("include=web.cf", "x.cf", NAMES, KINDS)


WEB = "virtual=192.0.2.1:80\n    real=198.51.100.1:80 gate\n"


def write(folder: Path, **files: str) -> Path:
    """Write files by their stems, and return the first of them."""
    for stem, text in files.items():
        (folder / f"{stem}.cf").write_text(text)
    return folder / f"{next(iter(files))}.cf"


def refusal(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_paths_are_those_of_the_file_that_has_them_or_absolute(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    main = write(tmp_path, main=f"include=conf.d/a.cf\ninclude={tmp_path}/c*.cf", c="autoreload=yes")
    write(tmp_path / "conf.d", a="include=b.cf", b=WEB)
    config = load(main).config
    assert ([virtual.id for virtual in config.virtuals], config.settings.autoreload) == (["tcp:192.0.2.1:80"], True)


def test_a_folder_with_signs_of_a_pattern_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "[x]").mkdir()
    write(tmp_path / "[x]", web=WEB)
    assert len(load(write(tmp_path / "[x]", main="include=w*.cf")).config.virtuals) == 1


def test_hidden_files_and_others_do_not_match(tmp_path: Path) -> None:
    (tmp_path / ".web.cf").write_text("nonsense")
    (tmp_path / "web.cf~").write_text("nonsense")
    assert load(write(tmp_path, main="include=w*.cf\ninclude=*b.cf\ninclude=absent/*.cf")).warnings == ()


def test_a_file_that_is_none_is_refused_where_it_is_included(tmp_path: Path) -> None:
    (tmp_path / "folder.cf").mkdir()
    (tmp_path / "binary.cf").write_bytes(b"ELF\n\0")
    os.mkfifo(tmp_path / "pipe.cf")
    absent = "cannot read the file: No such file or directory; check its path and permissions"
    assert refusal(write(tmp_path, main="include=*[!n].cf\ninclude=absent.cf\ninclude=main.cf/*.cf")) == [
        "main.cf:1:9: cannot include binary.cf: the file holds NUL bytes: it is not text; save it as UTF-8",
        "main.cf:1:9: cannot include folder.cf: cannot read the file: Is a directory; check its path and permissions",
        "main.cf:1:9: cannot include pipe.cf: this is not a regular file; name a file",
        f"main.cf:2:9: cannot include absent.cf: {absent}",
    ]


def test_a_folder_instead_of_a_file_costs_no_descriptor(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    refusal(write(tmp_path, main="include=.\ninclude=..\ninclude=/"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_folder_that_cannot_be_listed_does_not_count_as_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    assert refusal(write(tmp_path, main="include=conf.d/*.cf")) == [
        "main.cf:1:9: cannot include conf.d/*.cf: cannot list conf.d: Permission denied; check its permissions"
    ]


def test_warnings_about_the_line_ends_of_a_file_name_it(tmp_path: Path) -> None:
    main = write(tmp_path, main="include=web.cf\ncheckinterval=5s", web="")
    (tmp_path / "web.cf").write_bytes(b"# \xe4\r\n")
    assert [str(warning).replace(f"{tmp_path}/", "").split("; ")[0] for warning in load(main).warnings] == [
        'main.cf:2:15: warning: "5s" is read as 5',
        "web.cf:1:1: warning: the line ends in CR LF",
    ]


def test_problems_are_in_the_order_in_which_files_are_read() -> None:
    main = "include=a.cf\ninclude=b.cf\ninclude=x/../a.cf\nwrong\n"
    shelf = Shelf({"main.cf": main, **dict.fromkeys(("a.cf", "b.cf", "x/../a.cf"), "wrong")})
    places = [problem.split(": ")[0] for problem in problems(shelf)]
    assert places == ["main.cf:3:9", "main.cf:4:1", "a.cf:1:1", "x/../a.cf:1:1", "b.cf:1:1"]


def test_problems_of_names_and_authorities_are_at_their_included_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    main = write(tmp_path, main=f"{WEB}include=shop.cf", shop="#\nvirtual=1\n    real=web1 gate\n    service=http\n")
    known = {HostName("web1", ipv6=False): IPv4Address("198.51.100.7")}
    (warning,) = load(main, known).warnings
    assert (warning.file, warning.line) == (str(tmp_path / "shop.cf"), 3)
    write(tmp_path, shop="virtual=1\n    service=https\n    tlsverify=yes\n    tlsca=/absent\n")
    assert [problem.split(": ")[0] for problem in refusal(main)] == ["shop.cf:4:11"]


def test_the_same_files_mean_the_same_again_without_being_read(tmp_path: Path) -> None:
    main = write(tmp_path, main="include=w*.cf\ninclude=other.cf", web=WEB, other="autoreload=yes")
    loaded = load(main)
    for path in tmp_path.iterdir():
        path.unlink()
    assert reparse(loaded, {}) == loaded


def test_what_was_read_is_known_also_of_a_configuration_that_is_refused(tmp_path: Path) -> None:
    files = Files()
    with pytest.raises(ConfigError):
        load(write(tmp_path, main="include=w*.cf\ninclude=absent.cf", web="nonsense"), files=files)
    assert {str(tmp_path / "main.cf"), str(tmp_path / "web.cf"), str(tmp_path / "absent.cf")} == set(
        files.contents.texts
    )
    assert {(str(tmp_path), "w*.cf"): ("web.cf",)} == files.contents.matches
