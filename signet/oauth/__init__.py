"""The protocol: what the RFCs say, and nothing of the web server, the database or the clock.

Start with ``token.py``: its one grant reads as the steps of a token request.

========================= ====================== ===================================================
File                      RFC                    What it holds
========================= ====================== ===================================================
token                     6749 §4.4, §5.1        the token request, step by step; the GRANTS table
client                    6749 §2, 7591 §2       a client and its secrets: formats and digests
client_authentication     6749 §2.3              which method, then one check; the METHODS table
client_secret             6749 §2.3.1            a secret, sent by Basic or in the body
credential                6749 §2.3              what a caller has proven itself by
client_assertion          7521, 7523 §2.2        ``private_key_jwt``: the client's own assertion
workload_identity         7523 §3                another issuer's token instead of a secret
tls_client_authentication 8705 §2                a certificate instead of a secret
scope                     6749 §3.3, 8707        which scopes are granted, for which APIs
sender                    7800, 8705 §3, 9449    what a token is bound to
mutual_tls                8705, 9440             client certificates, read and compared
certificate_authorities   5280, 8705 §2.1        who vouches for client certificates
dpop                      9449                   proofs of a key: checked, and the server's nonces
token_preview             9068                   what a token would say, without one being made
access_token              9068                   header and claims of the token; signed, verified
deprecation               8594, 9745             the warning that a secret is about to end
introspection             7662, 9701             what a token is to the one who asks
revocation                7009                   the early end of a token
protected_resource        6750, 9068 §4, 9449 §7 how an API checks the token of a request
jwks                      7517, 7638             signing keys, their life, and their public set
public_keys               7517, 7518             keys of others: what is accepted of a set
jws                       7515, 7519             signed JWTs, read strictly
metadata                  8414, OIDC Discovery   what the server says about itself
resource_server           6749 §1.1, 8707        an API and its secrets
form_encoding             6749 appendix B        the encoding of requests, read strictly
errors                    6749 §5.2, 8707 §2     refusals that Authlib lacks or words unsafely
refusal                   —                      the true reason of a refusal, for people
server                    —                      what endpoints ask of their server; where they are
store                     —                      the only questions asked of outside
========================= ====================== ===================================================
"""
