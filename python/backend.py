"""Makes the wheel: the package, and libwsrs.so beside it. A build backend (PEP 517) without dependencies.

Called by pip, for instance `pip install ./python`, and by scripts/wheel.sh. The library must have been built: it is
build/libwsrs.so.0, or the file that WSRS_LIBRARY names. The wheel has no compiled part for one Python version, so it
fits every Python 3 on the platform that the library is for.
"""

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# Libraries that every Linux with the C library of GNU has (PEP 600).
COMMON_LIBRARIES = r"(libc|libm|libdl|libpthread|librt|libgcc_s|ld-linux-[\w-]+)\.so\.\d+"


def build_wheel(
    wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None, metadata_directory: Optional[str] = None
) -> str:
    library = Path(os.environ.get("WSRS_LIBRARY") or ROOT / "build" / "libwsrs.so.0")
    if not library.exists():
        sys.exit(f"{library} is missing: build it with sh scripts/build.sh, or name it in WSRS_LIBRARY")
    version = _version()
    tag = f"py3-none-{_platform(library)}"
    info = f"wsrs-{version}.dist-info"
    contents = [(path.relative_to(HERE).as_posix(), path.read_bytes()) for path in _sources()]
    contents.append(("wsrs/libwsrs.so", library.read_bytes()))
    contents += [(f"{info}/licenses/{name}", (ROOT / name).read_bytes()) for name in _licenses()]
    contents.append((f"{info}/METADATA", _metadata(version).encode()))
    contents.append((f"{info}/WHEEL", _wheel(tag).encode()))
    contents.append((f"{info}/RECORD", _record(contents, f"{info}/RECORD").encode()))
    name = f"wsrs-{version}-{tag}.whl"
    _write(Path(wheel_directory) / name, contents)
    return name


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    sys.exit("there is no source package: the wheel is built in a clone, beside the library")


def _sources() -> List[Path]:
    return sorted(path for path in (HERE / "wsrs").rglob("*") if path.suffix == ".py" or path.name == "py.typed")


def _licenses() -> List[str]:
    return sorted(path.name for path in ROOT.glob("LICENSE*"))


def _version() -> str:
    found = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _platform(library: Path) -> str:
    """The platform of this machine. Where the library needs nothing but what every GNU/Linux with a C library of some
    version brings, that is said instead, as manylinux."""
    platform = re.sub(r"\W", "_", sysconfig.get_platform())
    try:
        run = subprocess.run(
            ["readelf", "--dynamic", "--version-info", str(library)], stdout=subprocess.PIPE, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return platform
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run.stdout)
    versions = [(int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", run.stdout)]
    portable = bool(versions) and all(re.fullmatch(COMMON_LIBRARIES, name) for name in needed)
    if not platform.startswith("linux_") or not portable:
        return platform
    major, minor = max(versions)
    return f"manylinux_{major}_{minor}_{platform[len('linux_'):]}"


def _metadata(version: str) -> str:
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", "wsrs"),
        ("Version", version),
        ("Summary", "WebSocket clients and servers on libwsrs, a small and fast C library"),
        ("License-Expression", "MIT OR Apache-2.0"),
        *(("License-File", name) for name in _licenses()),
        ("Requires-Python", ">=3.9"),
        ("Classifier", "Programming Language :: Python :: 3"),
        ("Classifier", "Operating System :: POSIX :: Linux"),
        ("Classifier", "Typing :: Typed"),
        ("Description-Content-Type", "text/markdown"),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields) + "\n" + (HERE / "README.md").read_text()


def _wheel(tag: str) -> str:
    return f"Wheel-Version: 1.0\nGenerator: wsrs backend\nRoot-Is-Purelib: false\nTag: {tag}\n"


def _record(contents: List[Tuple[str, bytes]], own_name: str) -> str:
    def line(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"

    return "".join(line(name, data) for name, data in contents) + f"{own_name},,\n"


def _write(path: Path, contents: List[Tuple[str, bytes]]) -> None:
    """The same contents give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


if __name__ == "__main__":
    print(build_wheel(sys.argv[1]))
