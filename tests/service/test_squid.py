"""http_proxy against squid, with nginx behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.nginx import nginx
from harness.servers.squid import squid
from harness.single_check import BOTH, public_folder, run
from ldirectord_py.health import Verdict

UP = (Verdict.UP, "200 OK")

_ORIGIN = """
server {
    listen 127.0.0.1:{port0};
    location / { return 200 "Still alive\\n"; }
    location = /moved { return 302 http://127.0.0.1:{port0}/; }
    location = /private { return 401; }
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """Return the port of the proxy, and the URL of the server behind it."""
    with (
        nginx(tmp_path_factory.mktemp("origin"), _ORIGIN, 1) as (port,),
        public_folder("squid") as folder,
        squid(folder) as proxy,
    ):
        yield proxy, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("address", BOTH)
async def test_a_page_through_the_proxy_is_up(place: tuple[int, str], address: str) -> None:
    port, origin = place
    assert await run("http_proxy", port, address, request=f"{origin}/", receive="alive") == UP
    assert await run("http_proxy", port, address, request=f"{origin}/moved", receive="alive") == UP
    assert await run("http_proxy", port, address, request=f"{origin}/", httpmethod="HEAD") == UP


async def test_wrong_content_is_down(place: tuple[int, str]) -> None:
    port, origin = place
    expected = (Verdict.DOWN, 'receive /dead/ not in 12 bytes: "Still alive\\n"')
    assert expected == await run("http_proxy", port, request=f"{origin}/", receive="dead")


async def test_statuses_of_the_origin_and_of_the_proxy_are_judged_alike(place: tuple[int, str]) -> None:
    port, origin = place
    dead = f"http://127.0.0.1:{closed_port()}/"
    assert await run("http_proxy", port, request=f"{origin}/private") == (Verdict.DOWN, "status 401 Unauthorized")
    assert await run("http_proxy", port, request=f"{origin}/refused") == (Verdict.DOWN, "status 403 Forbidden")
    assert await run("http_proxy", port, request=dead) == (Verdict.DOWN, "status 503 Service Unavailable")
    expected = (Verdict.UP, "401 Unauthorized")
    assert expected == await run("http_proxy", port, request=f"{origin}/private", expectstatus="200,401")
    unfollowed = await run("http_proxy", port, request=f"{origin}/moved", followredirects=False)
    assert unfollowed == (Verdict.DOWN, "status 302 Found")


async def test_no_proxy_is_down(place: tuple[int, str]) -> None:
    assert await run("http_proxy", closed_port(), request=f"{place[1]}/") == (Verdict.DOWN, "connect refused")


async def test_a_silent_proxy_is_down_at_the_deadline(place: tuple[int, str]) -> None:
    async with servers() as silent:
        port = await silent.start(hanging())
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no answer)")
        assert expected == await run("http_proxy", port, seconds=0.3, request=f"{place[1]}/")
