"""Use of credentials as it lies in the database, for tests of what people read of it."""

from datetime import datetime

from signet.models.usage_batches import write_batch
from signet.usage import RefusedRequest, UsageMemory


def used(
    client_id: str,
    credential_id: str = "secret",
    *,
    at: datetime,
    times: int = 1,
    outcome: str = "token",
    address: str = "10.0.3.7",
    user_agent: str = "python-requests/2.32",
) -> None:
    """That a credential was found right so many times at this moment; needs the app's context."""
    memory = UsageMemory()
    for _ in range(times):
        memory.note_use(
            client_id, credential_id, outcome, at=at, address=address, user_agent=user_agent
        )
    write_batch(memory.take())


def refused(
    client_id: str, reason: str = "wrong_secret", *, at: datetime, times: int = 1, **more: object
) -> None:
    """That requests of a client were refused at this moment; needs the app's context."""
    memory = UsageMemory()
    facts = {
        "claimed_client_id": client_id,
        "address": "203.0.113.9",
        "user_agent": "curl/8.5.0",
        "endpoint": "token",
        "status": 400,
        "error": "invalid_client",
        "text": reason.replace("_", " "),
        "facts": {},
    } | more
    for number in range(times):
        reference = f"{client_id}-{reason}-{at:%H%M%S}-{number}"[-32:]
        memory.note_refusal(
            RefusedRequest(request_id=reference, at=at, client_id=client_id, reason=reason, **facts)
        )
    write_batch(memory.take())
