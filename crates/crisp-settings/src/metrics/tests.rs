use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use metrics::{counter, gauge};

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of every source of the libraries and programs, tests aside.
fn sources() -> Vec<String> {
    let folders = ["crates", "bins"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let mut open: Vec<PathBuf> =
        folders.into_iter().flatten().map(|one| one.unwrap().path().join("src")).collect();
    let mut texts = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|one| one.unwrap().path()));
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// The name of every metric that is set, counted or measured somewhere.
fn named_in_the_code() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in sources() {
        for call in ["gauge!(\"", "counter!(\"", "histogram!(\""] {
            names
                .extend(text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    names
}

fn named_in_the_manual() -> BTreeSet<String> {
    let manual = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let section = manual.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

#[test]
fn the_manual_lists_every_metric_and_no_other() {
    let code = named_in_the_code();
    assert!(code.len() > 15, "{code:?}");
    assert_eq!(named_in_the_manual(), code);
}

#[test]
fn a_gauge_that_nobody_sets_any_more_is_not_shown_at_its_last_value() {
    let recorder = builder(Duration::from_millis(50)).unwrap().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let set = |account: &'static str| gauge!("lag", "account" => account).set(7.0);
        counter!("asked").increment(1);
        set("idle");
        set("busy");
        assert!(handle.render().contains("lag{account=\"idle\"} 7"));
        std::thread::sleep(Duration::from_millis(200));
        set("busy");
        let shown = handle.render();
        assert!(!shown.contains("idle") && shown.contains("lag{account=\"busy\"} 7"), "{shown}");
        assert!(shown.contains("asked 1"), "counters stay: {shown}");
        set("idle");
        assert!(handle.render().contains("lag{account=\"idle\"} 7"), "it may come back");
    });
}
