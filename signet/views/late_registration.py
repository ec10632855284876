"""The rest of the app, which a process registers when it is first asked for.

A worker that only issues tokens never imports a page: that is a third of its start and of its
memory. Flask allows it because what is registered is registered before Flask's own first request;
the protocol's endpoints are served in front of it.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import gevent
from gevent.lock import BoundedSemaphore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class LateRegistration:
    """Calls ``register`` once, before the first request that it passes on."""

    def __init__(
        self,
        served: "WSGIApplication",
        register: Callable[[], object],
        *,
        libraries: Sequence[str],
    ) -> None:
        """:param libraries: what ``register`` imports of others."""
        self._served = served
        self._register = register
        self._libraries = libraries
        self._is_registered = False
        self._registering = BoundedSemaphore()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass a request on (PEP 3333)."""
        if not self._is_registered:
            with self._registering:
                if not self._is_registered:
                    # In a real thread, so that tokens are issued meanwhile. Not so our own
                    # modules: tables must not appear while another greenlet asks for one.
                    gevent.get_hub().threadpool.apply(_import_all, (self._libraries,))
                    self._register()
                    self._is_registered = True
        return self._served(environ, start_response)


def _import_all(names: Sequence[str]) -> None:
    for name in names:
        import_module(name)
