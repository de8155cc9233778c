// The verifier of the pages, on files whose paths it reads: `node page_verifier.mjs VKEY < list`. One line each: 0 or 2.

import { readFileSync } from "node:fs";
import { verify, Refused } from "../../assets/proof.js";

const vkey = process.argv[2];
for (const path of readFileSync(0, "utf8").split("\n").slice(0, -1)) {
  try {
    await verify(new Uint8Array(readFileSync(path)), [vkey]);
    console.log("0 verified");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.log(`2 ${error.message.replaceAll("\n", " ")}`);
  }
}
