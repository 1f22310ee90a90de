//! Times in the API: RFC 3339 in UTC with milliseconds; Unix milliseconds inside.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

/// Unix milliseconds that look like `2026-11-20T11:39:15.000Z` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub i64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok());
        // Only years outside of 0 to 9999 can't be written; no clock of ours gets there.
        f.write_str(text.as_deref().unwrap_or("1970-01-01T00:00:00Z"))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| de::Error::custom("is no RFC 3339 time such as 2026-11-20T11:39:15Z"))?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000_000)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

impl PartialSchema for Stamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Stamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Stamp".into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stamp_reads_back() {
        let stamp = Stamp(1_763_638_755_123);
        let text = serde_json::to_string(&stamp).unwrap();
        assert_eq!(text, "\"2025-11-20T11:39:15.123Z\"");
        assert_eq!(serde_json::from_str::<Stamp>(&text).unwrap(), stamp);
        assert!(serde_json::from_str::<Stamp>("\"yesterday\"").is_err());
    }
}
