// A provider, or somebody between, that does wrong: nobody comes in, one entry says so, and nothing secret is kept.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { start_hostile } from "./hostile.js";
import { CLIENT, come_back, free_port, Jar, session, start_server } from "./server.js";

describe("a hostile provider", () => {
  let server, provider;

  before(async () => {
    const [port, issuer_port] = [await free_port(), await free_port()];
    provider = await start_hostile(issuer_port);
    server = await start_server(provider.issuer, port);
  });
  afterEach(() => (provider.fault = {}));
  after(async () => {
    await provider?.stop();
    await server?.stop();
  });

  /** Nobody is let in, one entry says why, and the page and the program's own words hold nothing that was sent. */
  async function refused(jar, answer, status, reason) {
    const { entries } = refused;
    assert.equal(answer.status, status, answer.text);
    assert.equal(session(jar, server), undefined, "no session");
    assert.equal(jar.cookie(server.url, "mar_oidc"), undefined, "the ticket is used up");
    assert.match(answer.headers["content-type"], /^text\/html/);
    assert.match(answer.text, new RegExp(`<code>${reason}</code>`));
    const sign_ins = await server.owner.sign_ins();
    assert.equal(sign_ins.length, entries + 1, "one entry");
    const [entry] = sign_ins;
    assert.equal(entry.result, "failure");
    assert.deepEqual(entry.context, { provider: provider.issuer, reason });
    assert.equal(entry.actor.type, "anonymous");
    const told = answer.text + JSON.stringify(entry) + server.said();
    for (const secret of [...provider.secrets, CLIENT.secret]) assert.ok(!told.includes(secret), "a secret was told");
  }
  const count = async () => (refused.entries = (await server.owner.sign_ins()).length);

  async function fails(fault, status, reason) {
    await count();
    provider.fault = fault;
    const jar = new Jar();
    const back = await come_back(jar, server);
    await refused(jar, await jar.get(back), status, reason);
    return { jar, back };
  }

  async function succeeds(fault = {}) {
    provider.fault = fault;
    const jar = new Jar();
    const answer = await jar.get(await come_back(jar, server));
    assert.equal(answer.status, 303, answer.text);
    assert.ok(session(jar, server), "a session");
    return jar;
  }

  it("is no hostile one as long as it does right", async () => {
    await succeeds();
  });

  const without = (name) => (claims) => {
    const { [name]: _, ...rest } = claims;
    return rest;
  };
  const with_claim = (name, value) => (claims) => ({ ...claims, [name]: value });
  const now = () => Math.floor(Date.now() / 1000);
  for (const [named, claims, reason] of [
    ["another nonce", with_claim("nonce", "another"), "nonce"],
    ["no nonce", without("nonce"), "nonce"],
    ["another audience", with_claim("aud", "another"), "audience"],
    ["one audience more", with_claim("aud", [CLIENT.id, "another"]), "audience"],
    ["no audience", without("aud"), "audience"],
    ["another authorized party", with_claim("azp", "another"), "authorized_party"],
    ["another issuer", with_claim("iss", "https://accounts.google.com"), "issuer"],
    ["its issuer with a slash more", (claims) => ({ ...claims, iss: `${claims.iss}/` }), "issuer"],
    ["a token that is over", (claims) => ({ ...claims, exp: now() - 120 }), "expires"],
    ["a token without an end", without("exp"), "expires"],
    ["a token of the future", (claims) => ({ ...claims, iat: now() + 120 }), "issued_at"],
    ["a token that is not valid yet", (claims) => ({ ...claims, nbf: now() + 120 }), "not_before"],
    ["no subject", without("sub"), "subject"],
    ["a subject that is a number", with_claim("sub", 7), "subject"],
    ["groups that are a text", with_claim("groups", "admins"), "bad_groups"],
    ["groups that are a table", with_claim("groups", { admins: true }), "bad_groups"],
    ["5,000 groups", with_claim("groups", Array.from({ length: 5000 }, (_, n) => `group-${n}`)), "too_many_groups"],
    ["an address that nobody verified, and no name", (claims) => ({ ...claims, sub: "h-2", email_verified: false, preferred_username: claims.email }), "nameless"],
  ]) {
    it(`is refused with ${named}`, async () => {
      await fails({ claims }, 403, reason);
    });
  }

  it("is refused with a token that nobody signed", async () => {
    await fails({ sign: provider.unsigned }, 403, "algorithm");
  });

  it("is refused with a token whose secret is the public key", async () => {
    await fails({ sign: provider.hs256 }, 403, "algorithm");
  });

  it("is refused with a stranger's key under its own key's name", async () => {
    const stranger = await provider.made_key("k1");
    await fails({ sign: (claims) => provider.sign(claims, stranger) }, 403, "signature");
  });

  it("is refused with what is no token", async () => {
    await fails({ sign: () => "no token" }, 403, "malformed_token");
    await fails({ sign: (claims) => provider.sign(claims, undefined, { crit: ["b64"], b64: true }) }, 403, "malformed_token");
  });

  it("is followed to a new key, and asked for an unknown one no more than now and then", async () => {
    await provider.rotate("k2");
    await succeeds();
    const stranger = await provider.made_key("k9");
    const asked = () => provider.calls.filter((endpoint) => endpoint === "keys").length;
    const before = asked();
    await fails({ sign: (claims) => provider.sign(claims, stranger) }, 403, "unknown_key");
    await fails({ sign: (claims) => provider.sign(claims, stranger) }, 403, "unknown_key");
    assert.ok(asked() <= before + 1, "not at every call");
    await succeeds();
  });

  it("comes back to the browser that set out, and to no other", async () => {
    await fails({ returns: ({ code }) => ({ code, state: "another" }) }, 400, "not_begun");
    await fails({ returns: ({ code }) => ({ code }) }, 400, "not_begun");
    await fails({ returns: ({ state }) => ({ state }) }, 400, "not_begun");
    // Somebody else's way back: their code and their state, in this browser.
    provider.fault = {};
    await count();
    const [theirs, ours] = [new Jar(), new Jar()];
    const back = await come_back(theirs, server);
    await ours.get(`${server.url}/sign-in/oidc`);
    await refused(ours, await ours.get(back), 400, "not_begun");
    await count();
    const stranger = new Jar();
    await refused(stranger, await stranger.get(back), 400, "not_begun");
    // Theirs is still good.
    assert.equal((await theirs.get(back)).status, 303);
  });

  it("comes back once", async () => {
    provider.fault = {};
    const jar = new Jar();
    const back = await come_back(jar, server);
    const [key, ticket] = [...jar.cookies].find(([name]) => name.endsWith("mar_oidc"));
    assert.equal((await jar.get(back)).status, 303);
    jar.forget(server.url, "mar_session");
    await count();
    await refused(jar, await jar.get(back), 400, "not_begun");
    // With the ticket kept aside, as somebody would who means it.
    await count();
    jar.cookies.set(key, ticket);
    await refused(jar, await jar.get(back), 400, "not_begun");
    // A code that was used by somebody else: the provider does not take it twice.
    await count();
    const [one, two] = [new Jar(), new Jar()];
    const first = new URL(await come_back(one, server)).searchParams.get("code");
    assert.equal((await one.get(`${server.url}/sign-in/oidc/callback?code=x&state=x`)).status, 400);
    const second = new URL(await come_back(two, server));
    second.searchParams.set("code", first);
    await count();
    await refused(two, await two.get(second.href), 403, "invalid_grant");
  });

  it("does not send back what another provider said", async () => {
    await fails({ returns: (sent) => ({ ...sent, iss: "https://accounts.google.com" }) }, 403, "answer_of_another_issuer");
    await succeeds({ returns: (sent) => ({ ...sent, iss: provider.issuer }) });
  });

  it("is told apart from a person who turns away", async () => {
    const markup = "<script>alert(1)</script>";
    const returns = ({ state }) => ({ error: "access_denied", error_description: markup, state });
    const { jar } = await fails({ returns }, 403, "declined");
    await fails({ returns: ({ state }) => ({ error: markup, state }) }, 403, "declined");
    assert.ok(!(await jar.get(`${server.url}/sign-in/oidc/callback?error=${encodeURIComponent(markup)}`)).text.includes("alert(1)"));
  });

  it("is not followed elsewhere, and not listened to for ever", async () => {
    let elsewhere = 0;
    const redirect = (endpoint) => (asked, answer) => {
      if (asked === "elsewhere") elsewhere += 1;
      if (asked !== endpoint) return false;
      answer.writeHead(307, { location: `${provider.issuer}/elsewhere` });
      answer.end();
      return true;
    };
    await fails({ answer: redirect("token") }, 502, "provider_unreachable");
    const huge = (asked, answer) => {
      if (asked !== "token") return false;
      answer.writeHead(200, { "content-type": "application/json" });
      answer.on("error", () => {});
      answer.end(`{"id_token": "${"x".repeat(3 * 1024 * 1024)}"}`);
      return true;
    };
    await fails({ answer: huge }, 502, "provider_unreachable");
    const wrong = (status, body) => (asked, answer) => {
      if (asked !== "token") return false;
      answer.writeHead(status);
      answer.end(body);
      return true;
    };
    await fails({ answer: wrong(200, "<html>") }, 502, "provider_unreachable");
    await fails({ answer: wrong(200, "{}") }, 403, "no_id_token");
    await fails({ answer: wrong(500, "{}") }, 502, "provider_unreachable");
    await fails({ answer: wrong(400, '{"error":"the canary code"}') }, 403, "code_refused");
    assert.equal(elsewhere, 0);
  });

  it("says nothing of others", async () => {
    const claims = (all) => ({ ...all, email: undefined, groups: undefined });
    await fails({ claims, user_info: (told) => ({ ...told, sub: "h-9", email: "boss@acme.example", email_verified: true }) }, 403, "user_info_of_another");
    // What it tells beside the token counts as much.
    await succeeds({ claims, user_info: (told) => ({ ...told, groups: ["a"] }) });
    await fails({ claims, user_info: (told) => ({ ...told, groups: 7 }) }, 403, "bad_groups");
  });

  it("does not make anybody wait for ever", { timeout: 60_000 }, async () => {
    await count();
    provider.fault = { answer: (asked) => asked === "token" };
    const jar = new Jar();
    const back = await come_back(jar, server);
    const since = Date.now();
    await refused(jar, await jar.get(back), 502, "provider_unreachable");
    assert.ok(Date.now() - since < 20_000, "it is bounded");
  });

  it("is not heard by whoever tries too often, and then leaves nothing", async () => {
    const jar = new Jar("127.0.1.1");
    await count();
    let [heard, slow] = [0, undefined];
    while (!slow && heard < 100) {
      const answer = await jar.get(`${server.url}/sign-in/oidc/callback?code=x&state=y`);
      if (answer.status === 429) slow = answer;
      else heard += 1;
    }
    assert.equal(heard, 30);
    assert.match(slow.text, /Too many attempts/);
    assert.ok(Number(slow.headers["retry-after"]) >= 1);
    assert.equal((await server.owner.sign_ins()).length, refused.entries + 30);
    // Somebody else is not kept out by that.
    await succeeds();
  });

  it("keeps no code, token, verifier or client secret anywhere", async () => {
    assert.ok(provider.secrets.length > 100);
    const entries = JSON.stringify(await server.owner.call("GET", "/v1/entries?limit=1000"));
    await server.end();
    const everything = server.said() + server.kept() + entries;
    for (const secret of [...provider.secrets, CLIENT.secret]) assert.ok(!everything.includes(secret), "a secret was kept");
    assert.ok(everything.includes("h-1"));
  });
});

