//! `whoami`: who we are to the server, and what we may do.

use super::rows::{self, extent, plain, print_json, print_lines};
use super::text;
use crate::cli::{Context, Failure, Output};
use serde_json::Value;

pub fn run(context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let me = client.get_json("/v1/access/me")?;
    match context.common.output {
        Output::Table => print_lines(&lines(&me, client.server())),
        Output::Csv => {
            let grants = me.get("grants").and_then(Value::as_array);
            rows::Rows {
                columns: &[("May", "permissions"), rows::WHERE, ("Hidden", "mask")],
                cell: &rows::nothing_made,
                none: "",
            }
            .print(grants.map_or(&[], Vec::as_slice), Output::Csv)
        }
        output => print_json(&me, output),
    }
}

fn lines(me: &Value, server: &str) -> Vec<(&'static str, String)> {
    let actor = me.get("actor").unwrap_or(&Value::Null);
    let who = ["name", "email"].map(|name| text(actor, name));
    let who: Vec<&str> = who.into_iter().filter(|part| !part.is_empty()).collect();
    let by = match text(me, "type") {
        "local" => "being on the server's machine".to_owned(),
        kind => format!("{kind} {}", text(me, "id")).trim_end().to_owned(),
    };
    let mut lines = vec![
        (
            "Who",
            format!("{} ({})", who.join(" · "), text(actor, "type")),
        ),
        ("Known by", by),
        ("Server", format!("{server}, access {}", text(me, "access"))),
    ];
    let grants = me
        .get("grants")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for grant in grants {
        let of = |name| plain(grant.get(name).unwrap_or(&Value::Null));
        let hidden = match of("mask").as_str() {
            "" => String::new(),
            mask => format!("; hidden: {mask}"),
        };
        let may = format!("{} in {}{hidden}", of("permissions"), extent(grant));
        lines.push(("May", may));
    }
    if lines.len() == 3 {
        lines.push(("May", "nothing".to_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_somebody_may_is_a_line_for_each_grant() {
        let me = json!({
            "access": "required", "type": "token", "id": "0aB1cD2eF3gH4",
            "actor": {"type": "service_account", "id": "x", "name": "ops-bot"},
            "grants": [{"organization": "acme", "projects": ["pay"], "permissions": ["entries:read"], "mask": ["email", "ip"]}],
        });
        let expected = [
            ("Who", "ops-bot (service_account)"),
            ("Known by", "token 0aB1cD2eF3gH4"),
            ("Server", "http://log.example, access required"),
            ("May", "entries:read in acme (pay); hidden: email, ip"),
        ];
        let shown = lines(&me, "http://log.example");
        let shown: Vec<(&str, &str)> = shown
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(shown, expected);
        let nothing = lines(&json!({"type": "token", "grants": []}), "");
        assert_eq!(nothing.last(), Some(&("May", "nothing".to_owned())));
    }
}
