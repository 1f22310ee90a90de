//! Text from machines, made fit for the database and for people's eyes.

/// At most `max` characters, without control characters (PostgreSQL refuses NUL; logs and pages should not
/// be steered by a node).
#[must_use]
pub fn tame(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

/// As [`tame`]; empty text is none.
#[must_use]
pub fn tame_opt(text: &str, max: usize) -> Option<String> {
    Some(tame(text, max)).filter(|t| !t.is_empty())
}

/// A fresh lower-case ULID for rows that have no id type of their own.
#[must_use]
pub fn fresh_id() -> String {
    ulid::Ulid::new().to_string().to_ascii_lowercase()
}

/// A protobuf counter as the database holds it; what does not fit is the largest that does.
#[must_use]
pub fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A stored counter as messages carry it; never negative.
#[must_use]
pub fn to_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
