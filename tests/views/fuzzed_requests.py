"""Token requests for the fuzz test: mostly right, so that they get far, and odd somewhere."""

from base64 import b64encode
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from hypothesis import strategies as st

from tests.views.wire import BOUNDARY, FORM, MULTIPART, TOKEN

#: Stands in every field that is made up, and must not come back.
CANARY = "CaNaRy"
SECRET = "right-secret"


@dataclass(frozen=True)
class Case:
    method: str
    path: str
    query: str
    #: What ``Content-Length`` says; ``None``: the truth.
    length: str | None
    headers: dict[str, str]
    body: bytes

    def without_authorization(self) -> "Case":
        headers = self.headers.copy()
        del headers["Authorization"]
        return replace(self, headers=headers)


def basic(raw: bytes) -> str:
    return "Basic " + b64encode(raw).decode()


# Texts

ODD_TEXTS = [
    *("", " ", '"', "\\", "\0", "ü", "😀", "\ud7ff", "\uffff", "\u202e", "\r\nX-Injected: 1"),
    *("<script>", "{{7*7}}", "%s%n", "'; DROP TABLE x;--", "../../etc/passwd"),
    *("x" * 201, "x" * 513, "x" * 2_001, "x" * 17_000, "x" * 70_000),
]
TEXT = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=8)).map(CANARY.__add__)
HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20).map(
    CANARY.__add__
)
JUNK = st.binary(max_size=40).map(CANARY.encode().__add__)

# Parameters

GRANT = ("grant_type", "client_credentials")
CREDENTIALS = [("client_id", "billing"), ("client_secret", SECRET)]
NAMES = ["grant_type", "client_id", "client_secret", "scope", "resource", "client_assertion"]
FIELD = st.one_of(
    st.sampled_from(
        [GRANT, *CREDENTIALS, ("scope", "a b"), ("scope", "b"), *((name, "") for name in NAMES)]
    ),
    st.tuples(st.sampled_from(NAMES), TEXT),
    st.tuples(TEXT, TEXT),
)
FIELDS = st.one_of(
    FIELD.map(lambda pair: [GRANT, pair]),
    FIELD.map(lambda pair: [GRANT, *CREDENTIALS, pair]),
    FIELD.map(lambda pair: list(dict([GRANT, *CREDENTIALS, pair]).items())),
    st.lists(FIELD, max_size=5),
)

# Bodies

BROKEN = st.sampled_from(
    [b"%", b"%zz", b"%ff", b"\xff", b"\0", b"%00", b"&&", b"=", b"&=&", b";", b"\r\n", b"+"]
)
PART_HEADERS = st.sampled_from(
    [
        *([""] * 6),
        *(f'; filename="{CANARY}"', f"; filename*=utf-8''{CANARY}", "; name=x", '"', ";;;;="),
        *("\r\nContent-Type: text/plain", f"\r\nContent-Type: {CANARY}", "\r\n folded", "\r\n:"),
        *("\r\nContent-Transfer-Encoding: base64", "; name*=utf-8''%ff", "\n\n", "\r\nX" * 100),
    ]
)
END = f"--{BOUNDARY}--\r\n"
ENDS = st.sampled_from([END, END, END, END, END[:-2], END[:-4], "", "\r\n" * 9]).map(str.encode)
CONTENT_TYPES = st.one_of(
    st.sampled_from(
        [
            *("", FORM.upper(), f"{FORM}; charset=utf-8", f"{FORM}; charset=utf-16"),
            *(f"{FORM}; charset*=x'", "application/json", f"{CANARY}/{CANARY}; {CANARY}={CANARY}"),
            *("multipart/form-data", 'multipart/form-data; boundary="', f"{MULTIPART}{CANARY}"),
            *("multipart/form-data; boundary=ü", "multipart/form-data; boundary=\r"),
        ]
    ),
    HEADER_TEXT,
)


def urlencoded(fields: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in fields).encode()


def multipart(fields: list[tuple[str, str]], header: str, end: bytes) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{header}\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    return "".join(parts).encode() + end


TYPED_BODY = st.one_of(
    st.tuples(st.just(FORM), FIELDS.map(urlencoded)),
    st.tuples(st.just(FORM), st.builds(lambda f, b: urlencoded(f) + b, FIELDS, BROKEN)),
    st.tuples(st.just(MULTIPART), st.builds(multipart, FIELDS, PART_HEADERS, ENDS)),
    st.tuples(st.sampled_from([FORM, MULTIPART]), JUNK),
    st.tuples(CONTENT_TYPES, FIELDS.map(urlencoded)),
)

# Headers

RIGHT_BASIC = basic(f"billing:{SECRET}".encode())
AUTHORIZATION = st.one_of(
    st.sampled_from([RIGHT_BASIC, RIGHT_BASIC, "", "Basic", "Basic ="]),
    st.tuples(TEXT, TEXT).map(lambda pair: basic(":".join(map(quote_plus, pair)).encode())),
    JUNK.map(basic),
    st.tuples(st.sampled_from(["", "Basic ", "bAsIc  ", "Bearer "]), HEADER_TEXT).map("".join),
)
OTHER_HEADERS = st.one_of(
    st.just({}),
    st.dictionaries(
        st.sampled_from(
            [
                *("Accept", "Accept-Encoding", "Content-Encoding", "Cookie", "Expect", "Forwarded"),
                *("Host", "If-None-Match", "Origin", "Range", "Referer", "Sec-Fetch-Site"),
                *("Transfer-Encoding", "Upgrade", "User-Agent", "X-Forwarded-For"),
                *("X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override"),
                *("X-Original-URL", "X-Request-Id"),
            ]
        ),
        HEADER_TEXT,
        max_size=2,
    ),
)

# All but headers and body: nearly always as it should be

PLAIN = ("POST", TOKEN, "", None)
ODD_LINES = [
    *((method, TOKEN, "", None) for method in ("GET", "OPTIONS", "HEAD", "PUT", "FOO")),
    *(("POST", TOKEN, query, None) for query in (f"client_id={CANARY}", "%ff", CANARY, "scope=x")),
    *(("POST", TOKEN, "", length) for length in ("0", "7", "1000000", "+5", "x", "-1", "")),
    *(
        (method, path, CANARY, None)
        for method in ("GET", "POST")
        for path in (
            *("/connect/token/", "//connect/token", "/connect//token", "/connect/token\0"),
            *(f"/connect/{CANARY}", f"/.well-known/{CANARY}", "/connect/\xff", "/connect/.."),
            *("/.well-known/openid-configuration", "/.well-known/openid-configuration/jwks"),
        )
    ),
]
LINE = st.sampled_from([PLAIN] * 4 * len(ODD_LINES) + ODD_LINES)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    content_type, body = draw(TYPED_BODY)
    headers = dict(draw(OTHER_HEADERS))
    headers["Authorization"] = draw(AUTHORIZATION)
    if content_type:
        headers["Content-Type"] = content_type
    return Case(*draw(LINE), headers, body)
