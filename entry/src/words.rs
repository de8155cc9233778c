//! The closed vocabularies: actor types, categories, results, and the organization's slug.

use crate::limits::ORGANIZATION_BYTES_MAX;
use std::fmt;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order pages show them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The value of a word on the wire, exactly as written there.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// What kind of party acted.
    ActorKind {
        User = "user",
        System = "system",
        ServiceAccount = "service_account",
        Agent = "agent",
        Anonymous = "anonymous",
    }
}

vocabulary! {
    /// The group an action belongs to; the tabs of the page.
    Category {
        Cluster = "cluster",
        Instance = "instance",
        Config = "config",
        Alert = "alert",
        AccessControl = "access_control",
        Webhook = "webhook",
        /// The log's own actions.
        Audit = "audit",
        Other = "other",
    }
}

vocabulary! {
    /// How the action ended.
    Result {
        Success = "success",
        Failure = "failure",
    }
}

/// The slug of an organization: `[a-z0-9._-]{1,63}`, but not `.` or `..`. One log each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Organization(Box<str>);

impl Organization {
    /// `None` unless the text is a slug.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=ORGANIZATION_BYTES_MAX).contains(&text.len());
        let slug = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        // A directory is named after it, so the two names every directory has are not slugs.
        (fits && slug && text != "." && text != "..").then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The known word that `text` was probably meant to be: for sentences that refuse an unknown one.
/// `None` if no known word is near: at most one edit per three characters, a swap of neighbours counting as one.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = text.chars().take(64).flat_map(char::to_lowercase).collect();
    known
        .into_iter()
        .map(|word| {
            (
                edits(
                    &wanted,
                    &word
                        .chars()
                        .flat_map(char::to_lowercase)
                        .collect::<Vec<_>>(),
                ),
                word,
            )
        })
        .filter(|&(edits, word)| edits <= word.len().max(3) / 3)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, word)| word)
}

/// Insertions, removals, replacements and swaps of neighbours that turn one word into the other.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = last[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut fewest = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                fewest = fewest.min(before_last[j - 2] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for &kind in ActorKind::ALL {
            assert_eq!(ActorKind::parse(kind.as_str()), Some(kind));
        }
        for &category in Category::ALL {
            assert_eq!(Category::parse(category.as_str()), Some(category));
        }
        for &result in Result::ALL {
            assert_eq!(Result::parse(result.as_str()), Some(result));
        }
        assert_eq!(Result::parse("Success"), None);
    }

    #[test]
    fn an_organization_is_a_slug_that_can_name_a_directory() {
        for slug in [
            "a",
            "acme",
            "acme-eu_2.example",
            "-",
            "...",
            &"x".repeat(63),
        ] {
            assert_eq!(Organization::parse(slug).expect("a slug").as_str(), slug);
        }
        for text in [
            "",
            ".",
            "..",
            "Acme",
            "a/b",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(64),
        ] {
            assert_eq!(Organization::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_word_is_found_only_when_it_is_near() {
        let known = ["actor", "action", "target", "on_behalf_of"];
        assert_eq!(nearest("Actor", known), Some("actor"));
        assert_eq!(nearest("acotr", known), Some("actor"));
        assert_eq!(nearest("onBehalfOf", known), Some("on_behalf_of"));
        assert_eq!(nearest("payload", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
