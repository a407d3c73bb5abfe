"""The section "Configuration" of docs/differences.md: what the Perl original reads, and what we read instead."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from harness.comparison import configurations, perl
from harness.comparison.configurations import Case, Refused

pytestmark = perl.needs_original

VIRTUAL = "virtual = 192.0.2.1:80\n"
GOOD = f"{VIRTUAL}    real = 127.0.0.1:80 gate\n"
MARK = "virtual = 7\n    real = 127.0.0.1:80 gate\n"
NOBODY = "a" * 64  # too long for a label, so that no resolver on the net is asked
RESOLVED = {"web_1": "203.0.113.1"}

ACCEPTED = (
    pytest.param(
        (
            Case(f"quiescent = yes # drain\n{GOOD}", "daemon quiescent", Refused(1), "yes", "a comment follows yes"),
            Case(f"{GOOD}    quiescent = yes \n", "virtual quiescent", Refused(3), "yes", "blanks follow yes"),
            Case(f"{GOOD}    netmask = 255.255.0.0 \n", "virtual netmask", Refused(3), "255.255.0.0", "blanks follow"),
            Case(f"emailalertstatus = all # x\n{MARK}", "daemon quiescent", Refused(1), "no", "a comment follows all"),
            Case(f"fallback = 10.0.0.9:80 # x\n{GOOD}", "virtual fallback", Refused(1), "10.0.0.9:80", "a comment"),
        ),
        marks=pytest.mark.difference(
            "A comment or blanks behind `yes`, `no`, a netmask, a list of mail states, a global fallback"
        ),
    ),
    pytest.param(
        (
            Case(f"{VIRTUAL}  real = 10.0.0.1:1 gate\n", "virtual reals", Refused(2), "10.0.0.1:1", "2 columns only"),
            Case(f"{VIRTUAL}\n    real = 10.0.0.1:1 gate\n", "virtual reals", Refused(3), "10.0.0.1:1", "a blank line"),
        ),
        marks=pytest.mark.difference("Lines of a virtual indented by fewer than four columns, or after a blank line"),
    ),
    pytest.param(
        (
            Case(f"{GOOD}persistent = 600\n", "virtual persistent", Refused(3), "600", "part of the virtual of line 1"),
            Case(f"{GOOD}quiescent = yes\n", "daemon quiescent", "yes", "yes"),
        ),
        marks=pytest.mark.difference("Lines of a virtual not indented at all"),
    ),
    pytest.param(
        (
            Case(
                "  checkinterval = 5\n  virtual = 192.0.2.1:80\n      real = 10.0.0.1:1 gate\n",
                "virtual reals",
                Refused(1),
                "10.0.0.1:1",
                "start it in the first column",
            ),
        ),
        marks=pytest.mark.difference("A whole file that is indented"),
    ),
    pytest.param(
        (
            Case(f"{GOOD}    request = /x # y\n", "virtual request", Refused(3), "/x", "is not quoted"),
            Case(f"{GOOD}    receive = ok\n", "virtual receive", Refused(3), "ok", "is not quoted"),
            Case(f"{GOOD}    login = me\n", "virtual login", Refused(3), "me", "is not quoted"),
            Case(f"logfile = /tmp/log\n{GOOD}", "daemon logfile", Refused(1), "/tmp/log", "is not quoted"),
            Case(f"{GOOD}    request = /x#y\n", "virtual request", Refused(3), Refused(3), "ambiguous"),
        ),
        marks=pytest.mark.difference("A string without quotes (`request`, `receive`, `login`, `logfile`, ...)"),
    ),
    pytest.param(
        (
            Case(f'quiescent = "yes"\n{GOOD}', "daemon quiescent", Refused(1), "yes", "quotes are not needed"),
            Case(f'smtp = "127.0.0.1"\n{GOOD}', "daemon smtp", Refused(1), "127.0.0.1", "quotes are not needed"),
            Case(f'fallback = "10.0.0.9:80"\n{GOOD}', "virtual fallback", Refused(1), "10.0.0.9:80", "not needed"),
            Case(f'{GOOD}    netmask = "255.0.0.0"\n', "virtual netmask", Refused(3), "255.0.0.0", "not needed"),
        ),
        marks=pytest.mark.difference("Quotes around words (`yes`, `smtp`, `fallback`, `netmask`, ...)"),
    ),
    pytest.param(
        (Case(f'{GOOD}    request = "/a#b"\n', "virtual request", Refused(3), "/a#b", "a # in quotes"),),
        marks=pytest.mark.difference("A `#` inside quotes"),
    ),
    pytest.param(
        (
            Case(f"\ufeffcheckinterval = 5\n{GOOD}", "daemon checkinterval", Refused(1), "5", "byte order mark"),
            Case(f"quiescent = yes\r\n{GOOD}", "daemon quiescent", Refused(1), "yes", "CR LF"),
            Case(f"{GOOD}    servicename = web\r\n", "virtual servicename", "web\r", "web\r", "part of the value"),
            Case(f"{GOOD}    comment = web\r\n", "virtual comment", "web\r", "web\r", "part of the value"),
            Case(f"{GOOD}    virtualhost = web\r\n", "virtual virtualhost", "web\r", "web\r", "part of the value"),
        ),
        marks=pytest.mark.difference("A byte order mark, CR LF line ends"),
    ),
    pytest.param(
        (Case(f"fallback = 10.0.0.9:http\n{GOOD}", "virtual fallback", Refused(1), "10.0.0.9:80", '"http" may have'),),
        marks=pytest.mark.difference("`fallback` for the whole daemon with a service name that tcp or udp lacks"),
    ),
)

OTHERWISE = (
    pytest.param(
        (
            Case(f"{GOOD}virtual = 192.0.2.2:80\n", "virtual reals", Refused(3), "127.0.0.1:80"),
            Case(f"{GOOD}virtual = 192.0.2.2:80\n\n", "virtual reals", "127.0.0.1:80", "127.0.0.1:80"),
        ),
        marks=pytest.mark.difference("A virtual's own line as the last of the file"),
    ),
    pytest.param(
        (
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "/x", "y"\n', "real receive", "", "y"),
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "x", "y"\n', "real receive", "y", "y"),
        ),
        marks=pytest.mark.difference("A per-real request that begins with `/`"),
    ),
    pytest.param(
        (
            Case(f"{VIRTUAL}    real = 10.0.0.1:1 gate 1 u:5 l:3\n", "real upper", "", "5"),
            Case(f"{VIRTUAL}    real = 10.0.0.1:1 gate 1 u:5 l:3\n", "real lower", "3", "3"),
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "l:3" "u:5"\n', "real request", "/l:3", "/"),
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "l:3" "u:5"\n', "real receive", "u:5", ""),
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "l:3" "u:5"\n', "real upper", "", "5"),
        ),
        marks=pytest.mark.difference("Thresholds `u:` before `l:`, or in quotes as the manual prints them"),
    ),
    pytest.param(
        (Case(f"{VIRTUAL}    real = web_1:80 gate\n", "virtual reals", "0.0.0.1:80", "203.0.113.1:80"),),
        marks=pytest.mark.difference("Host names with `_`"),
    ),
    pytest.param(
        (
            Case(
                f"{VIRTUAL}    real = 192.0.2.1::80 gate\n", "virtual reals", "0.0.0.80:0", "192.0.2.1:80", "two colons"
            ),
        ),
        marks=pytest.mark.difference("`192.0.2.1::80`"),
    ),
    pytest.param(
        (
            Case(
                f"{VIRTUAL}    real = 59.154.201.255->59.154.202.1:1 gate\n",
                "virtual reals",
                "",
                "59.154.201.255:1 59.154.202.0:1 59.154.202.1:1",
            ),
        ),
        marks=pytest.mark.difference("A range across 59.154.202.0"),
    ),
    pytest.param(
        (
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate "GET 200", "y"\n', "real request", Refused(2), "/GET 200"),
            Case(f'{VIRTUAL}    real = 10.0.0.1:1 gate 1 "GET 200", "y"\n', "real request", "/GET 200", "/GET 200"),
        ),
        marks=pytest.mark.difference('`"GET 200"` as a request without a weight'),
    ),
    pytest.param(
        (
            Case(f'fallbackcommand = "/bin/x"\n{GOOD}', "daemon fallbackcommand", '"/bin/x"', "/bin/x"),
            Case(f'fallbackcommand = "/x" a\n{GOOD}', "daemon fallbackcommand", '"/x" a', '"/x" a'),
        ),
        marks=pytest.mark.difference("`fallbackcommand` for the whole daemon, in quotes"),
    ),
    pytest.param(
        (
            Case(f"{GOOD}    checkcommand = '/bin/x'\n", "virtual checkcommand", "'/bin/x'", "/bin/x", "single quotes"),
            Case(f"{GOOD}    fallbackcommand = '/x'\n", "virtual fallbackcommand", "'/x'", "/x", "single quotes"),
        ),
        marks=pytest.mark.difference("Single quotes around `checkcommand`, `fallbackcommand`, `monitorfile`"),
    ),
    pytest.param(
        (
            Case(f"emailalertfrom = a@b # x\n{GOOD}", "daemon emailalertfrom", "a@b # x", "a@b"),
            Case(f"maintenancedir = /m # x\n{GOOD}", "daemon maintenancedir", "/m # x", "/m"),
            Case(f"execute = b.cf # x\n{GOOD}", "daemon execute", "b.cf # x", "b.cf"),
            Case(f"execute = b.cf#x\n{GOOD}", "daemon execute", "b.cf#x", "b.cf#x"),
        ),
        marks=pytest.mark.difference(
            "Comments behind global values that are text (`emailalertfrom`, `maintenancedir`, `execute`, ...)"
        ),
    ),
    pytest.param(
        (
            Case(f"maintenancedir = /m \n{GOOD}", "daemon maintenancedir", "/m ", "/m"),
            Case(f"{GOOD}    checkcommand = /bin/x \n", "virtual checkcommand", "/bin/x ", "/bin/x"),
            Case(f"{GOOD}    emailalert = a@b \n", "virtual emailalert", "a@b ", "a@b"),
            Case(f"{GOOD}    servicename = web \n", "virtual servicename", "web ", "web "),
        ),
        marks=pytest.mark.difference("Blanks at the end of values"),
    ),
    pytest.param(
        (
            Case(f"checkinterval = 0.5\n{GOOD}", "daemon checkinterval", Refused(1), "0.5"),
            Case(f"{GOOD}    checktimeout = 0.25\n", "virtual checktimeout", Refused(3), "0.25"),
            Case(f"checkinterval = 1.5\n{GOOD}", "daemon checkinterval", "1", "1", "read as 1"),
            Case(f"checkinterval = .5\n{GOOD}", "daemon checkinterval", "5", "5", "read as 5"),
        ),
        marks=pytest.mark.difference("A time below a second"),
    ),
    pytest.param(
        (
            Case(f"{GOOD}    failurecount = 3\n    failurecount = 2\n", "virtual failurecount", "2", "2", "in line 3"),
            Case(f"{GOOD}    service = ftp\n    service = http\n", "virtual login", "anonymous", "", "in line 3"),
        ),
        marks=pytest.mark.difference("The same directive twice"),
    ),
    pytest.param(
        (
            Case(f'{GOOD}    checkcommand = "/bin/x\n', "virtual checkcommand", '"/bin/x', Refused(3), "not closed"),
            Case(f'{GOOD}    fallbackcommand = "/x\n', "virtual fallbackcommand", '"/x', Refused(3), "not closed"),
        ),
        marks=pytest.mark.difference("`checkcommand`, `fallbackcommand` or `monitorfile` whose quote is not closed"),
    ),
)

KEPT = (
    pytest.param(
        (Case(GOOD.replace("192.0.2.1:80", "10.0.0.1"), "virtual fwmark", "10", "10", "firewall mark 10"),),
        marks=pytest.mark.difference("A virtual without a port"),
    ),
    pytest.param(
        (
            Case(f"checkinterval = 60s\n{GOOD}", "daemon checkinterval", "60", "60", '"60s" is read as 60'),
            Case(f"failurecount = 1.5\n{GOOD}", "daemon failurecount", "1", "1", '"1.5" is read as 1'),
        ),
        marks=pytest.mark.difference("A number with more behind it"),
    ),
    pytest.param(
        (Case(f"{VIRTUAL}    real = 10.1:1 gate\n", "virtual reals", "10.0.0.1:1", "10.0.0.1:1", "as 10.0.0.1"),),
        marks=pytest.mark.difference("An address of fewer than four numbers"),
    ),
    pytest.param(
        (Case(f"{GOOD}    service = http-proxy\n", "virtual service", "http", "http", "read as http"),),
        marks=pytest.mark.difference("A word with more behind it"),
    ),
    pytest.param(
        (
            Case(
                f"{VIRTUAL}    real = http://10.0.0.1:1 gate\n", "virtual reals", "10.0.0.1:1", "10.0.0.1:1", "ignored"
            ),
        ),
        marks=pytest.mark.difference("Text around an address"),
    ),
)

REFUSED = (
    pytest.param(
        (
            Case(f'callback = ""\n{GOOD}', "daemon callback", "", Refused(1), "callback is empty"),
            Case(f"execute =\n{GOOD}", "daemon execute", "", Refused(1), "execute is empty"),
        ),
        marks=pytest.mark.difference("Empty `callback` or `execute`"),
    ),
    pytest.param(
        (Case(f"execute = a.cf b.cf\n{GOOD}", "daemon execute", "a.cf b.cf", Refused(1), "this has 2 words"),),
        marks=pytest.mark.difference("`execute` of several words"),
    ),
    pytest.param(
        (
            Case(f"execute = 'a.cf\n{GOOD}", "daemon execute", "'a.cf", Refused(1), "no closing quotation"),
            Case(f"fallbackcommand = /it's\n{GOOD}", "daemon fallbackcommand", "/it's", Refused(1), "no closing"),
            Case(f'callback = "/it\'s"\n{GOOD}', "daemon callback", "/it's", Refused(1), "no closing quotation"),
        ),
        marks=pytest.mark.difference("A command whose quote is not closed (`callback`, `execute`, `fallbackcommand`)"),
    ),
    pytest.param(
        (
            Case(f"{VIRTUAL}    real = 10.0.0.1:1 gate 4294967296\n", "real weight", "4294967296", Refused(2), "large"),
            Case(
                f"{VIRTUAL}    real = 10.0.0.1:1 gate 1 u:4294967296\n", "real upper", "4294967296", Refused(2), "large"
            ),
            Case(MARK.replace("= 7", "= 4294967296"), "virtual fwmark", "4294967296", Refused(1), "too large"),
        ),
        marks=pytest.mark.difference(
            "Numbers too large for the kernel (weights, thresholds, marks), ranges of more than 65,536 addresses"
        ),
    ),
    pytest.param(
        (
            Case(f"{VIRTUAL}    real = 2001:db8::1:80 gate\n", "virtual reals", "0.0.0.1:80", Refused(2), "brackets"),
            Case("virtual6 = [::1]:80\n    real6 = ::2:80 gate\n", "virtual reals", Refused(2), Refused(2), "brackets"),
        ),
        marks=pytest.mark.difference("`real=2001:db8::1:80 gate` (IPv6 without brackets)"),
    ),
    pytest.param(
        (
            Case(
                f'{GOOD}    login = "{"x" * 65536}"\n', "virtual port", "80", Refused(3), "more than 65536 characters"
            ),
            Case(f"#{'x' * 2**24}\n{GOOD}", "virtual port", "80", Refused(1), "larger than 16 MB"),
            Case(f"{GOOD}    comment = a\0b\n", "virtual comment", "a\0b", Refused(3), "NUL"),
        ),
        marks=pytest.mark.difference("A line of more than 65,536 characters, a file of more than 16 MB, a NUL"),
    ),
)

NAMES = (
    pytest.param(
        (
            Case(f"{VIRTUAL}    real = {NOBODY}:80 gate\n", "virtual reals", Refused(2), "", "is left out"),
            Case(f"fallback = {NOBODY}:80\n{GOOD}", "virtual fallback", Refused(1), "", "is left out"),
            Case(f"virtual = {NOBODY}:80\n", "virtual port", Refused(1), Refused(1), "does not resolve"),
        ),
        marks=pytest.mark.difference("A host name that does not resolve"),
    ),
    pytest.param(
        (Case("virtual = 192.0.2.1:http\n    protocol = udp\n", "virtual port", Refused(1), "80"),),
        marks=pytest.mark.difference("A service name that the protocol lacks"),
    ),
)


def answer(host: str, *_: Any) -> list[tuple[Any, ...]]:
    """Resolve the names of these tests; a name server on the net is nobody's business here."""
    if host not in RESOLVED:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (RESOLVED[host], 0))]


@pytest.mark.parametrize("cases", [*ACCEPTED, *OTHERWISE, *KEPT, *REFUSED, *NAMES])
def test_each_reads_it_in_its_own_way(cases: tuple[Case, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert configurations.originals(cases) == [case.original for case in cases]
    for case in cases:
        ours, said = configurations.ours(case, tmp_path)
        assert (case, ours) == (case, case.ours)
        assert bool(said) == bool(case.says), said
        assert any(case.says in line for line in said) or not said
