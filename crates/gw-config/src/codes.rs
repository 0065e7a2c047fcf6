//! Every code a complaint about a configuration can carry. Each has a page in `docs/errors/`.
//!
//! GW01xx are the decoder's, GW02xx are this crate's, GW03xx are found by `gw-proxy` when it lowers the document.

pub(crate) const MISSING_KEY: &str = "GW0103";
pub(crate) const OUT_OF_RANGE: &str = "GW0106";
pub(crate) const UNREADABLE: &str = "GW0201";
pub(crate) const NOT_UTF8: &str = "GW0202";
pub(crate) const SYNTAX: &str = "GW0203";
pub(crate) const TOO_LARGE: &str = "GW0204";
pub(crate) const EMPTY: &str = "GW0205";
pub(crate) const NO_BACKENDS: &str = "GW0210";
pub(crate) const BAD_WEIGHT: &str = "GW0211";
pub(crate) const BAD_ADDRESS: &str = "GW0212";
pub(crate) const ADDRESS_TWICE: &str = "GW0213";
pub(crate) const NO_PROFILE: &str = "GW0214";
pub(crate) const HALF_A_PAIR: &str = "GW0215";
pub(crate) const STREAM_RETRY: &str = "GW0216";
pub(crate) const BAD_CONDITION: &str = "GW0217";
pub(crate) const BAD_STATUS: &str = "GW0218";
pub(crate) const BAD_METHOD: &str = "GW0219";
pub(crate) const BAD_NETWORK: &str = "GW0220";
pub(crate) const METHOD_TWICE: &str = "GW0221";
pub(crate) const NO_POLICY: &str = "GW0222";
pub(crate) const DEPRECATED: &str = "GW0223";
pub(crate) const BAD_ATTEMPTS: &str = "GW0224";
pub(crate) const BAD_LIMIT: &str = "GW0225";
pub(crate) const SAME_ID: &str = "GW0226";
pub(crate) const GIVEN_TWICE: &str = "GW0227";
pub(crate) const NO_EFFECT: &str = "GW0228";
pub(crate) const BAD_DISCOVERY: &str = "GW0311";

/// Every code with its title, in order.
pub const CODES: &[(&str, &str)] = &[
    ("GW0101", "unknown key"),
    ("GW0102", "wrong type"),
    (MISSING_KEY, "missing key"),
    ("GW0104", "unknown name"),
    ("GW0105", "bad duration"),
    (OUT_OF_RANGE, "number out of range"),
    ("GW0107", "key given twice"),
    ("GW0108", "invalid value"),
    (UNREADABLE, "unreadable file"),
    (NOT_UTF8, "not UTF-8"),
    (SYNTAX, "syntax error"),
    (TOO_LARGE, "too large or too deep"),
    (EMPTY, "empty document"),
    (NO_BACKENDS, "endpoint without backends"),
    (BAD_WEIGHT, "bad weight"),
    (BAD_ADDRESS, "bad listener address"),
    (ADDRESS_TWICE, "two listeners on one address"),
    (NO_PROFILE, "unknown TLS profile"),
    (HALF_A_PAIR, "certificate without key"),
    (STREAM_RETRY, "retry of a stream"),
    (BAD_CONDITION, "condition with none or both of its fields"),
    (BAD_STATUS, "bad status range"),
    (BAD_METHOD, "bad method"),
    (BAD_NETWORK, "bad network"),
    (METHOD_TWICE, "method and methods"),
    (NO_POLICY, "unknown balancer policy"),
    (DEPRECATED, "deprecated key"),
    (BAD_ATTEMPTS, "bad number of attempts"),
    (BAD_LIMIT, "limit of zero"),
    (SAME_ID, "endpoint id given twice"),
    (GIVEN_TWICE, "endpoint in two priority files"),
    (NO_EFFECT, "key without effect"),
    ("GW0301", "unknown middleware"),
    ("GW0302", "bad middleware options"),
    ("GW0303", "bad pattern"),
    ("GW0304", "duplicate route"),
    ("GW0305", "middleware failed to build"),
    ("GW0306", "bad backend target"),
    ("GW0307", "TLS profile does not load"),
    ("GW0308", "bad retry condition"),
    ("GW0309", "access log cannot be opened"),
    ("GW0310", "service without discovery"),
    (BAD_DISCOVERY, "bad discovery"),
    ("GW0312", "too many middlewares"),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn sorted_and_with_all_of_the_decoder() {
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for code in gw_value::CODES {
            assert!(CODES.contains(code), "{code:?}");
        }
    }
}
