"""The page's server: 127.0.0.1 alone, and nothing of an original leaves memory."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from framework.approvals import append_approval, hash_files, read_approvals, standing
from framework.errors import FrameworkError, UserError
from framework.types import Role
from framework_review.access import COOKIE, Access, guard
from framework_review.edits import new_track
from framework_review.items import Camera, Item, Review, read_json
from framework_review.rendering import Rendering
from framework_review.session import Session
from framework_review.stills import Stills

Payload = Annotated[dict[str, Any], Body()]
PAGE_FILES = ("index.html", "app.js", "timeline.js", "editor.js", "app.css")


class Desk:
    """What the server holds: the review, an open session a camera, and readers for stills."""

    def __init__(self, review: Review, key_file: Path | None = None) -> None:
        self.review = review
        self.rendering = Rendering(review, key_file)
        self._lock = threading.Lock()
        self._sessions: dict[tuple[int, int], Session] = {}
        self._stills: dict[tuple[int, int, str], tuple[float, Stills]] = {}
        self._hashes: dict[str, tuple[list[Any], dict[str, str]]] = {}
        self._page = ""

    def item(self, i: int) -> Item:
        if not 0 <= i < len(self.review.items):
            raise HTTPException(404, "there is no such item")
        return self.review.items[i]

    def camera(self, i: int, k: int) -> Camera:
        item = self.item(i)
        if not 0 <= k < len(item.cameras):
            raise HTTPException(404, "there is no such camera")
        return item.cameras[k]

    def session(self, i: int, k: int) -> Session:
        camera = self.camera(i, k)
        with self._lock:
            if (i, k) not in self._sessions:
                self._sessions[i, k] = Session(self.item(i), camera)
            return self._sessions[i, k]

    def recording(self, i: int, k: int, which: str) -> Path:
        camera = self.camera(i, k)
        path = camera.source if which == "original" else camera.covered
        if which not in ("original", "covered") or path is None or not path.is_file():
            raise HTTPException(404, f"there is no {which} recording")
        return path

    def stills(self, i: int, k: int, which: str) -> Stills:
        path = self.recording(i, k, which)
        changed = path.stat().st_mtime
        session = self.session(i, k)
        with self._lock:
            known = self._stills.get((i, k, which))
            if known is None or known[0] != changed:
                if known is not None:
                    known[1].close()
                known = (changed, Stills(path, session.table.time_s.tolist()))
                self._stills[i, k, which] = known
            return known[1]

    def take(self, page: str) -> bool:
        """The page that opened last is the one that may write; True if it was another before."""
        with self._lock:
            other = bool(self._page) and self._page != page
            self._page = page
            return other

    def holds(self, page: str) -> bool:
        """Whether this page is the one that may write."""
        with self._lock:
            return page == self._page

    def files_now(self, item: Item) -> dict[str, str]:
        """SHA-256 of everything in an item's results; a file that looks unchanged is not read."""
        if not item.results.is_dir():
            return {}
        stamp = [
            (path, path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(item.results.rglob("*"))
            if path.is_file()
        ]
        with self._lock:
            known = self._hashes.get(item.id)
        if known is None or known[0] != stamp:
            known = (stamp, hash_files(item.results))
            with self._lock:
                self._hashes[item.id] = known
        return known[1]

    def close(self) -> None:
        """Close every recording."""
        with self._lock:
            for _, stills in self._stills.values():
                stills.close()
            self._stills.clear()


def build_app(desk: Desk, access: Access) -> FastAPI:
    """The application.

    Args:
        desk: what is reviewed.
        access: who may.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(guard(access))

    @app.exception_handler(FrameworkError)
    async def explain(request: Request, error: FrameworkError) -> JSONResponse:
        # Messages of media errors begin with the path, which no answer may hold.
        text = str(error)
        for item in desk.review.items:
            for camera in item.cameras:
                for path in (camera.source, camera.table, camera.covered, item.results):
                    if path is not None:
                        text = text.replace(str(path), path.suffix.lstrip(".") or "the folder")
        return JSONResponse({"error": text}, 400 if isinstance(error, UserError) else 500)

    @app.get("/open")
    def sign_in(token: str = "") -> Response:
        cookie = access.exchange(token)
        if cookie is None:
            return Response(
                "this address was used before, or is wrong; start 'framework review' again", 403
            )
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
        return answer

    @app.get("/")
    def page() -> Response:
        return page_file("index.html")

    @app.get("/static/{name}")
    def page_file(name: str) -> Response:
        if name not in PAGE_FILES:
            raise HTTPException(404, "there is no such file")
        text = resources.files("framework_review").joinpath("static", name).read_text("utf-8")
        return Response(text, media_type=mimetypes.guess_type(name)[0] or "text/plain")

    @app.post("/api/page")
    def take(body: Payload) -> dict[str, Any]:
        return {"other": desk.take(str(body.get("page", "")))}

    @app.get("/api/review")
    def overview() -> dict[str, Any]:
        return {
            "study": desk.review.study is not None,
            "reviewers": desk.review.reviewers,
            "items": [_item(desk, i) for i in range(len(desk.review.items))],
        }

    @app.get("/api/items/{i}/cameras/{k}")
    def recording(i: int, k: int) -> dict[str, Any]:
        return _recording(desk, i, k)

    @app.get("/api/items/{i}/cameras/{k}/rows")
    def rows(i: int, k: int) -> Response:
        table = desk.session(i, k).table
        head = np.array([len(table)], np.int32).tobytes()
        parts = (
            table.frame.astype(np.int32),
            table.track_id.astype(np.int32),
            table.state.astype(np.int32),
            table.xyxy.astype(np.float32),
        )
        data = head + b"".join(part.tobytes() for part in parts)
        return Response(data, media_type="application/octet-stream")

    @app.get("/api/items/{i}/cameras/{k}/times")
    def times(i: int, k: int) -> Response:
        data = desk.session(i, k).table.time_s.astype(np.float64).tobytes()
        return Response(data, media_type="application/octet-stream")

    @app.get("/still/{i}/{k}/{which}/{frame}")
    def still(i: int, k: int, which: str, frame: int, box: str = "") -> Response:
        place = _box(box)
        return Response(desk.stills(i, k, which).jpeg(frame, place), media_type="image/jpeg")

    @app.get("/video/{i}/{k}/{which}")
    def video(i: int, k: int, which: str) -> Response:
        path = desk.recording(i, k, which)
        # Streamed in ranges by the framework: memory does not grow with the file.
        return FileResponse(path, media_type=mimetypes.guess_type(f"x{path.suffix}")[0])

    def writing(i: int, k: int, body: dict[str, Any], work: Callable[[Session], Any]) -> Any:
        if not desk.holds(str(body.get("page", ""))):
            raise HTTPException(409, "another page has been opened since; reload to write here")
        work(desk.session(i, k))
        return _recording(desk, i, k)

    @app.post("/api/items/{i}/cameras/{k}/edit")
    def edit(i: int, k: int, body: Payload) -> Any:
        return writing(i, k, body, lambda s: s.edit(body.get("edit")))

    @app.post("/api/items/{i}/cameras/{k}/undo")
    def undo(i: int, k: int, body: Payload) -> Any:
        return writing(i, k, body, lambda s: s.undo())

    @app.post("/api/items/{i}/cameras/{k}/redo")
    def redo(i: int, k: int, body: Payload) -> Any:
        return writing(i, k, body, lambda s: s.redo())

    @app.post("/api/items/{i}/cameras/{k}/settle")
    def settle(i: int, k: int, body: Payload) -> Any:
        settled = bool(body.get("settled", True))
        return writing(i, k, body, lambda s: s.settle(str(body.get("key", "")), settled))

    @app.post("/api/items/{i}/cameras/{k}/save")
    def save(i: int, k: int, body: Payload) -> Any:
        return writing(i, k, body, lambda s: s.save())

    @app.post("/api/items/{i}/render")
    def render(i: int, body: Payload) -> dict[str, Any]:
        item = desk.item(i)
        for k in range(len(item.cameras)):
            writing(i, k, body, lambda s: s.save())
        desk.rendering.start(item)
        return rendering()

    @app.get("/api/rendering")
    def rendering() -> dict[str, Any]:
        r = desk.rendering
        return {"state": r.state, "message": r.message, "item": r.item}

    @app.post("/api/items/{i}/approve")
    def approve(i: int, body: Payload) -> dict[str, Any]:
        item = desk.item(i)
        for k in range(len(item.cameras)):
            if desk.session(i, k).unsaved:
                raise HTTPException(409, "save and render the corrections before you approve")
        decision = body.get("decision", "approve")
        if decision not in ("approve", "withdraw"):
            raise HTTPException(400, "decision: expected approve or withdraw")
        append_approval(
            desk.review.approvals,
            id=item.id,
            files=hash_files(item.results),
            reviewer=str(body.get("reviewer", "")),
            statement=str(body.get("statement", "")),
            decision=decision,
        )
        return _item(desk, i)

    return app


def _item(desk: Desk, i: int) -> dict[str, Any]:
    item = desk.item(i)
    approvals = read_approvals(desk.review.approvals)
    now = standing(approvals, item.id, desk.files_now(item), desk.review.reviewers)
    return {
        "id": item.id,
        "cameras": [c.name for c in item.cameras],
        "approved": now.approved,
        "reviewers": list(now.reviewers),
        "reason": now.reason,
        "log": [
            {"reviewer": a.reviewer, "statement": a.statement, "time": a.time, "does": a.decision}
            for a in approvals
            if a.id == item.id
        ],
    }


def _recording(desk: Desk, i: int, k: int) -> dict[str, Any]:
    """Everything the page shows of one recording but its boxes."""
    session, camera = desk.session(i, k), desk.camera(i, k)
    table = session.table
    audit = read_json(camera.audit)
    return {
        "revision": session.revision,
        "width": table.width,
        "height": table.height,
        "frames": table.frame_count,
        "duration": table.duration_s,
        "covered": camera.covered is not None,
        "passed": audit.get("passed"),
        "reasons": [str(r) for r in audit.get("reasons", ())],
        "tracks": [_track(table, t) for t in table.track_ids()],
        "next_track": new_track(table),
        "roles": [str(role) for role in Role],
        "doubts": [{**asdict(d), "middle": d.middle, "settled": s} for d, s in session.doubts()],
        "unsaved": session.unsaved,
        "can_undo": session.unsaved > 0,
        "can_redo": session.can_redo,
    }


def _track(table: Any, track: int) -> dict[str, Any]:
    frames = table.frame[table.rows_of_track(track)]
    return {
        "id": track,
        "role": str(table.role_of(track)),
        "first": int(frames[0]),
        "last": int(frames[-1]),
    }


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError:
        raise HTTPException(400, "box: expected four numbers") from None
    if not np.isfinite([x1, y1, x2, y2]).all() or max(map(abs, (x1, y1, x2, y2))) > 1e6:
        raise HTTPException(400, "box: expected four numbers in pixels")
    return x1, y1, x2, y2
