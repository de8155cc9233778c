// Starts the real program, guarded, with a provider where people sign in; and a client that follows no redirect by itself.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as request_encrypted } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.MAR_AUDIT_BIN ?? join(import.meta.dirname, "../../target/debug/mar-audit");
const PASSWORD = "correct horse battery";

export const CLIENT = { id: "mar-audit", secret: "client-secret:canary/+4711%" };

/** A port that nobody has: a server's own address is among its settings. */
export async function free_port() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** @param {Record<string, string>} settings of `[oidc]`, without `issuer` and what belongs to every test. */
export async function start_server(issuer, port, settings = {}) {
  const home = mkdtempSync(join(tmpdir(), "mar-audit-oidc-"));
  const secret_file = join(home, "client-secret");
  writeFileSync(secret_file, `${CLIENT.secret}\n`, { mode: 0o600 });
  const url = `http://127.0.0.1:${port}`;
  const oidc = { issuer, client_id: CLIENT.id, client_secret_file: secret_file, public_url: url, name: "Acme ID", ...settings };
  const config = join(home, "mar-audit.toml");
  const lines = Object.entries(oidc).filter(([, value]) => value !== null);
  writeFileSync(config, `[oidc]\n${lines.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join("\n")}\n`);
  const flags = ["serve", "--config", config, "--data", join(home, "data"), "--listen", `127.0.0.1:${port}`, "--allow-volatile"];
  const env = { ...process.env, MAR_AUDIT_LOG: "debug", no_proxy: "127.0.0.1", NO_PROXY: "127.0.0.1" };
  const child = spawn(BINARY, flags, { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  child.stderr.on("data", (bytes) => (said += bytes));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const link = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      said += `${line}\n`;
      const found = line.match(/\/claim#(\S+)/);
      if (found) resolve(found[1]);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  const server = {
    url,
    port,
    said: () => said,
    /** Everything that is in a file, as one text of bytes. */
    kept() {
      const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const own = files.filter((entry) => entry.name !== "client-secret");
      return own.map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), "latin1")).join("\n");
    },
    async end() {
      child.kill("SIGTERM");
      await ended;
    },
    async stop() {
      await server.end();
      rmSync(home, { recursive: true, force: true });
    },
  };
  server.owner = await claim(server, link);
  return server;
}

/** The first owner: calls the API by its session. */
async function claim(server, link) {
  const call = async (method, path, body, cookie) => {
    const headers = { "content-type": "application/json", origin: server.url, ...(cookie && { cookie }) };
    const answer = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return { answer, said: text ? JSON.parse(text) : undefined };
  };
  const asked = { link, login: "owner@acme.example", name: "Olga", password: PASSWORD };
  const { answer } = await call("POST", "/v1/access/claim", asked);
  const cookie = answer.headers.getSetCookie()[0].split(";")[0];
  return {
    call: async (method, path, body) => (await call(method, path, body, cookie)).said,
    /** The log's own entries of signing in, but for the owner's own, the newest first. */
    async sign_ins() {
      const { said } = await call("GET", "/v1/entries?action=signIn&order=received&limit=1000", undefined, cookie);
      return said.entries.filter((entry) => entry.context?.provider);
    },
  };
}

let addresses = 2;

/** A browser without a mind of its own: it keeps cookies, and goes where it is told. */
export class Jar {
  // Each comes from its own address: who tries too often is told to wait, and that has a test of its own.
  constructor(address = `127.0.0.${(addresses = (addresses % 250) + 1)}`) {
    this.address = address;
    /** @type {Map<string, { value: string, path: string, attributes: string }>} by host and name */
    this.cookies = new Map();
  }

  cookie(url, name) {
    return this.cookies.get(`${new URL(url).host} ${name}`)?.value;
  }

  forget(url, name) {
    this.cookies.delete(`${new URL(url).host} ${name}`);
  }

  async send(method, url, { body, headers = {} } = {}) {
    const to = new URL(url);
    const fits = ([key, { path }]) => key.startsWith(`${to.host} `) && (to.pathname === path || to.pathname.startsWith(path.endsWith("/") ? path : `${path}/`));
    const cookie = [...this.cookies].filter(fits).map(([key, { value }]) => `${key.split(" ")[1]}=${value}`).join("; ");
    const answer = await new Promise((resolve, reject) => {
      const sent = { ...headers, ...(cookie && { cookie }) };
      const ask = to.protocol === "https:" ? request_encrypted : request;
      // Whom the browser trusts is not what is tested.
      const options = { method, headers: sent, localAddress: this.address, agent: false, rejectUnauthorized: false };
      const call = ask(to, options, resolve);
      call.once("error", reject);
      call.end(body);
    });
    const chunks = [];
    for await (const chunk of answer) chunks.push(chunk);
    for (const line of answer.headers["set-cookie"] ?? []) this.keep(to.host, line);
    const { location } = answer.headers;
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: Buffer.concat(chunks).toString(),
      location: location && new URL(location, to).href,
    };
  }

  keep(host, line) {
    const [pair, ...rest] = line.split("; ");
    const [name, ...value] = pair.split("=");
    const attribute = (wanted) => rest.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute("path") ?? "/";
    if (attribute("max-age") === "0" || attribute("expires")?.includes("1970")) this.cookies.delete(`${host} ${name}`);
    else this.cookies.set(`${host} ${name}`, { value: value.join("="), path, attributes: rest.join("; ") });
  }

  get(url, headers) {
    return this.send("GET", url, { headers });
  }

  /** Goes on from redirect to redirect until it is at an address that begins so, and does not open that. */
  async until(url, prefix) {
    for (let steps = 0; steps < 20; steps += 1) {
      if (url.startsWith(prefix)) return url;
      const answer = await this.get(url);
      if (!answer.location) throw new Error(`${url} answered ${answer.status}: ${answer.text.slice(0, 500)}`);
      url = answer.location;
    }
    throw new Error("an endless way");
  }
}

/** Sets out, and comes back as far as the callback, which is not opened. */
export const come_back = (jar, server, next = "/") =>
  jar.until(`${server.url}/sign-in/oidc?next=${encodeURIComponent(next)}`, `${server.url}/sign-in/oidc/callback`);

export const session = (jar, server) => jar.cookie(server.url, "mar_session");
