//! The import table on small workspaces.

use super::check;
use crate::tidy::testing::expect;

const CORE: (&str, &str) = ("crates/gw-core/Cargo.toml", "[package]\nname = \"gw-core\"\n");
const ROUTER: (&str, &str) = ("crates/gw-router/Cargo.toml", "[package]\nname = \"gw-router\"\n");

#[test]
fn the_tables_arrows_pass() {
    let bin = "[package]\nname = \"gateway-bin\"\n[dependencies]\ngw-core.workspace = true\ngw-router.workspace = true\n";
    let tests = "[package]\nname = \"gateway-tests\"\n[dependencies]\ngateway-bin.workspace = true\n";
    expect(check, &[CORE, ROUTER, ("gateway-bin/Cargo.toml", bin), ("tests/Cargo.toml", tests)], &[]);
}

#[test]
fn an_arrow_outside_the_table_fails_in_every_kind_of_dependency() {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"]
    {
        let tls = format!(
            "[package]\nname = \"gw-tls\"\n\n[{kind}]\nbytes.workspace = true\ngw-router.workspace = true\n"
        );
        let files = [CORE, ROUTER, ("crates/gw-tls/Cargo.toml", tls.as_str())];
        expect(check, &files, &[("crates/gw-tls/Cargo.toml:6: error", "gw-tls may not import gw-router")]);
    }
}

#[test]
fn a_renamed_crate_is_still_seen() {
    let tls =
        "[package]\nname = \"gw-tls\"\n[dependencies]\nr = { workspace = true, package = \"gw-router\" }\n";
    let files = [CORE, ROUTER, ("crates/gw-tls/Cargo.toml", tls)];
    expect(check, &files, &[("crates/gw-tls/Cargo.toml:4: error", "may not import gw-router")]);
}

#[test]
fn a_middleware_crate_is_known_by_its_prefix() {
    let auth = "[package]\nname = \"gw-middleware-auth\"\n[dependencies]\ngw-core.workspace = true\ngw-router.workspace = true\n";
    let files = [CORE, ROUTER, ("crates/gw-middleware-auth/Cargo.toml", auth)];
    expect(check, &files, &[("crates/gw-middleware-auth/Cargo.toml:5", "may not import gw-router")]);
}

#[test]
fn nobody_imports_the_command_but_tests_and_tools() {
    let bin = ("gateway-bin/Cargo.toml", "[package]\nname = \"gateway-bin\"\n");
    let debug = "[package]\nname = \"gw-debug\"\n[dev-dependencies]\ngateway-bin.workspace = true\n";
    let files = [bin, ("crates/gw-debug/Cargo.toml", debug)];
    expect(check, &files, &[("crates/gw-debug/Cargo.toml:4", "may not import gateway-bin")]);
}

#[test]
fn a_member_outside_the_table_fails() {
    let files = [("crates/gw-utils/Cargo.toml", "[package]\nname = \"gw-utils\"\n")];
    expect(check, &files, &[("crates/gw-utils/Cargo.toml:2: error", "gw-utils is not in the import table")]);
}

#[test]
fn versions_stand_in_the_workspace() {
    let core = "[package]\nname = \"gw-core\"\n[dependencies]\nbytes = \"1\"\n";
    let files = [("crates/gw-core/Cargo.toml", core)];
    expect(check, &files, &[("crates/gw-core/Cargo.toml:4: error", "bytes has a version of its own")]);
}

#[test]
fn what_is_not_toml_fails() {
    let files = [("crates/gw-core/Cargo.toml", "[package\n")];
    expect(check, &files, &[("crates/gw-core/Cargo.toml: error", "not TOML")]);
}
