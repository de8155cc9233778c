//! Foreign text on a page: inert, and with everything that hides or reorders made visible.
//!
//! Markup is escaped by maud. This module marks what escaping leaves: controls, bidirectional overrides, zero-width and blank
//! characters, white space at the edges. A name that looks like another name must not be able to pass for it.

use maud::{Markup, Render, html};

/// How a character that does not show itself is named; `None` for those that do.
fn name_of(c: char) -> Option<&'static str> {
    Some(match c {
        '\n' => "line feed",
        '\r' => "carriage return",
        '\t' => "tab",
        '\u{1b}' => "escape",
        '\0' => "null",
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => "control character",
        '\u{61c}' => "Arabic letter mark",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "pop directional formatting",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "pop directional isolate",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{feff}' => "zero width no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{1680}' => {
            "unusual space"
        }
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{34f}' | '\u{17b4}'
        | '\u{17b5}' => "blank character",
        '\u{180b}'..='\u{180f}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' => {
            "invisible character"
        }
        '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' => "invisible character",
        '\u{e0000}'..='\u{e0fff}' => "tag character",
        _ => return None,
    })
}

/// True for what a page must not pass on as it is.
pub fn hides(c: char) -> bool {
    name_of(c).is_some()
}

/// Text of an entry, as a page shows it: isolated in direction, hidden characters as small marks.
pub struct Shown<'a>(pub &'a str);

impl Render for Shown<'_> {
    fn render(&self) -> Markup {
        let text = self.0;
        if text.is_empty() {
            return html! { span.mark title="an empty text" { "empty" } };
        }
        let (edge_start, edge_end) = edges(text);
        let plain =
            edge_start == 0 && edge_end == text.len() && text.chars().all(|c| name_of(c).is_none());
        html! {
            bdi {
                @if plain { (text) } @else {
                    @for piece in pieces(text, edge_start, edge_end) {
                        @match piece {
                            Piece::Plain(run) => (run),
                            Piece::Hidden(c, name) => span.mark title=(name) { (code_point(c)) },
                        }
                    }
                }
            }
        }
    }
}

/// The same for places that take no markup, such as titles, labels and options: hidden characters as `⟨U+202E⟩`.
pub fn plain(text: &str) -> String {
    if text.is_empty() {
        return "⟨empty⟩".into();
    }
    let (edge_start, edge_end) = edges(text);
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text, edge_start, edge_end) {
        match piece {
            Piece::Plain(run) => out.push_str(run),
            Piece::Hidden(c, _) => {
                out.push('⟨');
                out.push_str(&code_point(c));
                out.push('⟩');
            }
        }
    }
    out
}

/// [`plain`] of a part of a text: blanks at its edges stand within the whole.
pub fn plain_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text, 0, text.len()) {
        match piece {
            Piece::Plain(run) => out.push_str(run),
            Piece::Hidden(c, _) => out.push_str(&format!("⟨{}⟩", code_point(c))),
        }
    }
    out
}

/// [`plain`], cut to `max` characters with an ellipsis.
pub fn brief(text: &str, max: usize) -> String {
    let cut: String = text.chars().take(max + 1).collect();
    if cut.chars().count() <= max {
        return plain(&cut);
    }
    let head: String = cut.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", plain(&head))
}

fn code_point(c: char) -> String {
    format!("U+{:04X}", c as u32)
}

enum Piece<'a> {
    Plain(&'a str),
    Hidden(char, &'static str),
}

/// Where the leading blanks end and the trailing ones begin, in bytes.
fn edges(text: &str) -> (usize, usize) {
    let start = text.len() - text.trim_start_matches(' ').len();
    let end = text.trim_end_matches(' ').len();
    (start, end.max(start))
}

fn pieces(text: &str, edge_start: usize, edge_end: usize) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut run = 0;
    for (at, c) in text.char_indices() {
        let edge = c == ' ' && (at < edge_start || at >= edge_end);
        let name = if edge {
            Some("space at the edge")
        } else {
            name_of(c)
        };
        if let Some(name) = name {
            if run < at {
                out.push(Piece::Plain(&text[run..at]));
            }
            out.push(Piece::Hidden(c, name));
            run = at + c.len_utf8();
        }
    }
    if run < text.len() {
        out.push(Piece::Plain(&text[run..]));
    }
    out
}

/// The most bytes of a value that become part of an address: a call's head holds 64 KiB in all.
const LINKED_BYTES_MAX: usize = 2_000;

/// True if a value is worth a link: it can be part of an address, and a filter by it says something.
pub fn is_linkable(text: &str) -> bool {
    text.len() <= LINKED_BYTES_MAX && !text.trim().is_empty()
}

/// True if a form field sends a value back as it is: browsers change line ends and lose nulls.
pub fn is_choosable(text: &str) -> bool {
    is_linkable(text) && !text.chars().any(char::is_control)
}

/// The most characters of a value in a list; the details show it whole.
const LISTED_CHARS_MAX: usize = 300;

/// A value in a list: [`Shown`], cut with an ellipsis where it is absurdly long.
pub struct Listed<'a>(pub &'a str);

impl Render for Listed<'_> {
    fn render(&self) -> Markup {
        match self.0.char_indices().nth(LISTED_CHARS_MAX) {
            Some((end, _)) => html! { (Shown(&self.0[..end])) "…" },
            None => Shown(self.0).render(),
        }
    }
}

/// `12,904`
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Shown(text).render().into_string()
    }

    #[test]
    fn markup_in_a_name_is_text() {
        assert_eq!(
            shown(r#""><img src=x onerror=alert(1)>"#),
            "<bdi>&quot;&gt;&lt;img src=x onerror=alert(1)&gt;</bdi>"
        );
    }

    #[test]
    fn what_hides_or_reorders_is_marked() {
        for hidden in [
            '\u{202e}',
            '\u{200b}',
            '\u{1b}',
            '\u{7}',
            '\u{85}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
            '\u{3164}',
        ] {
            let html = shown(&format!("a{hidden}b"));
            assert!(!html.contains(hidden), "{hidden:?} passed through");
            assert!(
                html.contains(&code_point(hidden)),
                "{hidden:?} is not named in {html}"
            );
            assert!(!plain(&format!("a{hidden}b")).contains(hidden));
        }
    }

    #[test]
    fn spaces_at_the_edges_are_marked_and_those_inside_are_not() {
        assert_eq!(plain(" ana ruiz "), "⟨U+0020⟩ana ruiz⟨U+0020⟩");
        assert_eq!(plain("  "), "⟨U+0020⟩⟨U+0020⟩");
        assert_eq!(plain(""), "⟨empty⟩");
    }

    #[test]
    fn a_list_cuts_what_is_absurdly_long_and_nothing_else() {
        assert_eq!(Listed("ana").render().into_string(), shown("ana"));
        let long = "é".repeat(1_000_000);
        assert!(Listed(&long).render().into_string().len() < 1_000);
        assert!(!is_linkable(&long) && !is_linkable("  ") && is_linkable("ana"));
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(12_904), "12,904");
        assert_eq!(count(20_000_000), "20,000,000");
    }

    #[test]
    fn a_brief_text_keeps_its_length() {
        assert_eq!(brief("short", 5), "short");
        assert_eq!(brief("longer", 5), "long…");
    }
}
