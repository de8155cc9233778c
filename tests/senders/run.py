"""What people already run, sending to the real binary as it would to its own servers: OpenTelemetry's SDKs, Elasticsearch's client,
a Splunk handler, the CloudEvents SDK, rsyslogd and logger. Each shows a token in its own way; what arrived is asked for by another.
"""

import base64
import json
import logging
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request

import elasticsearch
import grpc
import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from elasticsearch import helpers
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from splunk_handler import SplunkHandler

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
from server import BINARY, Tally, address, running  # noqa: E402
from syslog_senders import syslog  # noqa: E402

# A certificate for this machine, its key, and who vouches for it.
TLS = HERE.parent / "clients" / "tls"
# Things that each sender tells of.
COUNT = 300
# When they happened, in seconds since 1970.
TIME = 1_793_534_400


def main():
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="mar-audit-senders-") as folder:
        with running("--access", "required", folder=folder) as url:
            log = Log(url, pathlib.Path(folder))
            opentelemetry_python(log, tally)
            opentelemetry_grpc(log, tally)
            opentelemetry_javascript(log, tally)
            cloud_events(log, tally)
            elastic(log, tally)
            splunk(log, tally)
    with running("--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "server.key")) as url:
        grpc_encrypted(url, tally)
    for name, send in [("opentelemetry python", sends_records), ("opentelemetry python, grpc", sends_grpc), ("elasticsearch", sends_documents)]:
        killed(name, send, tally)
    syslog(tally, COUNT)
    tally.end()


class Log:
    """A server, the token that senders show, and the one by which it is asked."""

    def __init__(self, url, folder):
        self.url = url
        link = (folder / "data/first-sign-in").read_text().strip()
        owner = {"link": link, "login": "ana@acme.example", "name": "Ana Ruiz", "password": "correct horse battery"}
        claimed = requests.post(url + "/v1/access/claim", json=owner, timeout=30)
        claimed.raise_for_status()
        self.session = {"Cookie": claimed.headers["set-cookie"].split(";")[0], "Origin": url}
        self.recorder = self.token("recorder", "entries:record")
        self.auditor = self.token("auditor", "entries:read")

    def token(self, role, permission):
        account = self.made("users", kind="service", login=role, name=role)["id"]
        self.made("bindings", account=account, role=role, organization="acme")
        return self.made("tokens", account=account, name=role, permissions=[permission])["secret"]

    def made(self, path, **members):
        answer = requests.post(f"{self.url}/v1/access/{path}", json=members, headers=self.session, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def entries(self, query):
        """Those of the sender's organization, by what they say of their actors."""
        headers = {"Authorization": "Bearer " + self.auditor}
        found, cursor = {}, None
        while True:
            parameters = {"limit": 1000, **query, **({"cursor": cursor} if cursor else {})}
            answer = requests.get(self.url + "/v1/entries", params=parameters, headers=headers, timeout=30)
            answer.raise_for_status()
            page = answer.json()
            for entry in page["entries"]:
                found.setdefault(entry["actor"].get("id"), []).append(entry)
            cursor = page.get("next_cursor")
            if not cursor:
                return found


def all_there(log, tally, name, source, count=COUNT, action="deleteInstance"):
    """Each thing once, as its sender said it."""
    found = log.entries({"source": source})
    expected = {f"u-{n}" for n in range(count)}
    tally.check(f"{name}: all of them are stored", set(found) == expected, sorted(set(found) ^ expected)[:5])
    once = all(len(entries) == 1 for entries in found.values())
    tally.check(f"{name}: each once", once, {k: len(v) for k, v in found.items() if len(v) > 1})
    wrong = [e for es in found.values() for e in es if e["action"] != action or e["scope"]["organization"] != "acme"]
    tally.check(f"{name}: as what it was said", not wrong, wrong[:1])
    return found


def provider(exporter, service):
    made = LoggerProvider(resource=Resource.create({"service.name": service}))
    made.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=64))
    return made


def record_all(made):
    logger = made.get_logger("audit")
    for n in range(COUNT):
        logger.emit(LogRecord(
            timestamp=(TIME + n) * 1_000_000_000,
            event_name="deleteInstance",
            severity_number=SeverityNumber.INFO,
            body={"target": {"type": "instance", "id": f"i-{n}"}},
            attributes={"user.id": f"u-{n}", "user.email": "ana@acme.example", "client.address": "203.0.113.9"},
        ))
    flushed = made.force_flush(30_000)
    made.shutdown()
    return flushed


