"""The values of ``notify`` and ``notifyurl``, and that no message repeats a URL."""

from __future__ import annotations

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.dump import to_json, to_yaml
from ldirectord_py.config.notifications import url_origin
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError

HEAD = "virtual=192.0.2.10:80\n"


def read(text: str, *, installed: bool = True) -> Parsed:
    return parse(text, "file", Names(), KINDS, lambda _: installed)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/usr/bin/notify", "/usr/bin/notify"),
        ('"/usr/bin/notify --all"', "/usr/bin/notify --all"),
        ("/usr/bin/notify 'a b' # comment", "/usr/bin/notify 'a b'"),
        ('"/opt/a b/notify" --all', '"/opt/a b/notify" --all'),
        ("none", ""),
    ],
)
def test_commands(raw: str, expected: str) -> None:
    assert read(f"notify={raw}\n").config.settings.notify == expected


@pytest.mark.parametrize(
    "url",
    [
        *("http://host", "https://host.example:8443/path?x=1", "https://[2001:db8::1]:443/", "http://192.0.2.1/"),
        "https://ops:p%40ss@host.example/",
    ],
)
def test_urls(url: str) -> None:
    assert read(f'notifyurl="{url}"\n').config.settings.notifyurl == url
    assert read(f"notifyurl={url}\n").config.settings.notifyurl == url


def test_none_is_empty() -> None:
    assert read("notifyurl=none\n").config.settings.notifyurl == ""


def test_the_file_of_a_secret_has_an_absolute_path() -> None:
    for raw in ("/etc/secret", '"/etc/secret"'):
        assert read(f"notifysecretfile={raw}\n").config.settings.notifysecretfile == "/etc/secret"
    with pytest.raises(ConfigError, match="notifysecretfile is not an absolute path"):
        read("notifysecretfile=secret\n")
    text = f"notifysecretfile=/all\n{HEAD}    notifysecretfile=none\n{HEAD.replace('80', '81')}"
    assert [each.notifysecretfile for each in read(text).config.virtuals] == ["", "/all"]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://hunter2.example/", "hunter2.example/path", "https:///hunter2", "https://hunter2:99999/"),
        *("https://hunter2:0/", "https://[hunter2/", "https://hunter2/a b", "https://hunter2/ü"),
        "https://hunter2/#part",
    ],
)
def test_what_is_no_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f'notifyurl="{url}"\n')
    assert "hunter2" not in str(caught.value)


def test_a_virtual_takes_the_daemons_or_its_own() -> None:
    text = f"notify=/bin/all\nnotifyurl=http://all\n{HEAD}    notify=/bin/own\n    notifyurl=none\n"
    loaded = read(f"{text}virtual=192.0.2.11:80\n").config
    assert [(each.notify, each.notifyurl) for each in loaded.virtuals] == [("/bin/own", ""), ("/bin/all", "http://all")]


def test_a_webhook_needs_its_library() -> None:
    for text in ("notifyurl=http://all\n", f"{HEAD}    notifyurl=http://all\n"):
        with pytest.raises(ConfigError, match=r"notifyurl needs aiohttp.*ldirectord-py\[notify\]"):
            read(text, installed=False)
    read("notifyurl=none\n", installed=False)


def test_a_dump_shows_no_url() -> None:
    loaded = read(f"notifyurl=http://hunter2\n{HEAD}    notifyurl=http://hunter2/own\n").config
    for shown in (to_json(loaded), to_yaml(loaded)):
        assert "hunter2" not in shown
        assert "***" in shown
    assert "hunter2/own" in to_json(loaded, show_secrets=True)


def test_the_origin_of_a_url_has_no_secret() -> None:
    assert url_origin("https://ops:hunter2@host.example:8443/hunter2?x=hunter2") == "https://host.example:8443"
