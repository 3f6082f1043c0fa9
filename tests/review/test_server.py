"""What the server answers, to whom, and what it never says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from framework_review.access import Access
from framework_review.items import Review
from framework_review.server import Desk, build_app

from framework.approvals import read_approvals
from tests.review.conftest import FRAMES, ORIGIN, WIDTH

BASE = "/api/items/0/cameras/0"
REMOVE = {"kind": "delete", "track": 2, "start": 30, "end": 59}


def post(client: TestClient, path: str, page: str = "mine", **body: Any) -> Any:
    return client.post(path, json={"page": page, **body})


def test_the_address_works_once(review: Review, access: Access) -> None:
    app = build_app(Desk(review), access)
    first, second = (TestClient(app, base_url=ORIGIN) for _ in range(2))
    assert first.get(f"/open?token={access.token}").status_code == 200
    assert second.get(f"/open?token={access.token}").status_code == 403
    assert second.get("/api/review").status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", "é", "a" * 5000])
def test_a_wrong_token_opens_nothing(review: Review, access: Access, token: str) -> None:
    client = TestClient(build_app(Desk(review), access), base_url=ORIGIN)
    assert client.get("/open", params={"token": token}).status_code == 403
    assert client.get("/").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_requests_of_another_page_or_host_are_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    assert client.get("/api/review").status_code == 200
    assert client.get("/api/review", headers=headers).status_code == 403
    assert client.get("/video/0/0/original", headers=headers).status_code == 403


def test_writing_without_an_origin_is_refused(review: Review, access: Access) -> None:
    client = TestClient(build_app(Desk(review), access), base_url=ORIGIN)
    client.get(f"/open?token={access.token}")
    assert client.post("/api/page", json={"page": "x"}).status_code == 403


def test_nothing_is_cached_and_nothing_is_loaded_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/static/app.js", "/api/review", "/still/0/0/original/3", "/nothing"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
    text = client.get("/").text + client.get("/static/app.css").text
    assert "http://" not in text and "https://" not in text and "<script>" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e%2fserver.py",
        "/static/..%5cserver.py",
        "/video/0/0/..%2f..%2fvisit.mp4",
        "/video/0/0/table",
        "/video/7/0/original",
        "/video/0/-1/original",
        "/still/0/0/original/999",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_is_not_offered_is_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (400, 404, 422)


def test_no_answer_holds_a_path_of_this_machine(client: TestClient, place: Path) -> None:
    (place / "work" / "tracks.csv").chmod(0o600)
    answers = [client.get("/api/review"), client.get(BASE), client.get("/still/0/0/covered/99999")]
    (place / "visit.mp4").unlink()
    answers += [client.get("/still/0/0/original/3"), client.get("/video/0/0/original")]
    (place / "out" / "anonymized.mp4").write_bytes(b"damaged")
    answers.append(client.get("/still/0/0/covered/3"))
    assert answers[-1].status_code == 400
    for answer in answers:
        assert str(place) not in answer.text and "visit" not in answer.text


def test_a_still_is_the_frame_and_a_box_the_part_around_it(client: TestClient) -> None:
    def image(path: str) -> Any:
        answer = client.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
        return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)

    whole = image("/still/0/0/original/40")
    assert whole.shape == (240, WIDTH, 3)
    assert whole[90, 110].mean() > 180 > whole[90, 50].mean()  # the square is at 80 to 140
    assert image("/still/0/0/covered/40")[200, 300].mean() < 40
    part = image("/still/0/0/original/40?box=80,60,140,120")
    assert part.shape[1] == pytest.approx(60 * 2.6, abs=2)
    assert client.get("/still/0/0/original/40?box=a,b").status_code == 400


def test_a_video_is_sent_in_ranges(client: TestClient, place: Path) -> None:
    size = (place / "visit.mp4").stat().st_size
    part = client.get("/video/0/0/original", headers={"range": "bytes=10-19"})
    assert part.status_code == 206 and len(part.content) == 10
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    assert (
        client.get("/video/0/0/original", headers={"range": "bytes=99999999-"}).status_code == 416
    )


def test_rows_and_times_are_the_table(client: TestClient) -> None:
    data = client.get(f"{BASE}/rows").content
    n = int(np.frombuffer(data, np.int32, 1)[0])
    assert n == 90 and len(data) == 4 + n * (3 * 4 + 4 * 4)
    assert len(client.get(f"{BASE}/times").content) == 8 * FRAMES


def test_an_edit_is_undone_done_again_and_saved(client: TestClient, place: Path) -> None:
    after = post(client, f"{BASE}/edit", edit=REMOVE).json()
    assert [t["id"] for t in after["tracks"]] == [1] and after["unsaved"] == 1
    assert [t["id"] for t in post(client, f"{BASE}/undo").json()["tracks"]] == [1, 2]
    assert [t["id"] for t in post(client, f"{BASE}/redo").json()["tracks"]] == [1]
    assert post(client, f"{BASE}/save").json()["unsaved"] == 0
    assert (place / "work" / "tracks.1.csv").exists()
    bad = post(client, f"{BASE}/edit", edit={"kind": "delete", "track": 2, "start": 0, "end": 1})
    assert bad.status_code == 400 and "no track 2" in bad.json()["error"]


def test_of_two_pages_the_last_opened_may_write_and_the_other_is_told(client: TestClient) -> None:
    assert client.post("/api/page", json={"page": "second"}).json()["other"] is True
    refused = post(client, f"{BASE}/edit", edit=REMOVE)
    assert refused.status_code == 409 and "another page" in refused.json()["detail"]
    assert post(client, f"{BASE}/edit", page="second", edit=REMOVE).status_code == 200


def test_an_approval_is_about_these_bytes_and_lapses_with_a_change(
    client: TestClient, review: Review, place: Path
) -> None:
    given = {"reviewer": "R. One <b>", "statement": "every frame looked at"}
    item = post(client, "/api/items/0/approve", **given).json()
    assert item["approved"] and item["reviewers"] == ["R. One <b>"]
    (line,) = read_approvals(review.approvals)
    assert set(line.files) == {"anonymized.mp4", "audit.json", "manifest.json"}
    (place / "out" / "manifest.json").write_text(json.dumps({"settings": {"anonymizer": "blur"}}))
    item = client.get("/api/review").json()["items"][0]
    assert not item["approved"] and "manifest.json" in item["reason"]
    post(client, "/api/items/0/approve", **given)
    withdrawn = post(client, "/api/items/0/approve", decision="withdraw", **given).json()
    assert not withdrawn["approved"] and len(withdrawn["log"]) == 3


def test_nothing_is_approved_while_corrections_wait(client: TestClient) -> None:
    post(client, f"{BASE}/edit", edit=REMOVE)
    refused = post(client, "/api/items/0/approve", reviewer="R", statement="s")
    assert refused.status_code == 409 and "render" in refused.json()["detail"]


def test_an_approval_needs_a_name(client: TestClient) -> None:
    assert post(client, "/api/items/0/approve", reviewer=" ", statement="s").status_code == 400


def test_looking_writes_nothing_beside_the_results(client: TestClient, place: Path) -> None:
    before = {p: p.read_bytes() for p in (place / "out").rglob("*") if p.is_file()}
    client.get(BASE)
    client.get("/still/0/0/original/3")
    client.get("/video/0/0/original")
    assert {p: p.read_bytes() for p in (place / "out").rglob("*") if p.is_file()} == before
