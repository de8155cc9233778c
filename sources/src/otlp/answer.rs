//! What a server answers in the form it was called in: that all or some was taken, or why nothing was.

use super::Encoding;
use entry::json::{Object, Value};

/// `ExportLogsServiceResponse`: without a partial success, everything was taken. A message without rejections is a warning.
pub fn response(rejected: u64, message: &str, encoding: Encoding) -> Vec<u8> {
    let said = rejected > 0 || !message.is_empty();
    match encoding {
        Encoding::Json => {
            let mut response = Object::new();
            if said {
                let mut partial = Object::new();
                // 64-bit integers are texts in proto3's JSON.
                partial.insert("rejectedLogRecords", rejected.to_string());
                partial.insert("errorMessage", message.to_owned());
                response.insert("partialSuccess", partial);
            }
            Value::Object(response).to_string().into_bytes()
        }
        Encoding::Protobuf => {
            let mut out = Vec::new();
            if said {
                let mut partial = Vec::new();
                number(1, rejected, &mut partial);
                bytes(2, message.as_bytes(), &mut partial);
                bytes(1, &partial, &mut out);
            }
            out
        }
    }
}

/// `google.rpc.Status`, the body of every answer that is no success; `code` is one of gRPC's.
pub fn status(code: u32, message: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => {
            let mut status = Object::new();
            status.insert("code", u64::from(code));
            status.insert("message", message.to_owned());
            Value::Object(status).to_string().into_bytes()
        }
        Encoding::Protobuf => {
            let mut out = Vec::new();
            number(1, u64::from(code), &mut out);
            bytes(2, message.as_bytes(), &mut out);
            out
        }
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    if value > 0 {
        varint(field << 3, out);
        varint(value, out);
    }
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    if !value.is_empty() {
        varint(field << 3 | 2, out);
        varint(value.len() as u64, out);
        out.extend_from_slice(value);
    }
}
