// Puts an entry together again from what is proven of it, and compares it with what the page shows.

import { demand } from "./proof-tree.js";

/** @typedef {{ text: string } | string | Json[] | Map<string, Json>} Json numbers, true, false and null keep their text */
const need = (holds, why) => demand(holds, "page", why);

function parse(word) {
  try {
    return JSON.parse(word);
  } catch {
    need(false, "a value is no JSON");
  }
}

/** Reads JSON without a detour over this language's numbers. @param {string} text @returns {Json} */
export function read_json(text) {
  const token = /\s*([{}[\],:]|"(?:[^"\\]|\\.)*"|[-+.\w]+)\s*/y;
  const next = () => {
    const found = token.exec(text);
    need(found, "a value is no JSON");
    return found[1];
  };
  const value = (word) => {
    if (word === "{") {
      const found = new Map();
      for (word = next(); word !== "}"; word = after("}")) {
        const name = parse(word);
        need(typeof name === "string" && next() === ":" && !found.has(name), "a value is no JSON, or names a member twice");
        found.set(name, value(next()));
      }
      return found;
    }
    if (word === "[") {
      const found = [];
      for (word = next(); word !== "]"; word = after("]")) found.push(value(word));
      return found;
    }
    const read = parse(word);
    return typeof read === "string" ? read : { text: word };
  };
  /** The next item, or the end. @param {string} end */
  const after = (end) => {
    const word = next();
    need(word === "," || word === end, "a value is no JSON");
    return word === end ? end : next();
  };
  return value(next());
}

const tokens = (pointer) => pointer.split("/").slice(1).map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The proven members, each at its place. @param {Disclosure} disclosure */
export function assemble({ units }) {
  const body = (read_json(units[0].value ?? "{}"));
  for (const { path, value } of units.slice(1)) {
    if (value === undefined) continue;
    const way = tokens(path);
    const last = way.pop();
    let at = body;
    for (const name of way) {
      need(at instanceof Map, `${path} does not fit into the entry`);
      if (!at.has(name)) at.set(name, new Map());
      at = at.get(name);
    }
    need(at instanceof Map && !at.has(last), `${path} does not fit into the entry`);
    at.set(last, read_json(value));
  }
  return body;
}

function at(json, pointer) {
  for (const name of tokens(pointer)) json = json instanceof Map ? json.get(name) : json?.[name];
  return json;
}

function equal(a, b) {
  if (a instanceof Map) return b instanceof Map && a.size === b.size && [...a].every(([name, value]) => equal(value, b.get(name)));
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((value, n) => equal(value, b[n]));
  return typeof a === "string" ? a === b : a.text !== undefined && a.text === b?.text;
}

/** True if the pointer leads to one of the others, or into it. */
export const is_within = (path, outer) => outer.some((one) => `${path}/`.startsWith(`${one}/`));

/**
 * Refuses a page that shows anything else than what is proven; says how many values it compared.
 * @param {{ disclosure: Disclosure, seq: bigint }} proof
 * @param {{ at: string, text: string | undefined, erased: boolean }[]} shown values by their pointers
 * @param {string | null} raw the JSON that the page shows, if it does
 */
export function compare({ disclosure, seq }, shown, raw) {
  const gone = disclosure.units.filter((unit) => unit.digest).map((unit) => unit.path);
  const logged = assemble(disclosure).set("seq", { text: String(seq) }).set("received_at", disclosure.received_at);
  for (const { at: pointer, text, erased } of shown) {
    const proven = (at(logged, pointer));
    const same = erased ? gone.includes(pointer) : (proven?.text ?? proven) === text;
    need(same, `the page shows another ${pointer} than the proof: ${gone.includes(pointer) ? "it was erased since the page was loaded" : "something else is proven"}`);
  }
  if (raw === null) return shown.length;
  const wire = (read_json(raw));
  const erased = (wire.get("erased") ?? []).map((one) => at(one, "/path"));
  const hidden = wire.get("hidden") ?? [];
  wire.delete("erased");
  wire.delete("hidden");
  // Its keys are units, its braces are not.
  if (hidden.includes("/context") && !logged.get("context")?.size) logged.delete("context");
  need(equal(erased, gone.filter((path) => !is_within(path, hidden))) && equal(logged, wire), "the raw JSON on this page is not what is proven");
  return shown.length;
}
