//! Handshakes over an in-memory pipe, and the faults of TLS material.
