//! Runs a test in a network and mount namespace of its own, with names and resolver as the test wants them, and two
//! addresses that swallow everything.
#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packets to these vanish.
pub const HOLE_V4: &str = "10.99.0.2";
pub const HOLE_V6: &str = "fd00:99::2";

/// The files below /etc that say what names mean.
pub struct Names {
    pub hosts: &'static str,
    pub resolver: &'static str,
    /// Where names are looked for, as in nsswitch.conf.
    pub sources: &'static str,
}

/// One link of which nobody reads the other end; its neighbours are known, so that nothing is ever found unreachable.
const SET_UP: &str = "
set -e
ip link set lo up
ip link add hole0 type veth peer name hole1
ip link set hole0 up
ip link set hole1 up
ip addr add 10.99.0.1/24 dev hole0
ip -6 addr add fd00:99::1/64 dev hole0 nodad
ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev hole0
ip -6 neigh add fd00:99::2 lladdr 02:00:00:00:00:02 dev hole0
for file in hosts resolv.conf nsswitch.conf; do mount --bind $0/$file /etc/$file; done
";

/// Calls `body` there. `name` is the test's own: the binary is started again for it. Says so where that can't be done.
pub fn apart(name: &str, names: &Names, body: impl FnOnce()) {
    if std::env::var("WSRS_TEST_APART").is_ok_and(|inside| inside == name) {
        return body();
    }
    let folder = std::env::temp_dir().join(format!("wsrs-apart-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let files = [
        ("hosts", names.hosts.to_string()),
        ("resolv.conf", names.resolver.to_string()),
        ("nsswitch.conf", format!("hosts: {}\n", names.sources)),
    ];
    for (file, text) in files {
        std::fs::write(folder.join(file), text).expect("written");
    }
    match shell(&folder, "exit 0").output() {
        Ok(tried) if tried.status.success() => {
            let again = "exec \"$1\" --exact \"$2\" --nocapture --test-threads 1";
            let exe: PathBuf = std::env::current_exe().expect("this binary");
            let mut inside = shell(&folder, again);
            inside.arg(exe).arg(name).env("WSRS_TEST_APART", name).stderr(Stdio::inherit());
            let done = inside.output().expect("started");
            assert!(done.status.success(), "{name} failed:\n{}", String::from_utf8_lossy(&done.stdout));
        }
        Ok(tried) => skipped(name, &String::from_utf8_lossy(&tried.stderr)),
        Err(error) => skipped(name, &format!("unshare can't be started: {error}")),
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Said where the harness keeps nothing back.
fn skipped(name: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "{name}: skipped, no namespaces here: {}", why.trim_end());
}

/// A shell in new namespaces, set up; `$0` is the folder.
fn shell(folder: &Path, then: &str) -> Command {
    let mut command = Command::new("unshare");
    // SAFETY: it has no preconditions.
    let is_root = unsafe { libc::geteuid() } == 0;
    command.arg(if is_root { "-nm" } else { "-rnm" }).args(["timeout", "60", "sh", "-c"]);
    command.arg(format!("{SET_UP}{then}")).arg(folder);
    command
}
