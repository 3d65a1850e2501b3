//! Gives the shared library that plain `cargo build` makes the name that programs look for at run time, and a link of
//! that name beside it, as `libwsrs.so.0` would have it where it is installed.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwsrs.so.0");
        link();
    }
}

/// OUT_DIR is PROFILE/build/wsrs-HASH/out, and the library comes to lie in PROFILE. Without the link nothing but a
/// program run from there is missing something: no reason to fail.
#[cfg(unix)]
fn link() {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Some(profile) = out.ancestors().nth(3) {
        let _ = std::os::unix::fs::symlink("libwsrs.so", profile.join("libwsrs.so.0"));
    }
}

#[cfg(not(unix))]
fn link() {}
