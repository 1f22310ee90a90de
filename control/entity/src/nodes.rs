//! A machine that runs servers.

use sea_orm::entity::prelude::*;

/// A machine that runs servers.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nodes")]
pub struct Model {
    /// ULID, kept over re-joins.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Unique among nodes that are not deleted.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// User nkey (U...) that is good now.
    #[sea_orm(column_type = "Text")]
    pub public_key: String,
    /// Rotation: issued, but has not spoken yet. Speaking retires `public_key`.
    #[sea_orm(column_type = "Text", nullable)]
    pub pending_key: Option<String>,
    /// Of the newest JWT.
    pub jwt_expires_at_ms: i64,
    /// Host name at enrolment; what a re-join is compared with.
    #[sea_orm(column_type = "Text")]
    pub machine_hint: String,
    /// What it joined with last.
    #[sea_orm(column_type = "Text", nullable)]
    pub join_token_id: Option<String>,
    /// Raised by every change of a wanted row; order of revs is commit order.
    pub rev: i64,
    /// The ledger file that `applied_rev` counts in.
    #[sea_orm(column_type = "Text", nullable)]
    pub ledger_id: Option<String>,
    /// Every row up to it is on the node's disk.
    pub applied_rev: i64,
    /// Agent process that speaks for this identity.
    #[sea_orm(column_type = "Text", nullable)]
    pub current_boot: Option<String>,
    /// Ordinal that the next boot gets.
    pub next_ordinal: i64,
    /// A second process that claims this identity.
    #[sea_orm(column_type = "Text", nullable)]
    pub quarantined_boot: Option<String>,
    /// For a person.
    #[sea_orm(column_type = "Text", nullable)]
    pub quarantined_because: Option<String>,
    /// Until when it is not listened to.
    pub muted_until_ms: Option<i64>,
    /// Why.
    #[sea_orm(column_type = "Text", nullable)]
    pub muted_because: Option<String>,
    /// Heard within 30 s and not disconnected.
    pub online: bool,
    /// When `online` changed last.
    pub online_since_ms: i64,
    /// Hello, heartbeat or upload.
    pub last_seen_at_ms: Option<i64>,
    /// Of the last command that control measured.
    pub rtt_ms: Option<i32>,
    /// What players type; none: the best of `host.addresses`.
    #[sea_orm(column_type = "Text", nullable)]
    pub player_address: Option<String>,
    /// Host facts of the last hello.
    #[sea_orm(column_type = "Json")]
    pub host: Json,
    /// [{code, message, level}], the node's and control's own.
    #[sea_orm(column_type = "Json")]
    pub conditions: Json,
    /// Node sample of the last heartbeat.
    #[sea_orm(column_type = "Json", nullable)]
    pub load: Option<Json>,
    /// What the node's journal holds uncommitted.
    pub journal_bytes: i64,
    /// {queue: messages dropped since the agent started}.
    #[sea_orm(column_type = "Json")]
    pub drops: Json,
    /// {key: value}.
    #[sea_orm(column_type = "Json")]
    pub labels: Json,
    /// Where it stands.
    #[sea_orm(column_type = "Text", nullable)]
    pub location_id: Option<String>,
    /// Automatic allocations come from here ...
    pub port_first: i32,
    /// ... to here.
    pub port_last: i32,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// Its credential is refused since.
    pub revoked_at_ms: Option<i64>,
    /// Removed softly; name free again.
    pub deleted_at_ms: Option<i64>,
}

/// Joins are spelled out where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
