//! JSON texts like those that programs send to browsers: short ones with a few fields, long ones with a list of records.

use std::fmt::Write;

use crate::ring::Random;

/// The shortest text there is.
pub const LEAST: usize = 100;
/// From here on a text has records.
const LONG: usize = 512;
/// At the end of a long text that no record fits into.
const LONGEST_RECORD: usize = 280;

const WORDS: [&str; 64] = [
    "about", "after", "agenda", "amount", "annual", "archive", "balance", "before", "billing", "border", "bridge",
    "budget", "camera", "canal", "carrier", "change", "chapter", "charge", "contact", "copper", "corner", "credit",
    "current", "decide", "delay", "depot", "detail", "device", "domain", "editor", "engine", "entry", "exchange",
    "export", "factor", "figure", "filter", "folder", "freight", "garden", "group", "harbour", "height", "import",
    "index", "invoice", "island", "journey", "kitchen", "ladder", "limit", "margin", "market", "method", "module",
    "morning", "number", "option", "parcel", "record", "sensor", "tunnel", "vessel", "window",
];
const STATES: [&str; 6] = ["planned", "loading", "under way", "delayed", "arrived", "returned"];
const PORTS: [&str; 8] = ["Bergen", "Gdynia", "Genova", "Hamburg", "Le Havre", "Piraeus", "Rotterdam", "Valencia"];

/// Appends a text of exactly `size` bytes.
pub fn text(out: &mut Vec<u8>, size: usize, random: &mut Random) {
    let mut text = String::with_capacity(size + LONGEST_RECORD);
    if size < LONG {
        message(&mut text, random)
    } else {
        list(&mut text, size, random)
    }
    let end = "\"}";
    let mut first = true;
    while text.len() + end.len() < size {
        text.push_str(if std::mem::take(&mut first) { "" } else { " " });
        text.push_str(word(random));
    }
    text.truncate(size - end.len());
    text.push_str(end);
    out.extend_from_slice(text.as_bytes());
}

/// The start of a short one, up to its words.
fn message(text: &mut String, random: &mut Random) {
    let (channel, author, number) = (random.below(900) + 100, random.below(90) + 10, random.below(1_000_000_000));
    let _ = write!(
        text,
        r#"{{"kind":"note","channel":{channel},"author":"{}{author}","serial":{number},"body":""#,
        word(random)
    );
}

/// The start of a long one, up to its words.
fn list(text: &mut String, size: usize, random: &mut Random) {
    let _ = write!(text, r#"{{"kind":"voyages","page":{},"voyages":["#, random.below(1000));
    let mut separator = "";
    while text.len() + LONGEST_RECORD + 2 * LEAST < size || separator.is_empty() {
        text.push_str(separator);
        separator = ",";
        record(text, random);
    }
    text.push_str(r#"],"remark":""#);
}

fn record(text: &mut String, random: &mut Random) {
    let (id, part, berth) = (random.below(1 << 32), random.below(1 << 16), random.below(100_000));
    let _ = write!(
        text,
        r#"{{"id":"{id:08x}-{part:04x}","vessel":{{"name":"{} {}","berth":{berth}}},"#,
        word(random),
        word(random)
    );
    let (from, to, state) = (random.of(&PORTS), random.of(&PORTS), random.of(&STATES));
    let _ = write!(
        text,
        r#""from":"{from}","to":"{to}","state":"{state}","tonnes":{}.{},"#,
        random.below(4000),
        random.below(90) + 10
    );
    let (month, day, hour) = (random.below(12) + 1, random.below(28) + 1, random.below(24));
    let (minute, second, milli) = (random.below(60), random.below(60), random.below(1000));
    let (manned, tag) = (random.below(4) > 0, word(random));
    let _ = write!(
        text,
        r#""manned":{manned},"tags":["{tag}","{}"],"due":"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"}}"#,
        word(random)
    );
}

fn word(random: &mut Random) -> &'static str {
    random.of(&WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_asked_for_and_end_as_json_does() {
        for size in [LEAST, 125, LONG - 1, LONG, 1024, 16384] {
            let mut random = Random::new();
            for _ in 0..100 {
                let mut out = Vec::new();
                text(&mut out, size, &mut random);
                let text = String::from_utf8(out).unwrap();
                assert_eq!(text.len(), size);
                assert!(text.starts_with("{\"kind\":") && text.ends_with("\"}"), "{text}");
                assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
                assert_eq!(text.matches('"').count() % 2, 0, "{text}");
            }
        }
    }
}
