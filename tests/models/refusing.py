"""Refused requests and batches, as a worker hands them over."""

from datetime import UTC, datetime, timedelta

from signet.usage import Batch, RefusedRequest, UsageMemory

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def make_refused(number: int = 0, client_id: str = "billing", **changed: object) -> RefusedRequest:
    """A refused request; the higher the number, the later it was."""
    facts: dict[str, object] = {
        "request_id": f"{number:024x}",
        "at": NOON + timedelta(seconds=number),
        "client_id": client_id,
        "claimed_client_id": client_id,
        "address": "192.0.2.1",
        "user_agent": "curl/8",
        "endpoint": "token",
        "status": 401,
        "error": "invalid_client",
        "reason": "wrong_secret",
        "text": "wrong secret",
        "facts": {},
    }
    return RefusedRequest(**(facts | changed))  # type: ignore[arg-type]


def make_batch(
    *requests: RefusedRequest,
    uses: int = 0,
    client_id: str = "billing",
    credential_id: str = "secret-1",
    at: datetime = NOON,
    address: str = "192.0.2.1",
    user_agent: str = "curl/8",
) -> Batch:
    """What comes together of these refusals and so many tokens."""
    memory = UsageMemory()
    for _ in range(uses):
        memory.note_use(
            client_id, credential_id, "token", at=at, address=address, user_agent=user_agent
        )
    for request in requests:
        memory.note_refusal(request)
    return memory.take()