def opentelemetry_python(log, tally):
    """http/protobuf, plain and with gzip; the second time to a source of one name."""
    bearer = {"Authorization": "Bearer " + log.recorder}
    for name, path, compression, source in [
        ("opentelemetry python", "/v1/logs", Compression.NoCompression, "pay-api"),
        ("opentelemetry python, gzip", "/v1/sources/otlp/edge/v1/logs", Compression.Gzip, "edge"),
    ]:
        exporter = OTLPLogExporter(endpoint=log.url + path, headers=bearer, compression=compression)
        flushed = record_all(provider(exporter, "Pay API"))
        tally.check(f"{name}: the exporter is content", flushed)
        found = all_there(log, tally, name, source)
        one = found["u-7"][0]
        told = (one["actor"].get("email"), one["request"].get("ip"), one["timestamp"])
        tally.check(f"{name}: fields", told == ("ana@acme.example", "203.0.113.9", "2026-11-01T12:00:07.000000Z"), told)


def opentelemetry_grpc(log, tally):
    """gRPC without TLS, plain and with gzip, on the port of everything else."""
    bearer = (("authorization", "Bearer " + log.recorder),)
    for name, compression, service in [
        ("opentelemetry python, grpc", grpc.Compression.NoCompression, "grpc"),
        ("opentelemetry python, grpc and gzip", grpc.Compression.Gzip, "grpc-gzip"),
    ]:
        exporter = GrpcExporter(endpoint=log.url, insecure=True, headers=bearer, compression=compression)
        flushed = record_all(provider(exporter, service))
        tally.check(f"{name}: the exporter is content", flushed)
        all_there(log, tally, name, service)
    channel = grpc.insecure_channel(log.url.removeprefix("http://"))
    for name, path, metadata, expected in [
        ("a stranger", "logs.v1.LogsService", (), grpc.StatusCode.UNAUTHENTICATED),
        ("another service", "trace.v1.TraceService", bearer, grpc.StatusCode.UNIMPLEMENTED),
    ]:
        export = channel.unary_unary(f"/opentelemetry.proto.collector.{path}/Export")
        try:
            export(b"", metadata=metadata, timeout=30)
            tally.check(f"grpc: {name} is refused", False)
        except grpc.RpcError as error:
            tally.check(f"grpc: {name} is refused", error.code() == expected, error)


def grpc_encrypted(url, tally):
    """gRPC behind TLS, where HTTP/2 is agreed on."""
    credentials = grpc.ssl_channel_credentials((TLS / "authority.pem").read_bytes())
    exporter = GrpcExporter(endpoint=url, credentials=credentials)
    tally.check("grpc behind TLS: the exporter is content", record_all(provider(exporter, "edge")))
    found = requests.get(url + "/v1/facets?fields=result&source=edge", verify=str(TLS / "authority.pem"), timeout=30).json()["total"]
    tally.check("grpc behind TLS: all of them are stored", found == COUNT, found)


def opentelemetry_javascript(log, tally):
    """http/json, chunked."""
    environment = {**os.environ, "URL": log.url + "/v1/logs", "TOKEN": log.recorder, "COUNT": str(COUNT), "TIME": str(TIME)}
    done = subprocess.run(["node", "exporter.js"], cwd=HERE, env=environment, capture_output=True, text=True, timeout=120)
    tally.check("opentelemetry javascript: the exporter is content", done.returncode == 0 and not done.stderr, done.stderr)
    all_there(log, tally, "opentelemetry javascript", "browser")


def cloud_events(log, tally):
    """Structured and binary; every event both ways, which is the same event."""
    url = log.url + "/v1/sources/cloudevents/shop"
    known = []
    for n in range(40):
        attributes = {"id": str(n), "source": "/shop", "type": "deleteInstance", "subject": "Schnäppchen 100 %", "specversion": "1.0"}
        event = CloudEvent(attributes, {"actor": {"id": f"u-{n}"}})
        for message in (to_structured_event(event), to_binary_event(event)):
            headers = {**message.headers, "Authorization": "Bearer " + log.recorder}
            answer = requests.post(url, data=message.body, headers=headers, timeout=30)
            answer.raise_for_status()
            known.append(answer.json())
    counts = [sum(one[what] for one in known) for what in ("stored", "duplicates", "quarantined", "refused")]
    tally.check("cloudevents: an event is the same in both modes", counts == [40, 40, 0, 0], counts)
    found = all_there(log, tally, "cloudevents", "shop", 40)
    target = found["u-3"][0].get("target", {}).get("name")
    tally.check("cloudevents: a header's letters are read", target == "Schnäppchen 100 %", target)


