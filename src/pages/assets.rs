//! The files pages refer to, embedded. Their address holds a hash of them all, so that they may be kept for ever.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal $media_type:ident)+) => {
        &[$(Asset { name: $name, media_type: $media_type, text: include_str!(concat!("../../assets/", $name)) }),+]
    };
}

const ASSETS: &[Asset] = assets! {
    "page.css" CSS
    "entrance.css" CSS
    "access.css" CSS
    "sources.css" CSS
    "icons.svg" SVG
    "favicon.svg" SVG
    "page.js" JS
    "enter.js" JS
    "navigate.js" JS
    "menus.js" JS
    "keyboard.js" JS
    "chart.js" JS
    "live.js" JS
    "comfort.js" JS
    "proof-tree.js" JS
    "proof.js" JS
    "proof-entry.js" JS
    "proof-memory.js" JS
    "proof-steps.js" JS
    "proof-panel.js" JS
    "proof-log.js" JS
};

/// One hash over all files: modules import each other by relative names, so they must change address together.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.name.as_bytes());
        hash.update((asset.text.len() as u64).to_be_bytes());
        hash.update(asset.text.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

static ICONS: LazyLock<String> = LazyLock::new(|| url("icons.svg"));

/// The address of an embedded file.
pub fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

pub fn icon_url(name: &str) -> String {
    format!("{}#{name}", *ICONS)
}

/// `GET /assets/{hash}/{name}`: for ever under its hash, not found under another.
pub async fn get(
    axum::extract::Path((hash, name)): axum::extract::Path<(String, String)>,
) -> Response {
    let found = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .filter(|_| hash == *HASH);
    let Some(asset) = found else {
        return (
            StatusCode::NOT_FOUND,
            "no such file in this release; reload the page",
        )
            .into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(asset.media_type),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    (headers, asset.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_stay_within_their_budget() {
        let scripts: usize = ASSETS
            .iter()
            .filter(|a| a.media_type == JS)
            .map(|a| a.text.len())
            .sum();
        assert!(scripts <= 60 * 1024, "{scripts} bytes of scripts");
    }

    #[test]
    fn every_module_a_script_imports_is_embedded() {
        for asset in ASSETS.iter().filter(|a| a.media_type == JS) {
            let asks = |line: &&str| line.starts_with("import ") || line.contains("import(\"");
            for line in asset.text.lines().filter(asks) {
                let from = line.find("import(").unwrap_or_default();
                let name = line[from..].split('"').nth(1);
                let name = name
                    .and_then(|name| name.strip_prefix("./"))
                    .expect("modules are imported from beside");
                assert!(
                    ASSETS.iter().any(|a| a.name == name),
                    "{} imports {name}",
                    asset.name
                );
            }
        }
    }

    #[test]
    fn every_icon_used_is_drawn() {
        let icons = ASSETS
            .iter()
            .find(|a| a.name == "icons.svg")
            .expect("the sheet of icons is embedded")
            .text;
        for source in [
            include_str!("layout.rs"),
            include_str!("toolbar.rs"),
            include_str!("facets.rs"),
            include_str!("table.rs"),
            include_str!("details.rs"),
            include_str!("states.rs"),
            include_str!("target.rs"),
            include_str!("proof.rs"),
            include_str!("integrity.rs"),
            include_str!("entrance.rs"),
            include_str!("hiding.rs"),
            include_str!("embed.rs"),
            include_str!("sources.rs"),
            include_str!("sources/connect.rs"),
            include_str!("sources/one.rs"),
        ] {
            for used in source.split("icon(\"").skip(1) {
                let name = used.split('"').next().expect("split gives at least one");
                assert!(icons.contains(&format!("id=\"{name}\"")), "no icon {name}");
            }
        }
    }
}
