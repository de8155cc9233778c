// Entries of a small platform, the same at every run but for the time they are relative to.

const MINUTE = 60_000;
export const HOSTILE = '"><img src=x onerror=alert(1)>';
export const REVERSED = "invoice\u202Etxt.exe";

const PEOPLE = [
  { name: "Ada Byron", email: "ada@acme.example", id: "usr_ada" },
  { name: "Bo Li", email: "bo@acme.example", id: "usr_bo" },
  { name: "Chiara Neri", email: "chiara@globex.example", id: "usr_chiara" },
];

const DEEDS = [
  ["createCluster", "cluster", "clu_pay", "pay-eu"],
  ["scaleCluster", "cluster", "clu_pay", "pay-eu"],
  ["restartInstance", "instance", "ins_7", "pay-eu-7"],
  ["applyConfigProfile", "config_profile", "cp_large", "large"],
  ["createAlertRule", "alert", "al_p99", "Latency p99"],
  ["createUser", "user", "usr_new", "dora@acme.example"],
  ["updateRole", "role", "rl_admin", "cluster-admin"],
  ["createWebhook", "webhook", "wh_pager", "pager"],
];

/** One entry every 20 minutes into the past, `count` of them, the first `now`. @param {number} count @param {number} now */
export function routine(count, now) {
  return Array.from({ length: count }, (_, n) => {
    const [action, type, id, name] = DEEDS[n % DEEDS.length];
    const actor = PEOPLE[n % PEOPLE.length];
    const failed = n % 10 === 9;
    return {
      id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
      timestamp: new Date(now - n * 20 * MINUTE).toISOString(),
      actor: { type: "user", ...actor },
      action,
      target: { type, id, name },
      scope: { organization: n % 3 === 2 ? "globex" : "acme", project: n % 2 ? "payments" : "search" },
      request: { id: `req_${1000 + n}`, ip: `203.0.113.${n % 20}`, user_agent: "mar-cli/2.4" },
      result: failed ? "failure" : "success",
      ...(failed ? { error: { code: "403", message: `missing ${type}s:write` } } : {}),
      ...(action === "scaleCluster" ? { changes: [{ path: "/spec/replicas", before: 3, after: 5 }] } : {}),
      context: { ticket: `OPS-${n}`, deep: { list: [1.5, "two"] } },
      source: { name: "mar-api" },
    };
  });
}

/** What no page may fall for. @param {number} now */
export function hostile(now) {
  const at = (/** @type {number} */ n) => new Date(now - 90 * 24 * 60 * MINUTE - n * MINUTE).toISOString();
  const base = { scope: { organization: "hostile" }, result: "success" };
  return [
    {
      ...base,
      id: "00000000-0000-4000-8000-00000000f001",
      timestamp: at(1),
      actor: { type: "user", name: HOSTILE, email: `${HOSTILE}@acme.example`, id: "javascript:alert(1)" },
      action: `</script><script>alert(1)</script>`,
      target: { type: `'"><svg onload=alert(1)>`, id: "../../../etc/passwd", name: REVERSED },
      request: { id: "req&selected=x#y?z=1", ip: "javascript:alert(1)", user_agent: "{{7*7}}${7*7}", path: "//evil.example/" },
      context: { [HOSTILE]: HOSTILE, "a.b": "\u200Bzero\u0000nul\u001B[31m" },
      changes: [{ path: HOSTILE, before: HOSTILE, after: { [HOSTILE]: [REVERSED] } }],
    },
    {
      ...base,
      id: "00000000-0000-4000-8000-00000000f002",
      timestamp: at(2),
      actor: { type: "anonymous", name: "x".repeat(5000) },
      action: "frobnicate, *everything* \\ at once",
      result: "failure",
      error: { message: "line one\nline two\u2028line three" },
    },
    { ...base, id: "00000000-0000-4000-8000-00000000f003", timestamp: at(3), actor: { type: "system", id: "sys", name: "" }, action: " \t" },
    {
      ...base,
      id: "00000000-0000-4000-8000-00000000f004",
      timestamp: new Date(now + 60 * MINUTE).toISOString(),
      actor: { type: "agent", id: "agt_1", on_behalf_of: { type: "user", name: "Ada Byron" } },
      action: "createCluster",
    },
  ];
}
