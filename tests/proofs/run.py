"""Two verifiers that share no code, and the one of the pages, judge the same true and forged evidence.

Ours is the binary under test; the other is verifier.py beside this, written from docs/proofs.md. Each true file must be
accepted by all, each forged one refused with its exit code by all.
"""

import base64
import concurrent.futures
import io
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "clients"))

import zstandard

import forged_bundles
import forged_logs
import forged_proofs
import verifier
from server import Tally
from true_log import LOG_KEY, POLICY, TrueLog, Unit, b64, pack, tar

BINARY = os.environ.get("MAR_AUDIT_BIN", ROOT / "target/debug/mar-audit")
JUDGE = os.environ.get("MAR_AUDIT_JUDGE", ROOT / "target/debug/examples/judge")
# Of each kind.
MUTANTS = 2_500
BUNDLE_MUTANTS = 400
POOL = concurrent.futures.ThreadPoolExecutor(os.cpu_count())


def main():
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="mar-audit-proofs-") as folder:
        place = pathlib.Path(folder)
        (place / "policy").write_text(POLICY)
        (place / "key").write_text(f"log {LOG_KEY.vkey}\nquorum none\n")
        counted = [proofs(place, tally), bundles(place, tally), logs(place, tally), bad_policies(place, tally)]
        browser(place, tally)
        mutants(place, tally)
        bundle_mutants(place, tally)
        vectors(tally)
        own_command_line(place, tally)
    print(
        f"{sum(classes for classes, _ in counted)} classes of forgeries, {sum(files for _, files in counted)} forged files"
    )
    tally.end()


def as_bytes(data):
    return data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")


def python_says(work):
    """The exit code of verifier.py, without a process for each file."""
    try:
        work()
        return 0
    except verifier.Refused as error:
        return error.code


def ours_says(*arguments):
    """The exit code of the binary. What it prints is held to be text: never a panic."""
    done = subprocess.run([BINARY, "verify", *map(str, arguments)], capture_output=True, timeout=60)
    return "panic" if b"panicked" in done.stderr else done.returncode


def judge_class(tally, what, wanted, python, ours):
    """One check for each verifier: it says of every file of the class what must be said."""
    for who, found in (("verifier.py", python), ("mar-audit", ours)):
        wrong = [(number, said, code) for number, (said, code) in enumerate(zip(found, wanted)) if said != code]
        tally.check(f"{who}: {what} ({len(wanted)})", not wrong and wanted, f"(number, said, must say): {wrong}")


def of_files(tally, kind, place, true_files, classes, python):
    """Judges files of one kind, true ones and forged ones; how many classes and files were forged."""
    counted = [0, 0]
    for what, files in [("true", [(data, 0) for data in true_files]), *classes]:
        files = [(as_bytes(data), code) for data, code in files]
        paths = []
        for number, (data, _) in enumerate(files):
            paths.append(place / f"{kind}-{number}")
            paths[-1].write_bytes(data)
        said = POOL.map(lambda path: ours_says(kind, path, "--policy", place / "policy"), paths)
        codes = [code for _, code in files]
        judge_class(
            tally, f"{kind}: {what}", codes, [python_says(lambda: python(data)) for data, _ in files], list(said)
        )
        if what != "true":
            counted[0] += 1
            counted[1] += len(files)
    return counted


def proofs(place, tally):
    forged, policy = forged_proofs.Forgeries(), verifier.Policy(POLICY)
    true = [proof.to_bytes() for proof in forged.true_files()]
    return of_files(tally, "proof", place, true, forged.classes(), lambda data: verifier.verify_proof(data, policy))


def bundles(place, tally):
    forged, policy = forged_bundles.Forgeries(), verifier.Policy(POLICY)
    check = lambda data: verifier.verify_bundle(io.BytesIO(data), policy)
    return of_files(tally, "bundle", place, forged.true_files(), forged.classes(), check)


