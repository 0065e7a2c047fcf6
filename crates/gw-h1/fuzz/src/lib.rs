//! What has to hold of any bytes. A property takes an input, panics if it does not hold, and says whether there was
//! anything to compare.
//!
//! The fuzz targets run them on what libFuzzer makes up, and the tests of gw-h1 run the same code on the seeds.

mod chunked;
mod message;
mod peer;
mod repeats;
mod request;
mod response;
pub mod seeds;
mod written;

pub use chunked::chunked;
pub use repeats::repeats;
pub use request::request;
pub use response::response;
pub use written::written;

/// A property: its name, itself, and its seeds.
pub type Property = (&'static str, fn(&[u8]) -> bool, &'static str);

/// All of them.
pub const PROPERTIES: [Property; 5] = [
    ("request", request, include_str!("../seeds/request.txt")),
    ("response", response, include_str!("../seeds/response.txt")),
    ("chunked", chunked, include_str!("../seeds/chunked.txt")),
    ("repeats", repeats, include_str!("../seeds/repeats.txt")),
    ("written", written, include_str!("../seeds/written.txt")),
];
