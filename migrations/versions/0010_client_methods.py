"""How a client proves itself without a secret, and what its tokens are like."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

#: Columns that a client of before has without a value …
OPTIONAL = {
    "token_endpoint_auth_signing_alg": sa.String(16),
    "jwks": sa.Text(),
    "jwks_uri": sa.String(2000),
    "tls_client_auth_subject_dn": sa.String(1000),
}
#: … and with the one that says what it did before.
FLAGS = (
    "allows_token_endpoint_audience",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
)
TEXTS = {
    "trusted_issuers": (sa.Text(), "[]"),
    "token_format": (sa.String(16), "jwt"),
    "claims": (sa.Text(), "{}"),
}


def upgrade() -> None:
    # One by one, not in a batch: that would make the table anew, and what refers to it would go.
    for name, kind in OPTIONAL.items():
        op.add_column("client", sa.Column(name, kind))
    for name in FLAGS:
        op.add_column(
            "client",
            sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    for name, (kind, value) in TEXTS.items():
        op.add_column("client", sa.Column(name, kind, nullable=False, server_default=value))


def downgrade() -> None:
    for name in (*TEXTS, *FLAGS, *OPTIONAL):
        op.drop_column("client", name)
