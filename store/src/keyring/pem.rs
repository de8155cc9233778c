//! An Ed25519 private key as PKCS#8 PEM (RFC 8410, RFC 7468), in the one form that `openssl genpkey` writes too. Here rather than
//! through a reader of DER at large: everything before the 32 bytes is always the same.

use data_encoding::BASE64;

/// Version 0, the algorithm 1.3.101.112, and an octet string in an octet string, up to its content.
const BEFORE: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const END: &str = "\n-----END PRIVATE KEY-----\n";

pub fn write(secret: &[u8; 32]) -> String {
    let der = [&BEFORE[..], secret].concat();
    format!("{BEGIN}{}{END}", BASE64.encode(&der))
}

/// `None` for anything but what [`write`] writes.
pub fn read(bytes: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(bytes).ok()?;
    let base64 = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let der = BASE64.decode(base64.as_bytes()).ok()?;
    der.strip_prefix(&BEFORE[..])?.try_into().ok()
}