def logs(place, tally):
    forged, policy = forged_logs.Forgeries(), verifier.Policy(POLICY)
    counted = [0, 0]
    with forged_logs.served() as serve:
        for what, cases in [("true", list(forged.true_cases())), *forged.classes()]:
            found = []
            for case in cases:
                url = serve(case.files)
                found.append((python_of_log(case, url, place, policy), ours_of_log(case, url, place)))
            codes = [case.code for case in cases]
            judge_class(tally, f"log: {what}", codes, [python for python, _ in found], [ours for _, ours in found])
            if what != "true":
                counted[0] += 1
                counted[1] += len(cases)
    return counted


def remembered(case, place):
    """The file of the checkpoint that the case's reader remembers, if it does."""
    state = place / "state"
    state.unlink(missing_ok=True)
    if case.known is None:
        return None
    state.write_text(case.known)
    return state


def kept(case, state, said):
    """What was remembered is replaced by the log's checkpoint after a success, and by nothing else."""
    must_be = case.files["checkpoint"] if said == 0 else case.known and case.known.encode()
    return said if state is None or state.read_bytes() == must_be else f"{said}, and remembers the wrong checkpoint"


def python_of_log(case, url, place, policy):
    state = remembered(case, place)
    said = python_says(lambda: verifier.verify_log(verifier.Log(url), policy, state and str(state), case.full))
    return kept(case, state, said)


def ours_of_log(case, url, place):
    state = remembered(case, place)
    options = (["--state", state] if state else []) + (["--full"] if case.full else [])
    return kept(case, state, ours_says("log", url, "--policy", place / "policy", *options))


def bad_policies(place, tally):
    """Policies and keys that cannot be believed are the user's mistake: exit code 1 before the evidence is read."""
    counted = [0, 0]
    proof = next(forged_proofs.Forgeries().true_files()).to_bytes()
    (place / "true").write_bytes(proof)
    for what, texts in forged_proofs.policies():
        said, paths = [], []
        for number, text in enumerate(texts):
            paths.append(place / f"policy-{number}")
            paths[-1].write_text(text, newline="")
            said.append(python_says(lambda: verifier.Policy(text)))
        ours = list(POOL.map(lambda path: ours_says("proof", place / "true", "--policy", path), paths))
        judge_class(tally, what, [1] * len(texts), said, ours)
        counted[0] += 1
        counted[1] += len(texts)
    return counted


def many(command, paths):
    """What a verifier that reads a list of files says of each."""
    done = subprocess.run(command, input="".join(f"{path}\n" for path in paths), capture_output=True, text=True)
    said = [line.split(" ")[0] for line in done.stdout.splitlines()]
    assert len(said) == len(paths), (command, len(said), len(paths), done.stderr[-2000:])
    return said


def browser(place, tally):
    """The verifier of the pages knows the log's key and no witnesses; under that policy all three must agree."""
    forged, policy = forged_proofs.Forgeries(), verifier.Policy((place / "key").read_text())
    files = [as_bytes(data) for _, files in forged.classes() for data, _ in files]
    files += [proof.to_bytes() for proof in forged.true_files()]
    paths, wanted = [], []
    for number, data in enumerate(files):
        paths.append(place / f"page-{number}")
        paths[-1].write_bytes(data)
        wanted.append(python_says(lambda: verifier.verify_proof(data, policy)) == 0)
    pages = [code == "0" for code in many(["node", HERE / "page_verifier.mjs", LOG_KEY.vkey], paths)]
    ours = [code == "0" for code in many([JUDGE, place / "key"], paths)]
    for who, found in (("the pages' verifier", pages), ("the crate `proof`", ours)):
        differ = [str(path) for path, a, b in zip(paths, found, wanted) if a != b]
        tally.check(f"{who} agrees with verifier.py on {len(paths)} files", not differ, differ)
    tally.check("true and forged files are both among them", any(wanted) and not all(wanted))


