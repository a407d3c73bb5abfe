"""Which files a package has, and where: all but the Python environment, the copyright and the SBOM."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import NamedTuple

from packages.release import Release

ENVIRONMENT = "usr/lib/ldirectord-py"
COMMAND = "usr/bin/ldirectord-py"
DOC = "usr/share/doc/ldirectord-py"
EXAMPLES = f"{DOC}/examples"
BASH = "usr/share/bash-completion/completions"
FISH = "usr/share/fish/vendor_completions.d"
MAN = "usr/share/man"
HERE = "tests/packages/debian"

FILES = {
    f"{HERE}/default": "etc/default/ldirectord-py",
    f"{HERE}/ldirectord-py": COMMAND,
    f"{HERE}/lintian-overrides": "usr/share/lintian/overrides/ldirectord-py",
    "README.md": f"{DOC}/README.md",
    "docs/changelog.md": f"{DOC}/changelog",
    "docs/man/ldirectord.8": f"{MAN}/man8/ldirectord.8",
    "docs/man/ldirectord.cf.5": f"{MAN}/man5/ldirectord.cf.5",
    "etc/completion/_ldirectord": "usr/share/zsh/vendor-completions/_ldirectord",
    "etc/completion/ldirectord": f"{BASH}/ldirectord",
    "etc/completion/ldirectord.fish": f"{FISH}/ldirectord.fish",
    "etc/ldirectord.cf": f"{EXAMPLES}/ldirectord.cf",
    "etc/ldirectord.schema.json": "usr/share/ldirectord-py/ldirectord.schema.json",
    "etc/logrotate.d/ldirectord": "usr/share/ldirectord-py/logrotate",
    "systemd/own-user.conf": f"{EXAMPLES}/own-user.conf",
    "systemd/scripts.conf": f"{EXAMPLES}/scripts.conf",
}
UNITS = ("systemd/ldirectord.service", "systemd/ldirectord@.service")
LINKS = {
    "usr/sbin/ldirectord": "../bin/ldirectord-py",
    f"{BASH}/ldirectord-py": "ldirectord",
    f"{FISH}/ldirectord-py.fish": "ldirectord.fish",
    f"{MAN}/man8/ldirectord-py.8.gz": "ldirectord.8.gz",
}
DIRECTORIES = ("etc/ha.d",)
"""Made empty. The configuration is the operator's: no file of it is ever in a package."""

CONFFILES = ("etc/default/ldirectord-py",)
EXECUTABLE = frozenset((COMMAND,))
DIVERTED = ("/usr/sbin/ldirectord", "/lib/systemd/system/ldirectord.service", "/usr/share/man/man8/ldirectord.8.gz")
"""Files that the Perl package has too; preinst and postrm name them."""


class Item(NamedTuple):
    """A file of the tree, and its mode in the package."""

    source: str
    mode: int


def contents(release: Release, tracked: Collection[str]) -> dict[str, Item]:
    """Return each file of the package without the leading slash, and what it is made of."""
    files = {target: source for source, target in FILES.items()}
    files |= {f"{release.units}/{PurePosixPath(unit).name}": unit for unit in UNITS}
    files |= {f"{DOC}/{PurePosixPath(page).name}": page for page in tracked if _is_page(page)}
    files |= {f"{EXAMPLES}/{page.removeprefix('docs/')}": page for page in tracked if "docs/monitoring/" in page}
    return {target: Item(source, 0o755 if target in EXECUTABLE else 0o644) for target, source in sorted(files.items())}


def _is_page(path: str) -> bool:
    return PurePosixPath(path).match("docs/*.md") and path not in FILES


def packaged_unit(text: str) -> str:
    """Return a unit that runs the command of the package, whatever else is installed in /usr/local."""
    return text.replace("=ldirectord-py ", f"=/{COMMAND} ")