describe("a provider that is not there", () => {
  it("keeps this server from nothing but signing in there, until it is", { timeout: 60_000 }, async () => {
    const [port, issuer_port] = [await free_port(), await free_port()];
    const server = await start_server(`http://127.0.0.1:${issuer_port}`, port);
    let provider;
    try {
      const jar = new Jar();
      const answer = await jar.get(`${server.url}/sign-in/oidc`);
      assert.equal(answer.status, 502);
      assert.match(answer.text, /does not answer/);
      assert.equal((await server.owner.sign_ins()).length, 0, "nobody signed in");
      provider = await start_hostile(issuer_port);
      let back;
      while (!back) back = (await jar.get(`${server.url}/sign-in/oidc`)).location;
      assert.equal((await jar.get(await jar.until(back, `${server.url}/sign-in/oidc/callback`))).status, 303);
    } finally {
      await provider?.stop();
      await server.stop();
    }
  });

  for (const [named, metadata] of [
    ["says that it is another", (document) => ({ ...document, issuer: "https://accounts.google.com" })],
    ["asks for codes in the clear, elsewhere", (document) => ({ ...document, token_endpoint: "http://192.0.2.1/token" })],
    ["leads browsers to a script", (document) => ({ ...document, authorization_endpoint: "javascript:alert(1)" })],
    ["says too little", ({ issuer }) => ({ issuer })],
  ]) {
    it(`is not one that ${named}`, async () => {
      const [port, issuer_port] = [await free_port(), await free_port()];
      const provider = await start_hostile(issuer_port);
      const server = await start_server(provider.issuer, port);
      try {
        provider.fault = { metadata };
        const jar = new Jar();
        const answer = await jar.get(`${server.url}/sign-in/oidc`);
        assert.equal(answer.status, 502, answer.text);
        assert.equal(answer.location, undefined);
        assert.match(answer.text, /cannot be used/);
      } finally {
        await provider.stop();
        await server.stop();
      }
    });
  }
});

