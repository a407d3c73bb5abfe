"""Every link and picture of README.md and docs/*.md that stays in the tree is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make."""
    headings = re.findall("^#+ (.*)$", _without_examples(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _without_examples(page: Path) -> str:
    return re.sub("^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    astray = []
    text = _without_examples(page)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\bsrc(?:set)?="([^"]+)"', text):
        path, _, anchor = target.partition("#")
        leads = (page.parent / path) if path else page
        if "://" not in target and not (leads.exists() and (not anchor or anchor in anchors(leads))):
            astray.append(target)
    assert astray == []
