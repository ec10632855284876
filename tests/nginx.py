"""A real nginx that ends TLS in front of a Signet, as an operator would configure it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificates import make_server_certificate
from tests.running import PATIENCE, free_port

#: Debian keeps it where only root looks.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        # Self-signed ones are wanted too, so it is Signet that looks at the chain.
        ssl_verify_client optional_no_ca;
        location / {{
            proxy_pass {upstream};
            proxy_bind {address};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Client-Cert $ssl_client_escaped_cert;
            proxy_set_header Client-Cert-Chain "{chain}";
        }}
    }}
}}
"""


class Nginx:
    """A proxy on a free port of the loopback address.

    :param address: where its own requests come from.
    :param chain: intermediates that it tells Signet of, as RFC 9440 writes them.
    """

    def __init__(self, program: str, folder: Path, upstream: str, *, address: str, chain: str = ""):
        port = free_port()
        self.base_url = f"https://127.0.0.1:{port}"
        self._port = port
        self._folder = folder
        self._program = program
        #: File of its own certificate, for ``verify=``.
        self.certificate, key = make_server_certificate().write(folder, "server")
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                port=port,
                certificate=self.certificate,
                key=key,
                upstream=upstream,
                address=address,
                chain=chain,
            )
        )

    @contextmanager
    def running(self) -> Iterator["Nginx"]:
        """Serve until the end of the ``with``."""
        log = self._folder / "error.log"
        process = subprocess.Popen(
            [self._program, "-p", self._folder, "-c", self._folder / "nginx.conf", "-e", log],
            stdin=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not self._is_listening():
                assert process.poll() is None, f"nginx has ended:\n{log.read_text()}"
                assert time.monotonic() < deadline, f"nginx does not get ready:\n{log.read_text()}"
                time.sleep(0.01)
            yield self
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()

    def _is_listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


def find_nginx() -> str:
    """Where nginx is; without one on this machine the test is skipped and says what to install."""
    program = shutil.which("nginx", path=PATH)
    if program is None:
        pytest.skip("nginx is missing: install 'nginx' with this machine's package manager")
    return program
