//! Retry-After (RFC 7231 §7.1.3): how long a server that refuses wants to be left alone.
//!
//! `net::again` calls this with a 429 or 5xx. Both forms, seconds and the date that RFC 7231 §7.1.1.1 tells senders to
//! use; its two obsolete forms are nobody's any more. What can't be read counts as not given.

/// The seconds from `now` on, both in seconds since 1970.
pub fn seconds(value: &[u8], now: u64) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is for ever, and whoever waits has a longest time of his own.
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    Some(date(text)?.saturating_sub(now))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year) = (number(words.next()?)?, words.next()?, number(words.next()?)?);
    let mut time = words.next()?.split(':');
    let (hour, minute, second) = (number(time.next()?)?, number(time.next()?)?, number(time.next()?)?);
    let month = MONTHS.as_bytes().chunks(3).position(|name| name == month.as_bytes())? as u64 + 1;
    let ends = words.next() == Some("GMT") && words.next().is_none() && time.next().is_none();
    let in_range = (1..=31).contains(&day) && (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second < 61;
    if !ends || !in_range {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01. Years begin in March here, so that the leap day is their last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let at = |value: &str| seconds(value.as_bytes(), 784_111_777 - 60);
        assert_eq!(at("120"), Some(120));
        assert_eq!(at("0"), Some(0));
        assert_eq!(at("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(60));
        assert_eq!(at("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "long ago");
        for (text, since) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Sun, 01 Mar 2026 00:00:00 GMT", 1_772_323_200),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(seconds(text.as_bytes(), 0), Some(since), "{text}");
        }
    }

    #[test]
    fn what_is_neither() {
        for text in [
            "",
            " 1",
            "-1",
            "+1",
            "1.5",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(seconds(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(seconds(b"\xff", 0), None);
    }
}
