"""A small log of our own making, true in every point: what the forged files are derived from.

Written from docs/proofs.md with RFC 6962's recursive definitions, so that it shares neither code nor algorithm with
the verifiers it tries.
"""

import base64
import functools
import hashlib
import io
import json
import tarfile

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "audit.example/v1/logs/acme"
COSIGNED_AT = 1_700_000_000
WITHHELD_EVERY = 7


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


class Signer:
    LOG, WITNESS = 1, 4

    def __init__(self, name, seed, kind=LOG):
        self.name, self.kind = name, kind
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()))
        self.public = bytes([kind]) + self.private.public_key().public_bytes_raw()
        self.id = sha256(name.encode() + b"\n" + self.public)[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(self.public)}"

    def signature(self, text, moment=COSIGNED_AT):
        """Key id and signature, as a signature line holds them."""
        if self.kind == self.LOG:
            return self.id + self.private.sign(text.encode())
        signed = self.private.sign(f"cosignature/v1\ntime {moment}\n{text}".encode())
        return self.id + moment.to_bytes(8, "big") + signed

    def line(self, text, moment=COSIGNED_AT):
        return f"\u2014 {self.name} {b64(self.signature(text, moment))}"


LOG_KEY = Signer(ORIGIN, "the log")
WITNESSES = [Signer(f"witness.example/{n}", f"witness {n}", Signer.WITNESS) for n in (1, 2, 3)]
STRANGER = Signer(ORIGIN, "a stranger who uses the log's name")
POLICY = "".join(
    [f"log {LOG_KEY.vkey}\n"]
    + [f"witness w{n} {one.vkey}\n" for n, one in enumerate(WITNESSES, 1)]
    + ["group two 2 w1 w2 w3\n", "quorum two\n"]
)


def json_text(text):
    return json.dumps(text, ensure_ascii=False)


class Unit:
    def __init__(self, path, salt, value=None, digest=None):
        self.path, self.salt, self.value = path, salt, value
        self.digest = digest or self.own_digest()

    def own_digest(self):
        pointer = self.path.encode()
        length = len(pointer).to_bytes(2, "big")
        return sha256(b"mar/f1" + self.salt + length + pointer + self.value.encode())

    def erased(self):
        return Unit(self.path, None, None, self.digest)

    def __str__(self):
        start = '{"path":' + json_text(self.path)
        if self.value is None:
            return start + f',"digest":"{b64(self.digest)}"}}'
        return start + f',"salt":"{b64(self.salt)}","value":{json_text(self.value)}}}'


class Entry:
    def __init__(self, seq, story=""):
        self.id = f"0198f3c2-7b1e-7c3a-9d0a-{seq:012x}"
        self.received_at = f"2026-10-05T09:{seq // 60000 % 60:02}:{seq // 1000 % 60:02}.{seq % 1000:03}000Z"
        values = {
            "": f'{{"action":"scaleCluster","result":"success","target":{{"id":"clu_{seq}","type":"cluster"}}}}',
            "/actor/email": f'"ana{seq}@acme.example"',
            "/actor/name": '"Ana R\u00f6\u00dfi"',
            "/changes": '[{"after":5,"before":3.0e0,"path":"/spec/replicas"}]',
            "/context/ticket": f'"OPS-{seq}{story}"',
        }
        self.units = [Unit(path, sha256(f"salt {seq} {path}".encode())[:16], value) for path, value in values.items()]

    def disclosure(self, units=None):
        units = ",".join(map(str, units or self.units))
        return f'{{"v":1,"id":"{self.id}","received_at":"{self.received_at}","units":[{units}]}}'

    def leaf(self, units=None):
        digests = [unit.digest for unit in units or self.units]
        commitment = sha256(b"mar/c1" + len(digests).to_bytes(2, "big") + b"".join(digests))
        return f"mar-audit/leaf@v1\n{self.id}\n{self.received_at}\n{b64(commitment)}\n".encode()


class Tree:
    """RFC 6962, word by word, over a list of leaf hashes."""

    def __init__(self, leaf_hashes):
        self.leaf_hashes = leaf_hashes
        self.mth = functools.lru_cache(maxsize=None)(self.uncached_mth)

    def uncached_mth(self, start, end):
        """2.1: the root over leaves [start, end)."""
        if start == end:
            return sha256(b"")
        if end - start == 1:
            return self.leaf_hashes[start]
        half = start + split(end - start)
        return sha256(b"\x01" + self.mth(start, half) + self.mth(half, end))

    def path(self, seq, start, end):
        """2.1.1: the siblings of a leaf, from its own upwards."""
        if end - start == 1:
            return []
        half = start + split(end - start)
        if seq < half:
            return self.path(seq, start, half) + [self.mth(half, end)]
        return self.path(seq, half, end) + [self.mth(start, half)]

    def growth(self, old, start, end, whole=True):
        """2.1.2: the consistency proof from the first `old` leaves of [start, end); PROOF is growth(m, 0, n)."""
        if old == end - start:
            return [] if whole else [self.mth(start, end)]
        half = start + split(end - start)
        if old <= half - start:
            return self.growth(old, start, half, whole) + [self.mth(half, end)]
        return self.growth(old - (half - start), half, end, False) + [self.mth(start, half)]


