//! Through the public door: every test here starts the product and speaks HTTP to it.

mod demo;
mod test_server;
mod tidy;
