"""Many browsers at a real server at once."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import NamedTuple
from urllib.parse import urlencode

from tests.admin.signing_in import PASSWORD, make_session_at
from tests.running import Server

#: Seconds that an answer may take.
PATIENCE = 30


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: HTTPMessage
    text: str


@dataclass
class Browser:
    """Somebody with an address of their own, at a server behind one proxy.

    Made of little, because a hundred of them share a test's processor with the server.
    """

    base_url: str
    address: str = field(default_factory=lambda: f"10.{secrets.randbelow(256)}.0.1")
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        """The answer; redirects are not followed."""
        return self._send("GET", path, None)

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """The answer to a form, which brings its token itself."""
        return self._send("POST", path, urlencode(form))

    def token(self, path: str) -> str:
        """The token of the form on a page."""
        page = self.get(path).text
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found is not None, page
        return found[1]

    def sign_in(self, name: str, password: str, token: str = "") -> int:
        """The status of the answer."""
        token = token or self.token("/admin/sign-in")
        form = {"name": name, "password": password, "csrf_token": token}
        return self.post("/admin/sign-in", form).status

    def come_in(self, server: Server, name: str) -> None:
        """Be signed in, past the second factor, without any form."""
        self.cookies["signet"] = make_session_at(server, name)

    def _send(self, method: str, path: str, body: str | None) -> Answer:
        connection = HTTPConnection(self.base_url.removeprefix("http://"), timeout=PATIENCE)
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-Forwarded-For": self.address,
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(connection):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
        for header in answer.headers.get_all("Set-Cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def all_at_once(acts: Iterable[Callable[[], int]]) -> list[int]:
    """What each gives, when all have begun together."""
    acts = list(acts)
    with ThreadPoolExecutor(len(acts)) as pool:
        return [begun.result() for begun in [pool.submit(act) for act in acts]]


@dataclass(frozen=True)
class Raced:
    """A server, and what became of those who raced to set it up."""

    server: Server
    #: Status by the name that wanted to be administrator.
    statuses: dict[str, int]
    setup_code: str

    @property
    def winner(self) -> str:
        """The administrator; the password is ``PASSWORD``."""
        return next(name for name, status in self.statuses.items() if status == 303)


def race_to_set_up(server: Server) -> Raced:
    """Fifty browsers send the right code at once."""
    first = Browser(server.base_url)
    token = first.token("/admin/setup")

    def set_up(name: str) -> int:
        form = {"code": server.setup_code, "name": name, "password": PASSWORD}
        browser = Browser(server.base_url, cookies=dict(first.cookies))
        return browser.post("/admin/setup", form | {"csrf_token": token}).status

    names = [f"admin-{number}@example.org" for number in range(50)]
    statuses = all_at_once([lambda name=name: set_up(name) for name in names])
    return Raced(server, dict(zip(names, statuses, strict=True)), server.setup_code)
