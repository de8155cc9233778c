//! How other systems are pointed here: configuration to copy, made with this server's address and a credential.
//!
//! - this file: each kind of sender, and what to copy for it
//! - [`kubernetes`]: what an API server is started with
//! - [`protocols`]: what speaks a protocol that many systems speak
//! - [`syslog`]: what shows no token

pub mod kubernetes;
mod protocols;
mod syslog;

use crate::intake::shelf::SourceName;
use crate::syslog::Listening;
use entry::Organization;

/// What a snippet is made with.
pub struct Here<'a> {
    /// Scheme, host and port by which the sender reaches us.
    pub origin: &'a str,
    pub name: &'a SourceName,
    /// Named where a token does not say it.
    pub organization: Option<&'a Organization>,
    pub shows: Shows<'a>,
    /// Where syslog is listened for.
    pub syslog: Option<&'a Listening>,
}

/// What a sender shows of who it is.
#[derive(Clone, Copy)]
pub enum Shows<'a> {
    /// The server lets everybody in.
    Nothing,
    /// A token that nobody made yet: a word stands in its place.
    Unmade,
    Token(&'a str),
}

/// What stands where a token goes.
pub const TOKEN_WORD: &str = "TOKEN";

/// One thing to copy, and what to do with it.
pub struct Snippet {
    pub says: &'static str,
    pub text: String,
    /// Long enough to be shown only when asked for.
    pub is_long: bool,
}

/// A kind of sender.
pub struct Sender {
    /// As an address names it.
    pub key: &'static str,
    pub title: &'static str,
    pub says: &'static str,
    pub snippets: fn(&Here<'_>) -> Vec<Snippet>,
    /// It shows a token; what does not is let in, named and put into a log by the settings.
    pub shows_token: bool,
}

/// The kinds of senders that this server understands.
pub const SENDERS: &[Sender] = &[
    Sender {
        key: "kubernetes",
        title: "Kubernetes",
        says: "An API server tells its audit events by a webhook: who did what to which object, and what came of it.",
        snippets: of_kubernetes,
        shows_token: true,
    },
    Sender {
        key: "otlp",
        title: "OpenTelemetry",
        says: "An SDK or the Collector exports log records; one with an event name is an entry.",
        snippets: protocols::opentelemetry,
        shows_token: true,
    },
    Sender {
        key: "cloudevents",
        title: "CloudEvents",
        says: "A broker or a program delivers events over HTTP, structured, in batches or binary.",
        snippets: protocols::cloudevents,
        shows_token: true,
    },
    Sender {
        key: "elastic",
        title: "Elasticsearch",
        says: "What ships logs to Elasticsearch ships them here; documents are taken, never changed.",
        snippets: protocols::elastic,
        shows_token: true,
    },
    Sender {
        key: "splunk",
        title: "Splunk",
        says: "What sends to an HTTP Event Collector sends here, and is answered as by one.",
        snippets: protocols::splunk,
        shows_token: true,
    },
    Sender {
        key: "syslog",
        title: "Syslog",
        says: "Hosts, appliances and daemons send messages; JSON, CEF and LEEF within them are read.",
        snippets: syslog::snippets,
        shows_token: false,
    },
    Sender {
        key: "sdk",
        title: "Rust SDK",
        says: "A program records its own actions, spools them while the log is away, and numbers them so that a gap is seen.",
        snippets: of_sdk,
        shows_token: true,
    },
    Sender {
        key: "curl",
        title: "HTTP",
        says: "Anything that speaks HTTP records entries as JSON, one or many in a call.",
        snippets: of_curl,
        shows_token: true,
    },
    Sender {
        key: "file",
        title: "Files",
        says: "What was written to files is mapped and sent from a command line; the format is recognised.",
        snippets: of_files,
        shows_token: true,
    },
];

fn short(says: &'static str, text: String) -> Snippet {
    Snippet {
        says,
        text,
        is_long: false,
    }
}

impl Here<'_> {
    fn token(&self) -> Option<&str> {
        match self.shows {
            Shows::Nothing => None,
            Shows::Unmade => Some(TOKEN_WORD),
            Shows::Token(token) => Some(token),
        }
    }

    /// A header of curl, with the end of its line.
    fn curl_header(&self) -> String {
        let line = |token: &str| format!("  -H 'Authorization: Bearer {token}' \\\n");
        self.token().map(line).unwrap_or_default()
    }
}

fn of_kubernetes(here: &Here<'_>) -> Vec<Snippet> {
    vec![
        Snippet {
            says: "audit-policy.yaml: what is worth telling, rule by rule with its reason.",
            text: kubernetes::POLICY.to_owned(),
            is_long: true,
        },
        short(
            "audit-webhook.kubeconfig: where to send it. The API server shows a token over https only; what vouches for this address goes in as certificate-authority-data, unless its image trusts it already.",
            kubernetes::kubeconfig(
                here.origin,
                here.name,
                here.organization,
                here.token(),
                None,
            ),
        ),
        short(
            "Flags of kube-apiserver, with both files in /etc/kubernetes/mar-audit.",
            kubernetes::flags(),
        ),
        short(
            "Or all of it from a command line, with the certificate filled in:",
            format!(
                "mar-audit source kubernetes --server {} --ca-file ca.pem \\\n  --name {}{}{} --out ./mar-audit",
                here.origin,
                here.name.as_str(),
                here.organization
                    .map(|of| format!(" --organization {of}"))
                    .unwrap_or_default(),
                match here.shows {
                    Shows::Nothing => "",
                    Shows::Unmade | Shows::Token(_) => " --recorder-token @mar-audit.token",
                }
            ),
        ),
    ]
}

