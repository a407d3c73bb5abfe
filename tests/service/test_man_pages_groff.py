"""groff has no warning about the man pages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "man").iterdir())


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff (package groff-base)")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_man_page_is_formatted_without_a_warning(page: Path) -> None:
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SEE ALSO" in re.sub(".\b", "", done.stdout)
