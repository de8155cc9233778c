//! Zones as other systems write them: an offset, or letters.

/// Letters that mean one offset wherever they are written today, in the time zone database or in mail (RFC 5322). `CST` (America, China), `IST`
/// (India, Israel, Ireland) and `BST` (Britain, Bangladesh) do not: what has them, or letters that nobody knows, is flagged as if it had none.
const NAMED: &[(&str, &str)] = &[
    ("UTC", "Z"),
    ("UT", "Z"),
    ("GMT", "Z"),
    ("Z", "Z"),
    ("WET", "Z"),
    ("WEST", "+01:00"),
    ("CET", "+01:00"),
    ("CEST", "+02:00"),
    ("MEZ", "+01:00"),
    ("MESZ", "+02:00"),
    ("EET", "+02:00"),
    ("EEST", "+03:00"),
    ("MSK", "+03:00"),
    ("SAST", "+02:00"),
    ("JST", "+09:00"),
    ("KST", "+09:00"),
    ("AWST", "+08:00"),
    ("ACST", "+09:30"),
    ("ACDT", "+10:30"),
    ("AEST", "+10:00"),
    ("AEDT", "+11:00"),
    ("NZST", "+12:00"),
    ("NZDT", "+13:00"),
    ("EST", "-05:00"),
    ("EDT", "-04:00"),
    ("CDT", "-05:00"),
    ("MST", "-07:00"),
    ("MDT", "-06:00"),
    ("PST", "-08:00"),
    ("PDT", "-07:00"),
    ("AKST", "-09:00"),
    ("AKDT", "-08:00"),
    ("HST", "-10:00"),
];

/// Letters are no more than this.
const LETTERS_MAX: usize = 5;

/// Letters of which the offset is known.
pub(super) fn is_known(word: &str) -> bool {
    word.len() > 1 && NAMED.iter().any(|(name, _)| *name == word)
}

/// Whether a word looks like a zone: an offset, or capital letters.
pub(super) fn is_zone(word: &str) -> bool {
    let letters = word.bytes().all(|b| b.is_ascii_uppercase()) && word.len() <= LETTERS_MAX;
    letters || word == "z" || read(word).is_some()
}

/// A zone in RFC 3339's form, and whether it had to be assumed.
pub(super) fn read(zone: &str) -> Option<(String, bool)> {
    if zone.is_empty() {
        return Some(("Z".to_owned(), true));
    }
    if let Some((_, offset)) = NAMED
        .iter()
        .find(|(name, _)| *name == zone || (*name == "Z" && zone == "z"))
    {
        return Some(((*offset).to_owned(), false));
    }
    // `GMT+0100`
    let offset = ["GMT", "UTC"]
        .iter()
        .find_map(|name| zone.strip_prefix(name))
        .unwrap_or(zone);
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    match (offset.get(..1), offset.get(1..)) {
        (Some(sign @ ("+" | "-")), Some(rest)) => match rest.len() {
            1 if digits(rest) && offset.len() < zone.len() => {
                Some((format!("{sign}0{rest}:00"), false))
            }
            2 if digits(rest) => Some((format!("{sign}{rest}:00"), false)),
            4 if digits(rest) => Some((format!("{sign}{}:{}", &rest[..2], &rest[2..]), false)),
            5 => Some((offset.to_owned(), false)),
            _ => None,
        },
        _ if (2..=LETTERS_MAX).contains(&zone.len())
            && zone.bytes().all(|b| b.is_ascii_uppercase()) =>
        {
            Some(("Z".to_owned(), true))
        }
        _ => None,
    }
}