def elastic(log, tally):
    """Its bulk helpers, in each way to show a token."""
    url = log.url + "/v1/sources/elastic/"
    basic = {"basic_auth": ("elastic", log.recorder)}
    key = {"api_key": ("id", log.recorder)}
    encoded = {"api_key": base64.b64encode(f"id:{log.recorder}".encode()).decode()}
    for source, way in [("basic", basic), ("key", key), ("encoded", encoded), ("bearer", {"bearer_auth": log.recorder})]:
        client = elasticsearch.Elasticsearch(url + source, **way)
        name = f"elasticsearch, {source}"
        tally.check(f"{name}: it is one", client.info()["version"]["number"].startswith("8.") and client.ping())
        actions = [
            {"_op_type": ("create", "index")[n % 2], "_index": "audit", "_id": f"d-{n}", "@timestamp": "2026-11-01T12:00:00Z",
             "event": {"action": "deleteInstance", "outcome": "success"}, "user": {"id": f"u-{n}"}}
            for n in range(COUNT)
        ]
        stored, errors = helpers.bulk(client, actions, chunk_size=64)
        tally.check(f"{name}: every item is stored", (stored, errors) == (COUNT, []), (stored, errors))
        again, errors = helpers.bulk(client, actions, chunk_size=100)
        tally.check(f"{name}: sent again is no error", (again, errors) == (COUNT, []), (again, errors))
        all_there(log, tally, name, source)
        changes = [{"_op_type": "delete", "_index": "audit", "_id": "d-1"}]
        _, errors = helpers.bulk(client, changes, raise_on_error=False)
        tally.check(f"{name}: a deletion is refused", len(errors) == 1 and errors[0]["delete"]["status"] == 400, errors)
    stranger = elasticsearch.Elasticsearch(url + "basic", basic_auth=("elastic", log.recorder[:-1]))
    try:
        stranger.info()
        tally.check("elasticsearch: a stranger is refused", False)
    except elasticsearch.AuthenticationException as error:
        tally.check("elasticsearch: a stranger is refused", error.status_code == 401)


def splunk(log, tally):
    """The handler of Python's logging that sends to Splunk."""
    where = log.url + "/services/collector/event"
    handler = SplunkHandler(host="unused", port=0, token=log.recorder, index="audit", url=where, protocol="http", flush_interval=0.05)
    logger = logging.getLogger("splunk")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    for n in range(COUNT):
        logger.info(json.dumps({"action": "deleteInstance", "user": {"id": f"u-{n}"}, "result": "success"}))
    handler.force_flush()
    handler.close()
    all_there(log, tally, "splunk handler", "hec")
    health = urllib.request.urlopen(log.url + "/services/collector/health", timeout=30)
    tally.check("splunk: healthy", json.load(health)["code"] == 17)


# What a sender is telling of when its server is killed.
MANY = 6000


class Mortal:
    """A server that is open to all, on a port that stays the same."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        command = [BINARY, "serve", "--data", self.folder + "/data", "--listen", f"127.0.0.1:{self.port}", "--allow-volatile"]
        log = open(self.folder + "/log", "a+")
        environment = {**os.environ, "MAR_AUDIT_ACCESS": "open"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder)
        self.url = address(self.process, log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def counts(self):
        """How many entries there are, and of how many actors."""
        answer = requests.get(self.url + "/v1/facets?fields=actor", timeout=30).json()
        return answer["total"], answer["facets"]["actor"]["distinct"]


def killed(name, send, tally):
    """kill -9 in the middle, and again: a sender that repeats what it had no answer to loses nothing and doubles nothing."""
    with tempfile.TemporaryDirectory(prefix="mar-audit-killed-") as folder:
        server = Mortal(folder)
        try:
            failed = []
            sending = threading.Thread(target=lambda: failed.extend(send(server.url)))
            sending.start()
            killed_at = []
            for _ in range(2):
                before = server.counts()[0]
                while sending.is_alive() and server.counts()[0] < before + MANY // 6:
                    pass
                killed_at.append(server.counts()[0])
                server.kill()
                server.start()
            sending.join()
            tally.check(f"{name}: was killed in the middle", max(killed_at) < MANY, killed_at)
            tally.check(f"{name}: the sender is content", not failed, failed)
            tally.check(f"{name}: nothing is lost or doubled", server.counts() == (MANY, MANY), server.counts())
        finally:
            server.kill()


def sends_records(url):
    return sends_by(OTLPLogExporter(endpoint=url + "/v1/logs", timeout=60))


def sends_grpc(url):
    return sends_by(GrpcExporter(endpoint=url, insecure=True, timeout=60))


def sends_by(exporter):
    made = LoggerProvider(resource=Resource.create({"service.name": "pay"}))
    made.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=2 * MANY, max_export_batch_size=64))
    logger = made.get_logger("audit")
    for n in range(MANY):
        logger.emit(LogRecord(timestamp=(TIME + n) * 1_000_000_000, event_name="login", attributes={"user.id": f"u-{n}"}))
    flushed = made.force_flush(120_000)
    made.shutdown()
    return [] if flushed else ["not all was sent"]


def sends_documents(url):
    client = elasticsearch.Elasticsearch(url + "/v1/sources/elastic/shop")
    for first in range(0, MANY, 100):
        actions = [
            {"_op_type": "create", "_index": "audit", "event": {"action": "login"}, "user": {"id": f"u-{n}"}}
            for n in range(first, first + 100)
        ]
        while True:
            try:
                helpers.bulk(client, actions, chunk_size=100)
                break
            except elasticsearch.ConnectionError:
                pass
    return []


if __name__ == "__main__":
    main()
