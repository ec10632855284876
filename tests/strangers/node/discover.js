import * as client from 'openid-client';

/** A client configured by discovery. Plain http is for the loopback address, where tests serve. */
export async function discover(issuer, id, authentication, { metadata, algorithm = 'oidc' } = {}) {
  return client.discovery(new URL(issuer), id, metadata, authentication, {
    algorithm,
    execute: [client.allowInsecureRequests],
  });
}