def mutants(place, tally):
    """Random damage: nobody says that it must be refused, but both verifiers must say the same."""
    chance = random.Random(20261123)
    forged, policy = forged_proofs.Forgeries(), verifier.Policy(POLICY)
    originals = list(forged.true_files())
    # The pages' verifier knows no witnesses; it is asked where all signatures are good.
    for what, signed, damage in (
        ("files", False, lambda: damaged(chance, chance.choice(originals).to_bytes())),
        (
            "disclosures",
            True,
            lambda: with_disclosure(forged, damaged(chance, chance.choice(originals).disclosure.encode())),
        ),
        (
            "checkpoints, signed again",
            False,
            lambda: with_checkpoint(forged, damaged(chance, forged.log.checkpoint_text().encode())),
        ),
        ("lists of units, signed", True, lambda: forged.relogged(strange_units(chance))[0].encode()),
    ):
        paths, wanted = [], []
        for number in range(MUTANTS):
            data = damage()
            paths.append(place / f"mutant-{number}")
            paths[-1].write_bytes(data)
            wanted.append(str(python_says(lambda: verifier.verify_proof(data, policy))))
        found = many([JUDGE, place / "policy"], paths)
        differ = [(str(path), a, b) for path, a, b in zip(paths, found, wanted) if a != b]
        tally.check(f"the crate `proof` agrees with verifier.py on {MUTANTS} damaged {what}", not differ, differ[:10])
        if signed:
            pages = many(["node", HERE / "page_verifier.mjs", LOG_KEY.vkey], paths)
            differ = [(str(path), a, b) for path, a, b in zip(paths, pages, wanted) if (a == "0") != (b == "0")]
            tally.check(f"the pages' verifier agrees on {MUTANTS} damaged {what}", not differ, differ[:10])
        tally.check(f"some damaged {what} are false, and some are not", len(set(wanted)) > 1, set(wanted))


def with_disclosure(forged, disclosure):
    head = forged.true().head
    return as_bytes(str(forged.true(head=[head[0], "extra " + b64(disclosure), head[2]])))


def with_checkpoint(forged, text):
    """What is no UTF-8 no log can sign; it is the damage of a file then."""
    try:
        return as_bytes(str(forged.true(note=forged.renote(text.decode()))))
    except UnicodeDecodeError:
        return forged.true().to_bytes().replace(b"\n\n", b"\n\n" + text, 1)


def strange_units(chance):
    """Units that a log should never have signed, mostly in the order of their paths."""
    parts = [
        "/a",
        "/b",
        "/~0",
        "/~1",
        "/a/b",
        "~",
        "/~2",
        "/",
        "a",
        "/\u00e9",
        "/\uffff",
        "/\U0001f600",
        "/\x01",
        "/a b",
        '/"',
        "/\\",
    ]
    paths = ["".join(chance.choices(parts, k=chance.choice([1, 1, 1, 2]))) for _ in range(chance.randint(0, 5))]
    paths = chance.choice([sorted, sorted, sorted, list])([*chance.choice([[""], [""], [""], []]), *paths])
    texts = ["{}", "null", '"\x00\x1f\x7f"', "\u2028\r\n\t\b\f", "\U0001f600", "1.50", ""]
    units = [Unit(path, chance.randbytes(16), chance.choice(texts)) for path in paths or [""]]
    return [chance.choice([unit, unit, unit.erased()]) for unit in units]


def damaged(chance, data):
    """One to three small accidents, or none."""
    for _ in range(chance.randint(0, 3)):
        at, other = chance.randrange(len(data)), chance.randrange(len(data))
        data = chance.choice(
            [
                lambda: data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
                lambda: data[:at] + data[at + 1 :],
                lambda: data[:at] + data[other : other + 1] + data[at:],
                lambda: data[:at]
                + chance.choice([b"\n", b" ", b"=", b"A", b"\\", b'"', b"0", b"\xe2\x80\x94"])
                + data[at:],
                lambda: swapped_lines(chance, data),
            ]
        )()
    return data


