//! Port lists as people write them.

use crate::error::{Error, Result};

/// Ports that one request may name.
pub const MOST: usize = 1000;
/// Below, only the system's own services listen.
pub const LOWEST: u16 = 1024;

/// Reads `25565-25600,27015`.
/// # Errors
/// 422 that names the piece.
pub fn parse(field: &str, text: &str) -> Result<Vec<u16>> {
    let mut ports = Vec::new();
    for piece in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let bad = |message: String| Error::field(field, "invalid", message);
        let number = |text: &str| {
            text.trim().parse::<u16>().map_err(|_| {
                bad(format!(
                    "{piece:.32?} is no port or range of ports like 25565-25600"
                ))
            })
        };
        let (first, last) = match piece.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(piece)?, number(piece)?),
        };
        if first > last {
            return Err(bad(format!("{piece:.32?} ends before it begins")));
        }
        if first < LOWEST {
            return Err(bad(format!(
                "{first} is below {LOWEST}, where system services listen"
            )));
        }
        if ports.len() + usize::from(last - first) + 1 > MOST {
            return Err(Error::field(
                field,
                "too_many",
                format!("names more than {MOST} ports; ask in parts"),
            ));
        }
        ports.extend(first..=last);
    }
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() {
        return Err(Error::field(field, "required", "names no port"));
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_and_ranges_are_read() {
        assert_eq!(
            parse("ports", " 27015, 25565-25567 ,25566,").unwrap(),
            [25565, 25566, 25567, 27015]
        );
        assert_eq!(parse("ports", "64536-65535").unwrap().len(), 1000);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in [
            "",
            ",",
            "x",
            "2-1",
            "80",
            "0",
            "65536",
            "1024-65535",
            "-",
            "5-",
        ] {
            assert!(parse("ports", bad).is_err(), "{bad}");
        }
    }
}
