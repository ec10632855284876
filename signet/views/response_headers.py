"""What every answer tells the browser, so that nothing else than Signet's own runs in its pages."""

from flask import Flask, Response, request

from signet.settings import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # With "no-referrer" forms would be refused over https: their origin could not be checked.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
#: Assets carry the hash of their content in their address.
ASSET_CACHING = "public, max-age=31536000, immutable"


def headers_of_every_answer(settings: Settings) -> list[tuple[str, str]]:
    """What stands in each answer, whoever gives it."""
    headers = [("X-Content-Type-Options", "nosniff")]
    if settings.is_https:
        headers.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
    return headers


def register_response_headers(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer that Flask gives."""
    of_every_answer = headers_of_every_answer(settings)

    def add(response: Response) -> Response:
        response.headers.update(of_every_answer)
        if request.endpoint == "static" and response.status_code < 400:
            response.headers["Cache-Control"] = ASSET_CACHING if "v" in request.args else "no-cache"
        elif response.mimetype == "text/html":
            response.headers.update(PAGE_HEADERS)
            response.headers["Cache-Control"] = "no-store"
        else:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(add)
