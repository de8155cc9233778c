// Coming in: the first owner, signing in and out, an auditor's link, a frame of another site, and what a role hides.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import axe from "axe-core";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const PASSWORD = "correct horse battery";
const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, "out");
const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };
const id = (/** @type {number} */ n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** The platform's own page, which holds a frame and brings it a token; on another origin than the log. */
function start_console() {
  const page = { html: "" };
  const server = createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html" }).end(page.html));
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ page, url: `http://localhost:${server.address().port}`, stop: () => server.close() })),
  );
}

describe("coming in", () => {
  let server, frame_holder, browser, page, secret;
  /** Calls the API as the owner, by the session of the first test; or by a token. */
  const api = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body = undefined, token = "") => {
    const by = token ? { authorization: `Bearer ${token}` } : { cookie: `mar_session=${secret}`, origin: server.url };
    const answer = await fetch(server.url + path, { method, headers: { ...by, "content-type": "application/json" }, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.status === 204 ? null : answer.json();
  };
  const fresh = async (/** @type {object} */ more = {}) => (page = await open_page(browser, more));
  const violations = async (/** @type {import("playwright-core").Page | import("playwright-core").Frame} */ within = page) => {
    await within.evaluate(axe.source);
    const { violations } = await within.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(" | ")}`);
  };
  /** In both colours, wide and narrow. @param {string} name */
  const looks = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.screenshot({ path: join(PICTURES, `${name}-${size}-${colorScheme}.png`) });
        assert.deepEqual(await violations(), [], `${name} ${size} ${colorScheme}`);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is too wide`);
      }
    }
    await page.setViewportSize(SIZES.wide);
  };
  const sign_in = async (login = "ana@acme.example", password = PASSWORD) => {
    await page.getByLabel("Login").fill(login);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  const menu = () => page.locator(".account > summary");

  before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    frame_holder = await start_console();
    server = await start_server({ access: "required", flags: ["--embed-origin", frame_holder.url] });
    browser = await start_browser();
  });
  after(async () => {
    await browser?.close();
    frame_holder?.stop();
    await server?.stop();
  });
  afterEach(async () => {
    assert.deepEqual(page?.faults.splice(0) ?? [], []);
    await page?.context().close();
    page = null;
  });

  it("makes the first owner by the link that the program prints", async () => {
    await fresh();
    page.quiet = true; // a refused form is logged by the browser
    const link = await server.first_link;
    await page.goto(link);
    assert.equal(page.url(), `${server.url}/claim`, "the secret is not in the address any more");
    assert.equal(await page.getByLabel("The link").isVisible(), false);
    assert.equal(await page.locator("#name").evaluate((field) => field === document.activeElement), true);
    await looks("claim");
    await page.getByLabel("Your name").fill("Ana Ruiz");
    await page.getByLabel("Login").fill("not a login");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Become the owner" }).click();
    assert.match(await page.getByRole("alert").innerText(), /mail address or a slug/);
    await looks("claim-wrong");
    await page.getByLabel("Login").fill("ana@acme.example");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Become the owner" }).click();
    await page.waitForURL(`${server.url}/`);
    await menu().click();
    assert.match(await page.locator(".account .pop").innerText(), /Ana Ruiz\s+ana@acme\.example\s+owner/);
    const session = (await page.context().cookies()).find((cookie) => cookie.name === "mar_session");
    assert.equal(session?.httpOnly && session.sameSite === "Lax", true);
    secret = session.value;
    await api("POST", "/v1/entries", routine(60, Date.now()));
    await page.goto(`${server.url}/claim#${link.split("#")[1]}`);
    await page.getByLabel("Your name").fill("Eve");
    await page.getByLabel("Login").fill("eve");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Become the owner" }).click();
    assert.match(await page.getByRole("alert").innerText(), /not known here/);
  });

  for (const javaScriptEnabled of [true, false]) {
    it(`signs in and out ${javaScriptEnabled ? "with" : "without"} scripts, and goes on to where one was going`, async () => {
      await fresh({ javaScriptEnabled });
      page.quiet = true;
      await page.goto(`${server.url}/entries/${id(1)}`);
      assert.match(page.url(), /\/sign-in\?next=/);
      assert.equal(await page.getByLabel("Login").getAttribute("autocomplete"), "username");
      assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "current-password");
      await sign_in("ana@acme.example", "not the password");
      assert.equal(await page.getByRole("alert").innerText(), "The login or the password is wrong.");
      assert.equal(await page.getByLabel("Login").inputValue(), "ana@acme.example");
      assert.equal(await page.getByLabel("Password").inputValue(), "");
      if (javaScriptEnabled) await looks("sign-in-wrong");
      await sign_in();
      assert.equal(page.url(), `${server.url}/entries/${id(1)}`);
      await menu().click();
      if (javaScriptEnabled) {
        await looks("account-menu");
        await page.goto(`${server.url}/sign-in`);
        await looks("sign-in-known");
        await page.goto(`${server.url}/`);
        await menu().click();
      }
      await page.locator(".account").getByRole("button", { name: "Sign out" }).click();
      assert.equal(page.url(), `${server.url}/sign-out`);
      assert.equal(await page.locator("h1").innerText(), "You are signed out");
      if (javaScriptEnabled) await looks("signed-out");
      await page.goto(server.url);
      assert.match(page.url(), /\/sign-in/);
      if (javaScriptEnabled) await looks("sign-in");
    });
  }

  it("claims without scripts by pasting the link", async () => {
    const other = await start_server({ access: "required" });
    try {
      await fresh({ javaScriptEnabled: false });
      const link = await other.first_link;
      await page.goto(link);
      await page.getByLabel("The link").fill(link);
      await page.getByLabel("Your name").fill("Bo Li");
      await page.getByLabel("Login").fill("bo");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Become the owner" }).click();
      assert.equal(page.url(), `${other.url}/`);
      await menu().click();
      assert.match(await page.locator(".account .pop").innerText(), /Bo Li/);
    } finally {
      await other.stop();
    }
  });

  it("keeps the purpose of a reading, and the log shows it", async () => {
    await fresh();
    await page.goto(`${server.url}/sign-in?next=/%3Flimit%3D25`);
    await sign_in();
    await menu().click();
    await page.locator(".account").getByLabel("Purpose of my reading").fill("OPS-88");
    await page.locator(".account").getByRole("button", { name: "Keep" }).click();
    await page.waitForURL(`${server.url}/?limit=25`);
    await page.locator("#search").fill("ada");
    await page.locator("#search").press("Enter");
    await page.waitForURL(/search=ada/);
    await page.goto(`${server.url}/?category=audit&action=searchEntries`);
    assert.match(await page.locator("#rows tr").first().innerText(), /Purpose OPS-88/);
    await page.locator("#rows tr a").first().click();
    await page.locator("#drawer .verdict", { hasText: "Purpose OPS-88" }).waitFor();
    await looks("purpose");
    await page.locator(".export > summary").click();
    assert.equal(await page.locator(".export").getByLabel("Purpose of my reading").inputValue(), "OPS-88");
    await looks("export-purpose");
  });

  it("lets an auditor in by a link, and shows what it is", async () => {
    const expires_at = new Date(Date.now() + 3600e3).toISOString();
    const wanted = { name: "Acme’s auditors", permissions: ["entries:read", "entries:export", "logs:verify"], organization: "acme", mask: ["ip"], filter: "category:cluster", expires_at };
    const { secret: link, link: made } = await api("POST", "/v1/access/links", wanted);
    await fresh();
    page.quiet = true;
    await page.goto(`${server.url}/link#${link}`);
    await page.waitForURL(`${server.url}/`);
    const banner = page.locator(".banner");
    assert.match(await banner.innerText(), /Acme’s auditors · an auditor’s link, read only/);
    assert.match(await banner.innerText(), /only\s+category:cluster/);
    assert.match(await page.locator(".list-head").innerText(), /^\d+ entries/);
    assert.equal(await page.locator(".facet").getByText("globex").count(), 0);
    await looks("link-list");
    await page.goBack();
    assert.equal(page.url().includes("mar_adt"), false, "the secret is not in the history");
    await page.goto(`${server.url}/link#${link.slice(0, -1)}`);
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /cut or mistyped/);
    await looks("link-wrong");
    const left = await api("GET", "/v1/entries?action=signIn&limit=100");
    assert.equal(left.entries.filter((entry) => entry.context?.link === made.id).length, 1);
  });

  it("is shown in a frame of the site that is named, stays in it, and says when it is over", async () => {
    const viewer = await api("POST", "/v1/access/users", { kind: "service", login: "console", name: "Console" });
    await api("POST", "/v1/access/bindings", { account: viewer.id, role: "viewer", organization: "acme" });
    const { secret: token } = await api("POST", "/v1/access/tokens", { account: viewer.id, name: "console", permissions: ["entries:read"] });
    const { secret: embed } = await api("POST", "/v1/access/embed", { organization: "acme", life_seconds: 600 }, token);
    const post = (/** @type {string} */ token) => `<!doctype html><html lang=en><title>Console</title><h1>Console</h1>
      <iframe name=audit title="Audit logs" width=1200 height=760></iframe>
      <form id=bring method=post action="${server.url}/embed?theme=dark&tz=Europe/Madrid" target=audit><input type=hidden name=token value="${token}"></form>
      <script>addEventListener("message", (event) => (window.told = [event.origin, event.data])); bring.submit()</script>`;
    frame_holder.page.html = post(embed);
    await fresh();
    page.quiet = true;
    page.removeAllListeners("request");
    await page.goto(frame_holder.url);
    const inside = page.frameLocator("iframe");
    await inside.locator("#rows tr").first().waitFor();
    const frame = page.frames().find((one) => one.name() === "audit");
    assert.equal(await inside.locator("header.top").count(), 0);
    assert.equal(await inside.locator("html").getAttribute("data-theme"), "dark");
    await inside.locator("#rows tr").nth(1).click();
    await inside.locator("#drawer article").waitFor();
    await inside.locator("#drawer").getByTitle("Open as a page").click();
    await inside.locator("main.page h1").waitFor();
    assert.match(await inside.locator("main.page").innerText(), /CET|CEST/);
    await page.screenshot({ path: join(PICTURES, "embed-entry.png") });
    await inside.getByRole("link", { name: "Full history" }).click();
    await inside.locator(".story").waitFor();
    await inside.getByRole("link", { name: "All entries" }).click();
    await inside.locator(".facet .value").first().click();
    await inside.locator(".chip").first().waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(frame), [], colorScheme);
    }
    await page.screenshot({ path: join(PICTURES, "embed-list.png") });
    assert.equal(page.url(), `${frame_holder.url}/`);
    const token_id = token.split("_")[2];
    await api("DELETE", `/v1/access/tokens/${token_id}`);
    await inside.locator("#rows tr").first().click();
    await inside.getByRole("heading", { name: "This view is over" }).waitFor();
    await page.waitForFunction(() => window.told);
    assert.deepEqual(await page.evaluate(() => window.told), [server.url, { type: "mar-audit:over" }]);
    await page.screenshot({ path: join(PICTURES, "embed-over.png") });
    // Behind the # too, and a site that is not named shows nothing.
    const again = await api("POST", "/v1/access/tokens", { account: viewer.id, name: "console", permissions: ["entries:read"] });
    const { secret: second } = await api("POST", "/v1/access/embed", { organization: "acme" }, again.secret);
    const source = `<!doctype html><html lang=en><title>Console</title><iframe name=audit title="Audit logs" width=1200 height=760 src="${server.url}/embed#${second}"></iframe>`;
    frame_holder.page.html = source;
    await page.goto(frame_holder.url);
    await page.frameLocator("iframe").locator("#rows tr").first().waitFor();
    await page.goto(frame_holder.url.replace("localhost", "127.0.0.1"));
    await page.waitForLoadState("networkidle");
    assert.equal(await page.frameLocator("iframe").locator("#rows, form").count(), 0);
  });

  it("says what a role hides, proves it all the same, and shows it to who may ask", async () => {
    const permissions = ["entries:read", "logs:verify", "entries:unmask"];
    await api("PUT", "/v1/access/roles/careful", { permissions, mask: ["email", "ip", "context"] });
    const person = await api("POST", "/v1/access/users", { login: "carla", name: "Carla Sol", password: PASSWORD });
    await api("POST", "/v1/access/bindings", { account: person.id, role: "careful" });
    await fresh();
    await page.goto(`${server.url}/sign-in?next=/`);
    await sign_in("carla");
    await page.waitForURL(`${server.url}/`);
    assert.equal(await page.locator("#rows .veiled").count() > 10, true);
    await looks("masked-list");
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await page.locator(".hiding").innerText(), /3 members are hidden by your role: email, additional context, IP address/);
    await page.locator('.proof:is([data-state="ok"], [data-state="bad"], [data-state="unable"])').waitFor();
    assert.match(await page.locator(".proof .says").innerText(), /^Proven in the log/);
    await page.locator(".proof > details > summary").click();
    await page.locator('[data-step="units"] > summary').click();
    assert.match(await page.locator('[data-step="units"] [data-words]').innerText(), /of them hidden from you/);
    assert.match(await page.locator('[data-step="units"] [data-body]').innerText(), /hidden from you; its digest is proven/);
    await looks("masked-entry");
    await page.getByRole("link", { name: "Show hidden values" }).click();
    await page.getByText("that you looked is noted").waitFor();
    await page.locator('.proof[data-state="ok"]').waitFor();
    assert.match(await page.locator("main").innerText(), /bo@acme\.example/);
    await looks("unmasked-entry");
    await page.getByRole("link", { name: "Hide them again" }).click();
    await page.locator(".hiding", { hasText: "hidden by your role" }).waitFor();
  });
});
