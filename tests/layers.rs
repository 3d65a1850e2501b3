//! The layer rule of the crate, checked on the text of the sources: who may import whom, where `unsafe` may stand,
//! how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src`, and its lines without comments.
struct Source {
    path: String,
    code: Vec<String>,
    lines: usize,
}

impl Source {
    fn layer(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }
}

fn sources() -> Vec<Source> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 10);
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source");
            let code = text.lines().map(|line| line.split("//").next().unwrap_or_default().to_string()).collect();
            let path = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            sources.push(Source { path, code, lines: text.lines().count() });
        }
    }
}

/// Lines in which one of these words stands.
fn offences(layers: impl Fn(&str) -> bool, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| layers(source.layer())) {
        for (number, line) in source.code.iter().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("src/{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    let up = offences(|layer| layer == "proto", &["crate::net", "crate::capi", "crate::boundary", "crate::lws"]);
    assert!(up.is_empty(), "{up:#?}");
    let up = offences(|layer| layer == "net", &["crate::capi", "crate::boundary", "crate::lws"]);
    assert!(up.is_empty(), "{up:#?}");
    let up = offences(
        |layer| matches!(layer, "boundary" | "names" | "simd" | "zlib"),
        &["crate::capi", "crate::lws", "crate::net"],
    );
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn protocol_has_no_io() {
    let words = [
        "TcpStream",
        "ToSocketAddrs",
        "std::os",
        "std::fs",
        "std::thread",
        "mio::",
        "socket2",
        "rustix",
        "Instant::now",
        "getrandom",
    ];
    let io = offences(|layer| layer == "proto", &words);
    assert!(io.is_empty(), "{io:#?}");
}

#[test]
fn unsafe_stands_only_at_the_edges() {
    let safe = |layer: &str| !matches!(layer, "boundary" | "capi" | "lws" | "names" | "simd" | "zlib");
    let found = offences(safe, &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "#[unsafe"]);
    assert!(found.is_empty(), "{found:#?}");
    let words = ["from_raw_parts", "Box::from_raw", "catch_unwind"];
    let found = offences(|layer| !matches!(layer, "boundary" | "simd"), &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_library_prints_nothing_and_never_exits() {
    let words =
        ["println!", "print!(", "dbg!", "process::exit", "process::abort", "libc::exit", "libc::signal", "sigaction"];
    let found = offences(|_| true, &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn files_are_short_and_say_what_they_are() {
    for source in sources() {
        assert!(source.lines <= 600, "{}: {} lines", source.path, source.lines);
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(&source.path);
        assert!(fs::read_to_string(path).expect("source").starts_with("//!"), "{}: no head", source.path);
    }
}
