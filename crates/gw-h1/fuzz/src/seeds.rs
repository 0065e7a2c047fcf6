//! The seeds: a line for each input, in which bytes that are no text are escaped as Rust does.

/// The inputs of a text.
pub fn parse(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(unescape).collect()
}

/// The bytes of a line.
pub fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        bytes.push(match escaped {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(0);
                (digit() << 4 | digit()) as u8
            }
            other => other,
        });
    }
    bytes
}
