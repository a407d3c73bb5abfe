"""The grammar of the command line."""

from pathlib import Path

import pytest

from ldirectord_py.cli.invocation import arguments
from ldirectord_py.cli.invocation.arguments import Invocation, MissingConfigError, UsageError, find, parse
from ldirectord_py.cli.invocation.commands import COMMANDS


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of our own for /etc/ha.d, and for the working directory."""
    for name in ("ha.d/conf", "here"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(arguments, "CONFIG_FOLDERS", (f"{tmp_path}/ha.d", f"{tmp_path}/ha.d/conf"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("web.cf start", Invocation("start", "web.cf", "web.cf")),
        ("./web.cf stop", Invocation("stop", "./web.cf", "web.cf")),
        ("/etc/lvs/web.cf status", Invocation("status", "/etc/lvs/web.cf", "web.cf")),
        ("start", Invocation("start", "ldirectord.cf", "ldirectord")),
        ("ldirectord.cf start", Invocation("start", "ldirectord.cf", "ldirectord.cf")),
        ("-d web.cf start", Invocation("start", "web.cf", "web.cf", debug=True)),
        ("-dd --debug start", Invocation("start", "ldirectord.cf", "ldirectord", debug=True)),
        ("-d -- web.cf start", Invocation("start", "web.cf", "web.cf", debug=True)),
        ("-- -x start", Invocation("start", "-x", "-x")),
        ("stop start", Invocation("start", "stop", "stop")),
        ("reload --wait", Invocation("reload", "ldirectord.cf", "ldirectord", arguments=("--wait",))),
        ("show web1", Invocation("show", "ldirectord.cf", "ldirectord", arguments=("web1",))),
        ("web.cf status extra", Invocation("status", "web.cf", "web.cf", arguments=("extra",))),
        (
            "dump --format yaml",
            Invocation("dump", "ldirectord.cf", "ldirectord", arguments=("--format", "yaml")),
        ),
        ("web.cf dump --format yaml", Invocation("dump", "web.cf", "web.cf", arguments=("--format", "yaml"))),
        ("-h", Invocation("help")),
        ("-?", Invocation("help")),
        ("--help nonsense", Invocation("help")),
        ("-v", Invocation("version")),
        ("-dv", Invocation("version")),
        ("--version -h", Invocation("help")),
    ],
)
def test_a_command_line(line: str, expected: Invocation) -> None:
    assert expected == parse(line.split(), COMMANDS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "No command"),
        ("bogus", "Unknown command: bogus"),
        ("web.cf bogus", "Unknown command: bogus"),
        ("web.cf -d start", "Unknown command: -d"),
        ("stop web.cf", "stop: web.cf is no option; a configuration comes first: ldirectord web.cf stop"),
        ("check web.cf", "check: web.cf is no option; a configuration comes first: ldirectord web.cf check"),
        ("--bogus start", "Unknown option: bogus"),
        ("--deb start", "Unknown option: deb"),
        ("-dx start", "Unknown option: x"),
    ],
)
def test_what_is_no_command_line(line: str, expected: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(line.split(), COMMANDS)
    assert expected == str(error.value)


def test_a_config_is_searched_in_two_folders_and_then_as_given(folders: Path) -> None:
    for folder in ("here", "ha.d/conf", "ha.d"):
        (folders / folder / "web.cf").touch()
    found = []
    for folder in ("ha.d", "ha.d/conf", "here"):
        found.append(find("web.cf"))
        (folders / folder / "web.cf").unlink()
    assert [f"{folders}/ha.d/web.cf", f"{folders}/ha.d/conf/web.cf", "web.cf"] == found


def test_a_folder_is_no_config(folders: Path) -> None:
    (folders / "ha.d/web.cf").mkdir()
    assert find("web.cf") == "web.cf"
    with pytest.raises(MissingConfigError, match=r"^Config file web\.cf not found$"):
        parse(["web.cf", "start"], COMMANDS).config_file()


def test_a_name_with_a_path_is_looked_for_below_the_folders_too(folders: Path) -> None:
    (folders / "ha.d/./web.cf").touch()
    assert find("./web.cf") == f"{folders}/ha.d/./web.cf"
