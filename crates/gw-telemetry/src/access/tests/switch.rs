//! Another place and another format while it runs.

use std::fs::OpenOptions;

use super::*;

#[test]
fn a_log_that_was_moved_away_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [path, old] = ["access.log", "access.log.1"].map(|name| folder.path().join(name));
    let open = || OpenOptions::new().append(true).create(true).open(&path).unwrap();
    let (sink, read) = (Shared::default(), |path| std::fs::read_to_string(path).unwrap());
    let log = AccessLog::start(Box::new(sink.clone()), LogFormat::Json, 1).unwrap();
    let record = |path: &'static str| {
        log.record(0, &AccessRecord { path, ..record() });
        assert!(log.flush(LIMIT));
    };
    record("/first");
    log.switch(Some(LogFormat::Kratos), Some(open()));
    record("/second");
    std::fs::rename(&path, &old).unwrap();
    record("/third");
    log.switch(Some(LogFormat::Kratos), Some(open()));
    record("/fourth");
    log.switch(None, None);
    record("/fifth");
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (sink, old, new) = (lines(sink.text()), lines(read(&old)), lines(read(&path)));
    assert_eq!((sink.len(), old.len(), new.len()), (2, 2, 1));
    assert!(sink[0].contains("\"/first\"") && sink[1].contains("\"/fifth\""), "{sink:?}");
    assert!(old[0].contains(" path=/second ") && old[1].contains(" path=/third "), "{old:?}");
    assert!(new[0].starts_with("INFO source=accesslog ") && new[0].contains(" path=/fourth "), "{new:?}");
    assert_eq!(log.dropped(), 0);
}
