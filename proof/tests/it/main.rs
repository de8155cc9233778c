//! The crate through its public door: against known answers, other people's vectors, other implementations, and forgers.

mod disclosures;
mod example;
mod forgeries;
mod hostile;
mod known_answer;
mod notes;
mod policies;
mod test_log;
mod tiles;
mod trees;
mod vectors;
