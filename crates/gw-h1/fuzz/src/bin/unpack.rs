//! Writes the seeds into the folders where libFuzzer looks for them.

use std::fs;
use std::path::Path;

use gw_h1_fuzz::{PROPERTIES, seeds};

fn main() -> std::io::Result<()> {
    for (name, _, text) in PROPERTIES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        fs::create_dir_all(&folder)?;
        for (number, input) in seeds::parse(text).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:04}")), input)?;
        }
    }
    Ok(())
}
