//! Command lines as people write them.

use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    parse(std::iter::once("gateway").chain(line.split_whitespace()).map(OsString::from))
}

#[test]
fn gos_flags_take_one_dash_or_two_and_an_equals_sign_or_none() {
    for line in
        ["-addr :1 -addr=:2 -conf c.yaml -debug", "run --addr=:1 --addr :2 --conf=c.yaml --debug=true"]
    {
        let cli = parsed(line).unwrap();
        let run = match cli.command {
            Some(Command::Run(run)) => run,
            _ => cli.run,
        };
        assert_eq!(
            (run.addr.as_slice(), run.debug),
            (&[":1".to_owned(), ":2".to_owned()][..], true),
            "{line}"
        );
        assert_eq!(run.conf, Some(PathBuf::from("c.yaml")));
    }
    assert!(!parsed("-debug=false").unwrap().run.debug);
}

#[test]
fn usage_errors_are_found() {
    for line in ["-nonsense", "validate", "fly", "-workers 0", "-grace soon", "-feature-gates gw:Retyr=false"]
    {
        assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn an_address_that_is_none_is_blamed_on_its_flag() {
    for (line, flag) in [
        ("-addr nonsense", "--addr"),
        ("-addr=", "--addr"),
        ("run -addr :1 -addr example.com:80", "--addr"),
        ("-admin :99999", "--admin"),
        ("dev -admin 9901", "--admin"),
    ] {
        let error = parsed(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        let said = error.to_string();
        assert!(said.contains(flag) && said.contains("write `:8080`"), "{line}: {said}");
    }
    assert_eq!(parsed("-addr [::1]:0 -admin=").unwrap().run.admin.as_deref(), Some(""));
}

#[test]
fn a_file_without_its_flag_is_tipped_about() {
    for line in ["gateway.toml", "run gateway.toml", "-addr :1 gateway.toml"] {
        let said = parsed(line).unwrap_err().to_string();
        assert!(said.contains("`-conf gateway.toml`"), "{line}: {said}");
    }
    let said = parsed("fly").unwrap_err().to_string();
    assert!(!said.contains("-conf fly"), "{said}");
}
