from tests.oauth.memory_store import MemoryStore
from tests.views.memory_app import connect
from tests.views.wire import Signet


def test_a_served_signet_is_alive_and_ready(signet: Signet):
    assert signet.get("/healthz").status == 200
    ready = signet.get("/readyz")
    assert (ready.status, ready.body) == (200, b'{"database":"up"}')
    assert ready.headers["Cache-Control"] == "no-store"


def test_without_a_database_the_worker_is_alive_and_not_ready():
    store = MemoryStore()
    store.is_away = True
    assert connect(store).get("/healthz").status_code == 200
    answer = connect(store).get("/readyz")
    assert (answer.status_code, answer.data) == (503, b'{"database":"down"}')


def test_without_a_key_the_worker_is_not_ready_although_the_database_is_up():
    answer = connect(MemoryStore(keys=())).get("/readyz")
    assert (answer.status_code, answer.data) == (503, b'{"database":"up"}')
