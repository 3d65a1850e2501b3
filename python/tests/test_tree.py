"""The package agrees with the clone that it comes from: header, layouts, version, documents."""

import ctypes
import os
import re
import unittest
from pathlib import Path

import wsrs
from support import program
from wsrs import _native, _payload, _structs, errors

TREE = os.environ.get("WSRS_TREE")

# What Python has no use for: run waits in C, user data is only set, and the others have equals.
UNUSED = {
    "wsrs_context_run",
    "wsrs_conn_context",
    "wsrs_conn_user_data",
    "wsrs_conn_header",
    "wsrs_conn_send_text",
    "wsrs_conn_send_gathered",
    "wsrs_conn_send_binary",
    "wsrs_context_set_objects",
}


@unittest.skipUnless(TREE, "WSRS_TREE names no clone")
class Tree(unittest.TestCase):
    def read(self, name: str) -> str:
        return Path(TREE, name).read_text()

    def test_layouts(self) -> None:
        names = {
            "wsrs_callbacks": _structs.Callbacks,
            "wsrs_close": _structs.Close,
            "wsrs_connect_options": _structs.ConnectOptions,
            "wsrs_context_options": _structs.ContextOptions,
            "wsrs_deflate_info": _structs.DeflateInfo,
            "wsrs_deflate_options": _structs.DeflateOptions,
            "wsrs_error": _structs.Error,
            "wsrs_header": _structs.Header,
            "wsrs_limits": _structs.Limits,
            "wsrs_listen_options": _structs.ListenOptions,
            "wsrs_message": _structs.Message,
            "wsrs_objects": _structs.Objects,
            "wsrs_reconnect": _structs.Reconnect,
            "wsrs_request": _structs.Request,
            "wsrs_retry": _structs.Retry,
            "wsrs_socket_options": _structs.SocketOptions,
            "wsrs_stats": _structs.Stats,
            "wsrs_timings": _structs.Timings,
            "wsrs_tls_info": _structs.TlsInfo,
            "wsrs_tls_options": _structs.TlsOptions,
            "wsrs_totals": _structs.Totals,
        }
        members = 0
        handles = {"wsrs_conn", "wsrs_context", "wsrs_listener", "wsrs_timer", "wsrs_tls", "wsrs_prepared", "wsrs_slice"}
        for line in self.read("tests/abi/layout.txt").splitlines():
            name, _, number = line.split()
            struct, _, member = name.partition(".")
            if struct in handles:
                continue
            if member:
                members += 1
                self.assertEqual(getattr(names[struct], member).offset, int(number), line)
            else:
                self.assertEqual(ctypes.sizeof(names[struct]), int(number), line)
        self.assertEqual(members, sum(len(struct._fields_) for struct in names.values()))
        for (_, raw), (_, header) in zip(_structs.RawHeader._fields_, _structs.Header._fields_):
            self.assertEqual(ctypes.sizeof(raw), ctypes.sizeof(header))

    def test_every_function_is_used(self) -> None:
        symbols = {line.split()[0] for line in self.read("tests/abi/symbols.txt").splitlines()}
        used = set(re.findall(r'_function\(\s*"(\w+)"', Path(_native.__file__).read_text()))
        self.assertEqual({f"wsrs_{name}" for name in used} | UNUSED, symbols)

    def test_number_of_arguments(self) -> None:
        header = re.sub(r"/\*.*?\*/", "", self.read("include/wsrs.h"), flags=re.DOTALL)
        header = re.sub(r"\(\*\w+\)\([^)]*\)", "function", header)
        checked = 0
        for name, arguments in re.findall(r"\bwsrs_(\w+)\(([^)]*)\);", header):
            function = getattr(_native, "version_number" if name == "version" else name, None)
            if function is not None:
                expected = 0 if arguments == "void" else arguments.count(",") + 1
                self.assertEqual(len(function.argtypes), expected, name)
                checked += 1
        self.assertGreater(checked, 35)

    def test_every_result_has_its_class(self) -> None:
        results = dict(re.findall(r"^#define WSRS_ERR_(\w+) \((-\d+)\)", self.read("include/wsrs.h"), re.MULTILINE))
        codes = [int(code) for code in results.values()]
        self.assertGreater(len(codes), 25)
        classes = [errors.error_class(code) for code in codes]
        self.assertEqual(len(set(classes)), len(codes))
        for name, code in results.items():
            raised = errors.error_class(int(code))()
            self.assertIsInstance(raised, wsrs.Error)
            self.assertEqual(raised.code, int(code), name)
            self.assertEqual(str(raised), _native.strerror(int(code)).decode())
            self.assertEqual(errors.result_error(int(code)).code, int(code))
            self.assertIs(getattr(wsrs, type(raised).__name__), type(raised))

    def test_results_of_a_newer_library_go_by_group(self) -> None:
        for code, base in ((-199, wsrs.ArgumentError), (-299, wsrs.Error), (-399, wsrs.NetworkError), (-499, wsrs.TlsError), (-599, wsrs.PeerError)):
            raised = errors.result_error(code)
            self.assertIs(type(raised), base)
            self.assertEqual(raised.code, code)

    def test_version(self) -> None:
        self.assertIn(f'version = "{wsrs.__version__}"', self.read("Cargo.toml"))

    def test_constants(self) -> None:
        header = dict(re.findall(r"^#define WSRS_(\w+) \(?(-?\d+)\)?$", self.read("include/wsrs.h"), re.MULTILINE))
        for prefix, enum in (
            ("STATE_", wsrs.State),
            ("BY_", wsrs.By),
            ("STAGE_", wsrs.Stage),
            ("LOG_", wsrs.LogLevel),
            ("CLIENT_CERTS_", wsrs.ClientCerts),
        ):
            found = {name[len(prefix) :]: int(value) for name, value in header.items() if name.startswith(prefix)}
            self.assertEqual({member.name: member.value for member in enum}, found)
        for name in ("TEXT", "BINARY", "TLS_1_2", "TLS_1_3"):
            self.assertEqual(int(header[name]), getattr(wsrs, name))
        self.assertEqual(int(header["UNCOMPRESSED"]), _payload.UNCOMPRESSED)


class Loading(unittest.TestCase):
    def test_the_named_library_comes_first_and_must_be_there(self) -> None:
        ran = program("import wsrs", environment={"WSRS_LIBRARY": "/nowhere/libwsrs.so"})
        self.assertEqual(ran.returncode, 1)
        self.assertIn("ImportError: wsrs: /nowhere/libwsrs.so", ran.stderr)
        self.assertIn("WSRS_LIBRARY", ran.stderr)

    def test_another_library(self) -> None:
        ran = program("import wsrs", environment={"WSRS_LIBRARY": "libc.so.6"})
        self.assertIn("ImportError: wsrs: libc.so.6 is too old", ran.stderr)

    @unittest.skipIf("WSRS_LIBRARY" in os.environ, "WSRS_LIBRARY names another library")
    def test_the_wheel_brings_the_library(self) -> None:
        self.assertEqual(_native.library_path, str(Path(wsrs.__file__).with_name("libwsrs.so")))


if __name__ == "__main__":
    unittest.main()
