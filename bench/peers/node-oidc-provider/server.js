// node-oidc-provider as its documentation sets it up for client_credentials: two processes, its own
// adapter (in memory), JWTs by RS256 for one resource server.
// Arguments: port, client_id, client_secret, scope.
import cluster from "node:cluster";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const PROCESSES = 2;
const [port, clientId, clientSecret, scope] = process.argv.slice(2);
const resource = "https://api.example.org";

function start() {
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    jwks: { keys: [JSON.parse(process.env.BENCH_KEY)] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: () => ({
          scope,
          audience: resource,
          accessTokenTTL: 3600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  provider.listen(Number(port), "127.0.0.1");
}

if (cluster.isPrimary) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "bench" };
  for (let count = 0; count < PROCESSES; count += 1) {
    cluster.fork({ BENCH_KEY: JSON.stringify(key) });
  }
} else {
  start();
}
