//! `include/wsrs.h` is what cbindgen makes of `src/capi`, and C99 and C++11 compilers take it without a warning.
//!
//! What cbindgen writes is arranged afterwards: comments get a shorter form, structs the order of the source.
//!
//! `WSRS_BLESS=1 cargo test --test header` writes it anew.

use cbindgen::{Builder, Config, DocumentationLength, DocumentationStyle, Language, Style};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::{env, fs};

/// The files of `src/capi` in the order of the header.
const NOUNS: [&str; 20] = [
    "version",
    "result",
    "types",
    "message",
    "callbacks",
    "limits",
    "deflate",
    "options",
    "context",
    "timer",
    "log",
    "listener",
    "conn",
    "prepared",
    "conn_info",
    "stats",
    "timings",
    "objects",
    "request",
    "tls",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate() -> String {
    let mut config = Config {
        language: Language::C,
        cpp_compat: true,
        include_guard: Some("WSRS_H".into()),
        header: Some("/* wsrs.h: generated from the library's source; change the comments there. */".into()),
        documentation_style: DocumentationStyle::C,
        documentation_length: DocumentationLength::Full,
        usize_is_size_t: true,
        style: Style::Type,
        no_includes: true,
        sys_includes: ["stddef.h", "stdint.h"].map(String::from).to_vec(),
        line_length: 110,
        tab_width: 4,
        after_includes: Some(preamble()),
        ..Config::default()
    };
    config.function.args = cbindgen::Layout::Auto;
    let sources = NOUNS.iter().map(|noun| root().join("src/capi").join(format!("{noun}.rs")));
    let builder = sources.fold(Builder::new().with_config(config), Builder::with_src);
    let mut header = Vec::new();
    builder.generate().expect("cbindgen reads the sources").write(&mut header);
    arrange(&String::from_utf8(header).expect("UTF-8"))
}

/// Structs in the order of the source (cbindgen: in the order of use), comments in a shorter form.
fn arrange(header: &str) -> String {
    let mut blocks = blocks(header);
    let order = structs();
    let place = |block: &String| {
        let name = block.lines().last().and_then(|line| line.strip_prefix("} ")?.strip_suffix(';'));
        name.and_then(|name| order.iter().position(|(known, _)| known == name))
    };
    let places: Vec<usize> = (0..blocks.len()).filter(|&index| place(&blocks[index]).is_some()).collect();
    let mut sorted: Vec<String> = places.iter().map(|&index| blocks[index].clone()).collect();
    sorted.sort_by_key(place);
    places.iter().zip(sorted).for_each(|(&index, block)| blocks[index] = block);
    let blocks: Vec<String> = blocks.iter().map(|block| comments(block)).collect();
    let joined = blocks.join("\n\n");
    format!("{}\n", joined.trim_end())
}

/// Declarations with their comments: what blank lines outside of comments and braces separate.
fn blocks(header: &str) -> Vec<String> {
    let (mut blocks, mut block, mut comment) = (Vec::new(), Vec::new(), false);
    for line in header.lines() {
        comment = (comment || line.trim_start().starts_with("/*")) && !line.trim_end().ends_with("*/");
        if line.is_empty() && !comment {
            blocks.push(block.join("\n"));
            block.clear();
        } else {
            block.push(line);
        }
    }
    blocks.push(block.join("\n"));
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// cbindgen's comments: one line where they fit, otherwise a star at each line.
fn comments(block: &str) -> String {
    let (mut out, mut lines) = (Vec::new(), block.lines());
    while let Some(line) = lines.next() {
        if let Some((define, value)) = line.rsplit_once(" -").filter(|(define, _)| define.starts_with("#define")) {
            out.push(format!("{define} (-{value})"));
            continue;
        }
        if line.trim() != "/*" || block.starts_with("/*\n * wsrs:") {
            out.push(line.to_string());
            continue;
        }
        let indent = &line[..line.len() - 2];
        let text: Vec<&str> = lines.by_ref().map(str::trim).take_while(|line| *line != "*/").collect();
        if let [only] = text[..] {
            out.push(format!("{indent}/* {only} */"));
            continue;
        }
        out.push(line.to_string());
        for text in text {
            let text = if text == "# Safety" { "The caller promises:" } else { text };
            out.push(format!("{indent} * {text}").trim_end().to_string());
        }
        out.push(format!("{indent} */"));
    }
    out.join("\n")
}

/// The overview, with the version and the initialisers filled in.
fn preamble() -> String {
    let mut text = fs::read_to_string(root().join("tests/header/overview.h")).expect("overview");
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let value = match part {
            "MAJOR" => env!("CARGO_PKG_VERSION_MAJOR"),
            "MINOR" => env!("CARGO_PKG_VERSION_MINOR"),
            _ => env!("CARGO_PKG_VERSION_PATCH"),
        };
        text = text.replace(&format!("@{part}@"), value);
    }
    for (name, zeros) in structs() {
        text = text.replace(&format!("@{name}@"), &format!("{{ sizeof({name}){zeros} }}"));
    }
    assert!(!text.contains('@'), "a placeholder was not filled");
    format!("\n{}", text.trim_end())
}

/// Every public struct with the values of its initialiser after the size, one for each member; handles are structs.
fn structs() -> Vec<(String, String)> {
    let mut structs = Vec::new();
    for noun in NOUNS {
        let source = fs::read_to_string(root().join("src/capi").join(format!("{noun}.rs"))).expect("source");
        for part in source.split("pub struct ").skip(1) {
            let name = part.split_whitespace().next().expect("name");
            let body = part.split("\n}").next().expect("body");
            let members = body.lines().filter(|line| line.starts_with("    pub ")).skip(1);
            let zeros =
                members
                    .map(|line| {
                        if line.split(": ").nth(1).is_some_and(|of| of.starts_with("wsrs_")) {
                            ", { 0 }"
                        } else {
                            ", 0"
                        }
                    })
                    .collect();
            structs.push((name.into(), zeros));
        }
    }
    structs
}

/// The committed header; written first when asked to.
fn committed() -> String {
    static ONCE: Once = Once::new();
    let path = root().join("include/wsrs.h");
    ONCE.call_once(|| {
        if env::var_os("WSRS_BLESS").is_some() {
            fs::write(&path, generate()).expect("written");
        }
    });
    fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn committed_header_is_current() {
    assert!(committed() == generate(), "include/wsrs.h is old: run WSRS_BLESS=1 cargo test --test header");
}

#[test]
fn every_function_is_listed_by_a_type_and_says_its_thread() {
    let header = committed();
    let mut missing = Vec::new();
    for name in exported() {
        if !header.contains(&format!(" {name},")) && !header.contains(&format!(" {name}.")) {
            missing.push(name);
        }
    }
    let free_standing = ["wsrs_version", "wsrs_version_text"];
    missing.retain(|name| !free_standing.contains(&name.as_str()));
    assert!(missing.is_empty(), "listed by no type: {missing:?}");
    for comment in header.split("/*\n").skip(1) {
        let (text, code) = comment.split_once("*/").expect("closed");
        let code = code.split(';').next().expect("declaration");
        if code.contains('(') && !code.contains("#define") && !code.contains("(*") && !code.contains('{') {
            let thread = text.contains("Any thread") || text.contains("Loop thread");
            assert!(thread, "no thread said: {code}");
        }
    }
}

fn exported() -> Vec<String> {
    let mut names = Vec::new();
    for noun in NOUNS {
        let source = fs::read_to_string(root().join("src/capi").join(format!("{noun}.rs"))).expect("source");
        for part in source.split("#[unsafe(no_mangle)]").skip(1) {
            let name = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).expect("name");
            names.push(name.to_string());
        }
    }
    names
}

#[test]
fn c_and_cpp_compilers_take_it() {
    committed();
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
    let c_only = ["-std=c99", "-Wstrict-prototypes", "-Wc++-compat", "-Wmissing-field-initializers"];
    compile("gcc", "c", &[&c_only[..], &strict].concat());
    compile("g++", "c++", &[&["-std=c++11"][..], &strict].concat());
}

fn compile(compiler: &str, language: &str, flags: &[&str]) {
    let output = Command::new(compiler)
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .args(["-x", language])
        .arg(Path::new("tests/header/use.c"))
        .current_dir(root())
        .output()
        .expect("the compiler runs");
    assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
}
