//! Paths as clients say them.

/// The longest, in bytes. An answer carries it twice, and 64 of them may wait to be sent.
const MAX_PATH: usize = 16 * 1024;

/// What is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    Zero,
    TooLong,
}

/// From the server's root on: no empty part, no `.` and no `..`, which ends at the root.
/// # Errors
/// What it is instead.
pub fn plain(text: &str) -> Result<String, Bad> {
    if text.len() > MAX_PATH {
        return Err(Bad::TooLong);
    }
    if text.contains('\0') {
        return Err(Bad::Zero);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_long_or_has_a_zero_byte_is_no_path() {
        assert_eq!(plain("a\0b"), Err(Bad::Zero));
        assert_eq!(plain(&"a/".repeat(MAX_PATH)), Err(Bad::TooLong));
        assert_eq!(plain("../../a//./b/../c/").as_deref(), Ok("/a/c"));
        assert_eq!(plain("").as_deref(), Ok("/"));
    }

    proptest! {
        #[test]
        fn nothing_leads_above_the_root(text in "([a-c.]|/|\\.\\.|\\PC){0,40}") {
            let path = plain(&text).unwrap_or_default();
            prop_assert!(path.starts_with('/'));
            let parts = path.split('/').skip(1);
            prop_assert!(path == "/" || parts.clone().all(|p| !matches!(p, "" | "." | "..")));
            let again = plain(&path);
            prop_assert_eq!(again.as_deref(), Ok(path.as_str()));
        }
    }
}
