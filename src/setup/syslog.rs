//! What to copy for senders of syslog: how it is listened for, or what sends to where it is.

use super::{Here, Snippet, short};
use crate::syslog::{Listening, Transport};
use std::net::SocketAddr;
use url::Url;

pub fn snippets(here: &Here<'_>) -> Vec<Snippet> {
    match here.syslog {
        None => settings(here),
        Some(listening) => {
            let each = listening.addresses.iter();
            each.map(|(transport, at)| of(here, listening, *transport, *at))
                .collect()
        }
    }
}

fn settings(here: &Here<'_>) -> Vec<Snippet> {
    let organization = here
        .organization
        .map(|of| format!("\norganization = \"{of}\""));
    let organization = organization.unwrap_or_default();
    vec![short(
        "Where it is not listened for yet, the server's mar-audit.toml and a restart change that; a sender shows no token, so say who may send.",
        format!(
            "[syslog]\nrelp = \"0.0.0.0:2514\"\ntcp = \"0.0.0.0:1514\"\nudp = \"0.0.0.0:1514\"\nfrom = [\"10.0.0.0/8\"]\n\
             source = \"{}\"{organization}",
            here.name.as_str()
        ),
    )]
}

fn of(here: &Here<'_>, listening: &Listening, transport: Transport, at: SocketAddr) -> Snippet {
    let host = host(here, at);
    let port = at.port();
    let queue = "action.resumeRetryCount=\"-1\"\n    queue.type=\"LinkedList\" queue.filename=\"mar-audit\" queue.saveOnShutdown=\"on\"";
    let form = "template=\"RSYSLOG_SyslogProtocol23Format\"";
    match transport {
        Transport::Relp => short(
            "rsyslog by RELP: each message is answered once it is stored, and sent again if it was not.",
            format!(
                "module(load=\"omrelp\")\nauth,authpriv.* action(type=\"omrelp\" target=\"{host}\" port=\"{port}\"\n    {form} {queue})"
            ),
        ),
        Transport::Tls => {
            let own = match listening.by_certificate {
                true => {
                    "\n    defaultNetstreamDriverCertFile=\"/etc/mar-audit/sender.pem\" defaultNetstreamDriverKeyFile=\"/etc/mar-audit/sender.key\""
                }
                false => "",
            };
            short(
                "rsyslog over TLS. It trusts the authority of this server's certificate.",
                format!(
                    "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"/etc/mar-audit/ca.pem\"{own})\n\
                     auth,authpriv.* action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\" tcp_framing=\"octet-counted\"\n    \
                     streamDriver=\"ossl\" streamDriverMode=\"1\" streamDriverAuthMode=\"x509/name\" streamDriverPermittedPeers=\"{host}\"\n    \
                     {form} {queue})"
                ),
            )
        }
        Transport::Tcp => short(
            "rsyslog over TCP, as anybody on the way can read it.",
            format!(
                "auth,authpriv.* action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\" tcp_framing=\"octet-counted\"\n    {form} {queue})"
            ),
        ),
        Transport::Udp => short(
            "One message from a shell, over UDP, which loses what nobody reads in time.",
            format!(
                "logger --server {host} --port {port} --udp --rfc5424 --priority auth.notice --tag billing \\\n  \
                 '{{\"action\": \"deleteUser\", \"actor\": {{\"email\": \"ana@acme.example\"}}, \"result\": \"success\"}}'"
            ),
        ),
    }
}

/// By which a sender reaches the address: itself, or what people call the server where it listens on all of them.
fn host(here: &Here<'_>, at: SocketAddr) -> String {
    let called = Url::parse(here.origin).ok();
    let called = called.and_then(|url| url.host_str().map(str::to_owned));
    match called {
        Some(host) if at.ip().is_unspecified() => host,
        _ => at.ip().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::shelf::SourceName;
    use crate::setup::Shows;
    use entry::Organization;

    #[test]
    fn a_sender_is_pointed_to_each_address_by_what_it_is_called_outside() {
        let name = SourceName::parse("prod").expect("a name");
        let at = |text: &str| text.parse().expect("an address");
        let mut listening = Listening {
            addresses: vec![
                (Transport::Udp, at("0.0.0.0:514")),
                (Transport::Tcp, at("10.0.0.7:601")),
                (Transport::Tls, at("[::]:6514")),
                (Transport::Relp, at("127.0.0.1:2514")),
            ],
            organization: Organization::parse("acme").expect("a slug"),
            source: name.clone(),
            by_certificate: false,
        };
        let text = |syslog: Option<&Listening>| -> Vec<String> {
            let here = Here {
                origin: "https://log.example:8443",
                name: &name,
                organization: None,
                shows: Shows::Nothing,
                syslog,
            };
            snippets(&here).into_iter().map(|one| one.text).collect()
        };
        let all = text(Some(&listening));
        assert!(
            all[0].contains("--server log.example --port 514"),
            "{}",
            all[0]
        );
        assert!(
            all[1].contains("target=\"10.0.0.7\" port=\"601\""),
            "{}",
            all[1]
        );
        assert!(
            all[2].contains("target=\"log.example\" port=\"6514\""),
            "{}",
            all[2]
        );
        assert!(!all[2].contains("CertFile"));
        assert!(
            all[3].contains("target=\"127.0.0.1\" port=\"2514\""),
            "{}",
            all[3]
        );
        listening.by_certificate = true;
        assert!(text(Some(&listening))[2].contains("CertFile"));
        let none = text(None).remove(0);
        assert!(none.contains("source = \"prod\""));
        toml::from_str::<toml::Table>(&none).expect("settings");
    }
}