describe("a provider behind TLS", () => {
  it("is believed by the authority that is named, and by no other", async () => {
    const dir = mkdtempSync(join(tmpdir(), "mar-audit-oidc-tls-"));
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const asked = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=id"];
    const says = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    execFileSync("openssl", [...asked, ...says, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const provider = await start_hostile(await free_port(), { key: readFileSync(key), cert: readFileSync(cert) });
    try {
      for (const [settings, status] of [
        [{ ca_file: cert }, 303],
        [{}, 502],
      ]) {
        const server = await start_server(provider.issuer, await free_port(), settings);
        try {
          const jar = new Jar();
          const answer = await jar.get(`${server.url}/sign-in/oidc`);
          assert.equal(answer.status, status, answer.text);
          if (status === 303) {
            assert.equal((await jar.get(await come_back(jar, server))).status, 303);
            assert.ok(session(jar, server));
            // An address in the clear is not one of a provider that is encrypted.
            provider.fault = { answer: (endpoint, to) => endpoint === "token" && (to.writeHead(307, { location: "http://127.0.0.1:1/" }), to.end(), true) };
            const other = new Jar();
            assert.equal((await other.get(await come_back(other, server))).status, 502);
            provider.fault = {};
          }
        } finally {
          await server.stop();
        }
      }
    } finally {
      await provider.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe("settings that cannot be", () => {
  it("are told at the start", async () => {
    const port = await free_port();
    for (const [settings, said] of [
      [{ issuer: "http://id.acme.example" }, /oidc_issuer.*starts with https/],
      [{ client_secret_file: "/nowhere/secret" }, /oidc_client_secret_file.*\/nowhere\/secret/],
      [{ public_url: null }, /oidc_public_url/],
      [{ isuer: "x" }, /unknown setting `oidc_isuer`/],
    ]) {
      await assert.rejects(start_server("https://id.acme.example", port, settings), said);
    }
  });

  it("are not needed for a provider that only some may use", async () => {
    const [port, issuer_port] = [await free_port(), await free_port()];
    const provider = await start_hostile(issuer_port);
    const server = await start_server(provider.issuer, port, { allowed_groups: ["staff"] });
    try {
      let jar = new Jar();
      const answer = await jar.get(await come_back(jar, server));
      assert.equal(answer.status, 403);
      assert.match(answer.text, /not_in_an_allowed_group/);
      provider.fault = { claims: (claims) => ({ ...claims, groups: ["staff"] }) };
      jar = new Jar();
      assert.equal((await jar.get(await come_back(jar, server))).status, 303);
      const { users } = await server.owner.call("GET", "/v1/access/users");
      assert.equal(users.filter((user) => user.provider).length, 1, "who may not sign in has no account");
    } finally {
      await provider.stop();
      await server.stop();
    }
  });
});
