// What an application does with openid-client: discovery, a token, a call, introspection, revocation.

import { importPKCS8 } from 'jose';
import * as client from 'openid-client';

import { discover } from './discover.js';

const basic = ({ issuer, secret }) =>
  discover(issuer, secret.id, client.ClientSecretBasic(secret.secret));

export async function discoveryOfOpenID(house) {
  return (await basic(house)).serverMetadata();
}

export async function discoveryOfOAuth({ issuer, secret }) {
  const authentication = client.ClientSecretPost(secret.secret);
  const config = await discover(issuer, secret.id, authentication, { algorithm: 'oauth2' });
  return config.serverMetadata();
}

export async function secretByBasic(house) {
  return client.clientCredentialsGrant(await basic(house), { scope: house.scope });
}

export async function secretByPost({ issuer, secret }) {
  const config = await discover(issuer, secret.id, client.ClientSecretPost(secret.secret));
  return client.clientCredentialsGrant(config);
}

export async function resource({ audience, ...house }) {
  return client.clientCredentialsGrant(await basic(house), { resource: audience });
}

export async function wrongSecretByBasic({ issuer, secret }) {
  const config = await discover(issuer, secret.id, client.ClientSecretBasic('wrong'));
  return client.clientCredentialsGrant(config);
}

export async function wrongSecretByPost({ issuer, secret }) {
  const config = await discover(issuer, secret.id, client.ClientSecretPost('wrong'));
  return client.clientCredentialsGrant(config);
}

export async function foreignScope(house) {
  return client.clientCredentialsGrant(await basic(house), { scope: 'another' });
}

async function privateKeyJwt({ issuer, keys }, alg) {
  const { pem, kid } = keys.of[alg];
  const key = { key: await importPKCS8(pem, alg), kid };
  const config = await discover(issuer, keys.id, client.PrivateKeyJwt(key));
  return client.clientCredentialsGrant(config);
}

export const privateKeyJwtPS256 = (house) => privateKeyJwt(house, 'PS256');
export const privateKeyJwtES256 = (house) => privateKeyJwt(house, 'ES256');
export const privateKeyJwtEd25519 = (house) => privateKeyJwt(house, 'Ed25519');

async function proofOfPossession(config, api, alg) {
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg));
  const token = await client.clientCredentialsGrant(config, {}, { DPoP });
  const call = await orders(config, token.access_token, api, { DPoP });
  return { token, call };
}

async function orders(config, token, api, options) {
  try {
    const url = new URL(api);
    const answer = await client.fetchProtectedResource(
      config, token, url, 'GET', undefined, undefined, options,
    );
    return { status: answer.status, body: await answer.json() };
  } catch (error) {
    if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error;
    return { status: error.status, challenges: error.cause };
  }
}

export async function dpopES256(house) {
  return proofOfPossession(await basic(house), house.api, 'ES256');
}

export async function dpopPS256(house) {
  return proofOfPossession(await basic(house), house.api, 'PS256');
}

export async function dpopEd25519(house) {
  return proofOfPossession(await basic(house), house.api, 'Ed25519');
}

/** The server and the API both say which nonce they want; the library tries again with it. */
export async function dpopWithNonces({ strict, ...house }) {
  return proofOfPossession(await basic({ ...house, issuer: strict.issuer }), strict.api, 'ES256');
}

export async function dpopTokenUnderAnotherKey(house) {
  const config = await basic(house);
  const { token } = await proofOfPossession(config, house.api, 'ES256');
  const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
  return orders(config, token.access_token, house.api, { DPoP: other });
}

export async function dpopTokenAsBearer(house) {
  const config = await basic(house);
  const { token } = await proofOfPossession(config, house.api, 'ES256');
  return orders(config, token.access_token, house.api);
}

export async function bearerTokenAtTheApi(house) {
  const config = await basic(house);
  const token = await client.clientCredentialsGrant(config);
  return orders(config, token.access_token, house.api);
}

/** The API asks, with a secret of its own. */
function apiCaller({ issuer, audience, apiSecret }, alg) {
  const metadata = alg && { introspection_signed_response_alg: alg };
  return discover(issuer, audience, client.ClientSecretBasic(apiSecret), { metadata });
}

async function introspection(house, alg) {
  const token = await client.clientCredentialsGrant(await basic(house));
  const config = await apiCaller(house, alg);
  // Of a signed answer the signature is checked as well.
  client.enableNonRepudiationChecks(config);
  return client.tokenIntrospection(config, token.access_token);
}

export const introspectionByTheApi = (house) => introspection(house);
export const signedIntrospection = (house) => introspection(house, 'RS256');
export const signedIntrospectionES256 = (house) =>
  introspection({ ...house, ...house.elliptic }, 'ES256');

export async function introspectionByTheClient(house) {
  const config = await basic(house);
  const token = await client.clientCredentialsGrant(config);
  return client.tokenIntrospection(config, token.access_token);
}

export async function signedIntrospectionOfGarbage(house) {
  const config = await apiCaller(house, 'RS256');
  client.enableNonRepudiationChecks(config);
  return client.tokenIntrospection(config, 'garbage');
}

export async function revocation(house) {
  const config = await basic(house);
  const token = await client.clientCredentialsGrant(config);
  await client.tokenRevocation(config, token.access_token);
  return client.tokenIntrospection(config, token.access_token);
}
