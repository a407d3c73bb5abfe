"""Lays out the tree of a package beside the environment, with the files that describe it."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.host import ROOT
from packages.archive import NAME, archive
from packages.components import read_components, wheel_hashes
from packages.contents import CONFFILES, DIRECTORIES, DOC, ENVIRONMENT, HERE, LINKS, UNITS, contents, packaged_unit
from packages.control import Build, changelog, control
from packages.copyright_file import copyright_text
from packages.release import Release
from packages.sbom import sbom
from packages.sources import Sources

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
SHARED, SHARED_HERE = "directors.sh", "#DIRECTORS#\n"
"""What the scripts share, and the line of each that it replaces."""


def stage(tree: Path, build: Build, sources: Sources, wheels: Path) -> None:
    """Complete ``tree``, which has the environment, made of ``wheels``, to the tree of the package."""
    for target, item in contents(build.release, sources.files).items():
        text = (ROOT / item.source).read_text()
        _write(tree / target, packaged_unit(text) if item.source in UNITS else text, item.mode)
    for target, source in LINKS.items():
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        (tree / target).symlink_to(source)
    for directory in DIRECTORIES:
        (tree / directory).mkdir(parents=True, exist_ok=True)
    _describe(tree, build, wheels)
    _write_control(tree, build)


def _describe(tree: Path, build: Build, wheels: Path) -> None:
    """Write copyright, SBOM and changelog."""
    site = f"{ENVIRONMENT}/lib/python{build.release.python}/site-packages"
    components = read_components(tree / site, wheel_hashes(wheels))
    permission = (ROOT / "LICENSE.permission").read_text()
    _write(tree / DOC / "copyright", copyright_text(permission, components, site))
    _write(tree / DOC / "sbom.cdx.json", sbom(build, components))
    _write(tree / DOC / "changelog.Debian", changelog(build))


def _write_control(tree: Path, build: Build) -> None:
    sizes = [path.lstat().st_size for path in tree.rglob("*") if path.is_symlink() or path.is_file()]
    for script in SCRIPTS:
        _write(tree / "DEBIAN" / script, script_text(script, build.release), 0o755)
    (tree / "DEBIAN" / NAME).write_bytes(archive(build.epoch))
    (tree / "DEBIAN" / NAME).chmod(0o644)
    _write(tree / "DEBIAN/conffiles", "".join(f"/{path}\n" for path in CONFFILES))
    _write(tree / "DEBIAN/control", control(build, sizes))


def script_text(name: str, release: Release) -> str:
    """Return a script of the package, complete."""
    texts = {file: (ROOT / HERE / file).read_text() for file in (name, SHARED)}
    return texts[name].replace(SHARED_HERE, texts[SHARED] + "\n").replace("@PYTHON@", release.python)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def copy_sources(sources: Sources, target: Path) -> None:
    """Copy the tracked files, so that nothing else of the work tree is in a package."""
    for file in sources.files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target / file)
