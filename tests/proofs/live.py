"""Strangers verify the live log of a real server: none of them was written for it, none of them is adapted to it.

Python's sigstore, pymerkle, npm's @sigstore/verify, Go's x/mod/sumdb and OpenSSL read checkpoints, proofs and tiles as
they are served; verifier.py and our own command line read them too. Each of them must also refuse what is false.

    live.py           the log grows around every edge of a tile
    live.py SIZE...   through these sizes: `live.py 1000000` takes minutes, with a release build in MAR_AUDIT_BIN
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "clients"))

import pymerkle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pymerkle.core import _consistency_path_layout, _inclusion_path_layout
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore._internal.trust import Keyring
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common import v1 as common
from sigstore_models.rekor import v1 as rekor

import verifier
from server import Tally, running
from true_log import Tree, b64

# Around every edge of a tile of 256, of its parent's first hash, and of a full parent.
SIZES = [int(size) for size in sys.argv[1:]] or [1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537]
BATCH = 10_000


def main():
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="mar-audit-live-") as folder, running(folder=folder) as url:
        server = Server(url)
        evidence, tree = collect(server, tally)
        python_verifier(server, evidence, pathlib.Path(folder), tally)
        own_verifier(server, evidence, pathlib.Path(folder), tally)
        bundle(server, evidence, pathlib.Path(folder), tally)
        with_sigstore(evidence, tally)
        with_pymerkle(evidence, tree, tally)
        with_npm(evidence, tally)
        with_go(evidence, tally)
        with_openssl(evidence, pathlib.Path(folder), tally)
        erasure(server, evidence, pathlib.Path(folder), tally)
    tally.end()


# --- What the server is asked ---------------------------------------------------------------------------------------


class Server:
    """Appends to the log `acme` and reads what is served of it. Standard library only."""

    def __init__(self, url):
        self.url, self.size = url, 0
        self.log = url + "/v1/logs/acme"

    def call(self, method, path, body=None, headers=None):
        """A connection for each call: between two of them a stranger may read for minutes."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=300)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, (method, path, answer.status, data[:500])
        return data

    def verify(self, *arguments):
        """What our own command line says: its exit code, and why."""
        binary = os.environ.get("MAR_AUDIT_BIN", ROOT / "target/debug/mar-audit")
        done = subprocess.run([binary, "verify", *map(str, arguments)], capture_output=True)
        return (done.returncode, done.stderr.decode()[-500:])

    def grow(self, size):
        """Appends up to so many entries; the receipts and checkpoint of the last batch, which is published."""
        while self.size < size:
            count = min(BATCH, size - self.size)
            lines = "\n".join(json.dumps(draft(seq)) for seq in range(self.size, self.size + count))
            self.size += count
            last = "?wait=published" if self.size == size else ""
            data = self.call("POST", "/v1/entries" + last, lines.encode(), {"Content-Type": "application/x-ndjson"})
            answer = json.loads(data)
            assert answer["accepted"] == count, data[:500]
        return answer


def draft(seq):
    return {
        "id": f"0198f3c2-7b1e-7c3a-9d0a-{seq:012x}",
        "actor": {"type": "user", "name": "Zo\u00eb \u00c5ngstr\u00f6m", "email": f"zoe{seq}@acme.example"},
        "action": "scaleCluster",
        "target": {"type": "cluster", "id": f"clu_{seq}", "name": f"pay-eu-{seq}"},
        "scope": {"organization": "acme", "project": "payments"},
        "request": {"id": f"req_{seq}", "ip": "203.0.113.9"},
        "result": "success",
        "context": {"number": seq},
    }


