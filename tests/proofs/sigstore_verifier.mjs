// npm's own verifier of transparency logs (@sigstore/verify, which checks the provenance of npm packages) on our evidence.
//
// It takes checkpoints in the C2SP form and RFC 6962 inclusion proofs; a log is told to it by address, id and public key.

import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { verifyTLogInclusion } = require("@sigstore/verify/dist/tlog");
const { VerificationError } = require("@sigstore/verify");

const bytes = (text) => Buffer.from(text, "base64");
const given = JSON.parse(readFileSync(0, "utf8"));
const log = {
  baseURL: `https://${given.origin}`,
  logID: bytes(given.log_id),
  publicKey: createPublicKey({ key: bytes(given.key), format: "der", type: "spki" }),
};
const counts = { proofs: 0, refused: 0 };

for (const { Seq, Size, Note, Leaf, Path, Root } of given.proofs) {
  const entry = (leaf, envelope = Note, root = bytes(Root)) => ({
    canonicalizedBody: leaf,
    inclusionProof: { logIndex: String(Seq), treeSize: String(Size), rootHash: root, hashes: Path.map(bytes), checkpoint: { envelope } },
  });
  verifyTLogInclusion(entry(bytes(Leaf)), [log]);
  counts.proofs += 1;
  for (const forged of [entry(Buffer.concat([bytes(Leaf), Buffer.alloc(1)])), entry(bytes(Leaf), Note.replace(`\n${Size}\n`, `\n${Size + 1}\n`))]) {
    try {
      verifyTLogInclusion(forged, [log]);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      counts.refused += 1;
    }
  }
}
console.log(JSON.stringify(counts));
