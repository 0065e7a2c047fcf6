//! Writes what libFuzzer has kept into the files of seeds.

use std::fs;
use std::path::Path;

use gw_h1_fuzz::PROPERTIES;

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, ..) in PROPERTIES {
        let mut lines = Vec::new();
        for entry in fs::read_dir(here.join("corpus").join(name))? {
            lines.push(format!("{}\n", fs::read(entry?.path())?.escape_ascii()));
        }
        lines.sort();
        lines.dedup();
        fs::write(here.join("seeds").join(name).with_extension("txt"), lines.concat())?;
    }
    Ok(())
}