def collect(server, tally):
    """Grows the log from size to size; what it gave out on the way, in the words that the strangers read."""
    evidence = {"url": server.log, "checkpoints": [], "proofs": [], "growths": []}
    for size in SIZES:
        answer = server.grow(size)
        note = server.call("GET", "/v1/logs/acme/checkpoint").decode()
        tally.check(
            f"live: the receipts for {size} entries bring the checkpoint", answer["checkpoints"]["acme"] == note, note
        )
        evidence["checkpoints"].append(note)
        told = answer["receipts"][-1]["proof"]
        for seq in sorted({0, size // 2, size - 1, max(0, size - 257), min(255, size - 1)}):
            proof = server.call("GET", f"/v1/entries/{draft(seq)['id']}/proof").decode()
            if seq == size - 1:
                tally.check(f"live: the receipt of entry {seq} is its proof", told == proof, told)
            evidence["proofs"].append(parts_of(proof, seq, size, note, tally))
    log = json.loads(server.call("GET", "/v1/logs"))["logs"][0]
    evidence["vkey"], evidence["origin"] = log["vkey"], log["origin"]
    name, _, key = log["vkey"].split("+", 2)
    public = base64.b64decode(key)
    evidence["log_id"] = b64(hashlib.sha256(name.encode() + b"\n" + public).digest())
    spki = Ed25519PublicKey.from_public_bytes(public[1:]).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    evidence["key"] = b64(spki)
    return evidence, add_leaves_and_growths(server, evidence)


def parts_of(proof, seq, size, note, tally):
    head, _, own_note = proof.partition("\n\n")
    lines = head.split("\n")
    if lines[2] != f"index {seq}" or own_note != note:
        tally.check(f"live: the proof of entry {seq} is of {size} entries", False, proof)
    return {"Text": proof, "Seq": seq, "Size": size, "Root": note.split("\n")[2], "Note": note, "Path": lines[3:]}


def add_leaves_and_growths(server, evidence):
    """Leaves as the log serves them, and consistency proofs made from them by RFC 6962's definition; their tree."""
    log, size = verifier.Log(server.log), SIZES[-1]
    leaves = [leaf for number in range((size + 255) // 256) for leaf in log.leaves(number, size)]
    tree = Tree([hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves])
    for proof in evidence["proofs"]:
        proof["Leaf"] = b64(leaves[proof["Seq"]])
    roots = {size: note.split("\n")[2] for size, note in zip(SIZES, evidence["checkpoints"])}
    for old in SIZES:
        for new in SIZES[SIZES.index(old) + 1 :]:
            path = [b64(one) for one in tree.growth(old, 0, new)]
            growth = {"Old": old, "New": new, "OldRoot": roots[old], "NewRoot": roots[new], "Path": path}
            evidence["growths"].append(growth)
    return tree


# --- Who reads it ---------------------------------------------------------------------------------------------------


def count_of(tally, who, found, wanted):
    tally.check(f"{who}: {', '.join(f'{number} {what}' for what, number in wanted.items())}", found == wanted, found)


def attempt(tally, name, work):
    """One check: that nothing is refused, and nothing is other than it was appended."""
    try:
        work()
        tally.check(name, True)
    except (verifier.Refused, AssertionError) as error:
        tally.check(name, False, repr(error))


def python_verifier(server, evidence, folder, tally):
    policy = verifier.Policy(f"log {evidence['vkey']}\nquorum none\n")

    def proofs():
        for proof in evidence["proofs"]:
            _, seq, disclosure = verifier.verify_proof(proof["Text"].encode(), policy)
            assert (seq, disclosure.id) == (proof["Seq"], draft(seq)["id"]), proof
            assert b64(disclosure.leaf) == proof["Leaf"], proof
            assert json.loads(disclosure.open["/actor/email"]) == draft(seq)["actor"]["email"], disclosure.open

    def growths():
        for growth in evidence["growths"]:
            path = [base64.b64decode(one) for one in growth["Path"]]
            roots = base64.b64decode(growth["OldRoot"]), base64.b64decode(growth["NewRoot"])
            verifier.check_consistency(growth["Old"], roots[0], growth["New"], roots[1], path)

    def log():
        for note in evidence["checkpoints"]:
            (folder / "state").write_text(note)
            verifier.verify_log(verifier.Log(server.log), policy, str(folder / "state"))
        verifier.verify_log(verifier.Log(server.log), policy, full=True)

    attempt(tally, f"verifier.py: {len(evidence['proofs'])} proofs, their leaves and their values", proofs)
    attempt(tally, f"verifier.py: {len(evidence['growths'])} consistency proofs", growths)
    attempt(tally, f"verifier.py: the log continues each of {len(SIZES)} checkpoints, and every leaf is in it", log)


def own_verifier(server, evidence, folder, tally):
    key, said = ("--key", evidence["vkey"]), []
    for proof in evidence["proofs"]:
        (folder / "proof").write_text(proof["Text"])
        said.append(server.verify("proof", folder / "proof", *key))
    tally.check(f"mar-audit verify proof: {len(said)} proofs", all(code == 0 for code, _ in said), said)
    said = []
    for note in evidence["checkpoints"]:
        (folder / "state").write_text(note)
        said.append(server.verify("log", server.log, "--state", folder / "state", *key))
    said.append(server.verify("log", server.log, "--full", *key))
    what = f"mar-audit verify log: continues each of {len(SIZES)} checkpoints, and in full"
    tally.check(what, all(code == 0 for code, _ in said), said)


def bundle(server, evidence, folder, tally):
    """Evidence of what a filter matches: the names that hold a number, in a range where most others are withheld."""
    shown = [seq for seq in range(SIZES[-1]) if "pay-eu-30" in draft(seq)["target"]["name"]]
    if not shown:
        return tally.check("bundle: the log is too small for one", SIZES[-1] <= 30)
    data = server.call("GET", "/v1/export?format=bundle&organization=acme&search=pay-eu-30")
    (folder / "bundle").write_bytes(data)
    policy = verifier.Policy(f"log {evidence['vkey']}\nquorum none\n")

    def count():
        with open(folder / "bundle", "rb") as file:
            _, about, count = verifier.verify_bundle(file, policy)
        assert (about["first"], about["end"]) == (shown[0], shown[-1] + 1), about
        assert (count["open"], count["withheld"]) == (len(shown), shown[-1] + 1 - shown[0] - len(shown)), count

    attempt(tally, f"verifier.py: a bundle shows {len(shown)} entries, and withholds the others between", count)
    code, why = server.verify("bundle", folder / "bundle", "--key", evidence["vkey"])
    tally.check("mar-audit verify bundle: the same", code == 0, why)


def erasure(server, evidence, folder, tally):
    """A value goes; every proof that was given out before, and the log as it was known before, hold as they did."""
    policy, key = verifier.Policy(f"log {evidence['vkey']}\nquorum none\n"), ("--key", evidence["vkey"])
    old = next(proof for proof in evidence["proofs"] if proof["Seq"] == 0)
    place = f"/v1/entries/{draft(0)['id']}"
    body = json.dumps({"paths": ["/actor/email"], "reason": "case 12"})
    server.call("POST", place + "/redact", body, {"Content-Type": "application/json"})
    new = server.call("GET", place + "/proof")
    (folder / "state").write_text(evidence["checkpoints"][-1])

    def holds():
        for proof in evidence["proofs"]:
            verifier.verify_proof(proof["Text"].encode(), policy)
        _, seq, disclosure = verifier.verify_proof(new, policy)
        assert (seq, b64(disclosure.leaf)) == (0, old["Leaf"]), disclosure
        assert disclosure.erased == ["/actor/email"] and "zoe0@" not in str(disclosure.open), disclosure.open
        verifier.verify_log(verifier.Log(server.log), policy, str(folder / "state"), full=True)

    attempt(tally, "verifier.py: after an erasure all old proofs hold, and the new one has the old leaf", holds)
    said = []
    for text in (old["Text"].encode(), new):
        (folder / "proof").write_bytes(text)
        said.append(server.verify("proof", folder / "proof", *key))
    (folder / "state").write_text(evidence["checkpoints"][-1])
    said.append(server.verify("log", server.log, "--state", folder / "state", "--full", *key))
    tally.check(
        "mar-audit verify: the same, and the log continues what it was", all(code == 0 for code, _ in said), said
    )


def with_sigstore(evidence, tally):
    """Python's sigstore: inclusion, and the checkpoint's signature, by its own models and keyring."""
    key = common.PublicKey(raw_bytes=evidence["key"].encode(), key_details=common.PublicKeyDetails.PKIX_ED25519)
    keyring = Keyring([key])

    def verify(proof, leaf, note):
        inclusion = rekor.InclusionProof(
            log_index=str(proof["Seq"]),
            root_hash=proof["Root"].encode(),
            tree_size=str(proof["Size"]),
            hashes=[one.encode() for one in proof["Path"]],
            checkpoint=rekor.Checkpoint(envelope=note),
        )
        entry = TransparencyLogEntry(
            rekor.TransparencyLogEntry(
                log_index=str(proof["Seq"]),
                log_id=common.LogId(key_id=evidence["log_id"].encode()),
                inclusion_proof=inclusion,
                kind_version=rekor.KindVersion(kind="mar-audit", version="1"),
                canonicalized_body=b64(leaf).encode(),
            )
        )
        verify_merkle_inclusion(entry)
        verify_checkpoint(keyring, entry)
        checkpoint = SignedCheckpoint.from_text(note).checkpoint
        assert (checkpoint.origin, checkpoint.log_size) == (evidence["origin"], proof["Size"])

    found = {"proofs": 0, "refused": 0}
    for proof in evidence["proofs"]:
        leaf, note = base64.b64decode(proof["Leaf"]), proof["Note"]
        verify(proof, leaf, note)
        found["proofs"] += 1
        for false in ((leaf + b"\0", note), (leaf, note.replace(f"\n{proof['Size']}\n", f"\n{proof['Size'] + 1}\n"))):
            try:
                verify(proof, *false)
            except VerificationError:
                found["refused"] += 1
    count_of(
        tally, "Python sigstore", found, {"proofs": len(evidence["proofs"]), "refused": 2 * len(evidence["proofs"])}
    )


def with_pymerkle(evidence, tree, tally):
    """pymerkle: inclusion and consistency. Its paths begin with the leaf hash; its consistency proofs have more hashes than
    RFC 6962's, and are made of the tree that was served.
    """
    found = {"proofs": 0, "growths": 0, "refused": 0}

    def refused(check, *arguments):
        try:
            check(*arguments)
        except pymerkle.InvalidProof:
            found["refused"] += 1

    for proof in evidence["proofs"]:
        leaf = hashlib.sha256(b"\0" + base64.b64decode(proof["Leaf"])).digest()
        path = [leaf] + [base64.b64decode(one) for one in proof["Path"]]
        index, size, root = proof["Seq"] + 1, proof["Size"], base64.b64decode(proof["Root"])
        made = pymerkle.InclusionProof("sha256", True, size, index, _inclusion_path_layout(index, size)[0], path)
        pymerkle.verify_inclusion(leaf, root, made, index, size, "sha256")
        found["proofs"] += 1
        refused(pymerkle.verify_inclusion, leaf, leaf if size > 1 else bytes(32), made)
    for growth in evidence["growths"]:
        old, new = growth["Old"], growth["New"]
        old_root, new_root = base64.b64decode(growth["OldRoot"]), base64.b64decode(growth["NewRoot"])
        rule, subset, ranges = _consistency_path_layout(old, new)
        path = [tree.mth(start, end) for start, end in ranges]
        made = pymerkle.ConsistencyProof("sha256", True, new, old, rule, subset, path)
        pymerkle.verify_consistency(old_root, new_root, made, old, new, "sha256")
        found["growths"] += 1
        refused(pymerkle.verify_consistency, new_root, new_root, made)
    proofs, growths = len(evidence["proofs"]), len(evidence["growths"])
    count_of(tally, "pymerkle", found, {"proofs": proofs, "growths": growths, "refused": proofs + growths})


def program(tally, who, command, evidence, wanted, **options):
    """A stranger in a language of its own: reads the evidence, says what it verified."""
    done = subprocess.run(command, input=json.dumps(evidence).encode(), capture_output=True, **options)
    found = json.loads(done.stdout) if done.returncode == 0 else done.stderr.decode()[-2000:]
    count_of(tally, who, found, wanted)


def with_npm(evidence, tally):
    proofs = len(evidence["proofs"])
    program(
        tally,
        "npm @sigstore/verify",
        ["node", HERE / "sigstore_verifier.mjs"],
        evidence,
        {"proofs": proofs, "refused": 2 * proofs},
    )


def with_go(evidence, tally):
    proofs, growths, checkpoints = (len(evidence[what]) for what in ("proofs", "growths", "checkpoints"))
    wanted = {
        "checkpoints": checkpoints,
        "proofs": proofs,
        "growths": growths,
        "leaves": SIZES[-1],
        "refused": checkpoints + proofs + growths,
    }
    cache = ROOT / "target/go"
    offline = {
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOCACHE": str(cache / "cache"),
        "GOPATH": str(cache / "path"),
    }
    go = pathlib.Path(sys.executable).parent / "go"
    program(tally, "Go x/mod/sumdb", [go, "run", "."], evidence, wanted, cwd=HERE / "go", env={**os.environ, **offline})


def with_openssl(evidence, folder, tally):
    """OpenSSL: the signature of each checkpoint, and that the key shown is the one in the data directory."""

    def openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], capture_output=True)

    own = openssl("pkey", "-in", folder / "data/key.pem", "-pubout", "-outform", "DER").stdout
    tally.check("openssl: key.pem is the key that the log shows", b64(own) == evidence["key"], own)
    (folder / "key.der").write_bytes(base64.b64decode(evidence["key"]))
    found = []
    for note in evidence["checkpoints"]:
        text, _, line = note.partition("\n\n")
        (folder / "signature").write_bytes(base64.b64decode(line.split(" ")[2])[4:])
        for told in (text + "\n", text + "x\n"):
            (folder / "text").write_text(told)
            done = openssl(
                "pkeyutl",
                "-verify",
                "-pubin",
                "-keyform",
                "DER",
                "-inkey",
                folder / "key.der",
                "-rawin",
                "-in",
                folder / "text",
                "-sigfile",
                folder / "signature",
            )
            found.append(done.returncode == 0)
    tally.check(
        f"openssl: {len(evidence['checkpoints'])} checkpoints, and none with another text",
        found == [True, False] * len(evidence["checkpoints"]),
        found,
    )


if __name__ == "__main__":
    main()
