//! How other systems are pointed here: configuration to copy, made with this server's address and a credential.
//!
//! - [`kubernetes`]: what an API server is started with

pub mod kubernetes;
