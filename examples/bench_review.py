"""How quick is the review page? Opens it in headless Chromium and steps through every doubt.

    python examples/bench_review.py RESULTS --source visit.mp4 --tracks tracks.csv

Prints the time to the first paint, to the first list of doubts, and from a key press to both stills
of the next doubt on screen. Needs selenium, chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
SHOWN = """
const done = arguments[0], before = performance.now();
document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'n', bubbles: true}));
const look = () => {
  const images = [...document.querySelectorAll('#queue [aria-current] img')];
  const ready = images.length === 2 && images.every((i) => i.complete && i.naturalWidth);
  if (ready) done(performance.now() - before);
  else setTimeout(look, 2);
};
look();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    given = parser.parse_args()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    command = [sys.executable, "-u", "-m", "framework", "review", str(given.results)]
    command += ["--source", str(given.source), "--tracks", str(given.tracks), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found is not None
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        browser.set_script_timeout(120)
        try:
            start = time.perf_counter()
            browser.get(found.group())
            paint = browser.execute_script(
                "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            )
            WebDriverWait(browser, 120, 0.02).until(
                lambda b: b.execute_script("return document.querySelectorAll('#queue li').length")
            )
            listed = time.perf_counter() - start
            doubts = browser.execute_script("return document.querySelectorAll('#queue li').length")
            browser.execute_script("document.body.focus()")
            steps = [browser.execute_async_script(SHOWN) for _ in range(doubts - 1)]
        finally:
            browser.quit()
            server.terminate()
    print(f"first paint {paint:.0f} ms; {doubts} doubts listed after {listed:.2f} s")
    if steps:
        print(
            f"next doubt with both stills: median {statistics.median(steps):.0f} ms, "
            f"slowest {max(steps):.0f} ms, n {len(steps)}"
        )


if __name__ == "__main__":
    main()
