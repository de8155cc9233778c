// A log verified when asked: its newest checkpoint, the tree it is the root of, and all that this browser saw before.

import { read_checkpoint, read_note } from "./proof.js";
import { run } from "./proof-panel.js";
import { code, count, fill, fill_held, list } from "./proof-steps.js";
import { text_of, tiles_of } from "./proof-tree.js";

/** @param {ParentNode} within */
export function upgrade(within) {
  for (const button of within.querySelectorAll("[data-verify][hidden]")) {
    button.removeAttribute("hidden");
    button.addEventListener("click", () => run(button.closest("[data-log]"), prove, fill_held));
  }
}

async function prove(panel, seen) {
  seen.note = read_note(text_of(await seen.file("checkpoint")) ?? "");
  const { size, root } = (seen.checkpoint = await read_checkpoint(seen.note.text));
  seen.held = await seen.hold();
  const tiles = tiles_of(seen.checkpoint, seen.file);
  await tiles.authenticate();
  const paths = tiles.paths();
  fill(panel, "tiles", "ok", `they make the root over ${count(size)} entries`, [list(paths.map((path) => [code(path)])), code(root)]);
  return "Verified: nothing was taken back";
}
