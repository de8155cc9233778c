//! What a form of a page sends: fields by their names. They may be secrets, so nothing of them is repeated in a refusal.

use crate::access::Secret;
use crate::app::App;
use crate::body::{self, Share};
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use std::sync::Arc;

/// The largest form: a filter with a thousand ids fits, and so do the projects of a binding.
const FORM_BYTES_MAX: usize = 128 * 1024;

/// The fields of a form, as they were sent.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Self::read(app, &parts.headers, body).await
    }
}

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

    /// Without the white space that copying leaves at the ends; `None` where nothing else is left.
    pub fn trimmed(&self, name: &str) -> Option<&str> {
        let text = self.get(name).map(str::trim);
        text.filter(|text| !text.is_empty())
    }

    /// All fields of the name, blank ones left out.
    pub fn all(&self, name: &str) -> Vec<String> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        let values = named.map(|(_, value)| value.clone());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// True if the field was sent with this value: a box that is ticked.
    pub fn has(&self, name: &str, value: &str) -> bool {
        let mut all = self.0.iter();
        all.any(|(known, is)| known == name && is == value)
    }

    /// True if there is such a field, blank or not.
    pub fn asks_for(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// One more field: what a form begins with.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    pub fn secret(&self, name: &str) -> Secret {
        Secret::new(self.text(name))
    }
}
