// A real OpenID provider, whose people sign in by a form or are signed in already.

import { createServer } from "node:http";
import { generateKeyPair, exportJWK } from "jose";
import { Provider } from "oidc-provider";
import { CLIENT } from "./server.js";

/** What the provider knows of its people. */
export const PEOPLE = {
  "u-1": { name: "Ana Ruiz", email: "ana@acme.example", email_verified: true, preferred_username: "ana", groups: ["platform-admins", "everybody"] },
  "u-2": { name: "Bo Chen", preferred_username: "bo", email: "bo@acme.example", email_verified: false, groups: [] },
};

const ALGORITHMS = { RS256: "rsa", ES256: "ec", EdDSA: "ed" };

export async function start_provider(port, redirect_uri, { algorithm = "RS256", claims_in_token = false, client = {}, methods } = {}) {
  const issuer = `http://127.0.0.1:${port}`;
  const keys = [];
  for (const [alg, kid] of Object.entries(ALGORITHMS)) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    keys.push({ ...(await exportJWK(privateKey)), kid, alg, use: "sig" });
  }
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirect_uri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        id_token_signed_response_alg: algorithm,
        ...client,
      },
    ],
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"], groups: ["groups"] },
    renderError: (ctx, out) => (ctx.body = JSON.stringify(out)),
    conformIdTokenClaims: !claims_in_token,
    features: { devInteractions: { enabled: false } },
    enabledJWA: { idTokenSigningAlgValues: Object.keys(ALGORITHMS) },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ...(methods && { clientAuthMethods: methods }),
    pkce: { required: () => true },
    cookies: { keys: ["only for tests"] },
    jwks: { keys },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, AuthorizationCode: 60, IdToken: 600 },
  });
  const codes = [];
  provider.on("authorization_code.saved", (code) => codes.push(code.jti));
  provider.on("access_token.saved", (token) => codes.push(token.jti));
  const state = { issuer, codes, who: "u-1", asks: false, stop: () => server.close() };
  const callback = provider.callback();
  const server = createServer((call, answer) => {
    const handled = call.url.startsWith("/interaction/") ? interact(provider, state, call, answer) : callback(call, answer);
    Promise.resolve(handled).catch((error) => answer.destroy(error));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return state;
}

async function interact(provider, state, call, answer) {
  const { prompt, params, session } = await provider.interactionDetails(call, answer);
  if (prompt.name === "login" && state.asks && call.method === "GET") {
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><html lang="en"><title>Acme ID</title><main><h1>Acme ID</h1>
      <form method="post"><label>Name <input name="who" autofocus></label><button>Sign in</button><button name="no" value="1">Cancel</button></form></main>`);
    return;
  }
  let body = "";
  for await (const chunk of call) body += chunk;
  const form = new URLSearchParams(body);
  if (form.has("no")) {
    const result = { error: "access_denied", error_description: "turned away" };
    return provider.interactionFinished(call, answer, result, { mergeWithLastSubmission: false });
  }
  if (prompt.name === "login") {
    const result = { login: { accountId: form.get("who") ?? state.who } };
    return provider.interactionFinished(call, answer, result, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(call, answer, { consent }, { mergeWithLastSubmission: true });
}
