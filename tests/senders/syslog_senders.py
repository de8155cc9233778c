"""rsyslogd and logger, sending to the real binary by each way that syslog travels. Needs Debian's rsyslog, rsyslog-relp, rsyslog-openssl."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import requests

from server import BINARY, address, running

TLS = pathlib.Path(__file__).resolve().parent.parent / "clients" / "tls"
RSYSLOGD = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin")
# What a relay keeps a message as, with its microseconds.
TEMPLATE = 'template="RSYSLOG_SyslogProtocol23Format"'
# Longer than any machine needs.
PATIENCE_SECONDS = 60


def free_port():
    """A port of this machine that nobody listens on, by TCP or UDP."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        datagrams.bind(stream.getsockname())
        return stream.getsockname()[1]


def until(is_so):
    """Asks again until it is so; whether it ever was."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if is_so():
            return True
    return False


def counts(url, verify=True):
    """How many entries came by syslog, and of how many actors."""
    answer = requests.get(url + "/v1/facets?fields=actor&source=syslog", verify=verify, timeout=30).json()
    return answer["total"], answer["facets"]["actor"]["distinct"]


def settings(folder, **syslog):
    """A file of settings that has syslog listened for so."""
    path = pathlib.Path(folder) / "mar-audit.toml"
    path.write_text("[syslog]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in syslog.items()))
    return str(path)


def messages(count):
    return [json.dumps({"action": "deleteInstance", "actor": {"type": "user", "id": f"u-{n}"}, "result": "success"}) for n in range(count)]


@contextlib.contextmanager
def relay(folder, action, before=""):
    """rsyslogd, which hands on what comes to the socket it yields."""
    place = pathlib.Path(folder)
    local = place / "log"
    (place / "rsyslog.conf").write_text(
        f'global(workDirectory="{folder}")\n{before}\n'
        'module(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{local}" RateLimit.Interval="0")\n{action}\n'
    )
    with open(place / "rsyslog.out", "w") as out:
        command = [RSYSLOGD, "-n", "-f", place / "rsyslog.conf", "-i", place / "rsyslog.pid"]
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            if not until(local.exists):
                raise SystemExit("rsyslogd did not start:\n" + (place / "rsyslog.out").read_text())
            yield str(local)
        finally:
            process.terminate()
            process.wait(timeout=30)


def log(local, lines):
    """logger sends each line as a message of its own."""
    subprocess.run(["logger", "--socket", local, "--priority", "auth.notice", "--tag", "billing"], input="\n".join(lines), text=True, check=True)


def forwards(protocol, port, more=""):
    return f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="{protocol}" {TEMPLATE} {more})'


def relayed(tally, count):
    """From a program by rsyslogd to us, by each way."""
    relp = 'module(load="omrelp")\n'
    for name, way, action in [
        ("tcp, octet counts", "tcp", lambda port: forwards("tcp", port, 'tcp_framing="octet-counted"')),
        ("tcp, lines", "tcp", lambda port: forwards("tcp", port)),
        ("udp", "udp", lambda port: forwards("udp", port)),
        ("relp", "relp", lambda port: f'{relp}action(type="omrelp" target="127.0.0.1" port="{port}" {TEMPLATE})'),
    ]:
        with tempfile.TemporaryDirectory(prefix="mar-audit-syslog-") as folder:
            port = free_port()
            config = settings(folder, **{way: f"127.0.0.1:{port}"})
            with running("--config", config) as url, relay(folder, action(port)) as local:
                log(local, messages(count))
                arrived = until(lambda: counts(url) == (count, count))
                tally.check(f"rsyslog, {name}: each is stored once", arrived, counts(url))
                entry = requests.get(url + "/v1/entries?actor=u-7", timeout=30).json()["entries"][0]
                told = (entry["action"], entry["result"], entry["source"]["name"])
                tally.check(f"rsyslog, {name}: fields", told == ("deleteInstance", "success", "syslog"), told)


def encrypted(tally, count):
    """The same over TLS, each showing the other a certificate."""
    with tempfile.TemporaryDirectory(prefix="mar-audit-syslog-") as folder:
        port, authority = free_port(), str(TLS / "authority.pem")
        config = settings(folder, tls=f"127.0.0.1:{port}", clients_file=authority)
        of_server = ["--tls-cert", str(TLS / "server.pem"), "--tls-key", str(TLS / "server.key")]
        drivers = (
            f'global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{authority}"'
            f' defaultNetstreamDriverCertFile="{TLS / "server.pem"}" defaultNetstreamDriverKeyFile="{TLS / "server.key"}")'
        )
        peers = 'streamDriver="ossl" streamDriverMode="1" streamDriverAuthMode="x509/name" streamDriverPermittedPeers="localhost"'
        action = forwards("tcp", port, f'tcp_framing="octet-counted" {peers}')
        with running("--config", config, *of_server) as url, relay(folder, action, drivers) as local:
            log(local, messages(count))
            arrived = until(lambda: counts(url, authority) == (count, count))
            tally.check("rsyslog, tls: each is stored once", arrived, counts(url, authority))


def from_a_shell(tally):
    """logger alone, in both forms and by both ways."""
    with tempfile.TemporaryDirectory(prefix="mar-audit-syslog-") as folder:
        port = free_port()
        here = f"127.0.0.1:{port}"
        with running("--config", settings(folder, udp=here, tcp=here)) as url:
            ways = [(way, form) for way in ("--tcp", "--udp") for form in ("--rfc5424", "--rfc3164")] + [("--tcp", "--octet-count")]
            for n, way in enumerate(ways):
                said = messages(len(ways))[n]
                subprocess.run(["logger", "--server", "127.0.0.1", "--port", str(port), "--tag", "shell", *way, said], check=True)
            arrived = until(lambda: counts(url) == (len(ways), len(ways)))
            tally.check("logger: each form by each way is stored", arrived, counts(url))


def killed_relay(tally, count):
    """kill -9 of the server while a relay sends by RELP, and again: nothing is lost, nothing is doubled."""
    with tempfile.TemporaryDirectory(prefix="mar-audit-syslog-") as folder:
        port, web = free_port(), free_port()
        config = settings(folder, relp=f"127.0.0.1:{port}")
        command = [BINARY, "serve", "--data", folder + "/data", "--listen", f"127.0.0.1:{web}", "--allow-volatile", "--config", config]
        environment = {**os.environ, "MAR_AUDIT_ACCESS": "open"}

        def start():
            out = open(folder + "/server.log", "a+")
            started = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=out, text=True, cwd=folder)
            return started, address(started, out)

        server, url = start()
        try:
            again = 'action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="LinkedList" queue.size="100000"'
            action = f'module(load="omrelp")\naction(type="omrelp" target="127.0.0.1" port="{port}" {TEMPLATE} {again})'
            with relay(folder, action) as local:
                sending = threading.Thread(target=lambda: log(local, messages(count)))
                sending.start()
                killed_at = []
                for part in (1, 2):
                    until(lambda: counts(url)[0] >= count * part // 4)
                    server.kill()
                    server.wait()
                    server, url = start()
                    killed_at.append(counts(url)[0])
                sending.join()
                arrived = until(lambda: counts(url)[1] == count)
                tally.check("rsyslog, relp: the server was killed in the middle", max(killed_at) < count, killed_at)
                tally.check("rsyslog, relp: nothing is lost or doubled", arrived and counts(url) == (count, count), counts(url))
        finally:
            server.kill()
            server.wait()


def syslog(tally, count):
    relayed(tally, count)
    encrypted(tally, count)
    from_a_shell(tally)
    killed_relay(tally, 10 * count)
