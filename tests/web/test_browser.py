"""The page in a real browser: what people see, hear and press. Needs Chromium: `apt-get install chromium`."""

import os
import struct
from pathlib import Path

import pytest

from tests.builders import add_delivery, settings
from tests.web import scenes
from tests.web.chromium import CHROMIUM, Chromium, Tab
from tests.web.conftest import Serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a real Chromium: apt-get install chromium")
CHECKER = (Path(__file__).parent / "checker.js").read_text()
AXE = os.environ.get("AXE_CORE", "")
"""The file axe.min.js of the npm package axe-core; without it only our own checker looks."""
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")
"""The folder that the README's screenshots are written to; without it they are taken and thrown away."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests."""
    opened = Chromium(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def tab(browser):
    """Opens tabs, each private."""
    opened = []

    def opening(**said):
        opened.append(Tab(browser, **said))
        return opened[-1]

    yield opening
    for each in opened:
        each.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("scene", scenes.ALL)
@pytest.mark.parametrize("path", ["/", "/bookings/7", "/bookings/1001"])
def test_for_everybody(tab, serving, database, scene, dark, path):
    """In every state and both colours no rule for everybody is broken and the console stays empty."""
    scenes.ALL[scene](database)
    page = tab(dark=dark)
    page.open(serving.url + path)
    assert page.run(CHECKER) == []
    assert [each for each in page.complaints if "404" not in each] == []


@pytest.mark.skipif(not AXE, reason="needs AXE_CORE=.../axe.min.js: npm install axe-core")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("scene", scenes.ALL)
def test_axe(tab, serving, database, scene, dark):
    """The checker that others trust finds no violation either."""
    scenes.ALL[scene](database)
    page = tab(dark=dark)
    for path in ("/", "/bookings/7"):
        page.open(serving.url + path)
        page.run(Path(AXE).read_text())
        found = page.run("axe.run().then(found => found.violations.map(each => each.id + ' ' + each.nodes[0].html))")
        assert found == []


@pytest.mark.parametrize("path", ["/", "/bookings/7", "/bookings/8"])
@pytest.mark.parametrize("scene", ["stuck", "hostile"])
def test_phone(tab, serving, database, scene, path):
    """On a phone nothing is wider than the screen, however long a word is."""
    scenes.ALL[scene](database)
    page = tab(width=360, height=740)
    page.open(serving.url + path)
    assert page.run("document.documentElement.scrollWidth") <= 360


def test_hostile(tab, serving, database):
    """No hostile text becomes an element, runs, or fetches anything."""
    scenes.hostile(database)
    page = tab()
    for path in ("/", "/bookings/7"):
        page.open(serving.url + path)
        assert page.run("document.querySelectorAll('main script, main img').length") == 0
        assert page.complaints == []
        assert all(each.startswith(serving.url) for each in page.requested)


def test_refresh(tab, serving, database):
    """The page renews itself without flicker: what is new appears; nodes, open details, focus and input stay."""
    scenes.busy(database)
    page = tab()
    page.open(serving.url + "/")
    page.run("document.getElementById('issued').mark = 1; document.querySelector('details').open = true;"
             "code.value = 'ALP'; code.focus()")  # fmt: skip
    add_delivery(database, booking_id=5, state="held", reason="a new one")
    page.run("again()")
    kept = "[issued.mark, document.querySelector('details').open, code.value, document.activeElement.id]"
    assert page.run(kept) == [1, True, "ALP", "code"]
    assert "a new one" in page.run("needs.textContent")
    assert (
        page.run("document.querySelector('[role=status]').innerText").split() == "! Running. 1 thing needs you.".split()
    )


def test_refresh_with_a_dead_server(tab, serving, database):
    """While the process is away the page stays as it was."""
    scenes.busy(database)
    page = tab()
    page.open(serving.url + "/")
    before = page.run("document.body.innerHTML")
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    page.run("again()")
    assert page.run("document.body.innerHTML") == before


def test_keyboard(tab, serving, database):
    """With the keyboard alone one gets past the head, to the search, and to every command's booking."""
    scenes.stuck(database)
    page = tab()
    page.open(serving.url + "/")
    reached = []
    for _ in range(5):
        page.press("Tab")
        reached.append(page.run("document.activeElement.textContent || document.activeElement.id"))
    assert reached[:4] == ["To the content", "bokun-sync", "code", "Explain"]
    assert reached[4] == "ALP-2001"


def test_login(tab, services):
    """The login works in a browser: the page, the password, and then how things stand."""
    with Serving(settings(page_password="correct horse", port=0), services) as locked:
        page = tab()
        page.open(locked.url + "/")
        assert page.run(CHECKER) == []
        page.after(lambda: page.run("password.value = 'correct horse'; document.forms[0].requestSubmit()"))
        assert page.run("document.title") == "How things stand · bokun-sync"
        assert page.complaints == []


@pytest.mark.parametrize(
    ("name", "scene", "said", "height"),
    [
        ("light", "busy", {"width": 1100}, 1150),
        ("dark", "stuck", {"width": 1100, "dark": True}, 1150),
        ("phone", "stuck", {"width": 390, "height": 844}, 1100),
    ],
)
def test_screenshots(tab, serving, database, name, scene, said, height):
    """The README's screenshots show the page as it is; SCREENSHOTS=docs/screenshots writes them."""
    scenes.ALL[scene](database)
    page = tab(**said)
    page.open(serving.url + "/")
    picture = page.picture(height=height)
    assert struct.unpack(">II", picture[16:24]) == (said["width"], height)
    if SCREENSHOTS:
        Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        (Path(SCREENSHOTS) / f"{name}.png").write_bytes(picture)
