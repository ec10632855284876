// How an API in Node checks access tokens: with jose as its documentation shows, and with
// oauth4webapi, which knows RFC 9068 and RFC 9449.

import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';

import { discover } from './discover.js';

async function getToken({ issuer, secret }) {
  const config = await discover(issuer, secret.id, client.ClientSecretPost(secret.secret));
  const { access_token: token } = await client.clientCredentialsGrant(config);
  return { token, metadata: config.serverMetadata() };
}

async function verify({ audience, ...house }, { change = (token) => token, ...expected }) {
  const { token, metadata } = await getToken(house);
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  const { payload, protectedHeader } = await jwtVerify(change(token), keys, {
    issuer: metadata.issuer,
    audience,
    typ: 'at+jwt',
    algorithms: ['RS256'],
    ...expected,
  });
  return { payload, header: protectedHeader };
}

export const joseVerifies = (house) => verify(house, {});
export const joseVerifiesES256 = (house) =>
  verify({ ...house, ...house.elliptic }, { algorithms: ['ES256'] });
export const joseWithAnotherAudience = (house) => verify(house, { audience: 'https://another' });
export const joseWithAnotherAlgorithm = (house) => verify(house, { algorithms: ['ES256'] });
export const joseWithAChangedToken = (house) => verify(house, { change: withOtherClaims });

function withOtherClaims(token) {
  const [header, , signature] = token.split('.');
  return [header, Buffer.from('{"sub":"somebody"}').toString('base64url'), signature].join('.');
}

/** The address at which the API believes it is called. */
const ORDERS = 'http://127.0.0.1/orders';

async function getBearerRequest(house) {
  const { token, metadata } = await getToken(house);
  const headers = { Authorization: `Bearer ${token}` };
  return { request: new Request(ORDERS, { headers }), metadata };
}

function validate({ request, metadata }, audience) {
  const options = { [oauth.allowInsecureRequests]: true };
  return oauth.validateJwtAccessToken(metadata, request, audience, options);
}

export async function oauth4webapiValidates(house) {
  return validate(await getBearerRequest(house), house.audience);
}

export async function oauth4webapiValidatesES256(house) {
  return oauth4webapiValidates({ ...house, ...house.elliptic });
}

export async function oauth4webapiWithAnotherAudience(house) {
  return validate(await getBearerRequest(house), 'https://another');
}

export async function oauth4webapiValidatesAProof({ issuer, secret, audience }) {
  const config = await discover(issuer, secret.id, client.ClientSecretPost(secret.secret));
  const metadata = config.serverMetadata();
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
  const { access_token: token } = await client.clientCredentialsGrant(config, {}, { DPoP });
  let request;
  config[client.customFetch] = async (url, options) => {
    request = new Request(url, options);
    return new Response();
  };
  await client.fetchProtectedResource(config, token, new URL(ORDERS), 'GET', null, null, { DPoP });
  return validate({ request, metadata }, audience);
}
