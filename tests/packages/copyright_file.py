"""The file copyright of a package, in Debian's machine-readable form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packages.components import Component

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ldirectord-py
Comment: The package is ldirectord-py with libraries of others, listed below; sbom.cdx.json has their versions.
 ldirectord-py itself is GPL-2.0-or-later. Some of the libraries are licensed
 under the Apache License 2.0, which the GPL allows from version 3 on: so the
 package as a whole may be passed on under the GPL, version 3 or later. Who
 needs version 2 can take ldirectord-py without these libraries.

Files: *
Copyright: The authors of ldirectord-py
License: GPL-2.0-or-later with additional permission
 This program is free software; you can redistribute it and/or modify it under
 the terms of the GNU General Public License as published by the Free Software
 Foundation; either version 2 of the License, or (at your option) any later
 version. It is distributed in the hope that it will be useful, but WITHOUT ANY
 WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR A
 PARTICULAR PURPOSE.
 .
 The texts of versions 2 and 3 are in /usr/share/common-licenses/GPL-2 and
 /usr/share/common-licenses/GPL-3.
 .
"""


def copyright_text(permission: str, components: Iterable[Component], site: str) -> str:
    """Return the file; ``site`` is the site-packages of the package, ``permission`` the text of LICENSE.permission."""
    return f"{HEAD}{_field(permission)}\n" + "\n".join(_paragraph(component, site) for component in components)


def _paragraph(component: Component, site: str) -> str:
    licence = component.licence.replace(" AND ", " and ").replace(" OR ", " or ")
    texts = f"\n\n{'-' * 70}\n\n".join(component.texts)
    return (
        f"Files: {_list([f'{site}/{file}' for file in component.files])}\n"
        f"Copyright: {_list(component.notices or [f'The authors of {component.name}'])}\n"
        f"License: {licence}\n{_field(texts)}"
    )


def _list(lines: Sequence[str]) -> str:
    return "\n ".join(lines)


def _field(text: str) -> str:
    """Return lines of text as those of a field: indented, with a dot for each empty one."""
    return "".join(f" {line.rstrip() or '.'}\n" for line in text.strip().splitlines())
