//! The protocols that many systems speak: their names, and where what they bring comes from.

use super::Origin;
use super::shelf::Sender;
use sources::{cloudevents, elastic, hec, otlp, syslog};

const FORMATS: [&str; 5] = [
    otlp::FORMAT,
    cloudevents::FORMAT,
    elastic::FORMAT,
    hec::FORMAT,
    syslog::FORMAT,
];

/// Of what a sender sends in a protocol's format.
pub fn origin(sender: Sender, format: &'static str) -> Origin {
    Origin {
        sender,
        format,
        ids_by_content: true,
    }
}

/// The protocol of that name.
pub fn find(format: &str) -> Option<&'static str> {
    FORMATS.into_iter().find(|known| *known == format)
}
