// A provider that does wrong on demand: the endpoints of a real one, with a switch for each fault.

import { createServer } from "node:http";
import { createServer as create_encrypted } from "node:https";
import { randomBytes } from "node:crypto";
import { CompactSign, exportJWK, exportSPKI, generateKeyPair } from "jose";
import { CLIENT } from "./server.js";

const text = (value) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const base64url = (value) => Buffer.from(text(value)).toString("base64url");

const made_key = async (kid, alg = "RS256") => {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...pair, kid, alg, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" } };
};

/**
 * What may be switched, all of it absent in a provider that does right:
 * metadata(document), returns({ code, state, iss }, asked), claims(claims, asked), header(header), sign(claims, header),
 * user_info(claims), answer(endpoint, response) which is true if it answered.
 * @param {{ key: Buffer, cert: Buffer }} [tls]
 */
export async function start_hostile(port, tls) {
  const issuer = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const provider = {
    issuer,
    fault: {},
    keys: [await made_key("k1")],
    /** Everything that must be kept nowhere. */
    secrets: [],
    calls: [],
    codes: new Map(),
    /** Signs with the newest key; publishes that one only. */
    rotate: async (kid) => (provider.keys = [await made_key(kid)]),
    made_key,
    secret: () => {
      const made = randomBytes(24).toString("base64url");
      provider.secrets.push(made);
      return made;
    },
    /** What a library that takes any algorithm would verify: HMAC, with the public key for a secret. */
    hs256: async (claims) => {
      const pem = await exportSPKI(provider.keys[0].publicKey);
      return new CompactSign(text(claims)).setProtectedHeader({ alg: "HS256", kid: "k1" }).sign(text(pem));
    },
    unsigned: (claims) => `${base64url({ alg: "none", kid: "k1" })}.${base64url(claims)}.`,
    sign: (claims, key = provider.keys.at(-1), header = {}) =>
      new CompactSign(text(claims)).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey),
    stop: () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
    listen: () => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve)),
  };
  const serves = (call, answer) => serve(provider, call, answer).catch((error) => answer.destroy(error));
  const server = tls ? create_encrypted(tls, serves) : createServer(serves);
  await provider.listen();
  return provider;
}

const metadata = ({ issuer }) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/keys`,
  userinfo_endpoint: `${issuer}/me`,
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
});

async function serve(provider, call, answer) {
  const { fault } = provider;
  const { pathname, searchParams } = new URL(call.url, provider.issuer);
  const endpoint = pathname.split("/").at(-1);
  provider.calls.push(endpoint);
  let body = "";
  for await (const chunk of call) body += chunk;
  if (fault.answer?.(endpoint, answer)) return;
  const json = (value, status = 200) => {
    answer.writeHead(status, { "content-type": "application/json" });
    answer.end(JSON.stringify(value));
  };
  switch (endpoint) {
    case "openid-configuration":
      return json(fault.metadata?.(metadata(provider)) ?? metadata(provider));
    case "keys":
      return json({ keys: provider.keys.map((key) => key.jwk) });
    case "auth": {
      const asked = Object.fromEntries(searchParams);
      const code = provider.secret();
      provider.codes.set(code, asked);
      const sent = { code, state: asked.state };
      const returned = fault.returns?.(sent, asked) ?? sent;
      const to = new URL(asked.redirect_uri);
      for (const [name, value] of Object.entries(returned)) to.searchParams.append(name, value);
      answer.writeHead(303, { location: to.href });
      return answer.end();
    }
    case "token":
      return token(provider, new URLSearchParams(body), call.headers.authorization, json);
    case "me": {
      const claims = { sub: "h-1", name: "Ana Ruiz" };
      return json(fault.user_info?.(claims) ?? claims);
    }
    default:
      return json({}, 404);
  }
}

async function token(provider, form, authorization, json) {
  const { fault } = provider;
  const asked = provider.codes.get(form.get("code"));
  // Good for one time, as every provider has it.
  provider.codes.delete(form.get("code"));
  const challenge = Buffer.from(await crypto.subtle.digest("SHA-256", text(form.get("code_verifier") ?? ""))).toString("base64url");
  const pair = `${encodeURIComponent(CLIENT.id)}:${encodeURIComponent(CLIENT.secret)}`;
  const basic = `Basic ${Buffer.from(pair).toString("base64")}`;
  const knows_us = Buffer.from(authorization?.split(" ")[1] ?? "", "base64").toString();
  if (decodeURIComponent(knows_us) !== decodeURIComponent(Buffer.from(basic.split(" ")[1], "base64").toString())) return json({ error: "invalid_client" }, 401);
  if (!asked || asked.code_challenge !== challenge) return json({ error: "invalid_grant", error_description: `no code ${form.get("code")}` }, 400);
  provider.secrets.push(form.get("code_verifier"));
  const now = Math.floor(Date.now() / 1000);
  const person = { name: "Ana Ruiz", email: "hana@acme.example", email_verified: true, preferred_username: "hana", groups: [] };
  const good = { iss: provider.issuer, sub: "h-1", aud: CLIENT.id, exp: now + 300, iat: now, nonce: asked.nonce, ...person };
  const claims = fault.claims?.(good, asked) ?? good;
  const id_token = await (fault.sign?.(claims) ?? provider.sign(claims));
  provider.secrets.push(id_token);
  return json({ access_token: provider.secret(), token_type: "Bearer", expires_in: 300, id_token });
}
