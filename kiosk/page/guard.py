"""Who may speak to the page: the browser of this kiosk, with this boot's token, and nobody else.

Loopback alone is no wall: any page in any browser of this machine could send a form to it. So the Host
must be loopback (DNS rebinding), a press must come from the page itself (Origin), and everything but the
door needs the cookie that only the launcher's address with the boot's key sets.
"""

import hmac
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
    ]
)
"""Nothing inline, nothing evaluated, nothing from elsewhere; framed by pages of this machine alone."""

HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
DOOR = "/"


class Guard:
    """ASGI middleware that refuses strangers and puts the page's headers on every answer."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
        self.cookie = f"turnleaf-{port}"
        """Named with the port, because cookies do not tell ports apart."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it (421 another host, 403 a stranger)."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return PlainTextResponse("not this host", 421)
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") != headers["host"]:
            return PlainTextResponse("not from this page", 403)
        if scope["method"] not in ("GET", "HEAD") and origin is None:
            return PlainTextResponse("a press says where it comes from", 403)
        if scope["path"] != DOOR and not self.knows(headers):
            return PlainTextResponse("open the address that the kiosk printed at its start", 403)
        return None

    def knows(self, headers: Headers) -> bool:
        """Say whether a request carries this boot's cookie."""
        try:
            held = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return held is not None and self.is_key(held.value)

    def is_key(self, value: str) -> bool:
        """Say whether `value` is this boot's token, in constant time."""
        return hmac.compare_digest(value.encode(), self._token.encode())
