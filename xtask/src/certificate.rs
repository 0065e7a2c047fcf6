//! A certificate for the programs that are measured or trained.

use std::path::Path;
use std::process::Command;

use crate::shell;

/// Makes `cert.pem`, `key.pem`, and `both.pem` in `folder`, for `bench.example`, good for 30 days.
///
/// # Errors
/// When openssl is missing, or the folder cannot be written.
pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-days", "30", "-subj", "/CN=bench.example"]);
    command.args(["-addext", "subjectAltName=DNS:bench.example"]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
    anyhow::ensure!(shell::succeeds(&mut command), "openssl makes no certificate");
    std::fs::write(folder.join("both.pem"), std::fs::read_to_string(cert)? + &std::fs::read_to_string(key)?)?;
    Ok(())
}
