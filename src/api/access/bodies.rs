//! Bodies of calls that change who may do what. They may hold passwords, so nothing of them is repeated in a refusal: only
//! where it is wrong, and what was expected.

use crate::access::binding::ExtentText;
use crate::access::permission::Permissions;
use crate::access::{Error, Extent};
use crate::app::App;
use crate::body::{self, Coding, Share};
use crate::problem::{Fault, Kind, Problem};
use axum::body::Body;
use axum::http::HeaderMap;
use entry::mask::Hidden;
use entry::{Mask, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest body: a link with its filter fits many times.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body that says what it holds.
pub trait Asked: DeserializeOwned {
    /// Its members, as a refusal names them.
    /// Those that end in `?` may be left out.
    const MEMBERS: &'static [&'static str];
}

macro_rules! asked {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* } = $members:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $(pub $field: $type,)* }

            impl Asked for $name {
                const MEMBERS: &'static [&'static str] = $members;
            }
        )+
    };
}

asked! {
    SignIn { login: String, password: String, } = &["login", "password"];
    Claim { link: String, login: String, name: String, password: String, } = &["link", "login", "name", "password"];
    NewUser { kind: Option<String>, login: String, name: String, password: Option<String>, }
        = &["login", "name", "kind?", "password?"];
    UserChange {
        disabled: Option<bool>, groups: Option<Vec<String>>, password: Option<String>, old_password: Option<String>,
    } = &["disabled?", "groups?", "password?", "old_password?"];
    PutRole { permissions: Vec<String>, mask: Option<Vec<String>>, } = &["permissions", "mask?"];
    NewBinding {
        account: Option<String>, group: Option<String>, role: String, organization: Option<String>,
        projects: Option<Vec<String>>,
    } = &["account?", "group?", "role", "organization?", "projects?"];
    NewToken {
        account: Option<String>, kind: Option<String>, name: String, permissions: Vec<String>,
        organization: Option<String>, projects: Option<Vec<String>>, expires_at: Option<String>,
    } = &["name", "permissions", "account?", "kind?", "organization?", "projects?", "expires_at?"];
    NewLink {
        name: String, permissions: Vec<String>, organization: Option<String>, projects: Option<Vec<String>>,
        mask: Option<Vec<String>>, filter: Option<String>, expires_at: String,
    } = &["name", "permissions", "expires_at", "organization?", "projects?", "mask?", "filter?"];
    NewEmbed {
        organization: Option<String>, projects: Option<Vec<String>>, mask: Option<Vec<String>>, filter: Option<String>,
        life_seconds: Option<u64>,
    } = &["organization?", "projects?", "mask?", "filter?", "life_seconds?"];
    /// What of a quarantine is meant; everything where nothing is named.
    Items { items: Option<Vec<String>>, } = &["items?"];
}

/// An embedded page's life where its maker names none.
pub const EMBED_LIFE_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// Reads a body of JSON.
pub async fn read<T: Asked>(app: &App, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let form = crate::api::batch::Form::of(headers);
    if form.as_ref().ok() != Some(&crate::api::batch::Form::Json) {
        body::linger(body);
        return Err(Kind::UnsupportedType.detail("Content-Type is application/json"));
    }
    if Coding::of(headers)? != Coding::Identity {
        body::linger(body);
        return Err(Kind::UnsupportedType.detail("this body is sent as it is, not compressed"));
    }
    let mut share = Share::none_yet(app);
    let bytes = body::receive(app, headers, body, &mut share).await?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(Kind::TooLarge.detail(format!("at most {BODY_BYTES_MAX} bytes")));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let members = T::MEMBERS.join(", ");
        let detail = format!("line {line}, column {column}: an object of {members} is expected");
        Kind::BadJson.detail(detail)
    })
}

/// 422 at a member.
pub fn wrong(member: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    let fault = Fault::pointer(format!("/{member}"), detail.clone());
    { Kind::InvalidAccess.detail(format!("{member}: {detail}")) }.with(vec![fault])
}

pub fn permissions(names: Vec<String>) -> Result<Permissions, Problem> {
    Permissions::try_from(names).map_err(|detail| wrong("permissions", detail))
}

pub fn mask(names: Option<Vec<String>>) -> Result<Mask, Problem> {
    let mut hidden = Vec::new();
    for name in names.unwrap_or_default() {
        let one = Hidden::parse(&name);
        hidden.push(one.ok_or_else(|| wrong("mask", format!("nothing is hidden as {name:?}")))?);
    }
    Ok(Mask::of(hidden))
}

pub fn extent(
    organization: Option<String>,
    projects: Option<Vec<String>>,
) -> Result<Extent, Error> {
    Extent::try_from(ExtentText {
        organization,
        projects,
    })
}

pub fn instant(member: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).map_err(|detail| wrong(member, detail))
}
