"""Clients that share no code with the server: Python's own http.client and curl write, read and export."""

import csv
import gzip
import http.client
import io
import json
import os
import pathlib
import pty
import ssl
import subprocess
import tempfile
import urllib.parse
import urllib.request

from server import BINARY, Tally, running

# A certificate for this machine, its key, and who vouches for it; good until 2126 and for nothing else.
TLS = pathlib.Path(__file__).resolve().parent / "tls"


def main():
    tally = Tally()
    with running() as url:
        python_client(url, tally)
        curl_client(url, tally)
    with tempfile.TemporaryDirectory(prefix="mar-audit-guarded-") as folder:
        with running("--access", "required", folder=folder) as url:
            house = claimed(url, pathlib.Path(folder), tally)
            python_client(house, tally)
            curl_client(house, tally)
            keepers(house, tally)
            typed_password(house, pathlib.Path(folder), tally)
    with running("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "server.key")) as url:
        encrypted(url, tally)
    tally.end()


PASSWORD = "correct horse battery"


class House(str):
    """The address of a server that lets nobody in without a token: what records shows one, what reads another."""

    recorder = auditor = owner = None


def credential(url, method):
    """What a call shows of who makes it."""
    token = getattr(url, "auditor" if method == "GET" else "recorder", None)
    return {"Authorization": "Bearer " + token} if token else {}


def claimed(url, folder, tally):
    """The first owner comes in by the link, and makes a recorder's and an auditor's token."""
    house = House(url)
    json_type = {"Content-Type": "application/json"}
    link = (folder / "data/first-sign-in").read_text().strip()
    owner = {"link": link, "login": "ana@acme.example", "name": "Ana Ruiz", "password": PASSWORD}
    status, headers, body = call(url, "POST", "/v1/access/claim", json.dumps(owner), json_type)
    tally.check("python: the first owner claims the server", status == 201, body)
    cookie = headers["set-cookie"].split(";")[0]

    def done(path, **members):
        session = {**json_type, "Cookie": cookie, "Origin": url}
        status, _, body = call(url, "POST", "/v1/access/" + path, json.dumps(members), session)
        tally.check(f"python: {path} are given", status == 201, body)
        return json.loads(body)

    def service(login, role, *permissions):
        account = done("users", kind="service", login=login, name=login)["id"]
        done("bindings", account=account, role=role, organization="acme")
        return done("tokens", account=account, name=login, permissions=permissions)["secret"]

    house.recorder = service("mar-api", "recorder", "entries:record")
    house.auditor = service("auditors", "auditor", "entries:read", "entries:export", "logs:verify")
    mine = done("tokens", name="laptop", permissions=["access:manage", "entries:read"])
    house.owner = mine["secret"]
    return house


def keepers(house, tally):
    """Each token does what it is for and nothing else."""
    def status(method, path, token, body=None):
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        return call(str(house), method, path, body, headers)[0]

    other = json.dumps(draft(6000, scope={"organization": "globex"}))
    for name, expected, given in [
        ("a recorder reads nothing", 403, status("GET", "/v1/entries", house.recorder)),
        ("an auditor records nothing", 403, status("POST", "/v1/entries", house.auditor, json.dumps(draft(6001)))),
        ("a recorder records nothing of others", 422, status("POST", "/v1/entries", house.recorder, other)),
        ("a stranger reads nothing", 401, status("GET", "/v1/entries", None)),
        ("a mistyped token is none", 401, status("GET", "/v1/entries", house.auditor[:-1])),
    ]:
        tally.check(f"python: {name}", given == expected, given)


def typed_password(house, folder, tally):
    """A password is asked for on the terminal, twice, and shown by neither."""
    token = folder / "owner.token"
    token.write_text(house.owner)
    command = [BINARY, "user", "add", "bo@acme.example", "--name", "Bo Li", "-o", "ndjson"]
    command += ["--server", house, "--token", f"@{token}"]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    for prompt in (b"New password of bo@acme.example: ", b"The same again: "):
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, PASSWORD.encode() + b"\n")
    try:
        while more := os.read(terminal, 1024):
            shown += more
    except OSError:
        pass  # The other end of a terminal that closes is an error on Linux.
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = b"bo@acme.example" in shown.split(b"again: ")[1]
    tally.check("terminal: a password is typed unseen", status == 0 and told and PASSWORD.encode() not in shown, shown)