def split(leaves):
    """The largest power of two smaller than so many leaves."""
    return 1 << (leaves - 1).bit_length() - 1


class TrueLog(Tree):
    """`fork` is a number from which on the entries tell another story."""

    def __init__(self, size, fork=None):
        self.size = size
        self.entries = [Entry(seq, " or not" if fork is not None and seq >= fork else "") for seq in range(size)]
        self.set_leaves([entry.leaf() for entry in self.entries])

    def set_leaves(self, leaves):
        self.leaves = leaves
        super().__init__([sha256(b"\x00" + leaf) for leaf in leaves])

    def replace(self, seq, units):
        """What the log holds at `seq` instead, whatever it is."""
        self.entries[seq].units = units
        self.set_leaves([entry.leaf() for entry in self.entries])

    def checkpoint_text(self, size=None):
        size = self.size if size is None else size
        return f"{ORIGIN}\n{size}\n{b64(self.mth(0, size))}\n"

    def note(self, size=None, signers=None):
        text = self.checkpoint_text(size)
        return note(text, signers or [LOG_KEY] + WITNESSES[:2])

    def disclosure(self, seq):
        """Entry `seq` with its e-mail erased."""
        units = self.entries[seq].units
        return self.entries[seq].disclosure([units[0], units[1].erased(), *units[2:]])

    def proof(self, seq, size=None):
        size = size or self.size
        return Proof(self.disclosure(seq), seq, self.path(seq, 0, size), self.note(size))

    def tile(self, level, number, width):
        whole = 256**level
        first = number * 256
        return b"".join(self.mth(at * whole, (at + 1) * whole) for at in range(first, first + width))

    def files(self, size=None):
        """What the log serves: path → bytes."""
        size = self.size if size is None else size
        found, level = {"checkpoint": self.note(size).encode()}, 0
        while size >> 8 * level:
            for number, width in tiles_of(size >> 8 * level):
                found[tile_path(level, number, width)] = self.tile(level, number, width)
            level += 1
        for number, width in tiles_of(size):
            leaves = self.leaves[number * 256 : number * 256 + width]
            found[tile_path("entries", number, width)] = b"".join(b"\x00\x80" + leaf for leaf in leaves)
        return found

    def bundle(self, first, end):
        """The members of an evidence bundle: [name, bytes], in order. Every seventh entry is withheld."""
        about = f'{{"v":1,"origin":"{ORIGIN}","first":{first},"end":{end},"made_at":"2026-11-23T09:00:00.000000Z","filter":"actor:ana"}}\n'
        members = [["bundle.json", about.encode()], ["checkpoint", self.note().encode()]]
        levels = []
        span = (first, end)
        level = 0
        while self.size >> 8 * level:
            row = self.size >> 8 * level
            wanted = [
                (number, width)
                for number, width in tiles_of(row)
                if width < 256 or span[0] < (number + 1) * 256 and number * 256 < span[1]
            ]
            levels.append(
                [[tile_path(level, number, width), self.tile(level, number, width)] for number, width in wanted]
            )
            full = [number for number, width in wanted if width == 256]
            span = (full[0], full[-1] + 1) if full else (0, 0)
            level += 1
        for row in reversed(levels):
            members += row
        for number in range(first // 256, (end + 255) // 256):
            seqs = range(max(first, number * 256), min(end, number * 256 + 256))
            name = tile_path("entries", number, 256).removeprefix("tile/") + ".ndjson"
            members.append([name, "".join(self.bundle_line(seq) + "\n" for seq in seqs).encode()])
        return members

    def bundle_line(self, seq):
        if seq % WITHHELD_EVERY == 0:
            return '{"withheld":' + json_text(self.leaves[seq].decode()) + "}"
        return self.disclosure(seq)


def tiles_of(row):
    """(number, width) of the tiles of a row of hashes."""
    return [(at // 256, min(256, row - at)) for at in range(0, row, 256)]


def tile_path(level, number, width):
    digits = f"{number:03}" if number < 1000 else f"x{number // 1000:03}/{number % 1000:03}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < 256 else "")


def note(text, signers):
    return text + "\n" + "".join(one.line(text) + "\n" for one in signers)


class Proof:
    """A `.tlog-proof`, its parts open to change."""

    def __init__(self, disclosure, seq, path, checkpoint):
        self.disclosure, self.note = disclosure, checkpoint
        self.head = ["c2sp.org/tlog-proof@v1", "extra " + b64(disclosure.encode()), f"index {seq}"]
        self.path = [b64(one) for one in path]

    def __str__(self):
        return "\n".join(self.head + self.path) + "\n\n" + self.note

    def to_bytes(self):
        return str(self).encode()


def tar(members):
    """A POSIX ustar archive of [name, bytes] or [name, bytes, TarInfo to begin with]."""
    out = io.BytesIO()
    for name, data, *info in members:
        about = info[0] if info else tarfile.TarInfo()
        about.name, about.size = name, len(data)
        out.write(about.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") + data + bytes(-len(data) % 512))
    return out.getvalue() + bytes(1024)


def pack(members):
    return zstandard.ZstdCompressor().compress(tar(members))
