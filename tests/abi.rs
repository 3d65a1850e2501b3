//! The binary interface: names and layouts that programs were compiled against stay. A line may be added to
//! `tests/abi/*.txt`, never changed or taken away within one SONAME.
//!
//! `WSRS_BLESS=1 cargo test --test abi` writes the lists anew. That the shared object exports exactly these symbols is
//! checked where it is built.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Texts of all files of the C surface.
fn sources() -> Vec<String> {
    let folder = fs::read_dir(root().join("src/capi")).expect("folder");
    let files = folder.map(|entry| entry.expect("entry").path());
    files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).expect("source")).collect()
}

fn compare(file: &str, current: &str) {
    let path = root().join("tests/abi").join(file);
    if env::var_os("WSRS_BLESS").is_some() {
        fs::write(&path, current).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "tests/abi/{file} differs; now:\n{current}");
}

#[test]
fn symbols() {
    let path = root().join("tests/abi/symbols.txt");
    let committed = fs::read_to_string(path).unwrap_or_default();
    let since = |name: &str| {
        let known = committed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" since "));
        known.unwrap_or(env!("CARGO_PKG_VERSION")).to_string()
    };
    let mut names = BTreeSet::new();
    for source in sources() {
        for part in source.split("#[unsafe(no_mangle)]").skip(1) {
            names.insert(part.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).expect("name").to_string());
        }
    }
    assert!(names.iter().all(|name| name.starts_with("wsrs_")));
    let lines: Vec<String> = names.iter().map(|name| format!("{name} since {}\n", since(name))).collect();
    compare("symbols.txt", &lines.concat());
}

/// Public structs with their members, in the order of the source.
fn structs() -> Vec<(String, Vec<String>)> {
    let mut structs = Vec::new();
    for source in sources() {
        for part in source.split("#[repr(C)]\npub struct ").skip(1) {
            let name = part.split_whitespace().next().expect("name").to_string();
            let body = part.split("\n}").next().expect("body");
            let member = |line: &str| Some(line.strip_prefix("    pub ")?.split(':').next()?.replace("r#", ""));
            structs.push((name, body.lines().filter_map(member).collect()));
        }
    }
    structs.sort();
    structs
}

#[test]
#[cfg(target_pointer_width = "64")]
fn layout() {
    let mut program = String::from("#include <stdio.h>\n#include \"wsrs.h\"\nint main(void)\n{\n");
    for (name, members) in structs() {
        let _ = writeln!(program, "printf(\"{name} size %zu\\n\", sizeof({name}));");
        for member in members {
            let _ = writeln!(program, "printf(\"{name}.{member} at %zu\\n\", offsetof({name}, {member}));");
        }
    }
    program.push_str("return 0;\n}\n");
    compare("layout.txt", &run(&program));
}

fn run(program: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("layout.c"), folder.join("layout"));
    fs::write(&source, program).expect("written");
    let compiled = Command::new("gcc")
        .args(["-std=c99", "-Wall", "-Werror", "-I"])
        .arg(root().join("include"))
        .arg(&source)
        .arg("-o")
        .arg(&binary)
        .output()
        .expect("the compiler runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = Command::new(binary).output().expect("the program runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}
