// Signing in at a real provider: who comes in, as whom, with what.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { PEOPLE, start_provider } from "./provider.js";
import { CLIENT, come_back, free_port, Jar, session, start_server } from "./server.js";

describe("a real provider", () => {
  let server, provider;
  const own = async (jar, path = "/v1/access/me") => JSON.parse((await jar.get(server.url + path)).text);

  before(async () => {
    const [port, issuer_port] = [await free_port(), await free_port()];
    const callback = `http://127.0.0.1:${port}/sign-in/oidc/callback`;
    provider = await start_provider(issuer_port, callback);
    server = await start_server(provider.issuer, port, { scopes: ["openid", "profile", "email", "groups"] });
  });
  after(async () => {
    provider?.stop();
    await server?.stop();
  });

  it("lets somebody in whom it knows, who may do nothing until somebody says so", async () => {
    const jar = new Jar();
    const back = await come_back(jar, server, "/integrity");
    const answer = await jar.get(back);
    assert.equal(answer.status, 303);
    assert.equal(answer.location, `${server.url}/no-access`);
    assert.equal(jar.cookie(server.url, "mar_oidc"), undefined, "the ticket is used up");
    const page = await jar.get(answer.location);
    assert.match(page.text, /Nobody has given you access yet/);
    assert.match(page.text, /Ana Ruiz.*ana@acme\.example/s);
    assert.equal((await jar.get(`${server.url}/`)).location, `${server.url}/no-access`);
    assert.equal((await jar.get(`${server.url}/v1/entries`)).status, 403);
    const me = await own(jar);
    assert.deepEqual([me.actor.name, me.actor.email, me.grants], ["Ana Ruiz", "ana@acme.example", []]);
    const [entry, ...more] = await server.owner.sign_ins();
    assert.deepEqual(more, []);
    assert.equal(entry.result, "success");
    assert.equal(entry.actor.id, me.actor.id);
    assert.deepEqual(entry.context, { provider: provider.issuer, account: "created" });
    assert.equal(entry.request.ip, jar.address);
  });

  it("gives what is bound to the provider's groups, and not what is bound to ours of that name", async () => {
    await server.owner.call("POST", "/v1/access/bindings", { group: "platform-admins", role: "owner" });
    await server.owner.call("POST", "/v1/access/bindings", { group: "oidc:platform-admins", role: "auditor", organization: "default" });
    const jar = new Jar();
    const before = (await server.owner.sign_ins()).length;
    const answer = await jar.get(await come_back(jar, server, "/?result=failure"));
    assert.equal(answer.location, `${server.url}/?result=failure`);
    const me = await own(jar);
    assert.equal(me.grants.length, 1);
    assert.deepEqual([me.grants[0].organization, me.grants[0].permissions.includes("access:manage")], ["default", false]);
    assert.equal((await jar.get(`${server.url}/v1/entries`)).status, 200);
    const [entry, ...more] = await server.owner.sign_ins();
    assert.equal(more.length, before);
    assert.deepEqual(entry.context, { provider: provider.issuer, groups: ["oidc:platform-admins"] });
    const { users } = await server.owner.call("GET", "/v1/access/users");
    const ana = users.filter((user) => user.login === "ana@acme.example");
    assert.equal(ana.length, 1, "one account");
    assert.deepEqual(ana[0].provider_groups, ["oidc:everybody", "oidc:platform-admins"]);
    assert.equal(ana[0].provider, provider.issuer);
    // Taken away there, it is gone here with the next time.
    PEOPLE["u-1"].groups = ["everybody"];
    const again = new Jar();
    await again.get(await come_back(again, server));
    assert.deepEqual((await own(jar)).grants, [], "also for the session of before");
    PEOPLE["u-1"].groups = ["platform-admins"];
  });

  it("names nobody by an address that nobody verified", async () => {
    provider.who = "u-2";
    const jar = new Jar();
    await jar.get(await come_back(jar, server));
    const me = await own(jar);
    assert.deepEqual([me.actor.name, me.actor.email], ["Bo Chen", undefined]);
    const { users } = await server.owner.call("GET", "/v1/access/users");
    assert.ok(users.some((user) => user.login === "bo"));
    provider.who = "u-1";
  });

  it("gives the browser cookies that only it sends, and only from our pages", async () => {
    const jar = new Jar();
    const out = await jar.get(`${server.url}/sign-in/oidc`);
    assert.equal(out.status, 303);
    const [ticket] = out.headers["set-cookie"];
    for (const part of ["Path=/sign-in/oidc", "HttpOnly", "SameSite=Lax", "Max-Age=600"]) assert.ok(ticket.includes(part), ticket);
    assert.equal(out.headers["cache-control"], "no-store");
    const asked = new URL(out.location).searchParams;
    assert.equal(asked.get("code_challenge_method"), "S256");
    for (const name of ["state", "nonce", "code_challenge"]) {
      assert.ok(asked.get(name).length >= 33, name);
      assert.ok(!ticket.includes(asked.get(name)), `${name} is not in the cookie`);
    }
    const again = new URL((await jar.get(`${server.url}/sign-in/oidc`)).location).searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) assert.notEqual(again.get(name), asked.get(name));
    const answer = await jar.get(await come_back(jar, server));
    const [cookie] = answer.headers["set-cookie"];
    for (const part of ["mar_session=", "Path=/;", "HttpOnly", "SameSite=Lax"]) assert.ok(cookie.includes(part), cookie);
  });

  it("goes on to a page of ours only", async () => {
    for (const next of ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aset-cookie:x=1\r\n"]) {
      const jar = new Jar();
      const answer = await jar.get(await come_back(jar, server, next));
      assert.equal(new URL(answer.location).host, new URL(server.url).host, next);
    }
  });

  it("lets in neither who is disabled nor who is called like somebody of ours", async () => {
    const { users } = await server.owner.call("GET", "/v1/access/users");
    const { id } = users.find((user) => user.login === "ana@acme.example");
    const inside = new Jar();
    await inside.get(await come_back(inside, server));
    await server.owner.call("PATCH", `/v1/access/users/${id}`, { disabled: true });
    assert.equal((await inside.get(`${server.url}/v1/access/me`)).status, 401);
    let jar = new Jar();
    let answer = await jar.get(await come_back(jar, server));
    assert.equal(answer.status, 403);
    assert.match(answer.text, /Your account is disabled/);
    assert.equal(session(jar, server), undefined);
    const [disabled] = await server.owner.sign_ins();
    assert.deepEqual([disabled.result, disabled.target.id, disabled.context.reason], ["failure", id, "account_disabled"]);
    await server.owner.call("PATCH", `/v1/access/users/${id}`, { disabled: false });

    PEOPLE["u-3"] = { name: "Not Olga", email: "owner@acme.example", email_verified: true };
    provider.who = "u-3";
    jar = new Jar();
    answer = await jar.get(await come_back(jar, server));
    assert.equal(answer.status, 403);
    assert.match(answer.text, /owner@acme\.example.*signs in with a password/s);
    assert.equal(session(jar, server), undefined);
    const [taken] = await server.owner.sign_ins();
    assert.deepEqual([taken.result, taken.context.reason], ["failure", "login_taken"]);
    provider.who = "u-1";
  });

  it("keeps no code, token or client secret anywhere", async () => {
    assert.ok(provider.codes.length > 10);
    const entries = JSON.stringify(await server.owner.call("GET", "/v1/entries?limit=1000"));
    await server.end();
    const everything = server.said() + server.kept() + entries;
    for (const secret of [...provider.codes, CLIENT.secret]) assert.ok(!everything.includes(secret), "a secret was kept");
    // What is searched for is found where it is.
    assert.ok(everything.includes("u-1"));
  });
});

describe("providers that are set up in other ways", () => {
  for (const [named, options] of Object.entries({
    "signs with ES256": { algorithm: "ES256" },
    "signs with EdDSA, all in the ID token": { algorithm: "EdDSA", claims_in_token: true },
    "takes the secret in the body": { client: { token_endpoint_auth_method: "client_secret_post" }, methods: ["client_secret_post"] },
    "knows us as a public client": { client: { token_endpoint_auth_method: "none", client_secret: undefined }, is_public: true },
  })) {
    it(named, async () => {
      const [port, issuer_port] = [await free_port(), await free_port()];
      const provider = await start_provider(issuer_port, `http://127.0.0.1:${port}/sign-in/oidc/callback`, options);
      const settings = options.is_public ? { client_secret_file: null } : {};
      const server = await start_server(provider.issuer, port, settings);
      try {
        const jar = new Jar();
        const answer = await jar.get(await come_back(jar, server));
        assert.equal(answer.status, 303, answer.text);
        assert.ok(session(jar, server));
      } finally {
        provider.stop();
        await server.stop();
      }
    });
  }
});
