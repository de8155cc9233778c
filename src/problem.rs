//! How a refusal looks: RFC 9457 problem documents, one table of kinds.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $slug:literal, $status:ident, $title:literal;)+) => {
        /// The kinds of refusal. The word is the tail of the problem's `type`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $variant,)+ }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// The tail of `type`: `urn:mar-audit:problem:<slug>`.
            pub const fn slug(self) -> &'static str {
                match self { $(Kind::$variant => $slug,)+ }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Kind::$variant => StatusCode::$status,)+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Kind::$variant => $title,)+ }
            }
        }
    };
}

kinds! {
    BadRequest = "bad-request", BAD_REQUEST, "The call cannot be understood";
    BadParameter = "bad-parameter", BAD_REQUEST, "A parameter is wrong";
    /// Not JSON at all, as opposed to JSON that is no entry.
    BadJson = "bad-json", BAD_REQUEST, "The body is not JSON";
    BadEncoding = "bad-encoding", BAD_REQUEST, "The body cannot be decompressed";
    EmptyBody = "empty-body", BAD_REQUEST, "The body is empty";
    /// Forged, of another query or another data directory.
    BadCursor = "bad-cursor", BAD_REQUEST, "The cursor is not one of this query";
    /// Of one item: send it again, changed.
    InvalidEntry = "invalid-entry", UNPROCESSABLE_ENTITY, "The entry is invalid";
    /// What is to be erased is not there, or the body does not say all it must.
    InvalidErasure = "invalid-erasure", UNPROCESSABLE_ENTITY, "That cannot be erased";
    /// Of one item: its id is stored with other content.
    IdConflict = "id-conflict", CONFLICT, "The id is stored with other content";
    /// Nobody is known by what the call shows.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Sign in first";
    /// Who calls is known, and may not do this.
    Forbidden = "forbidden", FORBIDDEN, "You may not do this";
    /// Guessing is slow.
    TooManyAttempts = "too-many-attempts", TOO_MANY_REQUESTS, "Too many attempts";
    /// What is asked for of access cannot be given to anybody.
    InvalidAccess = "invalid-access", UNPROCESSABLE_ENTITY, "That cannot be given";
    Taken = "taken", CONFLICT, "The name is taken";
    /// Something else needs it, or there is no room for more.
    InUse = "in-use", CONFLICT, "That is in use";
    /// There are no accounts behind an open door.
    AccessOff = "access-off", CONFLICT, "Access control is off";
    CrossOrigin = "cross-origin", FORBIDDEN, "Another site may not do this";
    NotFound = "not-found", NOT_FOUND, "There is no such thing";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method does not apply here";
    NotAcceptable = "not-acceptable", NOT_ACCEPTABLE, "That form is not offered";
    Timeout = "timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of a kind that is not read here";
    Misdirected = "misdirected", MISDIRECTED_REQUEST, "The call names another host";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
    /// What was read from disk is not what was written.
    Damaged = "damaged", INTERNAL_SERVER_ERROR, "Stored data is damaged";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server is busy";
    /// The entry is stored; its proof is there with the next checkpoint.
    Unpublished = "unpublished", SERVICE_UNAVAILABLE, "No checkpoint covers the entry yet";
    /// Nothing is appended until a restart re-reads the disk.
    Latched = "latched", SERVICE_UNAVAILABLE, "The log appends nothing more";
    /// It is law, and tried again until it is done.
    Unfinished = "erasure-unfinished", SERVICE_UNAVAILABLE, "The erasure is recorded, not all of it is done";
    Closing = "closing", SERVICE_UNAVAILABLE, "The server is shutting down";
    NoSpace = "no-space", INSUFFICIENT_STORAGE, "The disk is full";
}

/// Where something is wrong: a JSON pointer into the body, or the name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Byte position in the parameter's value, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    pub detail: String,
    /// The nearest thing that would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Fault {
    pub fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            position: None,
            detail: detail.into(),
            suggestion: None,
        }
    }

    pub fn pointer(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer.into()),
            parameter: None,
            position: None,
            detail: detail.into(),
            suggestion: None,
        }
    }

    pub fn suggesting(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// A refusal: what, why, where, and what the caller can do.
#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: Kind,
    pub detail: String,
    pub errors: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Kind {
    /// What `type` says.
    pub fn type_uri(self) -> String {
        format!("urn:mar-audit:problem:{}", self.slug())
    }

    pub fn detail(self, detail: impl Into<String>) -> Problem {
        let problem = Problem {
            kind: self,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        };
        match self {
            Kind::Overloaded | Kind::Unpublished => problem.retry_after(1),
            Kind::NoSpace | Kind::Latched | Kind::Closing => problem.retry_after(10),
            _ => problem,
        }
    }
}

impl Problem {
    pub fn with(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// What the answer says beside its body: a page that tells the same says it too.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The document, `instance` being the path of the call.
    pub fn to_json(&self, instance: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            instance: Option<&'a str>,
            #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
            errors: &'a [Fault],
        }
        let document = Document {
            r#type: self.kind.type_uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
        };
        serde_json::to_string(&document).expect("texts and numbers are JSON")
    }
}

/// Without `instance`; [`crate::guard`] writes the document again with the path of the call.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), self.to_json(None)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What the store says, as the caller hears it; logged here, once, where a person must act.
impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        use store::Error;
        let said = error.to_string();
        match error {
            Error::Full { .. } => Kind::Overloaded.detail(said),
            Error::NoSpace { .. } => {
                Kind::NoSpace.detail("nothing was stored: no space left on the log's disk")
            }
            Error::Latched { .. } => Kind::Latched
                .detail("nothing was stored: a sync of the journal failed; restart the server"),
            Error::Closing => {
                Kind::Closing.detail("nothing was stored: the server is shutting down")
            }
            Error::Unfinished { by, .. } => {
                tracing::error!(error = said, "an erasure is not finished");
                Kind::Unfinished.detail(format!(
                    "what the entry {by} records is not all done; it is tried again until it is"
                ))
            }
            Error::Proof(_) => Kind::NotFound.detail(said),
            Error::Damaged { .. } => {
                tracing::error!(error = said, "stored data is damaged");
                Kind::Damaged.detail(
                    "what was read is not what was written; the server's log names the place",
                )
            }
            Error::Locked { .. }
            | Error::Foreign { .. }
            | Error::NoData { .. }
            | Error::NewerFormat { .. }
            | Error::OlderFormat { .. }
            | Error::Volatile { .. }
            | Error::Configuration { .. }
            | Error::Io { .. } => {
                tracing::error!(error = said, "the store failed");
                Kind::Internal.detail("the store failed; the server's log says more")
            }
        }
    }
}
