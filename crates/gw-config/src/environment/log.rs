//! What in `RUST_LOG` is likely to be a mistake: a word that is no level is taken for a target, and the log is empty.

use tracing::level_filters::LevelFilter;

/// How the names of what logs here begin, for the gateway's crates and the libraries below it.
const TARGETS: [&str; 11] =
    ["gateway", "gw", "h2", "http", "hyper", "mio", "notify", "reqwest", "rustls", "tokio", "tower"];

/// A sentence about each directive without `=` that is neither a level nor the beginning of a target of the gateway or
/// of its libraries.
pub fn doubtful_log_directives(directives: &str) -> impl Iterator<Item = String> {
    directives.split(',').map(str::trim).filter(|directive| is_doubtful(directive)).map(|directive| {
        format!(
            "`{directive}` is no level, and as a target it is none of the gateway's; \
             levels: off, error, warn, info, debug, trace"
        )
    })
}

fn is_doubtful(directive: &str) -> bool {
    let known = || TARGETS.iter().any(|target| directive.starts_with(target));
    !directive.is_empty()
        && !directive.contains(['=', '['])
        && directive.parse::<LevelFilter>().is_err()
        && !known()
}

#[cfg(test)]
mod tests {
    use super::doubtful_log_directives;

    #[test]
    fn a_level_that_is_none_is_noticed() {
        let doubtful = |directives| doubtful_log_directives(directives).count();
        assert_eq!(doubtful("warm"), 1);
        assert_eq!(doubtful("inof,gw=debug"), 1);
        assert_eq!(doubtful("INFO,gw_proxy,hyper::proto,mine=trace,[request],3,"), 0);
    }
}
