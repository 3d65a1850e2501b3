//! Parameters of permessage-deflate that neither an offer nor an answer may have (RFC 7692 §7; hazard H5).
#![allow(dead_code)]

use wsrs::proto::deflate::negotiation::Fault::{self, *};

/// What follows `permessage-deflate; `, and what is wrong with it. All of it is well-formed.
pub const ODD: &[(&str, Fault)] = &[
    ("server_max_window_bits", Value),
    ("server_max_window_bits=0", Value),
    ("server_max_window_bits=1", Value),
    ("server_max_window_bits=7", Value),
    ("server_max_window_bits=16", Value),
    ("server_max_window_bits=20", Value),
    ("server_max_window_bits=08", Value),
    ("server_max_window_bits=010", Value),
    ("server_max_window_bits=00000000000000015", Value),
    ("server_max_window_bits=999", Value),
    ("server_max_window_bits=264", Value),
    ("server_max_window_bits=4294967304", Value),
    ("server_max_window_bits=18446744073709551624", Value),
    ("server_max_window_bits=+9", Value),
    ("server_max_window_bits=-9", Value),
    ("server_max_window_bits=9.0", Value),
    ("server_max_window_bits=0x9", Value),
    ("server_max_window_bits=1e1", Value),
    ("server_max_window_bits=ten", Value),
    ("server_max_window_bits=\"7\"", Value),
    ("server_max_window_bits=\"16\"", Value),
    ("server_max_window_bits=\"08\"", Value),
    ("server_max_window_bits=\"\\0\\8\"", Value),
    ("server_max_window_bits=\"999\"", Value),
    ("client_max_window_bits=0", Value),
    ("client_max_window_bits=7", Value),
    ("client_max_window_bits=16", Value),
    ("client_max_window_bits=08", Value),
    ("client_max_window_bits=999", Value),
    ("client_max_window_bits=\"16\"", Value),
    ("client_max_window_bits=\"08\"", Value),
    ("client_max_window_bits=true", Value),
    ("server_no_context_takeover=1", Value),
    ("server_no_context_takeover=true", Value),
    ("server_no_context_takeover=\"server_no_context_takeover\"", Value),
    ("client_no_context_takeover=0", Value),
    ("client_no_context_takeover=false", Value),
    ("server_no_context_takeover; server_no_context_takeover", Repeated),
    ("client_no_context_takeover; client_no_context_takeover", Repeated),
    ("server_max_window_bits=10; server_max_window_bits=10", Repeated),
    ("server_max_window_bits=10; server_max_window_bits=\"10\"", Repeated),
    ("client_max_window_bits=10; client_max_window_bits=10", Repeated),
    ("client_max_window_bits=10; server_max_window_bits=10; client_max_window_bits=11", Repeated),
    ("x", Unknown),
    ("x=1", Unknown),
    ("mem_level=\"8\"", Unknown),
    ("permessage-deflate", Unknown),
    ("server_max_window_bits=10; x", Unknown),
    ("Server_No_Context_Takeover", Unknown),
    ("server_max_window_bit=10", Unknown),
    ("server_max_window_bits_=10", Unknown),
];

/// Values of the whole header that are not of its form (RFC 6455 §9.1).
pub const MALFORMED: &[&str] = &[
    "",
    ",",
    "permessage-deflate,",
    ",permessage-deflate",
    "permessage-deflate;",
    "permessage-deflate;;server_no_context_takeover",
    "permessage-deflate server_no_context_takeover",
    "permessage-deflate; =10",
    "permessage-deflate; server_max_window_bits=",
    "permessage-deflate; server_max_window_bits=\"\"",
    "permessage-deflate; server_max_window_bits=\"10",
    "permessage-deflate; server_max_window_bits=10\"",
    "permessage-deflate; server_max_window_bits=\"1\"0",
    "permessage-deflate; server_max_window_bits=\"10\\\"",
    "permessage-deflate; server_max_window_bits=10=10",
    "permessage-deflate; server_max_window_bits='1 0'",
    "permessage-deflate; x=\"a,b\"",
    "permessage-deflate; x=\"a b\"",
    "permessage-deflate=1",
    "\"permessage-deflate\"",
];

/// Offers of several kilobytes each, of which nothing can be taken up; each is the value of one header.
pub fn large() -> Vec<String> {
    let offer = |parameters: &str| format!("permessage-deflate; {parameters}");
    vec![
        vec![offer("x"); 500].join(", "),
        vec![offer("server_max_window_bits=16"); 250].join(","),
        offer(&vec!["server_no_context_takeover"; 300].join("; ")),
        offer(&vec!["x"; 3_000].join(";")),
        offer(&format!("server_max_window_bits={}", "1".repeat(9_000))),
        offer(&format!("server_max_window_bits=\"{}\"", "\\1".repeat(4_500))),
        offer(&"x".repeat(9_000)),
        vec!["permessage-bzip2"; 500].join(", "),
        format!("permessage-deflate{}", "e".repeat(9_000)),
    ]
}
