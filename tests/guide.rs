//! The samples of docs/guide.md that a test runs are what that test has, line by line.
#![allow(clippy::unwrap_used)]

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// H11: the Origin policy. Checked by: with another operator in the guide's `matches` this fails.
#[test]
fn h11_the_guide_shows_the_policy_that_is_tested() {
    let (guide, test) = (read("docs/guide.md"), read("tests/c/h11_origin.c"));
    let (_, policy) = test.split_once("/* ---- the policy ---- */\n\n").unwrap();
    let (policy, _) = policy.split_once("\n/* ---- ").unwrap();
    assert!(policy.contains("may_connect(conn)") && guide.contains(policy), "not in the guide:\n{policy}");
}