def swapped_lines(chance, data):
    lines = data.split(b"\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def bundle_mutants(place, tally):
    """Damage to the compressed file, to the archive, or to what one of its members holds."""
    chance, policy = random.Random(20261124), verifier.Policy(POLICY)
    members = TrueLog(300).bundle(250, 262)

    def one():
        where = chance.randrange(3)
        if where == 0:
            return damaged(chance, pack(members))
        if where == 1:
            return zstandard.compress(damaged(chance, tar(members)))
        at = chance.randrange(len(members))
        return pack([*members[:at], [members[at][0], damaged(chance, members[at][1])], *members[at + 1 :]])

    files, paths = [one() for _ in range(BUNDLE_MUTANTS)], []
    for number, data in enumerate(files):
        paths.append(place / f"mutant-{number}")
        paths[-1].write_bytes(data)
    wanted = [python_says(lambda: verifier.verify_bundle(io.BytesIO(data), policy)) for data in files]
    found = list(POOL.map(lambda path: ours_says("bundle", path, "--policy", place / "policy"), paths))
    differ = [(str(path), a, b) for path, a, b in zip(paths, found, wanted) if a != b]
    tally.check(f"mar-audit agrees with verifier.py on {BUNDLE_MUTANTS} damaged bundles", not differ, differ[:10])
    tally.check("some damaged bundles are false, and some are not", len(set(wanted)) > 1, set(wanted))


def vectors(tally):
    """Other people's vectors, and the examples of the document, on verifier.py."""
    place = ROOT / "proof/tests/vectors"
    unhash = lambda text: verifier.unbase64(text, "a hash", 32)
    for name, check in (
        (
            "inclusion",
            lambda case: verifier.require(
                verifier.root_of_inclusion(
                    case["leafIdx"], case["treeSize"], unhash(case["leafHash"]), list(map(unhash, case["proof"] or []))
                )
                == unhash(case["root"]),
                "another root",
            ),
        ),
        (
            "consistency",
            lambda case: verifier.check_consistency(
                case["size1"], case["root1"], case["size2"], case["root2"], list(map(unhash, case["proof"] or []))
            ),
        ),
    ):
        cases = json.loads((place / f"{name}.json").read_text())
        wrong = [case["file"] for case in cases if (python_says(lambda: check(hashed(case))) == 0) == case["wantErr"]]
        tally.check(f"verifier.py: {len(cases)} vectors of {name} (transparency-dev)", not wrong and cases, wrong)
    lines = [line.split("\t") for line in (place / "wycheproof_ed25519.tsv").read_text().splitlines()]
    wrong = [
        number
        for number, result, key, message, signature, _ in lines
        if verifier.is_signed(*map(bytes.fromhex, (key, signature, message))) != (result == "valid")
    ]
    tally.check(f"verifier.py: {len(lines)} vectors of Ed25519 (Wycheproof)", not wrong and lines, wrong)

    examples = dict(
        re.findall(r"Example: (\w+)\n\n```text\n(.*?)```", (ROOT / "docs/proofs.md").read_text(), re.DOTALL)
    )
    _, seq, disclosure = verifier.verify_proof(examples["proof"].encode(), verifier.Policy(examples["policy"]))
    same = (disclosure.leaf.decode(), disclosure.erased) == (examples["leaf"], ["/actor/email"]) and seq == 3
    tally.check("verifier.py: the examples of docs/proofs.md", same, disclosure)


def hashed(case):
    """Some roots of the vectors are no hashes; what stands for them is equal exactly where they are."""
    root = lambda text: base64.b64decode(text) if len(text) == 44 else verifier.sha256(text.encode())
    return {key: root(value) if key in ("root1", "root2") else value for key, value in case.items()}


def own_command_line(place, tally):
    """verifier.py as a person starts it: its exit codes."""
    forged = forged_proofs.Forgeries()
    proof = str(next(forged.true_files()))
    (place / "true").write_text(proof)
    (place / "false").write_text(proof.replace("index 300", "index 301"))
    policy = ["--policy", place / "policy"]
    for what, code, arguments in (
        ("true", 0, ["proof", place / "true", *policy]),
        ("true under the log's key", 0, ["proof", place / "true", "--key", LOG_KEY.vkey]),
        ("no such file", 1, ["proof", place / "none", *policy]),
        ("no key and no policy", 1, ["proof", place / "true"]),
        ("false", 2, ["proof", place / "false", *policy]),
        ("another log's key", 3, ["proof", place / "true", "--key", forged_proofs.STRANGER.vkey]),
        ("old", 5, ["proof", place / "true", *policy, "--max-age", "7d"]),
    ):
        done = subprocess.run([sys.executable, HERE / "verifier.py", *map(str, arguments)], capture_output=True)
        tally.check(f"verifier.py exits with {code}: {what}", done.returncode == code, done)


if __name__ == "__main__":
    main()
