#!/usr/bin/env python3
"""Checks proofs, evidence bundles and logs of mar-audit, sharing no code with it.

Written from docs/proofs.md and the C2SP documents it names, to be read beside them: an example for whoever writes a
verifier of their own, and the second opinion that our own verifier is tested against. Needs Python 3.9, the package
`cryptography`, and for bundles `zstandard`.

    verifier.py proof FILE|-  --key VKEY | --policy FILE  [--max-age DURATION]
    verifier.py bundle FILE|- --key VKEY | --policy FILE  [--max-age DURATION]
    verifier.py log URL       --key VKEY | --policy FILE  [--max-age DURATION] [--state FILE] [--full]

Exit codes: 0 verified, 1 usage or I/O, 2 tampered, 3 policy unmet, 4 fork or rollback, 5 stale.
"""

import argparse
import base64
import datetime
import hashlib
import http.client
import json
import os
import re
import sys
import time
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LARGEST = 2**63 - 1


class Refused(Exception):
    """What was given is not what the log signed."""

    code = 2


class PolicyUnmet(Refused):
    """The signatures that are there are good, but not those that the policy wants."""

    code = 3


class Forked(Refused):
    """Two accepted checkpoints cannot both be true, or the log has become smaller."""

    code = 4


class Stale(Refused):
    code = 5


class Unusable(Refused):
    """What the user gave cannot be worked with."""

    code = 1


def require(condition, why):
    if not condition:
        raise Refused(why)


# --- Texts: every format has one spelling ---------------------------------------------------------------------------


def text_of(data, what):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{what} is not UTF-8") from None


def as_bytes(text):
    """JSON can spell lone surrogates, which UTF-8 cannot. They are refused later: nothing is spelt so."""
    return text.encode("utf-8", "surrogatepass")


def lines_of(text, what):
    """The lines of a text whose last line is ended too."""
    require(text.endswith("\n"), f"{what}: the last line is not ended")
    return text[:-1].split("\n")


def decimal(text, what):
    good = re.fullmatch("0|[1-9][0-9]{0,18}", text, re.ASCII) and int(text) <= LARGEST
    require(good, f"{what} is not a plain decimal number up to 2^63 - 1: {text!r}")
    return int(text)


def unbase64(text, what, length=None):
    """Standard alphabet, padded, without stray bits."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(f"{what} is not base64") from None
    require(base64.b64encode(data).decode() == text, f"{what} is not base64 in its one spelling")
    require(length is None or len(data) == length, f"{what} is {len(data)} bytes, not {length}")
    return data


def read_json(text, what):
    """One JSON object. Whoever calls this writes what was read and compares: that is what makes it strict."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(f"{what} is not JSON") from None
    require(isinstance(value, dict), f"{what} is not a JSON object")
    return value


