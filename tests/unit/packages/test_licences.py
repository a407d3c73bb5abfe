"""Licences: what is stated, what may be packaged, what copyright repeats of the texts."""

from __future__ import annotations

from email.message import Message

import pytest

from packages.licences import UnknownLicenceError, licence_of, notices, trimmed

APACHE = """\
                                 Apache License
                           Version 2.0, January 2004
                        http://www.apache.org/licenses/

   1. Definitions. "Licensor" shall mean the copyright owner or entity
      (c) You must retain, in the Source form
      of your accepting any such warranty or additional
      liability.

   END OF TERMS AND CONDITIONS

   APPENDIX: How to apply the Apache License to your work.
      same "printed page" as the copyright notice for easier

   Copyright 2013-2019 Nikolay Kim and Andrew Svetlov

   See the License for the specific language governing permissions and
   limitations under the License.
"""
GPL = """\
                    GNU GENERAL PUBLIC LICENSE
                       Version 2, June 1991

 Copyright (C) 1989, 1991 Free Software Foundation, Inc.,
                     END OF TERMS AND CONDITIONS

            How to Apply These Terms to Your New Programs
    Copyright (C) <year>  <name of author>
Public License instead of this License.
"""
BSD = """\
Copyright 2007 Pallets
© 2010 Somebody.

1. Redistributions must retain the above copyright notice
COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
"""


def metadata(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    ("name", "fields", "licence"),
    [
        ("aiohttp", {"License_Expression": "Apache-2.0 AND MIT", "License": "other"}, "Apache-2.0 AND MIT"),
        ("pyyaml", {"License": "MIT"}, "MIT"),
        ("uvloop", {"License": "MIT License"}, "MIT OR Apache-2.0"),
        ("regex", {"License_Expression": "Apache-2.0 AND CNRI-Python"}, "Apache-2.0 AND CNRI-Python"),
    ],
)
def test_the_licence_is_the_expression_or_what_was_read(name: str, fields: dict[str, str], licence: str) -> None:
    assert licence_of(name, metadata(**fields)) == licence


@pytest.mark.parametrize("fields", [{}, {"License": "BSD"}, {"License_Expression": "MIT AND SSPL-1.0"}])
def test_a_licence_that_nobody_looked_at_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UnknownLicenceError, match="news"):
        licence_of("news", metadata(**fields))


def test_texts_of_debian_systems_are_referred_to() -> None:
    apache = "[The text of this licence is in /usr/share/common-licenses/Apache-2.0.]"
    assert trimmed(f"Before.\n\n{APACHE}\nAfter.") == f"Before.\n\n{' ' * 33}{apache}\n\nAfter."
    assert trimmed(GPL) == "[The text of this licence is in /usr/share/common-licenses/GPL-2.]"
    assert trimmed(f"{APACHE}----\n{APACHE}").count(apache) == 2


def test_other_texts_stay() -> None:
    assert trimmed(BSD) == BSD.strip()


def test_notices_are_lines_that_name_somebody() -> None:
    assert [*notices(APACHE)] == ["Copyright 2013-2019 Nikolay Kim and Andrew Svetlov"]
    assert [*notices(GPL)] == ["Copyright (C) 1989, 1991 Free Software Foundation, Inc"]
    assert [*notices(BSD)] == ["Copyright 2007 Pallets", "© 2010 Somebody"]
    assert [*notices("   Copyright [yyyy] [name of copyright owner]\n   copyright, patent, trademark, and")] == []
    assert [*notices("# Copyright (c) 2016, 2026, Oracle and/or its affiliates.")] == [
        "Copyright (c) 2016, 2026, Oracle and/or its affiliates"
    ]
