//! What to copy for the protocols that many systems speak.

use super::{Here, Snippet, short};

impl Here<'_> {
    /// An address of ours below the origin, with the organization where a token does not say it.
    fn at(&self, path: &str) -> String {
        let organization = self.organization.map(|of| format!("?organization={of}"));
        format!("{}{path}{}", self.origin, organization.unwrap_or_default())
    }

    /// A line, where there is a token.
    fn with_token(&self, line: impl Fn(&str) -> String) -> String {
        self.token().map(line).unwrap_or_default()
    }
}

pub fn opentelemetry(here: &Here<'_>) -> Vec<Snippet> {
    let at = here.at(&format!("/v1/sources/otlp/{}/v1/logs", here.name.as_str()));
    let shown = here.with_token(|token| {
        format!("OTEL_EXPORTER_OTLP_LOGS_HEADERS=Authorization=Bearer%20{token}\n")
    });
    let header =
        here.with_token(|token| format!("\n    headers: {{Authorization: \"Bearer {token}\"}}"));
    vec![
        short(
            "The environment of a program with any of its SDKs. A log record with an event name is an entry.",
            format!(
                "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT={at}\n\
                 OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf\n\
                 {shown}OTEL_EXPORTER_OTLP_LOGS_COMPRESSION=gzip"
            ),
        ),
        short(
            "Or the Collector, which picks what belongs here out of all that it sees.",
            format!(
                "processors:\n  filter/audit:\n    logs:\n      log_record: ['event_name == \"\" and attributes[\"event.name\"] == nil']\n\
                 exporters:\n  otlphttp/audit:\n    logs_endpoint: {at}{header}"
            ),
        ),
    ]
}

pub fn cloudevents(here: &Here<'_>) -> Vec<Snippet> {
    let at = here.at(&format!("/v1/sources/cloudevents/{}", here.name.as_str()));
    vec![short(
        "One event; several as application/cloudevents-batch+json, or in binary mode with its attributes in ce- headers.",
        format!(
            "curl '{at}' \\\n{}  -H 'Content-Type: application/cloudevents+json' -d '{{\n  \
             \"specversion\": \"1.0\", \"id\": \"1\", \"source\": \"/shop\", \"type\": \"createCluster\",\n  \
             \"subject\": \"pay-eu\", \"data\": {{\"actor\": {{\"email\": \"ana@acme.example\"}}}}\n}}'",
            here.curl_header()
        ),
    )]
}

/// The origin with its port: Beats take 9200 where none is named.
fn with_port(origin: &str) -> String {
    let (scheme, host) = origin.split_once("://").unwrap_or(("https", origin));
    // An address of IPv6 stands in brackets, with colons of its own.
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    let port = match (after.contains(':'), scheme) {
        (true, _) => "",
        (false, "http") => ":80",
        (false, _) => ":443",
    };
    format!("{origin}{port}")
}

pub fn elastic(here: &Here<'_>) -> Vec<Snippet> {
    let origin = with_port(here.origin);
    let at = format!("{origin}/v1/sources/elastic/{}", here.name.as_str());
    let shown = here.with_token(|token| format!("\n  username: elastic\n  password: \"{token}\""));
    let parameters = here
        .organization
        .map(|of| format!("\n  parameters: {{organization: {of}}}"));
    let parameters = parameters.unwrap_or_default();
    let mut all = vec![short(
        "Filebeat and its family. Nothing can be searched or set up here, so they are told not to.",
        format!(
            "setup.template.enabled: false\nsetup.ilm.enabled: false\noutput.elasticsearch:\n  hosts: [\"{at}\"]\n  allow_older_versions: true{shown}{parameters}"
        ),
    )];
    if here.organization.is_none() {
        let key = here.with_token(|token| format!(", api_key=(\"id\", \"{token}\")"));
        all.push(short(
            "Or a client of Elasticsearch, here Python's. Documents are created, and never changed.",
            format!(
                "from elasticsearch import Elasticsearch, helpers\n\n\
                 client = Elasticsearch(\"{at}\"{key})\n\
                 helpers.bulk(client, documents, chunk_size=1000)"
            ),
        ));
    }
    all
}

pub fn splunk(here: &Here<'_>) -> Vec<Snippet> {
    let name = here.name.as_str();
    let at = here.at(&format!("/v1/sources/hec/{name}/services/collector/event"));
    let shown = here.with_token(|token| format!("  -H 'Authorization: Splunk {token}' \\\n"));
    vec![short(
        "Whatever sends to Splunk's HTTP Event Collector takes this address and token; curl does it so:",
        format!(
            "curl '{at}' \\\n{shown}  -d '{{\"time\": 1793534400, \"host\": \"web-1\", \"event\": {{\n  \
             \"action\": \"createCluster\", \"actor\": {{\"email\": \"ana@acme.example\"}}, \"result\": \"success\"\n}}}}'"
        ),
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_told_the_port_that_they_would_not_guess() {
        for (origin, expected) in [
            ("https://log.example", "https://log.example:443"),
            ("http://log.example", "http://log.example:80"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://[::1]", "https://[::1]:443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(with_port(origin), expected);
        }
    }
}
