//! One SeaORM entity per table. Ids are lower-case ULIDs as text; times are Unix milliseconds (`…_at_ms`).
//!
//! `console_streams`, `console_chunks` and `metric_chunks` live in `bulk.db` on SQLite; on PostgreSQL all
//! tables share one database.

pub mod allocations;
pub mod api_keys;
pub mod audit_log;
pub mod avatars;
pub mod console_chunks;
pub mod console_runs;
pub mod console_sizes;
pub mod console_streams;
pub mod counters;
pub mod egg_variables;
pub mod eggs;
pub mod event_consumers;
pub mod facts;
pub mod grants;
pub mod idempotent_requests;
pub mod join_tokens;
pub mod leases;
pub mod linked_logins;
pub mod locations;
pub mod metric_chunks;
pub mod nests;
pub mod node_boots;
pub mod node_cursors;
pub mod nodes;
pub mod operations;
pub mod orphans;
pub mod outbox;
pub mod passkeys;
pub mod password_links;
pub mod pending_keys;
pub mod plans;
pub mod profiles;
pub mod quotas;
pub mod recovery_codes;
pub mod registries;
pub mod revocations;
pub mod revoked_keys;
pub mod roles;
pub mod second_factors;
pub mod server_grams;
pub mod server_names;
pub mod server_samples;
pub mod server_variables;
pub mod servers;
pub mod session_nodes;
pub mod sessions;
pub mod settings;
pub mod ssh_keys;
pub mod subusers;
pub mod tombstones;
pub mod used_offers;
pub mod users;
