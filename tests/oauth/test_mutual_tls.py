"""Client certificates (RFC 8705, RFC 9440): headers of a proxy, chains, subjects, own ones."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.mutual_tls import (
    LONGEST_CHAIN,
    ClientCertificate,
    certificate_matches_key,
    check_self_signed,
    check_subject,
    parse_client_certificate,
    parse_subject_dn,
)
from signet.oauth.public_keys import import_public_key
from tests.certificates import (
    BEGINS_AT,
    ENDS_AT,
    FOR_CLIENTS,
    FOR_SERVERS,
    Issued,
    issue,
    make_authority,
)

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
BILLING = "CN=billing,O=Example"

ROOT = make_authority()
INTERMEDIATE = issue("CN=Example CA 2,O=Example", ROOT, is_authority=True)
LEAF = issue(BILLING, ROOT)

# The example of RFC 8705, appendix A.
RFC_PEM = """-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
"""
RFC_THUMBPRINT = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"


def presented(leaf: Issued, *chain: Issued) -> ClientCertificate:
    return ClientCertificate(leaf.der, tuple(issued.der for issued in chain))


def verify(leaf: Issued, *chain: Issued, by: tuple[Issued, ...] = (ROOT,)) -> None:
    """Against these authorities, at noon."""
    authorities = CertificateAuthorities.from_pem("".join(authority.pem for authority in by))
    authorities.verify(presented(leaf, *chain), now=NOON)


def key_usage(*usages: str) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: name in usages for name in names.split()})


# --- Headers


@pytest.mark.parametrize(
    "header",
    [LEAF.byte_sequence, LEAF.escaped_pem, quote(LEAF.pem, safe="+/="), quote(LEAF.pem.rstrip())],
    ids=["RFC 9440", "nginx", "another proxy", "without the last line break"],
)
def test_a_certificate_is_read_in_each_form(header: str) -> None:
    assert parse_client_certificate(header) == ClientCertificate(LEAF.der, ())


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    """RFC 8705 §3.1, appendix A."""
    assert parse_client_certificate(quote(RFC_PEM)).thumbprint == RFC_THUMBPRINT


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":",
        "::",
        ":::",
        LEAF.byte_sequence + LEAF.byte_sequence,
        LEAF.escaped_pem + LEAF.escaped_pem,
        LEAF.escaped_pem + ROOT.escaped_pem,
        f"{LEAF.byte_sequence},",
        f"{LEAF.byte_sequence};a=1",
        LEAF.byte_sequence[:-1],
        LEAF.byte_sequence[1:],
        LEAF.byte_sequence[:-1] + "x",
        "x" + LEAF.byte_sequence[1:],
        LEAF.byte_sequence.replace("M", "-", 1),
        LEAF.byte_sequence.replace("M", " M", 1),
        f":{base64.b64encode(LEAF.der + bytes(1)).decode()}:",
        f":{base64.b64encode(LEAF.der[:-1]).decode()}:",
        f":{base64.b64encode(LEAF.der + LEAF.der).decode()}:",
        f":{base64.b64encode(b'no certificate').decode()}:",
        LEAF.pem.replace("\n", " "),
        LEAF.escaped_pem.replace("CERTIFICATE", "PUBLIC%20KEY"),
        LEAF.escaped_pem.replace("%0A", "%zz", 1),
        LEAF.escaped_pem + "%00",
        "x" + LEAF.escaped_pem,
        quote("a friendly name\n" + LEAF.pem),
        quote(LEAF.pem.replace("M", "é", 1)),
        quote(LEAF.pem.replace("M", "=", 1)),
    ],
)
def test_a_header_that_is_not_one_certificate_is_refused(header: str) -> None:
    with pytest.raises(ValueError):
        parse_client_certificate(header)


@pytest.mark.parametrize("header", [LEAF.byte_sequence, LEAF.escaped_pem])
@pytest.mark.parametrize("separator", [",", ", "])
def test_two_headers_are_refused(header: str, separator: str) -> None:
    """WSGI gives two as one, with a comma between."""
    with pytest.raises(ValueError, match="more than one"):
        parse_client_certificate(header + separator + header)


def test_headers_longer_than_any_certificate_are_not_decoded() -> None:
    long = ":" + "A" * 20_000 + ":"
    with pytest.raises(ValueError, match="too long"):
        parse_client_certificate(long)
    with pytest.raises(ValueError, match="too long"):
        parse_client_certificate(LEAF.byte_sequence, long)


@pytest.mark.parametrize("separator", [",", ", ", " ,\t"])
def test_a_chain_is_a_list(separator: str) -> None:
    """RFC 9440 §2.3; several headers arrive with commas between them."""
    chain_header = separator.join([INTERMEDIATE.byte_sequence, ROOT.byte_sequence])
    certificate = parse_client_certificate(LEAF.escaped_pem, chain_header)
    assert certificate == presented(LEAF, INTERMEDIATE, ROOT)


def test_an_empty_chain_is_none() -> None:
    assert parse_client_certificate(LEAF.byte_sequence, "").chain == ()


@pytest.mark.parametrize(
    "chain_header",
    [
        ROOT.escaped_pem,
        ROOT.byte_sequence + ",",
        ROOT.byte_sequence + ";a=1",
        f":{base64.b64encode(b'no certificate').decode()}:",
        ", ".join([ROOT.byte_sequence] * (LONGEST_CHAIN + 1)),
    ],
)
def test_a_chain_that_is_no_list_of_certificates_is_refused(chain_header: str) -> None:
    with pytest.raises(ValueError):
        parse_client_certificate(LEAF.byte_sequence, chain_header)


@settings(max_examples=300, deadline=None)
@given(
    position=st.integers(0, len(LEAF.der) - 1),
    replacement=st.binary(max_size=3),
    cut=st.integers(0, 3),
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # the library's, of odd numbers in it
def test_a_damaged_certificate_is_refused_and_nothing_worse(
    position: int, replacement: bytes, cut: int
) -> None:
    der = LEAF.der[:position] + replacement + LEAF.der[position + cut :]
    header = f":{base64.b64encode(der).decode()}:"
    authorities = CertificateAuthorities.from_pem(ROOT.pem)
    checks = [
        lambda: check_subject(parse_client_certificate(header), BILLING),
        lambda: authorities.verify(parse_client_certificate(header), now=NOON),
        lambda: check_self_signed(parse_client_certificate(header), [key_of(LEAF.jwk)]),
    ]
    for check in checks:
        try:
            check()
        except ValueError:
            continue
        # The subject does not notice what is wrong elsewhere; the other two notice all.
        assert der == LEAF.der or check is checks[0]


# --- Chains


def test_an_authority_vouches_for_a_plain_certificate() -> None:
    verify(LEAF)


def test_one_of_several_authorities_is_enough() -> None:
    verify(LEAF, by=(make_authority("CN=Another CA"), ROOT))


@pytest.mark.parametrize(
    "extensions",
    [
        [FOR_CLIENTS],
        [(FOR_CLIENTS, True)],
        [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])],
        [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])],
        [x509.SubjectAlternativeName([x509.DNSName("billing.example")])],
        [x509.BasicConstraints(ca=False, path_length=None)],
        [(key_usage("digital_signature"), True)],
        [x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")],
    ],
)
def test_what_authorities_like_to_add_does_no_harm(
    extensions: list[x509.ExtensionType],
) -> None:
    verify(issue(BILLING, ROOT, extensions=extensions))


def test_an_intermediate_leads_to_the_authority() -> None:
    verify(issue(BILLING, INTERMEDIATE), INTERMEDIATE)


def test_intermediates_may_come_in_any_order_with_others_between() -> None:
    second = issue("CN=Example CA 3", INTERMEDIATE, is_authority=True)
    other = make_authority("CN=Another CA")
    verify(issue(BILLING, second), ROOT, other, INTERMEDIATE, second)


def test_an_intermediate_may_be_the_authority_itself() -> None:
    verify(issue(BILLING, INTERMEDIATE), by=(INTERMEDIATE,))


def test_an_authority_that_may_sign_and_is_for_clients_vouches() -> None:
    root = make_authority(extensions=[(key_usage("key_cert_sign"), True), FOR_CLIENTS])
    verify(issue(BILLING, root), by=(root,))


OTHER_ROOT = make_authority()
FALSE_AUTHORITY = issue("CN=Example CA 2,O=Example", ROOT)


@pytest.mark.parametrize(
    ("leaf", "chain", "reason"),
    [
        (issue(BILLING, ROOT, ends_at=NOON - DAY), (), "not valid at"),
        (issue(BILLING, ROOT, begins_at=NOON + DAY), (), "not valid at"),
        (issue(BILLING), (), "candidates exhausted"),
        # Of the same name, so that it is the signature that tells.
        (issue(BILLING, OTHER_ROOT), (), "signature"),
        (issue(BILLING, OTHER_ROOT), (OTHER_ROOT,), "candidates exhausted"),
        (issue(BILLING, INTERMEDIATE), (), "candidates exhausted"),
        (issue(BILLING, INTERMEDIATE), (OTHER_ROOT, LEAF), "candidates exhausted"),
        (issue(BILLING, LEAF), (LEAF,), "required extension"),
        (issue(BILLING, FALSE_AUTHORITY), (FALSE_AUTHORITY,), "required extension"),
        (issue(BILLING, ROOT, extensions=[FOR_SERVERS]), (), "not for TLS clients"),
        (ROOT, (), "a CA is no client"),
        (INTERMEDIATE, (), "a CA is no client"),
        (
            issue(BILLING, ROOT, extensions=[(x509.OCSPNoCheck(), True)]),
            (),
            "unaccounted-for critical",
        ),
    ],
    ids=[
        "expired",
        "not yet valid",
        "self-signed",
        "of another authority",
        "with another authority in the chain",
        "intermediate missing",
        "with other intermediates",
        "issued by a client",
        "issued by an intermediate that is no CA",
        "for servers",
        "an authority",
        "an intermediate",
        "with a critical extension that nobody knows",
    ],
)
def test_a_certificate_that_no_authority_vouches_for_is_refused(
    leaf: Issued, chain: tuple[Issued, ...], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        verify(leaf, *chain)


NOT_CA = x509.BasicConstraints(ca=False, path_length=None)
ONLY_EXAMPLE = x509.NameConstraints(
    [x509.DirectoryName(x509.Name.from_rfc4514_string("O=Example"))], None
)


@pytest.mark.parametrize(
    ("intermediate", "reason"),
    [
        ({"is_authority": True, "ends_at": NOON - DAY}, "not valid at"),
        ({"is_authority": True, "begins_at": NOON + DAY}, "not valid at"),
        ({"extensions": [(NOT_CA, True)]}, "cA must be asserted"),
        (
            {"is_authority": True, "extensions": [key_usage("digital_signature")]},
            "may not sign certificates",
        ),
        ({"is_authority": True, "extensions": [FOR_SERVERS]}, "not for TLS clients"),
        ({"is_authority": True, "extensions": [(ONLY_EXAMPLE, True)]}, "limited to subjects"),
    ],
    ids=["expired", "not yet valid", "no CA", "may not sign", "for servers", "limited to names"],
)
def test_an_intermediate_that_may_not_vouch_leads_nowhere(
    intermediate: dict[str, object], reason: str
) -> None:
    issuer = issue("CN=Example CA 2", ROOT, **intermediate)
    with pytest.raises(ValueError, match=reason):
        verify(issue(BILLING, issuer), issuer)


def test_the_length_of_a_chain_is_limited_as_an_authority_says() -> None:
    root = make_authority(path_length=0)
    intermediate = issue("CN=Example CA 2", root, is_authority=True)
    with pytest.raises(ValueError, match="path length"):
        verify(issue(BILLING, intermediate), intermediate, by=(root,))


@pytest.mark.parametrize("dates", [{"ends_at": NOON - DAY}, {"begins_at": NOON + DAY}])
def test_an_authority_vouches_for_nobody_before_and_after_its_time(
    dates: dict[str, datetime],
) -> None:
    root = make_authority(**dates)
    with pytest.raises(ValueError, match="not valid at"):
        verify(issue(BILLING, root), by=(root,))


@pytest.mark.parametrize("now", [BEGINS_AT, ENDS_AT])
def test_a_certificate_is_valid_from_its_first_second_to_its_last(now: datetime) -> None:
    """RFC 5280 §4.1.2.5: both ends are inclusive."""
    CertificateAuthorities.from_pem(ROOT.pem).verify(presented(LEAF), now=now)


@pytest.mark.parametrize("now", [BEGINS_AT - DAY / 86_400, ENDS_AT + DAY / 86_400])
def test_a_certificate_is_not_valid_a_second_outside(now: datetime) -> None:
    with pytest.raises(ValueError, match="not valid at"):
        CertificateAuthorities.from_pem(ROOT.pem).verify(presented(LEAF), now=now)


def test_a_reason_for_the_log_names_no_subject() -> None:
    with pytest.raises(ValueError) as caught:
        verify(issue("CN=billing", ROOT, ends_at=NOON - DAY))
    assert "billing" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no PEM",
        LEAF.pem,
        ROOT.pem + LEAF.pem,
        ROOT.pem + ROOT.pem.replace("M", "", 1),
        issue("CN=Not really a CA", extensions=[NOT_CA]).pem,
    ],
    ids=["nothing", "text", "a client's", "a client's besides", "a broken one besides", "no CA's"],
)
def test_a_file_without_authorities_or_with_others_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds "):
        CertificateAuthorities.from_pem(text)


# --- Subjects


@pytest.mark.parametrize(
    "subject_dn",
    [
        BILLING,
        "cn=billing,o=Example",
        "2.5.4.3=billing,2.5.4.10=Example",
        r"CN=\62illing,O=E\78ample",
    ],
)
def test_a_subject_is_compared_by_its_parts(subject_dn: str) -> None:
    check_subject(presented(LEAF), parse_subject_dn(subject_dn))


def test_attributes_of_one_part_have_no_order() -> None:
    leaf = issue("CN=billing+UID=7,O=Example", ROOT)
    check_subject(presented(leaf), parse_subject_dn("UID=7+CN=billing,O=Example"))


@pytest.mark.parametrize("kind", [_ASN1Type.PrintableString, _ASN1Type.BMPString])
def test_a_subject_is_the_same_in_another_type_of_string(kind: _ASN1Type) -> None:
    parts = ((NameOID.ORGANIZATION_NAME, "Example"), (NameOID.COMMON_NAME, "billing"))
    name = x509.Name([x509.NameAttribute(oid, value, kind) for oid, value in parts])
    leaf = issue(name, ROOT)
    check_subject(presented(leaf), BILLING)


@pytest.mark.parametrize(
    "subject_dn",
    [
        None,
        "",
        "CN=billing",
        "O=Example,CN=billing",
        "CN=Billing,O=Example",
        "CN=billing+O=Example",
        "CN=billing,O=Example,C=DE",
        "CN=billing,CN=billing,O=Example",
        "CN=shipping,O=Example",
        r"CN=billing\20,O=Example",
        r"CN=billing\00,O=Example",
        r"CN=billing\,O=Example",
        "UID=billing,O=Example",
    ],
)
def test_any_other_subject_is_refused(subject_dn: str | None) -> None:
    with pytest.raises(ValueError, match="another one"):
        check_subject(presented(LEAF), subject_dn)


def test_a_comma_within_a_value_begins_no_part() -> None:
    leaf = issue(r"CN=billing\,O=Example", ROOT)
    with pytest.raises(ValueError, match="another one"):
        check_subject(presented(leaf), BILLING)


def test_no_subject_is_nobody_s() -> None:
    with pytest.raises(ValueError, match="another one"):
        check_subject(presented(issue("", ROOT)), "")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (BILLING, BILLING),
        ("cn=billing,o=Example", BILLING),
        ("2.5.4.3=billing", "CN=billing"),
        (r"CN=Example\, Inc.", r"CN=Example\, Inc."),
        (r"CN=Z\C3\BCrich", "CN=Zürich"),
        (
            "emailAddress=a@example.org,serialNumber=7",
            "emailAddress=a@example.org,serialNumber=7",
        ),
        (
            "organizationIdentifier=PSDDE-BAFIN-1,O=Bank,C=DE",
            "organizationIdentifier=PSDDE-BAFIN-1,O=Bank,C=DE",
        ),
        ("1.2.3.4=x", "1.2.3.4=x"),
        (r"CN=\#1\, O=#2", r"CN=\#1\, O=#2"),
    ],
)
def test_a_subject_is_kept_in_one_form(text: str, kept: str) -> None:
    assert parse_subject_dn(text) == kept


@settings(deadline=None)
@given(
    values=st.lists(
        st.tuples(
            st.sampled_from(["O", "emailAddress", "1.2.3.4"]),
            st.text(
                st.sampled_from(r'=#,+\ "<>;') | st.characters(exclude_categories=["Cs"]),
                min_size=1,
                max_size=12,
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_form_that_is_kept_means_the_same(values: list[tuple[str, str]]) -> None:
    escaped = ",".join(
        f"{name}=" + "".join(f"\\{byte:02x}" for byte in value.encode()) for name, value in values
    )
    kept = parse_subject_dn(escaped)
    assert parse_subject_dn(kept) == kept
    oids = {
        "O": NameOID.ORGANIZATION_NAME,
        "emailAddress": NameOID.EMAIL_ADDRESS,
        "1.2.3.4": ObjectIdentifier("1.2.3.4"),
    }
    parts = [
        x509.NameAttribute(oids[name], value, _ASN1Type.UTF8String)
        for name, value in reversed(values)
    ]
    check_subject(presented(issue(x509.Name(parts), ROOT)), kept)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "billing",
        "/CN=billing/O=Example",
        "CN = billing, O = Example",
        "subject=CN=billing,O=Example",
        "CN=billing;O=Example",
        "CN=billing,",
        "CN=billing,,O=Example",
        "CN=billing+CN=billing",
        "XY=billing",
        "CN=#0c0762696c6c696e67",
        "O=Example,CN=#0c0762696c6c696e67",
        r"O=Example\\+CN=#0c0762696c6c696e67",
        r"CN=\zz",
        r"CN=\ff",
        "C=DEU",
        "CN=" + "x" * 65,
        "CN=",
        "O=" + "x" * 1_000,
        "9.9.9=x",
    ],
)
def test_what_is_no_distinguished_name_cannot_be_registered(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse_subject_dn(text)


# --- Certificates of a client's own


def key_of(jwk: dict[str, object]):
    return import_public_key(jwk)


SELF_SIGNED = issue("CN=self")
OTHER = issue("CN=self")


def test_a_certificate_of_the_client_s_own_set_is_its() -> None:
    check_self_signed(presented(SELF_SIGNED), [key_of(OTHER.jwk), key_of(SELF_SIGNED.jwk)])


def test_when_a_certificate_of_its_own_is_valid_says_nothing() -> None:
    """RFC 8705 §2.2.2: the certificate chain and its dates are not validated."""
    expired = issue("CN=self", begins_at=NOON - 3 * DAY, ends_at=NOON - 2 * DAY)
    check_self_signed(presented(expired), [key_of(expired.jwk)])


@pytest.mark.parametrize(
    "jwks",
    [
        [],
        [OTHER.jwk],
        [{name: value for name, value in SELF_SIGNED.jwk.items() if name != "x5c"}],
        [SELF_SIGNED.jwk | {"x5c": OTHER.jwk["x5c"]}],
        [OTHER.jwk | {"x5c": SELF_SIGNED.jwk["x5c"]}],
        [SELF_SIGNED.jwk | {"x5c": [*OTHER.jwk["x5c"], *SELF_SIGNED.jwk["x5c"]]}],
        [SELF_SIGNED.jwk | {"x5c": ["no base64"]}],
    ],
    ids=[
        "no key",
        "another one's",
        "without a certificate",
        "with another one's certificate",
        "another one's with this certificate",
        "not the first",
        "no certificate",
    ],
)
def test_a_certificate_that_is_not_in_the_client_s_set_is_refused(
    jwks: list[dict[str, object]],
) -> None:
    with pytest.raises(ValueError, match="own"):
        check_self_signed(presented(SELF_SIGNED), [key_of(jwk) for jwk in jwks])


def test_another_certificate_of_the_same_key_is_another_one() -> None:
    renewed = issue("CN=self", key=SELF_SIGNED.key)
    with pytest.raises(ValueError, match="own"):
        check_self_signed(presented(renewed), [key_of(SELF_SIGNED.jwk)])


@pytest.mark.parametrize(
    ("der", "matches"),
    [(SELF_SIGNED.der, True), (OTHER.der, False), (b"no certificate", False)],
)
def test_a_certificate_matches_its_key_only(der: bytes, matches: bool) -> None:
    assert certificate_matches_key(der, key_of(SELF_SIGNED.jwk)) is matches