def call(url, method, path, body=None, headers=None):
    """One call: status, headers, body."""
    headers = {**credential(url, method), **(headers or {})}
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
    connection.close()
    return found


def draft(number, **members):
    return {
        "id": f"0198f3c2-7b1e-7c3a-9d0a-{number:012x}",
        "actor": {"type": "user", "name": "Zoë Ångström", "email": "zoe@acme.example"},
        "action": "scaleCluster",
        "target": {"type": "cluster", "id": f"clu_{number}", "name": f"pay-eu-{number}"},
        "scope": {"organization": "acme", "project": "payments"},
        "request": {"id": f"req_{number}", "ip": "203.0.113.9"},
        "result": "success",
        **members,
    }


def python_client(url, tally):
    json_type = {"Content-Type": "application/json"}
    status, _, body = call(url, "POST", "/v1/entries", json.dumps(draft(1)), json_type)
    answer = json.loads(body)
    tally.check("python: one entry is accepted", status == 200 and answer["accepted"] == 1, body)
    status, _, body = call(url, "POST", "/v1/entries", json.dumps(draft(1)), json_type)
    tally.check("python: a retry is a duplicate", json.loads(body)["duplicates"] == 1, body)

    lines = "\n".join(json.dumps(draft(n, context={"number": n})) for n in range(2, 1202)).encode()
    status, _, body = call(
        url, "POST", "/v1/entries", gzip.compress(lines),
        {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
    )
    tally.check("python: a gzip batch of lines is accepted", json.loads(body)["accepted"] == 1200, body[:300])

    status, _, body = call(url, "POST", "/v1/entries", json.dumps(draft(1, action="deleteCluster")), json_type)
    receipt = json.loads(body)["receipts"][0]
    tally.check("python: the same id with other content is refused", receipt["status"] == "rejected", body)
    status, headers, body = call(url, "POST", "/v1/entries", json.dumps(draft(9, nonsense=1)), json_type)
    tally.check("python: an unknown member is refused with its pointer", status == 422 and b"/nonsense" in body, body)
    status, headers, body = call(url, "POST", "/v1/entries", "no json", json_type)
    problem = headers.get("content-type", "").startswith("application/problem+json")
    tally.check("python: what is no JSON is a problem document", status == 400 and problem, (status, headers))

    seen = walk(url, "/v1/entries?organization=acme&-category=audit&limit=500")
    tally.check("python: a walk by cursor sees every entry once", len(seen) == 1201 and len(set(seen)) == 1201, len(seen))
    found = json.loads(call(url, "GET", "/v1/entries?search=" + urllib.parse.quote("ÅNGSTRÖM") + "&limit=1")[2])
    tally.check("python: search folds case in any script", len(found["entries"]) == 1, found)
    entry = found["entries"][0]
    one = json.loads(call(url, "GET", "/v1/entries/" + entry["id"])[2])
    tally.check("python: an entry by its id is the entry of the list", one == entry, one)
    facets = json.loads(call(url, "GET", "/v1/facets?fields=result,action&top=5&-category=audit")[2])
    tally.check("python: facets answer", "1201" in json.dumps(facets), facets)
    exports(url, tally)


def walk(url, path):
    """The ids of every page."""
    seen = []
    while path:
        answer = json.loads(call(url, "GET", path)[2])
        seen += [entry["id"] for entry in answer["entries"]]
        cursor = answer.get("next_cursor")
        path = cursor and path.split("&cursor=")[0] + "&cursor=" + urllib.parse.quote(cursor)
    return seen


def exports(url, tally):
    def opened(path):
        return urllib.request.urlopen(urllib.request.Request(url + path, headers=credential(url, "GET")))

    with opened("/v1/export?format=csv&search=pay-eu-7") as answer:
        rows = list(csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8", newline="")))
    # Numbers that begin with 7: 7, 70 to 79 and 700 to 799.
    same = all("pay-eu-7" in row["target"] for row in rows)
    tally.check("python: csv reads the CSV export", same and len(rows) == 111, len(rows))
    with opened("/v1/export?format=json&-category=audit") as answer:
        whole = json.load(answer)
    tally.check("python: the JSON export is one complete document", whole["complete"] and len(whole["entries"]) == 1201)


def curl_client(url, tally):
    def curl(*arguments, data=None):
        shown = credential(url, "POST" if data else "GET")
        headers = [word for name, value in shown.items() for word in ("--header", f"{name}: {value}")]
        return subprocess.run(
            ["curl", "--silent", "--show-error", *headers, *arguments], input=data, capture_output=True, check=False
        )

    body = json.dumps(draft(5000, result="failure", error={"code": "403", "message": "=1+1"})).encode()
    sent = curl("--json", "@-", url + "/v1/entries", data=body)
    tally.check("curl: one entry is accepted", b'"accepted":1' in sent.stdout, sent)
    found = curl("--fail", "--get", url + "/v1/entries", "--data-urlencode", "q=result:failure request_id:req_5000")
    tally.check("curl: it is found at once", b'"req_5000"' in found.stdout, found)
    lines = curl("--fail", url + "/v1/export?format=ndjson&result=failure").stdout.splitlines()
    tally.check("curl: the NDJSON export says that it is complete", b'"complete":true' in lines[-1], lines[-1:])
    guarded = curl("--fail", url + "/v1/export?format=csv&result=failure").stdout
    tally.check("curl: a cell that looks like a formula is guarded", b"'=1+1" in guarded or b": =1+1" in guarded, guarded)
    ready = curl("--fail", url + "/readyz")
    tally.check("curl: the server is ready", ready.returncode == 0, ready)
    missing = curl("--output", "/dev/null", "--write-out", "%{http_code}", url + "/v1/entries/" + draft(77777)["id"])
    tally.check("curl: no entry is 404", missing.stdout == b"404", missing)


def encrypted(url, tally):
    def curl(*arguments, data=None):
        command = ["curl", "--silent", "--show-error", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=False)

    authority = ["--cacert", str(TLS / "authority.pem")]
    body = json.dumps(draft(1)).encode()
    for version in ("1.2", "1.3"):
        only = [f"--tlsv{version}", "--tls-max", version]
        sent = curl(*authority, *only, "--fail", "--json", "@-", url + "/v1/entries", data=body)
        tally.check(f"curl: an entry is recorded over TLS {version}", b'"receipts"' in sent.stdout, sent)
    twice = curl(*authority, "--fail", "--write-out", "%{num_connects} %{http_version} ", url + "/readyz", url + "/readyz")
    kept = twice.stdout.endswith(b"0 1.1 ")
    tally.check("curl: an encrypted connection is used again", kept, twice)
    refused = curl(url + "/readyz")
    tally.check("curl: without the authority it hangs up", refused.returncode == 60, refused)
    plain = curl("--write-out", " %{http_code}", url.replace("https:", "http:") + "/readyz")
    told = plain.stdout.endswith(b" 400") and b"https://" in plain.stdout
    tally.check("curl: plain HTTP is told where to go", told, plain)
    trusted = ssl.create_default_context(cafile=str(TLS / "authority.pem"))
    with urllib.request.urlopen(url + "/v1/export?format=ndjson", context=trusted) as answer:
        lines = answer.read().splitlines()
    tally.check("python: an export over TLS is complete", b'"complete":true' in lines[-1] and len(lines) == 2, lines)


if __name__ == "__main__":
    main()
