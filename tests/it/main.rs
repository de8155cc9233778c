//! Through the public door: every test here starts the product and speaks HTTP to it.

mod api;
mod bench;
mod cursor;
mod demo;
mod export;
mod hostile;
mod tail;
mod test_server;
mod tidy;