def json_string(text):
    """The one spelling of a JSON string."""
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(short.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


# --- Leaves: what the tree holds for an entry -----------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(leaf):
    return sha256(b"\x00", leaf)


def u16be(number):
    return number.to_bytes(2, "big")


def check_time(text, what):
    form = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z", text, re.ASCII)
    require(form, f"{what} is not YYYY-MM-DDThh:mm:ss.ffffffZ: {text!r}")
    try:
        return datetime.datetime(*map(int, form.groups()), tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Refused(f"{what} is no time that exists: {text!r}") from None


def leaf_text(entry_id, received_at, commitment):
    form = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    require(re.fullmatch(form, entry_id), f"the id is not a lower-case UUID: {entry_id!r}")
    check_time(received_at, "received_at")
    return f"mar-audit/leaf@v1\n{entry_id}\n{received_at}\n{base64.b64encode(commitment).decode()}\n".encode()


def parse_leaf(data):
    """id and received_at of a bare leaf."""
    lines = lines_of(text_of(data, "the leaf"), "the leaf")
    require(len(lines) == 4, "the leaf does not have four lines")
    require(leaf_text(lines[1], lines[2], unbase64(lines[3], "the commitment", 32)) == data, "the leaf is misspelt")
    return lines[1], lines[2]


class Disclosure:
    """What is shown of an entry: its units, each open (salt and value) or erased (digest only)."""

    def __init__(self, text):
        whole = read_json(text, "the disclosure")
        require(list(whole) == ["v", "id", "received_at", "units"], "the disclosure has other members")
        self.id, self.received_at = whole["id"], whole["received_at"]
        require(isinstance(self.id, str) and isinstance(self.received_at, str), "id and received_at are texts")
        units = whole["units"]
        require(isinstance(units, list) and 1 <= len(units) <= 65535, "there are 1 to 65,535 units")
        self.open, self.erased, digests, spelt = {}, [], [], []
        for unit in units:
            require(isinstance(unit, dict) and all(isinstance(one, str) for one in unit.values()), "a unit")
            path = unit.get("path", "")
            pointer = as_bytes(path)
            require(len(pointer) <= 65535, "a path is longer than 65,535 bytes")
            if list(unit) == ["path", "salt", "value"]:
                self.open[path] = unit["value"]
                salt, value = unbase64(unit["salt"], "a salt", 16), as_bytes(unit["value"])
                digests.append(sha256(b"mar/f1", salt, u16be(len(pointer)), pointer, value))
            elif list(unit) == ["path", "digest"]:
                self.erased.append(path)
                digests.append(unbase64(unit["digest"], "a digest", 32))
            else:
                raise Refused("a unit is neither open nor erased")
            spelt.append("{" + ",".join(f'"{name}":{json_string(value)}' for name, value in unit.items()) + "}")
        check_paths([unit["path"] for unit in units])
        again = f'{{"v":1,"id":{json_string(self.id)},"received_at":{json_string(self.received_at)},"units":['
        require(again + ",".join(spelt) + "]}" == text, "the disclosure is not in its one spelling")
        self.leaf = leaf_text(self.id, self.received_at, sha256(b"mar/c1", u16be(len(digests)), *digests))

    def __str__(self):
        return f"entry {self.id}, received {self.received_at}, erased: {', '.join(self.erased) or 'nothing'}"


def check_paths(paths):
    """Strictly ascending, the first empty, none inside another: so they put together one entry only."""
    require(paths[0] == "", "the first unit's path is not empty")
    for path in paths[1:]:
        require(re.fullmatch("(/([^~/]|~[01])*)+", path, re.DOTALL), f"{path!r} is no JSON pointer")
    raw = [as_bytes(path) for path in paths]
    require(all(a < b for a, b in zip(raw, raw[1:])), "the paths do not ascend")
    every = set(paths[1:])
    for path in every:
        above = path.rpartition("/")[0]
        while above:
            require(above not in every, f"the unit {path!r} lies inside {above!r}")
            above = above.rpartition("/")[0]


# --- The tree -------------------------------------------------------------------------------------------------------


def node(left, right):
    return sha256(b"\x01", left, right)


def root_of_inclusion(seq, size, leaf, path):
    """The root that the path leads to: RFC 9162, 2.1.3.2."""
    require(seq < size, f"entry {seq} is not in a tree of {size}")
    fn, sn, found = seq, size - 1, leaf
    for sibling in path:
        require(sn != 0, "the path is too long")
        if fn % 2 == 1 or fn == sn:
            found = node(sibling, found)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node(found, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, "the path is too short")
    return found


def check_consistency(old, old_root, new, new_root, path):
    """That the tree of `new` entries begins with the tree of `old`: RFC 9162, 2.1.4.2."""
    require(0 < old <= new, f"no proof leads from {old} to {new} entries")
    if old == new:
        require(not path and old_root == new_root, "trees of one size have one root and an empty path")
        return
    path = ([old_root] if old & (old - 1) == 0 else []) + path
    require(path, "the path is empty")
    fn, sn = old - 1, new - 1
    while fn % 2 == 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        require(sn != 0, "the path is too long")
        if fn % 2 == 1 or fn == sn:
            fr, sr = node(sibling, fr), node(sibling, sr)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0 and fr == old_root and sr == new_root, "the new tree does not begin with the old one")


def peaks(hashes):
    """A row of equal subtrees, joined to the fewest whole trees, from left to right."""
    found = []
    for count, one in enumerate(hashes):
        found.append(one)
        while count % 2 == 1:
            right = found.pop()
            found.append(node(found.pop(), right))
            count >>= 1
    return found


def fold(trees):
    """The root over whole trees of falling size; without any, the root of the empty tree."""
    if not trees:
        return sha256()
    root = trees[-1]
    for left in reversed(trees[:-1]):
        root = node(left, root)
    return root


# --- Keys, notes, policies, checkpoints -----------------------------------------------------------------------------

ED25519_PRIME = 2**255 - 19
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ED25519_D = -121665 * pow(121666, -1, ED25519_PRIME) % ED25519_PRIME
# The y of the points whose order divides 8: anyone can sign for such a key.
ED25519_EIGHTH = int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16)
SMALL_ORDER = {0, 1, ED25519_PRIME - 1, ED25519_EIGHTH, ED25519_PRIME - ED25519_EIGHTH}


