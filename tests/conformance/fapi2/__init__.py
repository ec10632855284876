"""FAPI 2.0 Security Profile, as the OpenID Foundation tests it, for what Signet is.

The plan ``fapi2-security-profile-final-test-plan`` of the conformance suite, with ``openid``
``plain_oauth``, ``client_auth_type`` ``private_key_jwt``, ``sender_constrain`` ``dpop`` and
``fapi_profile`` ``fapi_client_credentials_grant``. Fourteen of its modules apply to these variants;
each is a file here, which begins with the name of the module.

Names and content were read in the suite's own source (openid-certification/conformance-suite on
GitHub, as of August 2026); the tests are ours, and this is not the suite: whoever wants a
certificate runs it. Where it only warns, a test here fails. Two things are otherwise:

- TLS. The suite examines versions and ciphers of the endpoints (in the happy flow, and where a
  holder of key is required). A proxy ends TLS in front of Signet, so that is the proxy's to pass.
  Here the issuer is https and its documents are fetched by TLS, but what the proxy would pass on to
  the token endpoint is sent to gunicorn straight away. The API stands behind a proxy likewise.
- Clocks. Of the 10 seconds that a proof may be ahead the suite takes 8, because of the network in
  between. There is none here: it is all of the 10.
"""

#: The modules that apply, in the order of the plan.
MODULES = (
    "fapi2-security-profile-final-discovery-end-point-verification",
    "fapi2-security-profile-final-happy-flow",
    "fapi2-security-profile-final-access-token-type-header-case-sensitivity",
    "fapi2-security-profile-final-check-dpop-proof-nbf-exp",
    "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds",
    "fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds",
    "fapi2-security-profile-final-ensure-client-id-in-token-endpoint",
    "fapi2-security-profile-final-ensure-holder-of-key-required",
    "fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails",
    "fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint",
    "fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails",
    "fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails",
    "fapi2-security-profile-final-dpop-negative-tests",
)
