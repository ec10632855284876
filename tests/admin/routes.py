"""Every route of the admin pages, read from the app itself: a new page is tested from its start."""

from typing import NamedTuple

from app import create_app
from signet.settings import load_settings

SAFE_METHODS = ("GET", "HEAD")


class Route(NamedTuple):
    """A view and a method that it takes."""

    endpoint: str
    method: str

    @property
    def is_safe(self) -> bool:
        """Whether it only looks."""
        return self.method in SAFE_METHODS


def _all_routes() -> list[Route]:
    app = create_app(load_settings({"SIGNET_SECRET_KEY": "no cookie is ever signed with this one"}))
    return sorted(
        Route(rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.")
        for method in rule.methods or ()
    )


ROUTES = _all_routes()
SAFE_ROUTES = [route for route in ROUTES if route.is_safe]
CHANGING_ROUTES = [route for route in ROUTES if not route.is_safe]


def name_of(route: Route) -> str:
    """What a test over routes calls it."""
    return f"{route.method} {route.endpoint.removeprefix('admin.')}"
