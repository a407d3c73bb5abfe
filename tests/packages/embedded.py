"""Libraries in compiled wheels that the wheels do not list, with the notices that have to go with them."""

from __future__ import annotations

from typing import NamedTuple

MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""

CNRI = """\
Python 1.6, beta 1, is made available subject to the terms and conditions in CNRI's License Agreement. This Agreement
may be located on the Internet using the following unique, persistent identifier (known as a handle): 1895.22/1011.
This Agreement may also be obtained from a proxy server on the Internet using the URL:
http://hdl.handle.net/1895.22/1011"""
"""What the agreement itself allows in place of its text."""


class Part(NamedTuple):
    """A library or a text inside of a component."""

    name: str
    licence: str
    notice: str
    text: str


EMBEDDED = {
    "cffi": (Part("libffi", "MIT", "Copyright (c) 1996-2025 Anthony Green, Red Hat, Inc and others", MIT),),
    "cryptography": (
        Part(
            "openssl",
            "Apache-2.0",
            "Copyright (c) 1998-2026 The OpenSSL Project Authors",
            "[The text of this licence is in /usr/share/common-licenses/Apache-2.0.]",
        ),
    ),
    "pyyaml": (Part("libyaml", "MIT", "Copyright (c) 2006-2016 Kirill Simonov, 2017-2020 Ingy döt Net", MIT),),
    "regex": (Part("re of Python", "CNRI-Python", "Copyright (c) 1998-2001 by Secret Labs AB", CNRI),),
    "uvloop": (
        Part("libuv", "MIT", "Copyright (c) 2015-present libuv project contributors; Joyent, Inc and others", MIT),
    ),
}
"""By the component that has them inside."""
