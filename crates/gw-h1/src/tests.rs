//! Whole messages: bytes in, a verdict out.

mod bodies;
mod differential;
mod message;
mod requests;
mod responses;
