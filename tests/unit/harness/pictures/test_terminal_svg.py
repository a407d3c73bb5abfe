"""The picture of a terminal has the text of its screen, in place and in colour."""

from __future__ import annotations

from xml.etree import ElementTree

from harness.pictures.terminal_svg import COLUMN, LINE, MARGIN, STYLES, terminal_svg
from harness.screen_emulator import ScreenEmulator
from ldirectord_py.cli.output.screen import Screen, ScreenLine
from ldirectord_py.cli.output.terminal import Colour

NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(*lines: ScreenLine) -> list[ElementTree.Element]:
    screen = ScreenEmulator(4)
    screen.write(Screen().changes(lines, (40, 4)))
    root = ElementTree.fromstring(terminal_svg("<title>", screen.cells, 40))  # noqa: S314  it is ours
    assert root.get("width") == str(40 * COLUMN + 2 * MARGIN)
    return list(root.iter(f"{NAMESPACE}text"))


def test_each_piece_is_where_its_columns_are() -> None:
    title, up, latency, down = texts(ScreenLine(" up   12ms"), ScreenLine("a < b & c"))
    assert (title.text, up.text, latency.text, down.text) == ("<title>", "up", "12ms", "a < b & c")
    assert int(latency.attrib["x"]) - int(up.attrib["x"]) == 5 * COLUMN
    assert int(down.attrib["y"]) - int(up.attrib["y"]) == LINE
    assert latency.attrib["textLength"] == str(4 * COLUMN)


def test_every_colour_has_a_style() -> None:
    assert set(STYLES) == {colour.value for colour in Colour if colour.value}
    _, red, plain = texts(ScreenLine("down", Colour.RED), ScreenLine("up"))
    assert (red.get("class"), plain.get("class")) == ("c31", None)
