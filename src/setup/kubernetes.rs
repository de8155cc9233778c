//! What an API server is started with so that it tells the log what happens in its cluster: a policy, a kubeconfig, flags.

use crate::intake::shelf::SourceName;
use data_encoding::BASE64;
use entry::Organization;

/// What is worth telling.
pub const POLICY: &str = include_str!("audit-policy.yaml");

/// What the two files are called, and where the flags look for them.
pub const POLICY_FILE: &str = "audit-policy.yaml";
pub const KUBECONFIG_FILE: &str = "audit-webhook.kubeconfig";
const DIRECTORY: &str = "/etc/kubernetes/mar-audit";

/// Where an API server sends to, with the organization where a token does not say it: what an address has behind its path it leaves out.
pub fn url(server: &str, name: &SourceName, organization: Option<&Organization>) -> String {
    let organization = organization.map(|of| format!("{of}/")).unwrap_or_default();
    let name = name.as_str();
    format!("{server}/v1/sources/kubernetes/{organization}{name}")
}

/// The kubeconfig of the webhook. An API server shows the token over https only.
pub fn kubeconfig(
    server: &str,
    name: &SourceName,
    organization: Option<&Organization>,
    token: Option<&str>,
    authorities_pem: Option<&[u8]>,
) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let url = quoted(&url(server, name, organization));
    let authorities = authorities_pem.map_or_else(String::new, |pem| {
        format!("\n      certificate-authority-data: {}", BASE64.encode(pem))
    });
    let user = match token {
        Some(token) => format!("\n      token: {}", quoted(token)),
        None => " {}".to_owned(),
    };
    let name = name.as_str();
    format!(
        "\
# Where the API server sends its audit events.{secret}
apiVersion: v1
kind: Config
clusters:
  - name: mar-audit
    cluster:
      server: {url}{authorities}
users:
  - name: {name}
    user:{user}
contexts:
  - name: mar-audit
    context:
      cluster: mar-audit
      user: {name}
current-context: mar-audit
",
        secret = match token {
            Some(_) => " It holds a token: only the API server may read it.",
            None => "",
        }
    )
}

/// Flags of the API server, each with its reason.
pub const FLAGS: &[(&str, &str)] = &[
    ("--audit-webhook-mode=batch", "requests do not wait for us"),
    (
        "--audit-webhook-batch-max-size=200",
        "events of a call; 400 is the default",
    ),
    (
        "--audit-webhook-batch-max-wait=1s",
        "30s is the default: so old would the page be",
    ),
    (
        "--audit-webhook-batch-buffer-size=50000",
        "events that wait while we are away; what comes when it is full is lost",
    ),
    (
        "--audit-webhook-batch-throttle-qps=50",
        "calls a second; 10 is the default",
    ),
    (
        "--audit-webhook-batch-throttle-burst=100",
        "so that the buffer is empty soon after we are back",
    ),
    (
        "--audit-webhook-initial-backoff=10s",
        "a call is tried five times, within about 80 seconds; what is not taken by then is lost",
    ),
    (
        "--audit-webhook-truncate-enabled=true",
        "off by default: a single large object makes a batch that nobody takes",
    ),
    (
        "--audit-webhook-truncate-max-event-size=1048576",
        "beyond, an event comes without its bodies; 4 MiB is the most that we take",
    ),
    (
        "--audit-webhook-truncate-max-batch-size=10485760",
        "32 MiB is the most that we take",
    ),
];

/// The flags as lines of a command, and the two files.
pub fn flags() -> String {
    let mut lines = vec![
        format!("--audit-policy-file={DIRECTORY}/{POLICY_FILE}"),
        format!("--audit-webhook-config-file={DIRECTORY}/{KUBECONFIG_FILE}"),
    ];
    lines.extend(FLAGS.iter().map(|(flag, _)| (*flag).to_owned()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX};

    /// The number that a flag sets.
    fn number(named: &str) -> usize {
        let mut flags = FLAGS.iter().filter_map(|(flag, _)| flag.split_once('='));
        let found = flags.find(|(flag, _)| *flag == named);
        let (_, value) = found.unwrap_or_else(|| panic!("{named} is set"));
        value.parse().expect("a number")
    }

    #[test]
    fn what_an_api_server_sends_by_these_flags_fits_what_is_taken() {
        assert!(number("--audit-webhook-batch-max-size") <= BATCH_ENTRIES_MAX);
        assert!(number("--audit-webhook-truncate-max-batch-size") <= BATCH_BYTES_MAX);
        assert!(number("--audit-webhook-truncate-max-event-size") <= ENTRY_BYTES_MAX);
    }

    #[test]
    fn a_kubeconfig_has_a_token_and_authorities_where_there_are_any() {
        let name = SourceName::parse("prod").expect("a name");
        let plain = kubeconfig("http://127.0.0.1:8080", &name, None, None, None);
        assert!(plain.contains("server: \"http://127.0.0.1:8080/v1/sources/kubernetes/prod\"\n"));
        assert!(plain.contains("user: {}\n") && !plain.contains("certificate"));
        let whole = kubeconfig(
            "https://log.example",
            &name,
            None,
            Some("mar_rec_x"),
            Some(b"pem"),
        );
        assert!(whole.contains("      token: \"mar_rec_x\"\n"), "{whole}");
        assert!(
            whole.contains("      certificate-authority-data: cGVt\n"),
            "{whole}"
        );
    }
}
