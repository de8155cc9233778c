"""Forged evidence bundles, class by class, each derived from one true bundle."""

import base64
import io
import re
import tarfile

import zstandard

from forged_proofs import TAMPERED, UNMET, flip
from true_log import LOG_KEY, ORIGIN, STRANGER, WITNESSES, TrueLog, b64, json_text, note, pack, tar, tile_path

SIZE, FIRST, END = 1100, 300, 900


class Forgeries:
    def __init__(self):
        self.log = TrueLog(SIZE)
        self.members = self.log.bundle(FIRST, END)

    def true_files(self):
        """One entry, one tile, edges of tiles, everything, the last entry, and small logs."""
        for first, end in (
            (FIRST, END),
            (0, SIZE),
            (0, 1),
            (255, 257),
            (256, 512),
            (512, 1024),
            (SIZE - 1, SIZE),
            (1024, SIZE),
        ):
            yield pack(self.log.bundle(first, end))
        for size in (1, 2, 255, 256, 257, 512):
            yield pack(TrueLog(size).bundle(0, size))
        yield pack(self.nothing())
        yield pack(TrueLog(0).bundle(0, 0))
        yield zstandard.ZstdCompressor(level=19).compress(tar(self.members))

    def classes(self):
        """name → files: (bytes, exit code)."""
        for part in (
            self.of_the_lines,
            self.of_the_tiles,
            self.of_the_head,
            self.of_the_archive,
            self.of_the_compression,
        ):
            for name, files in part():
                yield name, [(one if isinstance(one, tuple) else (one, TAMPERED)) for one in files]

    def nothing(self):
        """A bundle of a filter that matched no entry."""
        return self.log.bundle(0, 0)[:2]

    def changed(self, name, change):
        """The bundle with one member's bytes changed."""
        members = [[one, change(data) if one == name else data] for one, data in self.members]
        assert members != self.members, name
        return pack(members)

    # --- The lines of entries ---

    def of_the_lines(self):
        middle = "entries/001.ndjson"
        lines = dict(self.members)[middle].decode().split("\n")[:-1]
        first = max(FIRST, 256)

        def with_lines(change):
            return self.changed(middle, lambda data: "".join(line + "\n" for line in change(list(lines))).encode())

        def swapped(lines, a, b):
            lines[a], lines[b] = lines[b], lines[a]
            return lines

        def with_line(at, line):
            return with_lines(lambda all_lines: [*all_lines[:at], line, *all_lines[at + 1 :]])

        def from_text(old, new):
            return self.changed(middle, lambda data: data.replace(old.encode(), new.encode(), 1))

        yield "entry line dropped", [
            with_lines(lambda all_lines: all_lines[:at] + all_lines[at + 1 :]) for at in (0, 10, len(lines) - 1)
        ]
        yield "entry line doubled", [
            with_lines(lambda all_lines: all_lines[: at + 1] + all_lines[at:]) for at in (0, 10, len(lines) - 1)
        ]
        yield "entry lines moved", [
            with_lines(lambda all_lines: swapped(all_lines, 0, 1)),
            with_lines(lambda all_lines: all_lines[1:] + all_lines[:1]),
        ]
        yield "entry line of another place", [
            with_line(5, self.log.bundle_line(first + 50)),
            with_line(5, self.log.bundle_line(3)),
        ]
        yield "value altered in an entry line", [
            from_text("Ana R\u00f6\u00dfi", "Eva R\u00f6\u00dfi"),
            from_text("scaleCluster", "deleteCluster"),
            from_text('\\"success\\"', '\\"failure\\"'),
        ]
        at = next(index for index in range(5, 20) if (first + index) % 7)
        leaf = self.log.leaves[first + at].decode()
        other = TrueLog(SIZE, fork=0).leaves[first + at].decode()
        withheld = next(index for index in range(20) if (first + index) % 7 == 0)
        yield "withheld leaf with another commitment", [
            with_line(at, '{"withheld":' + json_text(other) + "}"),
            with_line(withheld, '{"withheld":' + json_text(other) + "}"),
        ]
        yield "withheld leaf misspelt", [
            with_line(withheld, lines[withheld].replace(old, new, 1))
            for old, new in (
                (":", ": "),
                ("\\n", "\\u000a"),
                ("}", ',"more":1}'),
                ("{", '{"withheld":"",'),
                ("mar", "\\u006dar"),
                ('"}', '\\n"}'),
                ("@v1", "@v2"),
                ("\\n", ""),
            )
        ] + [
            with_line(withheld, one)
            for one in ("", "{}", '{"withheld":1}', '{"withheld":""}', "null", lines[withheld] + " ")
        ]
        yield "withheld leaf of a wrong length", [
            with_line(withheld, '{"withheld":' + json_text(text) + "}") for text in (leaf[:-1], leaf + "x", leaf + leaf)
        ]
        yield "open line misspelt", [
            with_line(at, lines[at].replace(old, new, 1))
            for old, new in (('{"v"', '{ "v"'), ("\u00f6", "\\u00f6"), ('"v":1', '"v":2'), ("}]}", "}]} "))
        ]
        yield "unit erased to another digest", [
            with_line(at, re.sub('"digest":"[^"]*"', f'"digest":"{b64(bytes(32))}"', lines[at], count=1))
        ]
        yield "lines with CRLF, an empty line, or an end that is missing", [
            self.changed(middle, lambda data: data.replace(b"\n", b"\r\n")),
            self.changed(middle, lambda data: data.replace(b"\n", b"\n\n", 1)),
            self.changed(middle, lambda data: data[:-1]),
            self.changed(middle, lambda data: data + b"\n"),
            self.changed(middle, lambda data: b""),
        ]
        yield "lines that are no UTF-8", [
            self.changed(middle, lambda data: data.replace("\u00f6".encode(), b"\xf6", 1))
        ]
        last = self.members[-1][0]
        yield "line after the range", [
            self.changed(last, lambda data: data + self.log.bundle_line(END).encode() + b"\n")
        ]
        yield "line before the range", [
            self.changed(middle, lambda data: self.log.bundle_line(FIRST - 1).encode() + b"\n" + data)
        ]

    # --- The tiles ---

    def of_the_tiles(self):
        names = [name for name, _ in self.members if name.startswith("tile/")]
        edge = next(name for name in names if name.startswith("tile/0/") and ".p/" in name)
        full = "tile/0/001"
        yield "tile altered", [
            self.changed(name, lambda data, at=at: flip(data, at)) for name in names for at in (0, 33)
        ]
        yield "hashes of a tile swapped", [self.changed(full, lambda data: data[32:64] + data[:32] + data[64:])]
        yield "tile too short or too long", [
            self.changed(name, change)
            for name in (full, edge)
            for change in (
                lambda data: data[:-32],
                lambda data: data[:-1],
                lambda data: data + bytes(32),
                lambda data: b"",
            )
        ]
        yield "tile dropped", [pack([member for member in self.members if member[0] != name]) for name in names]
        yield "tile doubled", [
            pack([member for one in self.members for member in ([one, one] if one[0] == name else [one])])
            for name in names
        ]
        extra = [tile_path(0, 0, 256), self.log.tile(0, 0, 256)]
        at = [name for name, _ in self.members].index("tile/0/001")
        yield "tile that is not needed", [pack([*self.members[:at], extra, *self.members[at:]])]
        row = [index for index, (name, _) in enumerate(self.members) if name.startswith("tile/0/")]
        swapped = list(self.members)
        swapped[row[0]], swapped[row[1]] = swapped[row[1]], swapped[row[0]]
        upside = [
            *self.members[:2],
            *sorted(self.members[2 : row[-1] + 1], key=lambda one: one[0]),
            *self.members[row[-1] + 1 :],
        ]
        yield "tiles in another order", [pack(swapped), pack(upside)]
        older = self.log.tile(0, 4, 40)
        yield "tile of another width", [
            pack([[tile_path(0, 4, 40), older] if name == edge else [name, data] for name, data in self.members]),
            self.changed(edge, lambda data: older),
        ]
        yield "tile of another place or level", [
            self.changed(full, lambda data: self.log.tile(0, 0, 256)),
            pack([["tile/1/001" if name == full else name, data] for name, data in self.members]),
            pack([["tile/0/x000/001" if name == full else name, data] for name, data in self.members]),
            pack([["tile/0/1" if name == full else name, data] for name, data in self.members]),
            pack([["tile/00/001" if name == full else name, data] for name, data in self.members]),
            pack([[name + ".p/256" if name == full else name, data] for name, data in self.members]),
        ]
        fork = TrueLog(SIZE, fork=1000)
        yield "tiles of another history", [
            pack(
                [
                    [name, dict(fork.bundle(FIRST, END))[name] if name.startswith("tile/") else data]
                    for name, data in self.members
                ]
            )
        ]
        yield "tiles and entries of another history", [
            pack(
                [
                    [name, data if name == "checkpoint" else other]
                    for (name, data), (_, other) in zip(self.members, TrueLog(SIZE, fork=400).bundle(FIRST, END))
                ]
            )
        ]

    # --- bundle.json and the checkpoint ---

    def of_the_head(self):
        about = self.members[0][1].decode()

        def told(old, new):
            assert old in about, old
            return self.changed("bundle.json", lambda data: about.replace(old, new, 1).encode())

        yield "range altered", [
            told(f'"first":{FIRST}', f'"first":{one}') for one in (FIRST - 1, FIRST + 1, 0, END)
        ] + [told(f'"end":{END}', f'"end":{one}') for one in (END - 1, END + 1, FIRST, SIZE + 1, 2**63)]
        empty = self.nothing()
        yield "empty bundle that is not empty, or of another place", [
            pack([[name, data.replace(b'"first":0,"end":0', range_.encode())] for name, data in empty])
            for range_ in ('"first":0,"end":1', '"first":5,"end":5', '"first":1,"end":0')
        ] + [
            pack(empty + self.members[2:]),
            pack(empty + self.members[2:3]),
            pack(empty[:1]),
            pack([*empty, ["entries/000.ndjson", b""]]),
        ]
        yield "number misspelt", [
            told(f'"first":{FIRST}', f'"first":{one}')
            for one in (f"0{FIRST}", f"{FIRST}.0", "3e2", f'"{FIRST}"', "-1", "true", "null")
        ]
        yield "origin altered", [told(ORIGIN, ORIGIN + "x"), told(ORIGIN, "")]
        yield "bundle.json of another version", [told('"v":1', f'"v":{one}') for one in ("2", "1.0", "true", '"1"')]
        yield "bundle.json misspelt", [
            told('{"v"', '{ "v"'),
            told("\n", ""),
            told("\n", "\n\n"),
            told("\n", "\r\n"),
            told('"filter"', '"more":1,"filter"'),
            told('"v":1,', '"v":1,"v":1,'),
            told('"v":1,', ""),
            told("actor", "\\u0061ctor"),
            told(',"filter":"actor:ana"', ""),
            told("00.000000Z", "00Z"),
            told("11-23", "11-31"),
            told(ORIGIN, "\\ud800"),
        ]
        note = self.members[1][1].decode()
        stranger = self.log.note(signers=[STRANGER, *WITNESSES[:2]])
        yield "bundle's checkpoint signed by a stranger", [
            (self.changed("checkpoint", lambda data: stranger.encode()), UNMET)
        ]
        yield "bundle's checkpoint without its quorum", [
            (self.changed("checkpoint", lambda data: self.log.note(signers=[LOG_KEY]).encode()), UNMET)
        ]
        yield "bundle's checkpoint of another size", [
            self.changed("checkpoint", lambda data, size=size: self.log.note(size).encode())
            for size in (END, SIZE - 1, 1024, 1)
        ]
        root = b64(self.log.mth(0, SIZE))
        yield "bundle's checkpoint altered", [
            self.changed(
                "checkpoint", lambda data: data.replace(root.encode(), b64(flip(base64.b64decode(root), 0)).encode())
            ),
            self.changed("checkpoint", lambda data: data[:-1]),
            self.changed("checkpoint", lambda data: data + data),
        ]
        fork = TrueLog(SIZE, fork=FIRST)
        yield "checkpoint of another history over these entries", [
            self.changed("checkpoint", lambda data: fork.note().encode())
        ]
        other = note.replace(ORIGIN, "x")
        yield "second checkpoint", [
            pack([*self.members[:2], self.members[1], *self.members[2:]]),
            pack([*self.members, ["checkpoint", other.encode()]]),
        ]

    # --- The archive ---

    def of_the_archive(self):
        members = self.members

        def with_info(at=0, name=None, **fields):
            made = [list(member) for member in members]
            about = tarfile.TarInfo()
            for key, value in fields.items():
                setattr(about, key, value)
            made[at] = [name or made[at][0], made[at][1], about]
            return zstandard.compress(tar(made))

        def patched(at, data):
            """The archive's own bytes changed, the header's sum made right again where it lies in the first."""
            raw = bytearray(tar(members))
            raw[at : at + len(data)] = data
            raw[148:156] = b" " * 8
            raw[148:156] = b"%06o\0 " % sum(raw[:512])
            return zstandard.compress(bytes(raw))

        yield "members in another order", [
            pack([members[1], members[0], *members[2:]]),
            pack([*members[:2], *reversed(members[2:])]),
            pack([*members[:-2], members[-1], members[-2]]),
        ]
        yield "member missing", [
            pack(members[1:]),
            pack([members[0], *members[2:]]),
            pack(members[:-1]),
            pack(members[:2]),
            pack([]),
        ]
        yield "member twice", [pack([members[0], *members]), pack([*members, members[-1]])]
        yield "member unknown", [
            pack([*members, ["more", b""]]),
            pack([["more", b"x"], *members]),
            pack([*members[:2], ["tile/", b""], *members[2:]]),
        ]
        yield "absolute and climbing names", [
            with_info(name=one)
            for one in ("/bundle.json", "../bundle.json", "./bundle.json", "a/../bundle.json", "bundle.json/")
        ]
        yield "member that is no plain file", [
            with_info(type=one) for one in (b"\0", b"1", b"2", b"3", b"5", b"7", b"L", b"x", b"g", b"S")
        ]
        yield "link", [with_info(linkname="/etc/passwd"), with_info(type=tarfile.SYMTYPE, linkname="/etc/passwd")]
        yield "member with an owner, a mode or a time of its own", [
            with_info(mode=0o600),
            with_info(uid=1),
            with_info(gid=1),
            with_info(mtime=1),
            with_info(uname="root"),
            with_info(gname="root"),
        ]
        yield "header in another spelling", [
            patched(257, b"ustar  \0"),
            patched(263, b"01"),
            patched(124, b"        201\0"),
            patched(124, b"00000000201 "),
            patched(345, b"x"),
            patched(505, b"x"),
            patched(100, b"000644 \0"),
            patched(50, b"x"),
            patched(329, b"0000001\0"),
        ]
        raw = tar(members)
        yield "header with a wrong sum", [
            zstandard.compress(flip(raw, 0)),
            zstandard.compress(flip(raw, 148)),
            zstandard.compress(raw[:148] + b"        " + raw[156:]),
        ]
        yield "size beyond the archive", [patched(124, b"77777777777\0"), patched(124, b"\x80" + bytes(10) + b"\xff")]
        yield "padding that is not empty", [zstandard.compress(raw[:1000] + b"x" + raw[1001:])]
        yield "archive without its end, with half of it, with more of it", [
            zstandard.compress(one) for one in (raw[:-1024], raw[:-512], raw + bytes(512), raw + bytes(9216), raw[:-1])
        ]
        yield "bytes after the archive", [
            zstandard.compress(raw + b"more"),
            zstandard.compress(raw + raw),
            zstandard.compress(raw[:-1] + b"x"),
        ]
        yield "archive cut", [
            zstandard.compress(raw[:at]) for at in (0, 100, 512, 600, 1024, 3000, len(raw) // 2, len(raw) - 2000)
        ]
        yield "pax or GNU archive", [
            zstandard.compress(other_tar(members, form)) for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)
        ]

    # --- The compression ---

    def of_the_compression(self):
        packed = pack(self.members)
        yield "compressed file cut", [
            packed[:at] for at in (0, 3, 4, 10, 100, len(packed) // 2, len(packed) - 4, len(packed) - 1)
        ]
        yield "bytes after the compressed file", [packed + one for one in (b"x", b"\0", b"\n", bytes(512))]
        yield "second frame, or one that is skipped", [
            packed + zstandard.compress(b""),
            packed + packed,
            packed + b"\x50\x2a\x4d\x18\x04\0\0\0skip",
            b"\x50\x2a\x4d\x18\x04\0\0\0skip" + packed,
        ]
        yield "no zstd at all", [tar(self.members), b"", b"\x1f\x8b" + packed, b"x" * 1000]
        checked = zstandard.ZstdCompressor(write_checksum=True).compress(tar(self.members))
        yield "sum of the compressed file altered", [checked[:-1] + bytes([checked[-1] ^ 1])]
        yield "compressed file altered in its middle", [
            flip(packed, at) for at in range(len(packed) // 3, len(packed) - 8, len(packed) // 11)
        ]
        wide = zstandard.ZstdCompressionParameters(window_log=24)
        wide = zstandard.ZstdCompressor(compression_params=wide).compressobj()
        yield "window that takes much memory", [wide.compress(tar(self.members)) + wide.flush()]
        bomb = io.BytesIO()
        with zstandard.ZstdCompressor(level=19).stream_writer(bomb, closefd=False) as writer:
            writer.write(tar(self.members)[:-1024])
            for _ in range(256):
                writer.write(bytes(1 << 20))
        yield "bomb of empty blocks behind the members", [bomb.getvalue()]
        named = [["bundle.json", bytes(300 << 20)], *self.members[1:]]
        yield "member larger than any can be", [pack(named)]


def other_tar(members, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
