//! What a form of a page sends: fields by their names. They may be secrets, so nothing of them is repeated in a refusal.

use crate::access::Secret;
use crate::app::App;
use crate::body::{self, Share};
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::http::{HeaderMap, header};

/// The largest form: a filter with a thousand ids fits.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form, each once.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body of `application/x-www-form-urlencoded`.
    pub async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            body::linger(body);
            let detail = "Content-Type is application/x-www-form-urlencoded";
            return Err(Kind::UnsupportedType.detail(detail));
        }
        let mut share = Share::none_yet(app);
        let bytes = body::receive(app, headers, body, &mut share).await?;
        if bytes.len() > FORM_BYTES_MAX {
            return Err(Kind::TooLarge.detail(format!("at most {FORM_BYTES_MAX} bytes")));
        }
        let fields = url::form_urlencoded::parse(&bytes);
        Ok(Self(fields.into_owned().collect()))
    }

    /// The first field of the name; one that was left blank is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| &**value).filter(|v| !v.is_empty())
    }

    /// The field, or nothing in its place.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    pub fn secret(&self, name: &str) -> Secret {
        Secret::new(self.text(name))
    }
}
