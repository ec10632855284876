"""Who is signed in to the admin pages: Flask's sessions over records on the server.

Two cookies. One holds the random id of a record in the database, so that a session can be ended at
once and everywhere. The other is signed, not secret, and carries what the framework keeps between
two pages: messages, and the CSRF token of visitors. So saving a session never touches the
database: a failure there, after the operation, would lose the secret it was about to show.
Nothing of this happens outside the admin pages.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadData

from signet.models.admin_sessions import AdminSession, SessionLimits, find_session
from signet.settings import Settings
from signet.wiring import wiring

_CSRF_TOKEN = "csrf_token"
_MESSAGES = "_flashes"
#: Browsers drop a cookie beyond 4,096 bytes without a word, its name and attributes included.
_LONGEST_VALUE = 3_800
#: What the pages look like whatever the system does; it is kept in the browser alone.
THEMES = ("light", "dark")
_THEME_COOKIE = "signet-theme"
_THEME_LASTS = 365 * 24 * 3_600


class PageSession(SecureCookieSession):
    """What a page knows of its visitor."""

    #: The live session of an admin; ``None``: a visitor.
    signed_in: AdminSession | None = None
    #: Why nobody could say who this is, for example a database that is away.
    failure: Exception | None = None
    #: What the answer does to the cookie of the session id.
    new_id: str | None = None
    ended = False
    #: How the pages are to look from now on; empty: like the system.
    new_theme: str | None = None

    def begin(self, session_id: str) -> None:
        """Go on as an admin who has just signed in; what the visitor had is dropped."""
        self.clear()
        self.new_id = session_id

    def end(self) -> None:
        """Go on as a visitor."""
        self.clear()
        self.ended = True


def page_session() -> PageSession:
    """The session of this request to an admin page."""
    return cast(PageSession, session)


def theme_of(request: Request) -> str:
    """How this browser wants the pages to look; empty: like the system."""
    values = (request.cookies.get(prefix + _THEME_COOKIE) for prefix in ("__Host-", ""))
    return next((value for value in values if value in THEMES), "")


class ServerSessionInterface(SecureCookieSessionInterface):
    """Opens and saves :class:`PageSession` below the path of the admin pages."""

    session_class = PageSession
    salt = "signet-visitor"

    def __init__(self, settings: Settings) -> None:
        self._path = settings.issuer_path + "/admin"
        self._limits = SessionLimits(idle=settings.session_idle, longest=settings.session_max)
        self._secure = settings.is_https
        # "__Host-" makes the browser refuse a cookie that another host of the domain has set. It
        # needs https: on a loopback issuer the first run goes without.
        prefix = "__Host-" if self._secure else ""
        self.id_cookie = prefix + "signet"
        self.visitor_cookie = prefix + "signet-visitor"
        self.theme_cookie = prefix + _THEME_COOKIE

    def open_session(self, app: Flask, request: Request) -> PageSession | None:
        """The session of a request to the admin pages, a null session elsewhere."""
        if not (request.path + "/").startswith(self._path + "/"):
            return None
        opened = PageSession(self._visitor_data(app, request))
        session_id = request.cookies.get(self.id_cookie, "")
        if session_id:
            try:
                opened.signed_in = find_session(
                    session_id, limits=self._limits, now=wiring().clock()
                )
            except Exception as error:
                # The gate raises it: an error in here would have no session to draw a page with.
                opened.failure = error
        if opened.signed_in is not None:
            opened[_CSRF_TOKEN] = _csrf_token_of(session_id)
        # What was read is no change.
        opened.modified = False
        return opened

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookies that have changed; only cookies."""
        if not isinstance(session, PageSession):
            return
        response.vary.add("Cookie")
        if session.new_id is not None:
            self._set(response, self.id_cookie, session.new_id)
        elif session.ended:
            self._delete(response, self.id_cookie)
        if session.new_theme:
            self._set(response, self.theme_cookie, session.new_theme, lasts=_THEME_LASTS)
        elif session.new_theme is not None:
            self._delete(response, self.theme_cookie)
        if not session.modified:
            return
        data = {name: value for name, value in session.items() if self._is_kept(session, name)}
        if data:
            self._set(response, self.visitor_cookie, self._dumped(app, data))
        else:
            self._delete(response, self.visitor_cookie)

    def _is_kept(self, session: PageSession, name: str) -> bool:
        # The token of an admin follows from the session id and needs no keeping.
        return name != _CSRF_TOKEN or session.signed_in is None

    def _visitor_data(self, app: Flask, request: Request) -> Mapping[str, Any]:
        cookie = request.cookies.get(self.visitor_cookie)
        if not cookie:
            return {}
        try:
            age = int(self._limits.longest.total_seconds())
            data: Mapping[str, Any] = self._serializer(app).loads(cookie, max_age=age)
        except BadData:
            return {}
        return data

    def _dumped(self, app: Flask, data: dict[str, Any]) -> str:
        value = str(self._serializer(app).dumps(data))
        while len(value) > _LONGEST_VALUE and data.get(_MESSAGES):
            # Nobody came to read them. The oldest go, or the browser would lose the whole cookie.
            data[_MESSAGES] = data[_MESSAGES][1:]
            value = str(self._serializer(app).dumps(data))
        return value

    def _serializer(self, app: Flask) -> Any:
        return self.get_signing_serializer(app)

    def _set(self, response: Response, name: str, value: str, *, lasts: int | None = None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=lasts,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")


def _csrf_token_of(session_id: str) -> str:
    return hashlib.sha256(f"signet csrf\0{session_id}".encode()).hexdigest()
