"""Forged `.tlog-proof` files, policies and keys: class by class, each derived from one true proof.

A class is a way to forge; it yields files, each with the exit code that a verifier owes it: 2 tampered, 3 policy unmet.
"""

import base64

from true_log import (
    LOG_KEY,
    ORIGIN,
    POLICY,
    STRANGER,
    WITNESSES,
    Entry,
    Proof,
    Signer,
    TrueLog,
    Unit,
    b64,
    note,
    sha256,
)

SIZE, SEQ = 700, 300
TAMPERED, UNMET = 2, 3
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19


class Forgeries:
    """Makes every class from the log's proof of one entry."""

    def __init__(self):
        self.log = TrueLog(SIZE)
        self.text = str(self.true())
        self.entry = self.log.entries[SEQ]

    def true(self, **parts):
        proof = self.log.proof(SEQ)
        for name, value in parts.items():
            setattr(proof, name, value)
        return proof

    def true_files(self):
        """What must be accepted: erased, fully open, at every kind of place, under several sizes and signature orders."""
        yield self.true()
        yield self.true(disclosure=self.entry.disclosure(), head=self.head(self.entry.disclosure()))
        for seq, size in (
            (0, 1),
            (0, 2),
            (1, 2),
            (0, SIZE),
            (255, 256),
            (256, 257),
            (511, 513),
            (SIZE - 1, SIZE),
            (64, 65),
        ):
            yield self.log.proof(seq, size)
        text = self.log.checkpoint_text()
        yield self.true(note=note(text, [WITNESSES[2], STRANGER, WITNESSES[0], LOG_KEY]))
        yield self.true(note=note(text, [LOG_KEY, *WITNESSES]))
        twice = [LOG_KEY.line(text)] * 2 + [WITNESSES[0].line(text, moment) for moment in (7, 0, 2**63 - 1)]
        yield self.true(note="\n".join([text, *twice, WITNESSES[1].line(text), ""]))
        yield self.true(note=self.renote(text + "an extension\nand \x7f one more\n"))
        for at in ("2000-02-29T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"):
            log = TrueLog(2)
            log.entries[1].received_at = at
            log.replace(1, log.entries[1].units)
            yield log.proof(1)
        odd = Unit("/context/odd", bytes(16), '"\\u0000\x7f\u2028\U0001f600"')
        strange = TrueLog(3)
        strange.replace(1, [*strange.entries[1].units[:4], odd, *strange.entries[1].units[4:]])
        yield strange.proof(1)

    def head(self, disclosure, seq=SEQ):
        return ["c2sp.org/tlog-proof@v1", "extra " + b64(disclosure.encode()), f"index {seq}"]

    def renote(self, text, signers=None):
        return note(text, signers or [LOG_KEY, *WITNESSES[:2]])

    def classes(self):
        """name → files: (bytes, exit code)."""
        for part in (
            self.of_the_file,
            self.of_the_place,
            self.of_the_path,
            self.of_the_units,
            self.of_the_spelling,
            self.of_the_checkpoint,
            self.of_the_signatures,
        ):
            for name, files in part():
                yield name, [(one if isinstance(one, tuple) else (one, TAMPERED)) for one in files]

    # --- The file as a whole ---

    def of_the_file(self):
        whole, lines = self.text, self.text.split("\n")
        yield "first line of another format", [whole.replace("@v1", other, 1) for other in ("@v2", "", "@V1", "@v1 ")]
        yield "first line missing", ["\n".join(lines[1:])]
        yield "byte order mark", ["\ufeff" + whole]
        yield "empty, or nothing but ends of lines", ["", "\n", "\n\n", "\n\n\n"]
        yield "CRLF", [
            whole.replace("\n", "\r\n"),
            whole.replace("\n", "\r\n", 1),
            whole.replace("\n\n", "\r\n\r\n", 1),
        ]
        yield "last line not ended", [whole[:-1]]
        yield "cut at each line", ["".join(line + "\n" for line in lines[:count]) for count in range(1, len(lines) - 4)]
        yield "cut in the witnesses' signatures", [
            ("".join(line + "\n" for line in lines[:-2]), UNMET),
            ("".join(line + "\n" for line in lines[:-3]), UNMET),
        ]
        yield "cut at every 97th byte", [whole.encode()[:at] for at in range(0, len(whole.encode()) - 300, 97)]
        yield "line too many", [whole + "\n", whole + "more\n", "\n" + whole, whole + whole]
        yield "empty line before the path, or a second one after it", [
            self.joined(lines[:3] + [""] + lines[3:]),
            whole.replace("\n\n", "\n\n\n", 1),
        ]
        yield "no UTF-8", [whole.encode() + b"\xff\n", whole.encode().replace(b"acme", b"acm\xe9", 1)]
        yield "NUL or another control character", [
            whole.replace("\n\n", "\n\x00\n", 1),
            whole.replace("acme", "acme\t", 1),
        ]

    def joined(self, lines):
        return "\n".join(lines)

    # --- Where the entry is said to be ---

    def of_the_place(self):
        def at(seq):
            return str(self.true(head=[*self.true().head[:2], f"index {seq}"]))

        yield "index of a neighbour", [at(SEQ - 1), at(SEQ + 1)]
        yield "index of another entry", [at(0), at(SIZE - 1), at(SEQ ^ 256)]
        yield "index outside the tree", [at(SIZE), at(2**63 - 1)]
        yield "index beyond numbers", [at(2**63), at(2**64 + SEQ), at(10**40)]
        yield "index misspelt", [
            at(one)
            for one in (
                f"0{SEQ}",
                f"+{SEQ}",
                f"-{SEQ}",
                f" {SEQ}",
                f"{SEQ} ",
                "",
                f"{SEQ}.0",
                "3e2",
                "0x12c",
                "\u0663\u0660\u0660",
            )
        ]
        yield "index line missing, twice or elsewhere", [
            str(self.true(head=self.true().head[:2])),
            str(self.true(head=self.true().head + [f"index {SEQ}"])),
            str(self.true(head=[self.true().head[index] for index in (0, 2, 1)])),
        ]

    # --- The path ---

    def of_the_path(self):
        path = self.true().path
        nothing = b64(bytes(32))

        def with_path(*lines):
            return str(self.true(path=list(lines)))

        yield "hash of the path dropped", [with_path(*path[:at], *path[at + 1 :]) for at in range(len(path))]
        yield "hash of the path doubled", [with_path(*path[:at], path[at], *path[at:]) for at in range(len(path))]
        yield "hashes of the path swapped", [with_path(path[1], path[0], *path[2:]), with_path(*reversed(path))]
        yield "hash of the path altered", [
            with_path(*path[:at], b64(flip(base64.b64decode(path[at]), 3 * at)), *path[at + 1 :])
            for at in range(len(path))
        ]
        yield "hash of the path replaced", [with_path(nothing, *path[1:]), with_path(*path[:-1], nothing)]
        yield "path made longer", [with_path(*path, nothing), with_path(*path, *[nothing] * 64)]
        yield "no path", [with_path()]
        yield "path of another entry", [
            with_path(*self.log.proof(SEQ + 7).path),
            with_path(*self.log.proof(SEQ, SEQ + 9).path),
        ]
        yield "hash too short or too long", [
            with_path(b64(base64.b64decode(path[0])[:-1]), *path[1:]),
            with_path(b64(base64.b64decode(path[0]) + b"\0"), *path[1:]),
        ]
        yield "base64 without padding, url-safe, with stray bits or white space", [
            with_path(path[0][:-1], *path[1:]),
            str(self.true(path=[one.replace("+", "-").replace("/", "_") for one in path])),
            with_path(stray(path[0]), *path[1:]),
            with_path(path[0] + " ", *path[1:]),
            with_path(" " + path[0], *path[1:]),
            with_path(path[0] + "=", *path[1:]),
        ]

    # --- What the entry is said to be ---

    def of_the_units(self):
        entry, other = self.entry, self.log.entries[SEQ + 1]
        units = entry.units

        def shown(units, entry=entry):
            return str(self.true(head=self.head(entry.disclosure(units))))

        def altered(at, **parts):
            made = Unit(units[at].path, units[at].salt, units[at].value)
            made.__dict__.update(parts)
            return shown([*units[:at], made, *units[at + 1 :]])

        yield "value altered", [altered(at, value=units[at].value.replace("a", "e", 1)) for at in range(3)] + [
            altered(4, value='"OPS-301"')
        ]
        yield "value written another way", [
            altered(3, value='[{"after":5,"before":3,"path":"/spec/replicas"}]'),
            altered(3, value='[{"after":5,"before":3.0e0,"path":"\\/spec/replicas"}]'),
            altered(3, value='[{"after": 5,"before":3.0e0,"path":"/spec/replicas"}]'),
            altered(3, value='[{"before":3.0e0,"after":5,"path":"/spec/replicas"}]'),
        ]
        yield "salt altered", [altered(at, salt=flip(units[at].salt, at)) for at in range(5)]
        yield "salts of two units swapped", [
            shown(
                [
                    *units[:1],
                    Unit(units[1].path, units[2].salt, units[1].value),
                    Unit(units[2].path, units[1].salt, units[2].value),
                    *units[3:],
                ]
            )
        ]
        yield "values of two units swapped", [
            shown(
                [
                    *units[:1],
                    Unit(units[1].path, units[1].salt, units[2].value),
                    Unit(units[2].path, units[2].salt, units[1].value),
                    *units[3:],
                ]
            )
        ]
        yield "digest altered", [
            shown([*units[:at], Unit(units[at].path, None, None, flip(units[at].digest, 9)), *units[at + 1 :]])
            for at in range(5)
        ]
        yield "unit erased to the digest of another entry", [
            shown([*units[:at], other.units[at].erased(), *units[at + 1 :]]) for at in range(5)
        ]
        yield "erased unit opened with an invented value", [
            altered(1, value='"eve@acme.example"', salt=bytes(16)),
            altered(1, value='""', salt=units[0].salt),
        ]
        yield "unit of another entry", [shown([*units[:at], other.units[at], *units[at + 1 :]]) for at in range(5)]
        yield "unit dropped", [shown(units[:at] + units[at + 1 :]) for at in range(5)] + [
            str(self.true(head=self.head(entry.disclosure().split("[")[0] + "[]}")))
        ]
        yield "unit doubled", [shown(units[: at + 1] + units[at:]) for at in range(5)]
        yield "units in another order", [
            shown([units[1], units[0], *units[2:]]),
            shown([*units[:2], units[3], units[2], units[4]]),
        ]
        yield "unit added", [
            shown([*units, Unit("/target/name", bytes(16), '"pay"')]),
            shown([*units, Unit("/zzz", None, None, bytes(32))]),
        ]
        yield "open unit under another path", [
            altered(1, path="/actor/id"),
            altered(4, path="/context/tickeu"),
            altered(4, path="/context/ticket/"),
        ]
        yield "path inside another", self.relogged(
            [Unit("", bytes(16), "{}"), Unit("/a", bytes(16), "1"), Unit("/a/b", bytes(16), "2")]
        )
        yield "path that is no pointer", [
            one
            for path in ("a", "/a~", "/a~2", "a/b")
            for one in self.relogged([Unit("", bytes(16), "{}"), Unit(path, bytes(16), "1")])
        ]
        yield "paths of a signed leaf that do not ascend", [
            *self.relogged([Unit("", bytes(16), "{}"), Unit("/b", bytes(16), "1"), Unit("/a", bytes(16), "2")]),
            *self.relogged([Unit("", bytes(16), "{}"), Unit("/a", bytes(16), "1"), Unit("/a", bytes(16), "2")]),
            *self.relogged([Unit("/a", bytes(16), "1"), Unit("/b", bytes(16), "2")]),
            *self.relogged([Unit("", bytes(16), "{}"), Unit("", bytes(16), "{}")]),
        ]
        later = Entry(SEQ)
        later.received_at = later.received_at.replace("000Z", "001Z")
        yield "received_at altered", [shown(units, later)]
        yield "id of another entry", [str(self.true(head=self.head(entry.disclosure().replace(entry.id, other.id))))]
        yield "another entry of the same log", [
            str(self.true(head=self.head(other.disclosure()))),
            str(self.log.proof(SEQ + 1)).replace(f"index {SEQ + 1}", f"index {SEQ}"),
        ]

    def relogged(self, units):
        """A log that signed a leaf over units it should never have: true in every hash, and still refused."""
        log = TrueLog(2)
        log.replace(1, units)
        return [str(Proof(log.entries[1].disclosure(), 1, log.path(1, 0, 2), log.note()))]

    def received(self, at):
        """A log that signed a leaf with this `received_at`."""
        log = TrueLog(2)
        log.entries[1].received_at = at
        log.replace(1, log.entries[1].units)
        return [str(log.proof(1))]

    # --- The one spelling of the disclosure ---

    def of_the_spelling(self):
        text = self.entry.disclosure()

        def spelt(text):
            raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            return str(self.true(head=[self.true().head[0], "extra " + b64(raw), f"index {SEQ}"]))

        def replaced(old, new):
            assert old in text, old
            return spelt(text.replace(old, new, 1))

        extra = self.true().head[1]
        yield "extra line missing or doubled", [
            str(self.true(head=[self.true().head[0], self.true().head[2]])),
            str(self.true(head=[self.true().head[0], extra, *self.true().head[1:]])),
        ]
        yield "extra misspelt", [
            self.text.replace(extra, changed)
            for changed in (
                extra.replace("extra ", "extra"),
                extra.replace("extra ", "extra  "),
                extra + " ",
                "Extra" + extra[5:],
                extra[:-4],
                "extra ",
                "extra !!!!",
            )
        ]
        padded = next(
            one
            for one in (text, text.replace("OPS", "OP"), text.replace("OPS", "O"))
            if b64(one.encode()).endswith("=")
        )
        encoded = b64(padded.encode())
        yield "extra in other base64", [
            str(self.true(head=[self.true().head[0], "extra " + one, f"index {SEQ}"]))
            for one in (
                encoded.rstrip("="),
                stray(encoded),
                b64(text.encode() + b"\xfb\xff\xbf").replace("+", "-").replace("/", "_"),
            )
        ]
        yield "white space in the disclosure", [
            replaced('{"v"', '{ "v"'),
            replaced(',"units"', ', "units"'),
            spelt(text + "\n"),
            spelt(" " + text),
            spelt("\ufeff" + text),
        ]
        yield "something after the disclosure", [spelt(text + "{}"), spelt(text + "}"), spelt(text[:-1])]
        yield "another version", [
            replaced('"v":1', f'"v":{one}') for one in ("2", "1.0", '"1"', "01", "1e0", "true", "[1]")
        ]
        yield "members in another order", [
            replaced(
                f'"id":"{self.entry.id}","received_at":"{self.entry.received_at}"',
                f'"received_at":"{self.entry.received_at}","id":"{self.entry.id}"',
            ),
            replaced('{"path":"","salt":', '{"salt":"","path":'),
        ]
        yield "member twice", [
            replaced('"v":1,', '"v":1,"v":1,'),
            replaced('{"path":"",', '{"path":"","path":"",'),
            spelt(text[:-1] + ',"units":[]}'),
        ]
        yield "member unknown", [spelt(text[:-1] + ',"more":1}'), replaced('{"path":"",', '{"path":"","seq":1,')]
        yield "member missing", [
            replaced('"v":1,', ""),
            replaced(f'"id":"{self.entry.id}",', ""),
            replaced('{"path":"",', "{"),
            replaced('"path":"",', '"path":"","digest":"",'),
        ]
        yield "characters escaped another way", [
            replaced("/actor/name", "\\/actor/name"),
            replaced("Ana R\u00f6", "Ana R\\u00f6"),
            replaced("/actor", "\\u002factor"),
            replaced('\\"', "\\u0022"),
        ]
        tabbed = Unit("/a", bytes(16), '"\x01"')
        yield "control characters spelt otherwise", [
            *self.respelt(tabbed, "\\u0001", ["\x01", "\\u1"]),
            *self.respelt(Unit("/a", bytes(16), '"\x1f"'), "\\u001f", ["\\u001F", "\x1f"]),
            *self.respelt(Unit("/a", bytes(16), '"\t"'), "\\t", ["\\u0009", "\t"]),
        ]
        yield "lone surrogates and bytes that are no UTF-8", [
            replaced("Ana R", "Ana \\ud800R"),
            spelt(text.replace("Ana", "An\ud800")),
            spelt(text.encode().replace("\u00f6".encode(), b"\xc3")),
        ]
        yield "salt or digest of another length", [
            spelt(text.replace(b64(self.entry.units[1].salt), b64(one)))
            for one in (b"", bytes(15), bytes(17), bytes(32))
        ] + [
            str(
                self.true(
                    head=self.head(
                        self.entry.disclosure([*self.entry.units[:4], Unit("/context/ticket", None, None, one)])
                    )
                )
            )
            for one in (bytes(31), bytes(33), bytes(16))
        ]
        yield "unit both open and erased, or neither", [
            replaced('"path":"",', '"path":"","digest":"' + b64(self.entry.units[0].digest) + '",'),
            spelt(text[:-2] + ',{"path":"/z"}]}'),
            spelt(text[:-2] + ",7]}"),
        ]
        yield "id misspelt", [
            replaced(self.entry.id, one)
            for one in (
                self.entry.id.upper(),
                self.entry.id.replace("-", ""),
                "{" + self.entry.id + "}",
                self.entry.id[:-1],
                "",
            )
        ]
        at = self.entry.received_at
        yield "received_at misspelt", [
            replaced(at, one)
            for one in (
                at[:-1] + "+00:00",
                at.replace("T", " "),
                at.lower(),
                at[:-4] + "Z",
                at[:-1] + "000Z",
                at.replace("10-05", "02-30"),
                at.replace("00.300", "60.300"),
            )
        ]
        long = Unit("/" + "a" * 65_535, None, None, bytes(32))
        yield "path longer than any", [
            *self.relogged([Unit("", bytes(16), "{}"), long]),
            spelt(text[:-2] + "," + str(Unit("/zz", bytes(16), "1")).replace("/zz", long.path) + "]}"),
        ]
        many = [Unit("", bytes(16), "{}")] + [Unit(f"/{n:05}", None, None, bytes(32)) for n in range(65_535)]
        yield "too many units", [spelt(self.entry.disclosure(many))]
        days = (
            "1900-02-29T00:00:00",
            "2026-02-29T00:00:00",
            "2026-04-31T00:00:00",
            "2026-00-01T00:00:00",
            "2026-13-01T00:00:00",
            "2026-01-00T00:00:00",
        )
        times = ("2026-01-01T24:00:00", "2026-01-01T23:60:00", "2016-12-31T23:59:60")
        yield "received_at that never was, signed", [
            one for at in days + times for one in self.received(f"{at}.000000Z")
        ]
        yield "depth and size", [
            spelt("[" * 100_000),
            spelt('{"v":' + "[" * 5000 + "]" * 5000 + "}"),
            spelt('{"v":' + "1" * 10_000 + text[6:]),
        ]

    def respelt(self, unit, good, others):
        """A signed disclosure with a character in the value, spelt otherwise than it must be."""
        log = TrueLog(2)
        log.replace(1, [Unit("", bytes(16), "{}"), unit])
        right = log.entries[1].disclosure()
        assert good in right
        return [str(Proof(right.replace(good, other), 1, log.path(1, 0, 2), log.note())) for other in others]

    # --- The checkpoint ---

    def of_the_checkpoint(self):
        note = self.true().note
        text, root = self.log.checkpoint_text(), b64(self.log.mth(0, SIZE))

        def signed_as_was(changed):
            return str(self.true(note=note.replace(text, changed, 1)))

        def signed_again(changed):
            return str(self.true(note=self.renote(changed)))

        yield "checkpoint altered under its signatures", [
            signed_as_was(text.replace(ORIGIN, "audit.example/v1/logs/acne")),
            signed_as_was(text.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")),
            signed_as_was(text.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n")),
            signed_as_was(text.replace(root, b64(flip(base64.b64decode(root), 1)))),
            signed_as_was(text + "extension\n"),
        ]
        yield "checkpoint of another size", [
            str(self.true(note=self.log.note(size))) for size in (SEQ + 1, SIZE - 1, 512, SEQ, 1)
        ]
        bigger = TrueLog(SIZE + 1)
        yield "checkpoint of a later tree", [str(self.true(note=bigger.note()))]
        yield "checkpoint of another history", [
            str(self.true(note=TrueLog(SIZE, fork=SEQ).note())),
            str(self.true(note=TrueLog(SIZE, fork=0).note())),
        ]
        yield "second checkpoint behind the first", [
            str(self.true(note=note + "\n" + note)),
            str(self.true(note=note + "\n" + self.log.note(512))),
        ]
        yield "two checkpoints in one note", [str(self.true(note=self.renote(text + "\n" + text)))]
        yield "signed size misspelt", [
            signed_again(text.replace(f"\n{SIZE}\n", f"\n{one}\n"))
            for one in (f"0{SIZE}", f"+{SIZE}", f"{SIZE} ", "7e2", "-1", "", str(2**63), str(2**64 + SIZE))
        ]
        yield "signed root misspelt", [
            signed_again(text.replace(root, one))
            for one in (root[:-1], stray(root), root + " ", b64(bytes(31)), b64(bytes(33)), root[:10], "")
        ]
        yield "signed checkpoint with too few or empty lines", [
            signed_again(one)
            for one in (
                f"{ORIGIN}\n{SIZE}\n",
                f"{ORIGIN}\n",
                text + "\n",
                text + "a\n\nb\n",
                "\n" + text,
                f"{ORIGIN}\n\n{root}\n",
            )
        ]
        yield "signed with CRLF", [signed_again(text.replace("\n", "\r\n"))]
        yield "signed empty tree with a root", [str(self.true(note=self.renote(f"{ORIGIN}\n0\n{root}\n")))]
        stranger = f"audit.example/v1/logs/other\n{SIZE}\n{root}\n"
        yield "signed for another origin", [
            (signed_again(stranger), UNMET),
            (signed_again(text.replace(ORIGIN, ORIGIN + "/")), UNMET),
            (signed_again(text.replace(ORIGIN, ORIGIN.upper())), UNMET),
        ]

    # --- The signatures ---

    def of_the_signatures(self):
        text = self.log.checkpoint_text()
        good = [LOG_KEY, *WITNESSES[:2]]

        def with_lines(*lines):
            return str(self.true(note=text + "\n" + "".join(line + "\n" for line in lines)))

        def line(signer, signature, name=None):
            return f"\u2014 {name or signer.name} {b64(signature)}"

        own, one, two = (signer.line(text) for signer in good)
        raw = LOG_KEY.signature(text)
        cosigned = WITNESSES[0].signature(text)
        yield "signed by a stranger under the log's name", [(with_lines(STRANGER.line(text), one, two), UNMET)]
        yield "signed by a stranger under the log's name and key id", [
            with_lines(line(LOG_KEY, LOG_KEY.id + STRANGER.signature(text)[4:]), one, two)
        ]
        yield "good signature and a false one of the same key", [
            with_lines(own, line(LOG_KEY, LOG_KEY.id + STRANGER.signature(text)[4:]), one, two)
        ]
        yield "signature of another checkpoint", [with_lines(LOG_KEY.line(self.log.checkpoint_text(512)), one, two)]
        yield "signature altered", [
            with_lines(line(LOG_KEY, raw[:4] + flip(raw[4:], at)), one, two) for at in (0, 31, 32, 63)
        ]
        s = int.from_bytes(raw[36:], "little") + ORDER
        yield "signature with S above the order", [
            with_lines(line(LOG_KEY, raw[:36] + s.to_bytes(32, "little")), one, two)
        ]
        yield "signature of another length", [
            with_lines(line(LOG_KEY, end), one, two) for end in (raw[:-1], raw + b"\0", raw[:5], raw[:36])
        ]
        yield "signature whose point is of small order or not canonical", [
            with_lines(line(LOG_KEY, raw[:4] + point + raw[36:]), one, two)
            for point in (bytes(32), b"\1" + bytes(31), PRIME.to_bytes(32, "little"), b"\xff" * 32)
        ]
        yield "signature line that is empty inside", [
            with_lines(line(LOG_KEY, b""), own, one, two),
            with_lines(line(LOG_KEY, LOG_KEY.id), own, one, two),
            with_lines(f"\u2014 {ORIGIN} ", own, one, two),
        ]
        yield "key id altered", [(with_lines(line(LOG_KEY, flip(raw, 3)), one, two), UNMET)]
        yield "name altered", [
            (with_lines(line(LOG_KEY, raw, ORIGIN + "x"), one, two), UNMET),
            (with_lines(line(LOG_KEY, raw, "witness.example/1"), one, two), UNMET),
        ]
        yield "names of two signatures swapped", [
            (with_lines(line(LOG_KEY, raw, WITNESSES[0].name), line(WITNESSES[0], cosigned, ORIGIN), two), UNMET)
        ]
        yield "no signature", [with_lines(), str(self.true(note=text)), str(self.true(note=text + "\n\n"))]
        yield "log's own signature missing", [
            (with_lines(one, two), UNMET),
            (with_lines(*(signer.line(text) for signer in WITNESSES)), UNMET),
        ]
        yield "quorum not reached", [
            (with_lines(own), UNMET),
            (with_lines(own, one), UNMET),
            (with_lines(own, one, WITNESSES[0].line(text, 1_700_000_001)), UNMET),
        ]
        yield "cosignature of another time", [
            with_lines(own, line(WITNESSES[0], cosigned[:4] + (1_700_000_001).to_bytes(8, "big") + cosigned[12:]), two)
        ]
        far = Signer(WITNESSES[0].name, "witness 1", Signer.WITNESS).signature(text, 2**63)
        yield "cosignature beyond times", [with_lines(own, line(WITNESSES[0], far), two)]
        plain = Signer(WITNESSES[0].name, "witness 1")
        yield "witness that signed as a log does", [
            with_lines(own, line(WITNESSES[0], WITNESSES[0].id + plain.signature(text)[4:]), two),
            (with_lines(own, plain.line(text), two), UNMET),
        ]
        log_as_witness = Signer(ORIGIN, "the log", Signer.WITNESS)
        yield "log that signed as a witness does", [
            (with_lines(log_as_witness.line(text), one, two), UNMET),
            with_lines(line(LOG_KEY, LOG_KEY.id + log_as_witness.signature(text)[4:]), one, two),
        ]
        yield "witness that cosigned another checkpoint", [
            with_lines(own, WITNESSES[0].line(self.log.checkpoint_text(512)), two)
        ]
        yield "signature lines misspelt", [
            with_lines(changed, one, two)
            for changed in (
                own.replace("\u2014", "-"),
                own.replace("\u2014", "\u2013"),
                own.replace("\u2014 ", "\u2014  "),
                own.replace("\u2014 ", "\u2014"),
                " " + own,
                own + " ",
                own + " x",
                own[:-1],
                own.replace(ORIGIN + " ", ""),
                stray(own),
            )
        ]
        yield "names that cannot be", [
            with_lines(own, one, two, line(LOG_KEY, raw, name))
            for name in ("a+b", "a\u00a0b", "a\u2003b", "a\u2028b", "a\x01b")
        ]
        yield "too many signatures", [with_lines(own, one, two, *(Signer(f"x{n}", "x").line(text) for n in range(98)))]
        yield "note too long", [str(self.true(note=self.renote(text + "x" * 1_000_000 + "\n")))]


def policies():
    """Policies and keys that cannot be believed: the user's own mistake, exit code 1."""
    lines = POLICY.split("\n")
    yield "policy cut short", [POLICY[:-1], "\n".join(lines[:-2]) + "\n", "", "\n"]
    yield "policy with a quorum nobody defined, or two", [
        POLICY.replace("quorum two", "quorum three"),
        POLICY + "quorum none\n",
        POLICY.replace("quorum two", "quorum"),
    ]
    yield "policy with a group that cannot be", [
        POLICY.replace("two 2 w1", f"two {one} w1") for one in ("0", "4", "02", "-1", "+2", "most", "2.0")
    ] + [
        POLICY.replace("2 w1 w2 w3", "2 w1 w2 w4"),
        POLICY.replace("2 w1 w2 w3", "2 w1 w1 w2"),
        POLICY.replace("2 w1 w2 w3", "2"),
        POLICY.replace("2 w1 w2 w3", "1 two"),
        POLICY.replace("2 w1 w2 w3", "1 none"),
    ]
    yield "policy with a name defined twice, or reserved", [
        POLICY.replace("witness w2", "witness w1"),
        POLICY.replace("witness w2", "witness none"),
        POLICY.replace("group two", "group w1"),
    ]
    yield "policy that lists a key twice", [
        POLICY.replace(lines[0], lines[0] + "\n" + lines[0]),
        POLICY.replace(WITNESSES[1].vkey, WITNESSES[0].vkey),
        POLICY.replace(WITNESSES[1].vkey, Signer("again", "witness 1", Signer.WITNESS).vkey),
    ]
    yield "policy with a key of the wrong kind", [
        POLICY.replace(WITNESSES[0].vkey, Signer("w", "w").vkey),
        POLICY.replace(LOG_KEY.vkey, Signer(ORIGIN, "x", Signer.WITNESS).vkey),
    ]
    yield "policy in another spelling", [
        POLICY.replace("\n", "\r\n"),
        POLICY.replace("log ", "Log ", 1),
        POLICY.replace("log ", "log\x0b", 1),
        POLICY + "more\n",
        POLICY.replace("log ", "log a b ", 1),
    ]
    yield "policy that defines after use", [
        "\n".join([lines[0], lines[4], *lines[1:4], *lines[5:]]),
        "\n".join([*lines[:4], lines[5], lines[4], ""]),
    ]
    yield "vkey altered", [f"log {one}\nquorum none\n" for one in vkeys()]


def vkeys():
    vkey = LOG_KEY.vkey
    name, key_id, key = vkey.split("+", 2)
    yield vkey.replace(key_id, "00000000")
    yield vkey.replace(key_id, key_id.upper()) if key_id != key_id.upper() else vkey.replace(key_id, key_id + "0")
    yield vkey.replace(name, name + "x")
    yield f"{name}+{key_id}"
    yield f"+{key_id}+{key}"
    yield vkey[:-1]
    yield vkey + "="
    for point in (1, 0, PRIME - 1, PRIME, PRIME + 1, 2, 2**255 - 1):
        public = b"\x01" + point.to_bytes(32, "little")
        yield f"{name}+{sha256(name.encode() + bytes([10]) + public)[:4].hex()}+{b64(public)}"
    public = b"\x02" + base64.b64decode(key)[1:]
    yield f"{name}+{sha256(name.encode() + bytes([10]) + public)[:4].hex()}+{b64(public)}"


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def stray(encoded):
    """The same bytes in base64 whose last character has bits that no byte holds."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = encoded.rstrip("=")
    if body == encoded:
        return encoded[:-1] + " "
    return body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + encoded[len(body) :]
