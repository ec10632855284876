"""The protocol: what the RFCs say, and nothing of the web server, the database or the clock.

Start with ``token.py``: its one grant reads as the steps of a token request.

======================== ==================== ====================================================
File                     RFC                  What it holds
======================== ==================== ====================================================
token                    6749 §4.4, §5.1      the token request, step by step; the GRANTS table
client                   6749 §2, 7591 §2     a client and its secrets: formats and digests
client_authentication    6749 §2.3            which method, then one check; the METHODS table
client_secret            6749 §2.3.1          a secret, sent by Basic or in the body
scope                    6749 §3.3, 8707      which scopes are granted, for which APIs
access_token             9068                 header and claims of the token, signed
jwks                     7517, 7638           signing keys, their life, and the set of public keys
metadata                 8414, OIDC Discovery what the server says about itself
form_encoding            6749 appendix B      the encoding of requests, read strictly
errors                   6749 §5.2, 8707 §2   refusals that Authlib lacks or words unsafely
store                    —                    the only questions asked of outside
======================== ==================== ====================================================
"""
