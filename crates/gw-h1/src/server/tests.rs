//! Bytes in, bytes out, write by write.

mod answers;
mod bodies;
mod connections;
mod wire;
