//! Codes as people type them.

use totp_rs::{Algorithm, TOTP};

use crate::{
    auth::secret,
    error::{Error, Result},
};

/// Bytes that an app and we share; RFC 4226 wants 20.
pub const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
/// Seconds that a code is shown for.
const STEP_S: i64 = 30;
/// Clocks of phones are off, and people are slow: one code before and one after the present one are good too.
const SKEW: i64 = 1;

/// What somebody typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// Six digits of an app.
    App(String),
    /// Hash of a recovery code.
    Recovery(String),
}

impl Typed {
    /// Spaces, hyphens and case don't matter. None: it is no code at all.
    pub fn read(text: &str) -> Option<Self> {
        let bare: String = text
            .chars()
            .take(64)
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if bare.len() == DIGITS && bare.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Self::App(bare));
        }
        let readable =
            bare.len() == secret::RECOVERY_CODE && bare.bytes().all(|b| b.is_ascii_alphanumeric());
        readable.then(|| Self::Recovery(secret::hash(&bare)))
    }
}

fn app(secret: Vec<u8>, issuer: &str, account: &str) -> Result<TOTP> {
    // A colon would end the name of one of the two.
    let plain = |text: &str| text.replace(':', " ");
    let step = STEP_S.unsigned_abs();
    TOTP::new(
        Algorithm::SHA1,
        DIGITS,
        0,
        step,
        secret,
        Some(plain(issuer)),
        plain(account),
    )
    .map_err(|e| Error::Internal(anyhow::anyhow!("authenticator secret: {e}")))
}

/// What an app reads from a QR code, and what a person types into one that can't see.
/// # Errors
/// Never with secrets of our own.
pub fn shown(secret: &[u8], issuer: &str, account: &str) -> Result<(String, String)> {
    let app = app(secret.to_vec(), issuer, account)?;
    Ok((app.get_url(), app.get_secret_base32()))
}

/// The half minute whose code this is, of those that are good now.
/// # Errors
/// A damaged secret.
pub fn step_of(secret: Vec<u8>, code: &str, now_s: i64) -> Result<Option<i64>> {
    let app = app(secret, "", "")?;
    let now = now_s.div_euclid(STEP_S);
    let mut found = None;
    // All of them, whichever fits: how long it takes tells nothing.
    for step in now - SKEW..=now + SKEW {
        let time = u64::try_from(step * STEP_S).unwrap_or_default();
        if same(&app.generate(time), code) {
            found = Some(step);
        }
    }
    Ok(found)
}

fn same(a: &str, b: &str) -> bool {
    let differing = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differing == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 6238, appendix B, with the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890".to_vec();
        for (at_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_of(secret.clone(), code, at_s).unwrap();
            assert_eq!(step, Some(at_s / 30), "{code}");
            assert_eq!(step_of(secret.clone(), code, at_s + 61).unwrap(), None);
            assert_eq!(
                step_of(secret.clone(), code, at_s + 30).unwrap(),
                Some(at_s / 30),
                "the code before is still good"
            );
        }
    }

    #[test]
    fn people_type_codes_in_many_ways() {
        assert_eq!(Typed::read(" 123 456"), Some(Typed::App("123456".into())));
        let code = secret::recovery_code().unwrap();
        let text = code.expose();
        assert_eq!(text.len(), secret::RECOVERY_CODE + 3, "{text}");
        let stored = Typed::Recovery(secret::hash(&text.replace('-', "")));
        assert_eq!(Typed::read(&text.to_uppercase()).unwrap(), stored);
        assert_eq!(Typed::read(&text.replace('-', " ")).unwrap(), stored);
        for none in ["", "12345", "1234567", "12345a", "ääääää"] {
            assert_eq!(Typed::read(none), None, "{none}");
        }
    }

    #[test]
    fn an_address_names_panel_and_account() {
        let (uri, text) = shown(&[7; SECRET_BYTES], "My: panel", "ann").unwrap();
        assert!(
            uri.starts_with("otpauth://totp/My%20%20panel:ann?"),
            "{uri}"
        );
        assert!(uri.contains(&format!("secret={text}")), "{uri}");
        assert_eq!(text.len(), 32);
    }
}
