//! Every limit of an entry, in one place, each with its reason.

/// The largest entry, in bytes of JSON as sent. A Kubernetes audit event of 1.8 MB is real.
pub const ENTRY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What id, timestamp, category and organization may add to the largest entry, in bytes: the log fills them in where a
/// draft is silent, and an entry that was exported with them must be one that can be recorded again.
pub const FILLED_IN_BYTES_MAX: usize = 256;

/// The most entries of one batch: bounds the receipts and the time the log is held by one caller.
pub const BATCH_ENTRIES_MAX: usize = 10_000;

/// The largest batch after decompression: bounds memory per call, and stops decompression bombs.
pub const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The deepest nesting of JSON. Real audit data reaches 16; a parser must not exhaust its stack.
pub const DEPTH_MAX: usize = 64;

/// Leaves of `context` and of `changes` that are searchable by word; the rest is kept and shown, not indexed.
pub const LEAVES_INDEXED_MAX: usize = 1_000;

/// The longest word that is indexed, in bytes after folding; longer runs are cut to it on both sides of a search.
pub const WORD_BYTES_MAX: usize = 64;

/// The longest `scope.project`, in bytes: a Kubernetes namespace or DNS name fits.
pub const PROJECT_BYTES_MAX: usize = 253;

/// The longest organization slug: a DNS label, since it names a directory and a log origin.
pub const ORGANIZATION_BYTES_MAX: usize = 63;

/// How far a timestamp may lie ahead of the log's clock before it is flagged, in microseconds (5 minutes).
pub const CLOCK_AHEAD_MICROS: i64 = 5 * 60 * 1_000_000;

/// The longest query text, in bytes: a person's query is shorter, a machine's belongs in parameters.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;

/// The most terms of one query: bounds the work of one search.
pub const QUERY_TERMS_MAX: usize = 64;

/// The deepest nesting of a query.
pub const QUERY_DEPTH_MAX: usize = 16;

/// The most terms of all URL parameters together: lists of values are longer than queries, but one call must not hold
/// the searcher.
pub const PARAMETER_TERMS_MAX: usize = 1_000;
