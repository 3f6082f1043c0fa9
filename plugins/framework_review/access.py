"""Who may talk to the page: whoever started it, from this machine, from this page alone."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

COOKIE = "framework-review"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer: nothing is cached, nothing comes from elsewhere, nobody frames the page."""

Next = Callable[[Request], Awaitable[Response]]


class Access:
    """A one-time token in the address that opens the page, then a cookie.

    Attributes:
        token: part of the address that is printed; worthless once it was used.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self._used = False
        self._lock = threading.Lock()
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    def exchange(self, token: str) -> str | None:
        """The cookie for the token, once; None if it is wrong or was used."""
        with self._lock:
            if self._used or not hmac.compare_digest(token.encode(), self.token.encode()):
                return None
            self._used = True
            return self._session

    def refusal(self, method: str, headers: Mapping[str, str], cookie: str | None) -> str | None:
        """Why a request is refused; None if it is not.

        The host is checked because a page elsewhere can make its name point to this machine (DNS
        rebinding), the origin because it can send forms here.
        """
        if headers.get("host", "") not in self._hosts:
            return "unknown host"
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return "unknown origin"
        if method not in ("GET", "HEAD") and origin is None:
            return "no origin"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return "called from another page"
        if cookie is None or not hmac.compare_digest(cookie.encode(), self._session.encode()):
            return "not signed in; start 'framework review' again and use the address it prints"
        return None


def guard(access: Access) -> Callable[[Request, Next], Awaitable[Response]]:
    """Middleware that refuses whatever :class:`Access` refuses, and sets the headers."""

    async def check(request: Request, call_next: Next) -> Response:
        response: Response
        open_to_token = request.url.path == "/open"
        reason = access.refusal(request.method, request.headers, request.cookies.get(COOKIE))
        if open_to_token and reason is not None and reason.startswith("not signed in"):
            reason = None
        if reason is not None:
            response = PlainTextResponse(reason, status_code=403)
        else:
            response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return check
