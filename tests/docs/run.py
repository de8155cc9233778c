"""Runs or parses every fenced block of the documents, so that what they show is what happens.

sh, python      run in an empty directory against a fresh `serve --demo`; a failing command fails the block.
                `mar-audit` and `cargo run --release --` are the binary under test, http://127.0.0.1:8080 its address.
json            parsed. ndjson: parsed line by line. toml: read as settings.
text, no name   shown only.

A block after `<!-- shown only: REASON -->` is not run. REASON is printed; it counts as nothing.
A block after `<!-- guarded -->` is run where nobody is let in without a credential, in the directory that `serve` was started in; once
it holds an `owner.token`, that is what commands show. `ana.password` and `bo.password` are there to be read.
A toml block after `<!-- mapping -->` is one: the json or csv block before it is imported by it, without sending.
"""

import contextlib
import csv
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "clients"))
from server import Tally, running  # noqa: E402

DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!-- (?:shown only: (?P<reason>.*?)|(?P<guarded>guarded)|(?P<mapping>mapping)) -->\s*)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)
SHOWN = {"", "text"}


def main():
    tally = Tally()
    blocks = [(path, found) for path in DOCUMENTS if path.exists() for found in BLOCK.finditer(path.read_text())]
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(running("--demo"))
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mar-audit-docs-")))
        environment = prepare(place, url)
        guarded = place / "guarded"
        guarded_url = stack.enter_context(running("--access", "required", folder=str(guarded)))
        event = None
        for path, found in blocks:
            line = path.read_text()[: found.start("body")].count("\n") + 1
            name = f"{path.relative_to(ROOT)}:{line} {found['language']}"
            if found["reason"]:
                print(f"shown   {name} ({found['reason']})")
            elif found["language"] not in SHOWN:
                where = (place / "work", environment, url)
                if found["guarded"]:
                    where = (guarded, with_owner(guarded, environment, guarded_url), guarded_url)
                if found["mapping"]:
                    good, detail = mapped(event, found["body"], *where[:2])
                else:
                    good, detail = examine(found["language"], found["body"], *where)
                tally.check(name, good, detail)
                if found["language"] in ("json", "csv"):
                    event = found["body"]
    tally.end()


def prepare(place, url):
    """A directory to work in with the binary and `cargo` on the path, and the environment for it."""
    binary = pathlib.Path(os.environ.get("MAR_AUDIT_BIN", ROOT / "target/debug/mar-audit")).resolve()
    commands = place / "commands"
    commands.mkdir()
    (commands / "mar-audit").symlink_to(binary)
    # `cargo run --release -- ARGUMENTS`, without building anything.
    stand_in = commands / "cargo"
    stand_in.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec mar-audit "$@"\n')
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    (place / "work").mkdir()
    (place / "guarded").mkdir()
    for name in ("ana", "bo"):
        (place / "guarded" / f"{name}.password").write_text(f"correct horse of {name}\n")
    return {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "MAR_AUDIT_SERVER": url,
        "NO_COLOR": "1",
    }


def with_owner(guarded, environment, url):
    """The environment of whoever claimed the guarded server, as far as there is such a one."""
    token = {"MAR_AUDIT_TOKEN": "@owner.token"} if (guarded / "owner.token").exists() else {}
    return {**environment, "MAR_AUDIT_SERVER": url, **token}


def examine(language, body, place, environment, url):
    """Whether a block holds, and what is wrong with it."""
    try:
        if language == "json":
            json.loads(body)
        elif language == "ndjson":
            for line in body.splitlines():
                json.loads(line)
        elif language == "csv":
            rows = list(csv.reader(body.splitlines()))
            return len({len(row) for row in rows}) == 1, f"{len(rows)} records"
        elif language == "toml":
            return run("sh", f"mar-audit config show --config /dev/stdin <<'END'\n{body}END", place, environment)
        elif language in ("sh", "python"):
            return run(language, body.replace("http://127.0.0.1:8080", url), place, environment)
        else:
            return False, f"no rule for {language!r}"
    except ValueError as wrong:
        return False, str(wrong)
    return True, ""


def mapped(event, mapping, place, environment):
    """Whether a mapping makes an entry of the event shown before it."""
    if event is None:
        return False, "nothing before it to be mapped"
    (place / "shown.json").write_text(event)
    (place / "shown.toml").write_text(mapping)
    good, detail = run("sh", "mar-audit import --mapping shown.toml --dry-run shown.json", place, environment)
    return good and re.search(r"would send +1$", detail, re.M) is not None, detail


def run(language, body, place, environment):
    command = ["bash", "-euo", "pipefail", "-c", body] if language == "sh" else ["python3", "-c", body]
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return False, "did not end within a minute"
    return done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-500:]}{done.stderr[-1500:]}"


if __name__ == "__main__":
    main()
