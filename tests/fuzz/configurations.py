"""Configuration files of both forms, with the file that they include, and what ``convert`` makes of them.

SEPARATOR divides an input into the main file and the other one, which is there in both forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from fuzz.target import SEPARATOR, FuzzTarget, replaced
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config import servers
from ldirectord_py.config.addresses import HostName, Names, PortName
from ldirectord_py.config.document import read_document
from ldirectord_py.config.dump import to_json, to_yaml
from ldirectord_py.config.files import file_error
from ldirectord_py.config.include import Texts
from ldirectord_py.config.lines import YAML_SUFFIXES, Text
from ldirectord_py.config.model import Config
from ldirectord_py.config.parse import parse_files
from ldirectord_py.config.write_cf import to_cf_form
from ldirectord_py.config.write_yaml import to_yaml_form
from ldirectord_py.errors import ConfigError

ERRORS: Final = (ConfigError,)

MAX_READINGS: Final = 4
"""Files that a configuration may read, the main one included.

Without a limit, the fuzzer ends up with files that include the other one again and again.
"""

SHORT_RANGE: Final = 4
"""Servers that a range may have here: each takes almost 6 kB until all forms are compared, in up to 110 lines."""

NAMES: Final = Names(
    {HostName("web1", ipv6=False): IPv4Address("203.0.113.1"), HostName("web6", ipv6=True): IPv6Address("2001:db8::6")},
    {PortName("http", protocol): 80 for protocol in ("", "tcp", "udp")},
    "director",
)


class Folder:
    """The files of a configuration, by name. Its state: how many more may be read."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._left = MAX_READINGS

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return the other file in both forms."""
        return "0.cf", "0.yaml"

    def text(self, file: str) -> Text:
        """Return a text as Files does; raises ConfigError for another name, or once MAX_READINGS were read."""
        self._left -= 1
        if (data := self._files.get(file)) is None or self._left < 0:
            raise file_error(file, "there is no such file", "name another")
        return Text(file, data.decode("utf-8", "surrogateescape"))


def _parse(file: str, folder: Folder) -> Config:
    return parse_files(Texts(folder.text(file), folder), NAMES, KINDS).config


@replaced((servers, "MAX_RANGE", SHORT_RANGE))
def _decode(file: str, data: bytes) -> None:
    """Read a file, dump it, and convert it; what was converted has to mean the same."""
    main, _, other = data.partition(SEPARATOR)
    files = {file: main, "0.cf": other, "0.yaml": other}
    config = _parse(file, Folder(files))
    to_json(config)
    to_yaml(config)
    is_yaml = file.endswith(YAML_SUFFIXES)
    try:
        document = read_document(Folder(files).text(file), KINDS)
        converted = to_cf_form(document, KINDS) if is_yaml else to_yaml_form(document)
    except ConfigError:
        return
    name = "converted.cf" if is_yaml else "converted.yaml"
    try:
        again = _parse(name, Folder({**files, name: converted.encode("utf-8", "surrogateescape")}))
    except ConfigError as error:
        raise AssertionError(converted) from error
    assert again == config, converted


CF: Final = (
    rb"""
checktimeout=3
checkinterval = 0.5
autoreload=yes
quiescent=no
logfile="/var/log/ld.log"
emailalert="a@b.example, c@d.example"
# a comment
virtual=192.0.2.1:80
	real=web1:80 gate 5 "/x", "ok"
	real=10.0.0.1->10.0.0.3:80 masq l:5 u:9
	fallback=127.0.0.1:80 gate
	service=http
	scheduler=wlc
	checktype=negotiate
	receive="^a\d+ #x"
	virtualhost=www.example.com
""",
    b"""virtual6=[2001:db8::1]:http
        real6=web6:80 ipip
        checktype=external
        checkcommand=/bin/true 'a b'
virtual=7
  persistent=600
  netmask=255.255.255.0
  checktype=3
  service=ldap
  tlsverify=yes
""",
    b"""include = 0.cf
include = "*.cf"
virtual=192.0.2.1:53
 protocol=udp
 checktype=connect
--
include = 0.yaml
 real=10.0.0.1:53 gate
include=0.cf""",
)
YAML: Final = (
    rb"""checktimeout: 3
execute: [a, b]
virtuals:
  - virtual: 192.0.2.1:80
    reals:
      - {real: web1:80, forward: masq, weight: 2, upper: 9}
      - 10.0.0.1:80 gate
    receive: 'it''s \d'
    schedflags: [sh-port, sh-fallback]
    emailalertstatus: "all" # why
""",
    b"""virtuals:
- virtual6: "[::1]:80"
  reals: [{real6: "[::2]:80", forward: gate}]
- include: 0.yaml

--
virtuals: [{virtual: 1}]""",
)

TARGETS: Final = (
    FuzzTarget("config-cf", lambda data: _decode("main.cf", data), ERRORS, CF, memory=16 << 20, seconds=0.5),
    FuzzTarget("config-yaml", lambda data: _decode("main.yaml", data), ERRORS, YAML, memory=16 << 20, seconds=0.5),
)
