"""The pages in a real browser, with scripts forbidden: what it shows, what it asks for, light, dark and on a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from running_service import Running, catalog_of, running

from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import done, held

from .page_reader import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="NO BROWSER: the pages were not looked at; apt-get install chromium"
)
PROMPT = "/ui/prompts/support/greet"
PATHS = ("/", PROMPT, f"{PROMPT}/diff?from=v1&to=v2", "/ui/skills", "/ui/skills/pdf", "/ui/prompts/nobody")
ELSEWHERE = "elsewhere.test"
LOADS = (
    f"<img src='http://{ELSEWHERE}/a'><link rel=stylesheet href=//{ELSEWHERE}/b><script src=//{ELSEWHERE}/c></script>"
)
LONG = "w" * 300
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
OWN_SERVICES = (".googleapis.com", ".google.com", ".gvt1.com")
"""What the browser asks for itself, whatever it shows; no such name is found here."""
WIDTHS = (320, 360, 800)
GROUND = {"light": (0xF6, 0xF7, 0xF9), "dark": (0x1D, 0x21, 0x26)}


class Browser:
    """Chromium with a profile of its own."""

    def __init__(self, folder: Path, *, scripts: bool = False) -> None:
        self._folder = folder
        settings = {"profile": {"default_content_setting_values": {"javascript": 1 if scripts else 2}}}
        (folder / "profile" / "Default").mkdir(parents=True)
        (folder / "profile" / "Default" / "Preferences").write_text(json.dumps(settings), "utf-8")

    def run(self, url: str, *options: str) -> str:
        """What one visit writes to stdout."""
        assert CHROMIUM is not None
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={self._folder / 'profile'}", *options, url]
        return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()

    def dom(self, url: str, *options: str) -> str:
        """The document as the browser holds it."""
        return self.run(url, "--dump-dom", *options)

    def corner(self, url: str, scheme: str) -> tuple[int, ...]:
        """The colour at the top left."""
        path = self._folder / f"{scheme}.png"
        self.run(url, f"--screenshot={path}", f"--blink-settings=preferredColorScheme={int(scheme == 'light')}")
        return _first_pixel(path.read_bytes())


def _first_pixel(png: bytes) -> tuple[int, ...]:
    """Of the first row no filter changes the first pixel (PNG, 9.2): it has neither a left nor an upper neighbour."""
    data, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += 12 + size
    return tuple(zlib.decompress(data)[1:4])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = catalog_of(tmp_path_factory.mktemp("pages"), "backend: sqlite, path: store.db")
    backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
    long_id = "/".join(["long_name_of_a_team"] * 4)
    split = [{"version": "v1", "weight": 33.33}, {"version": "v2", "weight": 66.67}]
    done(
        backend,
        put_version(text=f"Hello {{{{name}}}}, {LOADS}\n{LONG}\n", description=LOADS, owners=[LONG]),
        put_version(version="v2", text=f"Hi {{{{name}}}}, {LOADS}\n{LONG}x\n", description=LONG),
        put_version(long_id, text="x"),
        put_label("v1"),
        put_label(split, "experiment_with_a_long_name"),
        put_skill(files={"SKILL.md": f"# {LOADS} {LONG}".encode(), f"{LONG[:200]}.txt": b""}),
    )
    backend.drop_lease("token-1")
    backend.close()
    with running(folder) as found:
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("browser"))


def test_this_browser_runs_no_script(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<title>t</title><p id=a>plain</p><script>document.getElementById('a').textContent='run'</script>")
    assert ">plain<" in browser.dom(page.as_uri())


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_whole_without_scripts_and_asks_nobody_else(
    service: Running, browser: Browser, tmp_path: Path, path: str
) -> None:
    """What the browser made of it has the text that was sent, element by element: nothing came to life."""
    log = tmp_path / "net.json"
    shown = Page(browser.dom(f"{service.url}{path}", f"--log-net-log={log}"))
    sent = Page(service.get(path).text)
    assert shown.tags == sent.tags
    assert shown.text.split() == sent.text.split()
    asked = {urlsplit(unescape(url)).netloc for url in re.findall(r'"url":"([^"]+)"', log.read_text("utf-8"))}
    asked = {host for host in asked if not host.endswith(OWN_SERVICES)}
    assert asked == {f"127.0.0.1:{service.port}"}


def test_a_browser_comes_in_with_a_token_as_password(browser: Browser, tmp_path: Path) -> None:
    folder = catalog_of(tmp_path, "backend: sqlite, path: store.db")
    backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
    done(backend, put_version(text="Hello"), put_label("v1"))
    backend.drop_lease("token-1")
    backend.close()
    secret, _ = TokenFile(folder / "tokens.json").create(Wish(name="reader", scopes=["read"]), 0)
    with running(folder, "--tokens", str(folder / "tokens.json")) as found:
        at = f"127.0.0.1:{found.port}{PROMPT}"
        assert "Content of v1" in Page(browser.dom(f"http://me:{secret}@{at}")).text
        assert "Content of v1" not in browser.dom(f"http://me:{secret[:-1]}x@{at}?again")


@pytest.mark.parametrize("scheme", GROUND)
def test_the_style_is_taken_and_follows_the_reader(service: Running, browser: Browser, scheme: str) -> None:
    assert browser.corner(f"{service.url}/", scheme) == GROUND[scheme]


MEASURE = "<script>parent.postMessage([name,innerWidth,document.documentElement.scrollWidth].join(' '),'*')</script>"
COLLECT = "<p id=found></p><script>onmessage=e=>document.getElementById('found').append(e.data+';')</script>"


def test_nothing_is_wider_than_the_window(service: Running, tmp_path: Path) -> None:
    """Copies of the pages, each in frames as wide as windows, measure themselves: the browser lays them out alike."""
    (tmp_path / "wide.html").write_text(
        f"<!doctype html><body style='margin:0'><p style='width:2000px'>x{MEASURE}", "utf-8"
    )
    frames = ["<iframe name='wide' src=wide.html style='border:0;width:360px'></iframe>"]
    for number, path in enumerate(PATHS):
        (tmp_path / f"{number}.html").write_text(service.get(path).text + MEASURE, "utf-8")
        frames += [
            f"<iframe name='{path} {width}' src={number}.html style='border:0;width:{width}px;height:600px'></iframe>"
            for width in WIDTHS
        ]
    whole = tmp_path / "frames.html"
    whole.write_text(f"<!doctype html>{COLLECT}{''.join(frames)}", "utf-8")
    shown = Browser(tmp_path, scripts=True).dom(whole.as_uri(), "--virtual-time-budget=10000")
    found = re.search(r'<p id="found">([^<]*)</p>', shown)
    assert found is not None
    measured = sorted(unescape(found[1]).strip(";").split(";"))
    fitting = [f"{path} {width} {width} {width}" for path in PATHS for width in WIDTHS]
    assert measured == sorted([*fitting, "wide 360 2000"])