def is_good_point(data):
    """On the curve, canonical, not of small order."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    if y >= ED25519_PRIME or y in SMALL_ORDER:
        return False
    square = (y * y - 1) * pow(ED25519_D * y * y + 1, -1, ED25519_PRIME) % ED25519_PRIME
    return pow(square, (ED25519_PRIME - 1) // 2, ED25519_PRIME) == 1


def is_signed(public_key, signature, message):
    """Ed25519 as RFC 8032 has it, and strictly: no second signature for one message, no key that signs everything."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ED25519_ORDER:
        return False
    if not is_good_point(public_key) or not is_good_point(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def is_name(name):
    return name != "" and "+" not in name and not any(c.isspace() for c in name)


class Key:
    """A vkey: `<name>+<id>+<base64(type ‖ public key)>`."""

    LOG, WITNESS = 1, 4

    def __init__(self, vkey):
        try:
            self.name, key_id, encoded = vkey.split("+", 2)
            raw = unbase64(encoded, "the public key", 33)
        except (ValueError, Refused) as error:
            raise Unusable(f"{vkey!r} is no vkey: {error}") from None
        self.type, self.public = raw[0], raw[1:]
        self.id = sha256(self.name.encode(), b"\n", raw)[:4]
        controls = any(c < " " for c in self.name)
        good = is_name(self.name) and not controls and key_id == self.id.hex() and is_good_point(self.public)
        if not good or self.type not in (self.LOG, self.WITNESS):
            raise Unusable(f"{vkey!r} is no vkey that can be believed")

    def verify(self, signature, text):
        """None if the signature is bad; else the time of a witness, 0 for a log."""
        moment = 0
        if self.type == self.WITNESS:
            moment, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            text = f"cosignature/v1\ntime {moment}\n" + text
        good = moment <= LARGEST and is_signed(self.public, signature, text.encode())
        return moment if good else None


def split_note(data):
    """A signed note: its text, and (name, id, signature) of each of its signatures."""
    require(len(data) <= 1_000_000, "the note is longer than 1,000,000 bytes")
    whole = text_of(data, "the note")
    require(not any(c < " " and c != "\n" for c in whole), "the note has control characters")
    text, parted, signatures = whole.rpartition("\n\n")
    require(parted, "the note has no empty line before its signatures")
    found = []
    for line in lines_of(signatures, "the note"):
        parts = line.split(" ")
        require(len(parts) == 3 and parts[0] == "\u2014" and is_name(parts[1]), f"{line!r} is no signature line")
        raw = unbase64(parts[2], "a signature")
        require(len(raw) > 4, "a signature is empty")
        found.append((parts[1], raw[:4], raw[4:]))
    require(len(found) <= 100, "the note has more than 100 signatures")
    return text + "\n", found


class Checkpoint:
    """What a log signs: its origin, its size, the root of its tree."""

    def __init__(self, data, text):
        lines = lines_of(text, "the checkpoint")
        require(len(lines) >= 3 and all(lines), "the checkpoint has fewer than three lines, or an empty one")
        self.note, self.origin = data, lines[0]
        self.size = decimal(lines[1], "the size")
        self.root = unbase64(lines[2], "the root", 32)
        require(self.size > 0 or self.root == sha256(), "an empty tree with the root of something")
        self.cosigned_at = None

    def __str__(self):
        return f"{self.origin} of {self.size} entries, root {base64.b64encode(self.root).decode()}"


class Policy:
    """Which checkpoints to accept: signed by a known log under its own origin, and by a quorum of known witnesses."""

    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        if re.search("[\0-\x08\x0b-\x1f\x7f]", text) or not text.endswith("\n"):
            raise Unusable("the policy has control characters, or its last line is not ended")
        grouped = set()
        for line in text[:-1].split("\n"):
            words = [word for word in re.split("[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log" and len(words) in (2, 3):
                self.logs.append(self.new_key(words[1], Key.LOG))
            elif words[0] == "witness" and len(words) in (3, 4):
                self.check_new(words[1])
                self.witnesses[words[1]] = self.new_key(words[2], Key.WITNESS)
            elif words[0] == "group" and len(words) >= 4:
                self.check_new(words[1])
                members, k = words[3:], {"any": "1", "all": str(len(words) - 3)}.get(words[2], words[2])
                fresh = len(set(members)) == len(members) and not grouped.intersection(members)
                known = all(name in self.witnesses or name in self.groups for name in members)
                if not (re.fullmatch("[1-9][0-9]*", k, re.ASCII) and int(k) <= len(members) and fresh and known):
                    raise Unusable(f"policy: {line!r} is no group")
                grouped.update(members)
                self.groups[words[1]] = (int(k), members)
            elif words[0] == "quorum" and len(words) == 2 and self.quorum is None:
                self.quorum = words[1]
                if words[1] != "none" and words[1] not in self.witnesses and words[1] not in self.groups:
                    raise Unusable(f"policy: the quorum {words[1]!r} is not defined")
            else:
                raise Unusable(f"policy: cannot read {line!r}")
        if self.quorum is None:
            raise Unusable("policy: there is no quorum line")

    def new_key(self, vkey, kind):
        key = Key(vkey)
        listed = any(key.public == other.public for other in self.logs + list(self.witnesses.values()))
        if key.type != kind or listed:
            raise Unusable(f"policy: {vkey!r} is of another type or listed twice")
        return key

    def check_new(self, name):
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Unusable(f"policy: {name!r} is defined twice, or none")

    def accept(self, data):
        """The checkpoint that a note holds, if its signatures suffice. Nothing in it is believed before that."""
        text, signatures = split_note(data)
        checkpoint = Checkpoint(data, text)
        signed, cosigned = False, {}
        for name, key_id, signature in signatures:
            for key in self.logs + list(self.witnesses.values()):
                if (key.name, key.id) == (name, key_id):
                    moment = key.verify(signature, text)
                    require(moment is not None, f"the signature of {name} is not of this checkpoint")
                    signed = signed or key.type == Key.LOG and name == checkpoint.origin
                    if key.type == Key.WITNESS:
                        cosigned[key.public] = max(moment, cosigned.get(key.public, 0))
        if not signed:
            raise PolicyUnmet(f"no known log signed for the origin {checkpoint.origin!r}")
        if self.quorum != "none" and self.quorum not in self.holding(cosigned):
            raise PolicyUnmet(f"the quorum {self.quorum!r} of witnesses is not reached")
        checkpoint.cosigned_at = max(cosigned.values(), default=None)
        return checkpoint

    def holding(self, cosigned):
        """The witnesses that cosigned, and the groups that hold; a group's members stand before it."""
        found = {name for name, key in self.witnesses.items() if key.public in cosigned}
        for name, (k, members) in self.groups.items():
            if sum(member in found for member in members) >= k:
                found.add(name)
        return found


# --- A proof file ---------------------------------------------------------------------------------------------------


def verify_proof(data, policy):
    """The checkpoint that a `.tlog-proof` leads to, the entry's place, and its disclosure."""
    head, parted, note = data.partition(b"\n\n")
    require(parted, "the proof has no empty line before its checkpoint")
    lines = text_of(head, "the proof").split("\n")
    require(lines[0] == "c2sp.org/tlog-proof@v1", "the first line is not that of a proof")
    require(len(lines) > 2 and lines[1].startswith("extra "), "the proof has no disclosure")
    require(lines[2].startswith("index "), "the proof has no index")
    extra = unbase64(lines[1][len("extra ") :], "extra")
    seq = decimal(lines[2][len("index ") :], "the index")
    path = [unbase64(line, "a hash of the path", 32) for line in lines[3:]]

    checkpoint = policy.accept(note)
    disclosure = Disclosure(text_of(extra, "the disclosure"))
    root = root_of_inclusion(seq, checkpoint.size, leaf_hash(disclosure.leaf), path)
    require(root == checkpoint.root, "the path does not lead to the checkpoint's root")
    return checkpoint, seq, disclosure


# --- Tiles ----------------------------------------------------------------------------------------------------------


def tile_path(level, number, width):
    """`level` is a number, or "entries". As C2SP tlog-tiles has it: `x001/x234/067`, `.p/<W>` if it is partial."""
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return f"tile/{level}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else "")


def tile_width(level, number, size):
    """How many hashes that tile has in a tree of `size` entries; 0 if it is not there."""
    return max(0, min(256, (size >> 8 * level) - number * 256))


def tiles_needed(first, end, size):
    """(level, number) of what leads from entries [first, end) to the root: from the top level down, each ascending.

    The right edge of every level, and above each full tile the tile that holds its hash.
    """
    needed, level, wanted = [], 0, set(range(first >> 8, (end + 255) >> 8))
    while size >> 8 * level:
        hashes = size >> 8 * level
        if hashes % 256:
            wanted.add(hashes >> 8)
        needed[:0] = [(level, number) for number in sorted(wanted)]
        wanted = {number >> 8 for number in wanted if tile_width(level, number, size) == 256}
        level += 1
    return needed


class Tiles:
    """Hashes of a tree that are known to belong to it. Tiles must be added from the top level down."""

    def __init__(self, checkpoint):
        self.checkpoint, self.tiles = checkpoint, {}

    def add(self, level, number, data):
        """Believes a full tile if the tile above says so; partial ones are believed in `check_edge`."""
        width = tile_width(level, number, self.checkpoint.size)
        require(width and len(data) == 32 * width, f"{tile_path(level, number, width)} is not {width} hashes")
        hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
        if width == 256:
            above = self.hash(level + 1, number)
            require(fold(peaks(hashes)) == above, f"{tile_path(level, number, 256)} is not that of the tree")
        self.tiles[level, number] = hashes

    def check_edge(self, size, root):
        """That the tree's first `size` entries have this root."""
        whole, level = [], 0
        while size >> 8 * level:
            hashes = size >> 8 * level
            row = [self.hash(level, at) for at in range(hashes & ~255, hashes)]
            whole[:0] = peaks(row)
            level += 1
        require(fold(whole) == root, f"the tiles do not lead to the root of {size} entries")

    def hash(self, level, at):
        require((level, at >> 8) in self.tiles, "a tile is missing")
        return self.tiles[level, at >> 8][at & 255]


# --- A live log -----------------------------------------------------------------------------------------------------


class Log:
    """The static files that a log serves, below its address."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, limit):
        try:
            with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as answer:
                data = answer.read(limit + 1)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unusable(f"{self.url}/{path}: {error}") from None
        require(len(data) <= limit, f"{path} is longer than {limit} bytes")
        return data

    def leaves(self, number, size):
        width = tile_width(0, number, size)
        data = self.get(tile_path("entries", number, width), 130 * 256)
        leaves = [data[at : at + 130] for at in range(0, len(data), 130)]
        good = len(leaves) == width and all(len(one) == 130 and one[:2] == u16be(128) for one in leaves)
        require(good, f"entries {number} are not {width} leaves")
        return [one[2:] for one in leaves]


def verify_log(log, policy, state=None, full=False):
    """Whether the log's newest checkpoint is good, and continues the one kept in the file `state`."""
    checkpoint = policy.accept(log.get("checkpoint", 1_000_000))
    before = None
    if state and os.path.exists(state):
        with open(state, "rb") as file:
            before = policy.accept(file.read())
        require(before.origin == checkpoint.origin, f"{state} is of another log, {before.origin}")
        if checkpoint.size < before.size:
            raise Forked(f"the log has {checkpoint.size} entries, it had {before.size}")

    size = checkpoint.size
    tiles, wanted = Tiles(checkpoint), set(tiles_needed(0, size if full else 0, size))
    if before and before.size:
        wanted |= set(tiles_needed(before.size - 1, before.size, size))
    for level, number in sorted(wanted, key=lambda tile: (-tile[0], tile[1])):
        tiles.add(level, number, log.get(tile_path(level, number, tile_width(level, number, size)), 32 * 256))
    tiles.check_edge(size, checkpoint.root)
    if before:
        try:
            tiles.check_edge(before.size, before.root)
        except Refused as error:
            raise Forked(f"the log does not continue the checkpoint kept: {error}") from None

    newest = None
    for number in range((size + 255) >> 8) if full else [size - 1 >> 8] if size else []:
        for at, leaf in enumerate(log.leaves(number, size), number << 8):
            newest = parse_leaf(leaf)[1]
            if full or (0, number) in tiles.tiles:
                require(leaf_hash(leaf) == tiles.hash(0, at), f"the leaf of entry {at} is not that of the tree")
    if state:
        with open(state + ".new", "wb") as file:
            file.write(checkpoint.note)
            file.flush()
            os.fsync(file.fileno())
        os.replace(state + ".new", state)
    return checkpoint, newest


# --- An evidence bundle ---------------------------------------------------------------------------------------------


class Archive:
    """A zstd-compressed tar, read from front to back, in its one spelling."""

    def __init__(self, file):
        import zstandard

        self.file, self.failed = file, zstandard.ZstdError
        self.frame, self.plain = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj(), b""
        self.name, self.size = None, 0
        self.next()

    def more(self):
        """Unpacks a little: whoever forged the file cannot make it much."""
        packed = self.file.read(4096)
        require(packed, "the bundle is cut short")
        try:
            self.plain += self.frame.decompress(packed)
        except self.failed as error:
            raise Refused(f"the bundle is not zstd: {error}") from None

    def read(self, length):
        while len(self.plain) < length:
            require(not self.frame.eof, "the bundle is cut short")
            self.more()
        data, self.plain = self.plain[:length], self.plain[length:]
        return data

    def end(self):
        while not self.frame.eof and not self.plain:
            self.more()
        rest = self.plain or self.frame.unused_data or self.file.read(1)
        require(not rest, "there is something after the bundle's end")

    def next(self):
        """Reads the header of the next member; at the end there are two empty blocks and nothing after them."""
        header = self.read(512)
        if header == bytes(512):
            require(self.read(512) == bytes(512), "the bundle's end is one block only")
            self.name = None
            return self.end()
        name, size = header[:100].rstrip(b"\0"), header[124:135]
        require(re.fullmatch(b"[0-7]{11}", size), "a member's size is misspelt")
        self.name, self.size = text_of(name, "a member's name"), int(size, 8)
        require(header == tar_header(name, self.size), f"the header of {self.name!r} is not in its one spelling")

    def member(self, name, limit):
        """The whole of the next member, which must have this name."""
        require(self.name == name, f"the next member is {self.name!r}, not {name!r}")
        require(self.size <= limit, f"{name} is longer than {limit} bytes")
        data, padding = self.read(self.size), self.read(-self.size % 512)
        require(padding == bytes(len(padding)), f"the padding after {name} is not empty")
        self.next()
        return data


def tar_header(name, size):
    """POSIX ustar: a plain file, mode 0644, of nobody, at the beginning of time."""
    octal = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
    rest = b"0" + bytes(100) + b"ustar\x0000" + bytes(64 + 16 + 167)
    total = sum(name) + sum(octal) + 8 * ord(" ") + sum(rest)
    return name.ljust(100, b"\0") + octal + b"%06o\0 " % total + rest


def parse_bundle_json(data):
    text = text_of(data, "bundle.json")
    whole = read_json(text, "bundle.json")
    require(list(whole) == ["v", "origin", "first", "end", "made_at", "filter"], "bundle.json has other members")
    texts, numbers = [whole[one] for one in ("origin", "made_at", "filter")], [whole["first"], whole["end"]]
    require(all(isinstance(one, str) for one in texts), "bundle.json: a text is none")
    require(all(type(one) is int and 0 <= one <= LARGEST for one in numbers), "bundle.json: a number is none")
    check_time(whole["made_at"], "made_at")
    origin, made_at, chosen = map(json_string, texts)
    again = f'{{"v":1,"origin":{origin},"first":{numbers[0]},"end":{numbers[1]},"made_at":{made_at},"filter":{chosen}}}'
    require(again + "\n" == text, "bundle.json is not in its one spelling")
    return whole


def parse_withheld(line):
    """The bare leaf of an entry whose content is withheld."""
    leaf = read_json(line, "a line of entries").get("withheld")
    require(isinstance(leaf, str), "a line of entries is neither a disclosure nor withheld")
    require(f'{{"withheld":{json_string(leaf)}}}' == line, "a withheld leaf is not in its one spelling")
    return leaf.encode()


def verify_bundle(file, policy):
    """What the bundle holds: its checkpoint, [first, end), how many entries are open and how many withheld."""
    archive = Archive(file)
    about = parse_bundle_json(archive.member("bundle.json", 1_000_000))
    checkpoint = policy.accept(archive.member("checkpoint", 1_000_000))
    first, end = about["first"], about["end"]
    require(about["origin"] == checkpoint.origin, "the checkpoint is of another log than the bundle says")
    good = first < end <= checkpoint.size and end - first <= 1 << 32 or first == end == 0
    require(good, f"[{first}, {end}) is no range of a log of {checkpoint.size} entries")

    tiles, count = Tiles(checkpoint), {"open": 0, "withheld": 0, "newest": None}
    if first == end:
        require(archive.name is None, f"there is a member too many: {archive.name!r}")
        return checkpoint, about, count
    for level, number in tiles_needed(first, end, checkpoint.size):
        name = tile_path(level, number, tile_width(level, number, checkpoint.size))
        tiles.add(level, number, archive.member(name, 32 * 256))
    tiles.check_edge(checkpoint.size, checkpoint.root)

    for number in range(first >> 8, (end + 255) >> 8):
        seqs = range(max(first, number << 8), min(end, (number + 1) << 8))
        name = tile_path("", number, 256).replace("tile//", "entries/") + ".ndjson"
        lines = archive.member(name, 1 << 32).split(b"\n")
        require(len(lines) - 1 == len(seqs) and not lines.pop(), f"{name} is not {len(seqs)} lines")
        require(all(len(line) <= 1 << 24 for line in lines), f"a line of {name} is too long")
        for seq, line in zip(seqs, lines):
            line = text_of(line, "a line of entries")
            withheld = line.startswith('{"withheld":')
            leaf = parse_withheld(line) if withheld else Disclosure(line).leaf
            require(leaf_hash(leaf) == tiles.hash(0, seq), f"the line of entry {seq} is not that of the tree")
            count["newest"] = parse_leaf(leaf)[1]
            count["withheld" if withheld else "open"] += 1
    require(archive.name is None, f"there is a member too many: {archive.name!r}")
    return checkpoint, about, count


# --- Command line ---------------------------------------------------------------------------------------------------


def check_age(policy, checkpoint, newest, max_age):
    """The newest cosignature tells how old the checkpoint is; without witnesses, the newest entry does."""
    if max_age is None:
        return
    moment = checkpoint.cosigned_at
    if policy.quorum == "none" and newest:
        moment = check_time(newest, "received_at").timestamp()
    if moment is None or time.time() - moment > max_age:
        raise Stale(f"it is older than {max_age} seconds")


def seconds(text):
    """Of 90s, 15m, 24h or 7d."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    what = parser.add_subparsers(dest="what", required=True)
    for name, place in (("proof", "FILE"), ("bundle", "FILE"), ("log", "URL")):
        one = what.add_parser(name)
        one.add_argument("place", metavar=place)
        trust = one.add_mutually_exclusive_group(required=True)
        trust.add_argument("--key", metavar="VKEY")
        trust.add_argument("--policy", metavar="FILE")
        one.add_argument("--max-age", metavar="DURATION", type=seconds)
        if name == "log":
            one.add_argument("--state", metavar="FILE")
            one.add_argument("--full", action="store_true")
    return parser.parse_args()


def read_file(path):
    with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
        return file.read()


def run(options):
    policy = f"log {options.key}\nquorum none\n".encode() if options.key else read_file(options.policy)
    policy = Policy(policy.decode("utf-8", "surrogateescape"))
    if options.what == "proof":
        checkpoint, seq, disclosure = verify_proof(read_file(options.place), policy)
        check_age(policy, checkpoint, disclosure.received_at, options.max_age)
        return f"{checkpoint}\nholds at {seq}: {disclosure}"
    if options.what == "bundle":
        with sys.stdin.buffer if options.place == "-" else open(options.place, "rb") as file:
            checkpoint, about, count = verify_bundle(file, policy)
        check_age(policy, checkpoint, count["newest"], options.max_age)
        return f"{checkpoint}\n[{about['first']}, {about['end']}): {count['open']} open, {count['withheld']} withheld"
    checkpoint, newest = verify_log(Log(options.place), policy, options.state, options.full)
    check_age(policy, checkpoint, newest, options.max_age)
    return f"{checkpoint}\n{'every leaf' if options.full else 'the edge of the tree'} verified"


def main():
    try:
        print("verified:", run(arguments()))
    except SystemExit as end:  # argparse has its own code for usage
        raise SystemExit(1 if end.code else 0) from None
    except Refused as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(error.code) from None
    except OSError as error:
        print(f"cannot read: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
