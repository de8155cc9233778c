//! One entry per request, and nobody decides another's identity.
