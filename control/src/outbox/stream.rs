//! The JetStream stream EVENT. It holds nothing that the database has not, and may be deleted at any time.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use warren_proto::subjects::{EVENT_ANY, EVENT_STREAM};

use crate::app::App;

/// How long the stream remembers message ids: longer than any takeover.
const DUPLICATES: Duration = Duration::from_secs(120);

fn wanted(app: &App) -> Config {
    Config {
        name: EVENT_STREAM.into(),
        subjects: vec![EVENT_ANY.into()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_bytes: app.config.event_max_bytes,
        max_age: Duration::from_secs(app.config.event_keep_s),
        duplicate_window: DUPLICATES,
        num_replicas: app.config.event_replicas,
        allow_direct: true,
        ..Default::default()
    }
}

/// JetStream with bounds on waiting: a lost acknowledgement costs this and no more.
pub fn context(app: &App) -> jetstream::Context {
    let mut context = jetstream::new(app.bus.raw().clone());
    context.set_timeout(Duration::from_secs(2));
    context
}

/// Makes the stream if it is gone; gives the time of its making, which tells a new one from the old.
pub async fn ensure(app: &App, context: &jetstream::Context) -> Result<i64> {
    let config = wanted(app);
    let mut stream = context
        .get_or_create_stream(config.clone())
        .await
        .context("make the stream EVENT")?;
    let info = stream.info().await.context("look at the stream EVENT")?;
    if info.config.subjects != config.subjects {
        bail!(
            "the stream EVENT stores {:?} instead of {:?}: delete it, control makes it anew",
            info.config.subjects,
            config.subjects
        );
    }
    if info.config.max_bytes != config.max_bytes || info.config.max_age != config.max_age {
        context
            .update_stream(&config)
            .await
            .context("update the stream EVENT")?;
    }
    Ok(i64::try_from(info.created.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}