fn of_sdk(here: &Here<'_>) -> Vec<Snippet> {
    let name = here.name.as_str();
    let scope = match here.organization {
        Some(of) => format!("\n        .in_project(\"{of}\", \"payments\")"),
        None => String::new(),
    };
    let token = match here.token() {
        Some(_) => "\n    let config = config.token(std::env::var(\"MAR_AUDIT_TOKEN\")?);",
        None => "",
    };
    let mut all = vec![short(
        "Each process has a name and a directory of its own, where entries wait while the log is away.",
        format!(
            "use mar_audit_client::{{Actor, Config, Entry, Recorder, Target, action}};\n\n\
             fn main() -> Result<(), Box<dyn std::error::Error>> {{\n    \
             let config = Config::new(\"{}\", \"{name}\", \"/var/lib/{name}/audit\");{token}\n    \
             let recorder = Recorder::open(config)?;\n    \
             let entry = Entry::by(Actor::user(\"usr_5\").name(\"Ana Ruiz\").email(\"ana@acme.example\"))\n        \
             .did(action::SCALE_CLUSTER)\n        \
             .to(Target::cluster(\"clu_9\").name(\"pay-eu\")){scope}\n        \
             .change(\"/spec/replicas\", 3, 5)\n        \
             .success();\n    \
             recorder.record(entry)?;\n    \
             Ok(())\n}}",
            here.origin
        ),
    )];
    if let Some(token) = here.token() {
        all.push(short(
            "Its environment, where nobody else reads it:",
            format!("export MAR_AUDIT_TOKEN={token}"),
        ));
    }
    all
}

fn of_curl(here: &Here<'_>) -> Vec<Snippet> {
    let scope = match here.organization {
        Some(of) => format!("  \"scope\": {{\"organization\": \"{of}\"}},\n"),
        None => String::new(),
    };
    vec![short(
        "One entry. The answer comes once it is on stable storage; send it again with the same event_id, and it is stored once.",
        format!(
            "curl {}/v1/entries \\\n{}  -H 'Content-Type: application/json' -d '{{\n  \
             \"actor\": {{\"type\": \"user\", \"name\": \"Ana Ruiz\", \"email\": \"ana@acme.example\"}},\n  \
             \"action\": \"createCluster\",\n  \
             \"target\": {{\"type\": \"cluster\", \"id\": \"clu_9\", \"name\": \"pay-eu\"}},\n{scope}  \
             \"result\": \"success\",\n  \
             \"source\": {{\"name\": \"{}\", \"event_id\": \"1\"}}\n}}'",
            here.origin,
            here.curl_header(),
            here.name.as_str()
        ),
    )]
}

fn of_files(here: &Here<'_>) -> Vec<Snippet> {
    let token = match here.shows {
        Shows::Nothing => "",
        Shows::Unmade | Shows::Token(_) => " --token @mar-audit.token",
    };
    let organization = match here.organization {
        Some(of) => format!(" --organization {of}"),
        None => String::new(),
    };
    let mut all = Vec::new();
    if let Some(token) = here.token() {
        all.push(short(
            "The token, in a file that only its reader may read:",
            format!("(umask 077; echo '{token}' > mar-audit.token)"),
        ));
    }
    all.push(short(
        "Send files, compressed or not. What was sent before is recognised.",
        format!(
            "mar-audit import --server {}{token} \\\n  --source {}{organization} audit.log audit.log.1.gz",
            here.origin,
            here.name.as_str()
        ),
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_names_this_server_and_shows_a_token_only_where_there_is_one() {
        let name = SourceName::parse("prod-1").expect("a name");
        let acme = Organization::parse("acme").expect("an organization");
        let here = |shows| Here {
            origin: "https://log.example",
            name: &name,
            organization: Some(&acme),
            shows,
            syslog: None,
        };
        let text = |sender: &Sender, shows| {
            let all = (sender.snippets)(&here(shows));
            let texts: Vec<String> = all.into_iter().map(|one| one.text).collect();
            texts.join("\n")
        };
        for sender in SENDERS.iter().filter(|sender| sender.shows_token) {
            let open = text(sender, Shows::Nothing);
            assert!(open.contains("https://log.example"), "{}", sender.key);
            assert!(open.contains("prod-1"), "{}", sender.key);
            assert!(open.contains("acme"), "{}: whose log it is", sender.key);
            for word in ["Authorization", TOKEN_WORD, "Bearer"] {
                assert!(!open.contains(word), "{}: {word}", sender.key);
            }
            let shown = text(sender, Shows::Token("mar_rec_abc"));
            assert!(shown.contains("mar_rec_abc"), "{}", sender.key);
            assert!(!text(sender, Shows::Unmade).contains("mar_rec_"));
        }
    }
}
