"""The page in a real browser: doubts by keyboard, a box dragged, tracks joined, saved, approved."""

# ruff: noqa: E501 - scripts for the browser stand on one line each

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.approvals import read_approvals
from framework.table_file import load_table
from tests.review.conftest import make_table

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
    ),
    pytest.mark.xdist_group("browser"),
]
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
]


@pytest.fixture
def address(place: Path) -> Iterator[str]:
    """The server as a process of its own, as a user starts it."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "framework",
        "review",
        str(place / "out"),
        "--no-browser",
    ]
    command += ["--source", str(place / "visit.mp4")]
    command += ["--tracks", str(place / "work" / "tracks.csv")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/open\?token=\S+", line)
    assert found, line + server.stdout.read()
    yield found.group()
    server.terminate()
    server.wait(20)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    environment = {**os.environ, "HOME": str(tmp_path)}
    for attempt in range(3):  # on a busy machine the browser's own start can time out
        try:
            driver = webdriver.Chrome(options, Service(DRIVER, env=environment))
            break
        except WebDriverException:
            if attempt == 2:
                raise
    driver.set_page_load_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Any, address: str) -> Any:
    browser.get(address)
    wait(browser, "return document.querySelectorAll('#queue li').length > 0")
    return browser


def wait(browser: Any, script: str) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 60, 0.1).until(lambda b: b.execute_script(script))


def press(browser: Any, key: str) -> None:
    from selenium.webdriver.common.by import By

    browser.find_element(By.TAG_NAME, "body").send_keys(key)


def open_doubts(browser: Any) -> int:
    text = browser.execute_script("return document.getElementById('queue-count').textContent")
    return int(text.split()[0])


def test_a_visit_is_reviewed_by_keyboard_and_mouse_and_approved(opened: Any, place: Path) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    browser = opened
    assert "audit.json" not in browser.page_source
    assert open_doubts(browser) == 6
    press(browser, "n")
    press(browser, "n")
    wait(
        browser,
        "return document.querySelector('#queue [aria-current] .kind').textContent.startsWith('covered')",
    )
    press(browser, "d")
    wait(browser, "return document.getElementById('queue-count').textContent.startsWith('5 ')")
    # The doubtful track is no face: removed and settled in one key.
    browser.execute_script(
        "[...document.querySelectorAll('#queue li')].find(l => l.textContent.startsWith('doubtful')).click()"
    )
    press(browser, "x")
    wait(browser, "return document.querySelectorAll('#track option').length === 1")
    press(browser, "u")
    wait(browser, "return document.querySelectorAll('#track option').length === 2")
    press(browser, "r")
    wait(browser, "return document.querySelectorAll('#track option').length === 1")

    # Drag the box of track 1 to the right in frame 10.
    frame = browser.find_element(By.ID, "frame")
    browser.execute_script(
        "arguments[0].value = 10; arguments[0].dispatchEvent(new Event('change'))", frame
    )
    canvas = browser.find_element(By.ID, "boxes")
    size = canvas.size
    scale = min(size["width"] / 320, size["height"] / 240)
    centre = (320 / 2, 240 / 2)
    start = tuple(round((v - c) * scale) for v, c in zip((80, 90), centre, strict=True))
    ActionChains(browser).move_to_element_with_offset(
        canvas, *start
    ).click_and_hold().move_by_offset(round(30 * scale), 0).release().perform()
    wait(browser, "return !document.getElementById('save').disabled")

    # Split track 1 at frame 40 and join the parts again.
    browser.execute_script(
        "arguments[0].value = 40; arguments[0].dispatchEvent(new Event('change'))", frame
    )
    press(browser, "t")
    wait(browser, "return document.querySelectorAll('#track option').length === 2")
    browser.execute_script(
        "document.getElementById('track').value = 1; document.getElementById('track').dispatchEvent(new Event('change')); const o = document.getElementById('other'); o.selectedIndex = 1"
    )
    press(browser, "j")
    wait(browser, "return document.querySelectorAll('#track option').length === 1")

    press(browser, "s")
    wait(browser, "return document.getElementById('save').disabled")
    table, before = load_table(place / "work" / "tracks.csv"), make_table()
    assert table.track_ids() == [1]
    mine = table.xyxy[(table.track_id == 1) & (table.frame == 10)][0]
    theirs = before.xyxy[(before.track_id == 1) & (before.frame == 10)][0]
    assert np.allclose(mine - theirs, [30, 0, 30, 0], atol=2.5)

    browser.find_element(By.ID, "reviewer").send_keys("reviewer-1")
    browser.find_element(By.ID, "statement").send_keys("looked at every frame")
    browser.find_element(By.CSS_SELECTOR, "#approve button[type=submit]").click()
    wait(
        browser, "return document.getElementById('approval').textContent.startsWith('approved by')"
    )
    (line,) = read_approvals(place / "out-review" / "approvals.jsonl")
    assert line.reviewer == "reviewer-1"
    if folder := os.environ.get("REVIEW_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder) / "1280.png"))
        browser.set_window_size(800, 1400)
        browser.save_screenshot(str(Path(folder) / "800.png"))


def test_nothing_comes_from_another_host_and_no_script_of_the_data_runs(opened: Any) -> None:
    import json

    # A reason in audit.json holds a script element; it must be text.
    assert opened.execute_script("return document.querySelectorAll('#reasons script').length") == 0
    assert "<script>" in opened.execute_script(
        "return document.getElementById('reasons').textContent"
    )
    urls = set()
    for entry in opened.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.add(message["params"]["request"]["url"])
    assert urls
    assert all(re.match(r"http://127\.0\.0\.1:\d+/|data:|blob:|chrome:", url) for url in urls), urls
    errors = [e for e in opened.get_log("browser") if "Content Security Policy" in e["message"]]
    assert not errors


def test_every_control_has_a_name_and_every_id_is_there_once(opened: Any) -> None:
    nameless = opened.execute_script("""
      const name = (e) => e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title;
      return [...document.querySelectorAll('button, select, input, canvas, video, [tabindex]')]
        .filter((e) => !name(e)).map((e) => e.outerHTML);""")
    assert nameless == []
    assert opened.execute_script("return [...document.images].every((i) => i.hasAttribute('alt'))")
    ids = opened.execute_script("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    assert opened.execute_script("return document.documentElement.lang") == "en"


def test_text_is_readable_against_its_ground(opened: Any) -> None:
    """WCAG 2.1: at least 4.5 to 1 for text, in both colour schemes."""
    script = """
      const luminance = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255,255,255)'; };
      return [...document.querySelectorAll('p, dt, dd, li, label, h1, h2, h3, figcaption, #clock')].filter((e) => e.offsetParent && e.textContent.trim() && !e.classList.contains('settled')).map((e) => {
        const a = luminance(getComputedStyle(e).color), b = luminance(ground(e));
        return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.id || e.textContent.trim().slice(0, 30)]; }).filter(([r]) => r < 4.5);"""
    for scheme in ("light", "dark"):
        opened.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        assert opened.execute_script(script) == [], scheme
