//! What a node may do to control before it is not listened to for a while: an agent has one upload of a kind in hand,
//! facts of a few kilobytes, and no more to say than its journal holds. One that does otherwise is broken or hostile;
//! it is muted, and the panel says so. Each control judges what it hears itself.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use warren_entity::nodes;
use warren_proto::{ids::NodeId, wire};

use crate::{
    app::Ground,
    db::Lane,
    outbox::{self, Event},
};

/// Strikes that mute a node; one is forgiven every [`FORGIVEN`].
const MOST_STRIKES: u32 = 200;
/// An agent whose answers are late asks again every 2 s or slower, and so earns none that stays.
const FORGIVEN: Duration = Duration::from_millis(300);
/// Of what no agent does at all, so few are enough.
pub const GRAVE: u32 = 20;
/// Bytes of facts that a node may bring at once: what an agent's journal holds at most.
const BURST_BYTES: u64 = 128 * 1024 * 1024;
/// And then in a second. A thousand servers that crash every few seconds stay below it.
const BYTES_A_SECOND: u64 = 256 * 1024;
/// Facts of this moment that a node may have at once: a thousand servers that start or end together have fewer.
const BURST_FACTS: u64 = 10_000;
/// And then in a second. What lay in its journal while control was away is not of this moment.
const FACTS_A_SECOND: u64 = 200;
/// Facts no further from control's time are of this moment. Those of a node whose clock is off are never, and count
/// by their bytes alone.
const FRESH_MS: u64 = 60_000;
/// The first time; each further one within [`REMEMBERED`] is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(600);
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Nodes remembered before those without a stain are forgotten.
const MOST: usize = 1024;

/// Why a node's word is not taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It has one of the same kind in hand.
    InHand,
    /// It is muted for so long yet.
    Muted(Duration),
}

impl Refusal {
    /// The wire form.
    #[must_use]
    pub fn failure(&self) -> wire::Failure {
        let (code, message) = match self {
            Self::InHand => (
                "busy",
                "an upload of this kind is in hand; wait for its answer".to_owned(),
            ),
            Self::Muted(left) => (
                "muted",
                format!(
                    "this node does what no agent does, and is not listened to for {} s; the panel says why",
                    left.as_secs() + 1
                ),
            ),
        };
        wire::Failure {
            code: code.into(),
            message,
            retryable: true,
        }
    }
}

/// A node has just been muted: to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Who.
    pub node: NodeId,
    /// For how long.
    pub length: Duration,
    /// In words.
    pub because: String,
}

#[derive(Debug)]
struct Record {
    in_hand: HashSet<&'static str>,
    /// When no strike will be left.
    clean_at: Instant,
    /// When all of [`BURST_BYTES`] may be brought again.
    full_at: Instant,
    /// When as many fresh facts as [`BURST_FACTS`] may come again.
    quiet_at: Instant,
    muted_until: Instant,
    sentences: u32,
}

type Records = Arc<Mutex<HashMap<NodeId, Record>>>;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Conduct(Records);

/// One upload in hand, until it is dropped.
#[derive(Debug)]
pub struct InHand(Records, NodeId, &'static str);

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(record) = self.0.lock().get_mut(&self.1) {
            record.in_hand.remove(self.2);
        }
    }
}

impl Record {
    fn new(now: Instant) -> Self {
        Self {
            in_hand: HashSet::new(),
            clean_at: now,
            full_at: now,
            quiet_at: now,
            muted_until: now,
            sentences: 0,
        }
    }

    /// Nothing is lost if it is forgotten.
    fn is_blank(&self, now: Instant) -> bool {
        let served = self.sentences == 0 || self.muted_until + REMEMBERED <= now;
        let rested = [self.clean_at, self.full_at, self.quiet_at];
        served && self.in_hand.is_empty() && rested.iter().all(|at| *at <= now)
    }

    fn strike(&mut self, strikes: u32, now: Instant) -> Option<Duration> {
        self.clean_at = self.clean_at.max(now) + FORGIVEN * strikes;
        let over = self.clean_at.duration_since(now) > FORGIVEN * MOST_STRIKES;
        over.then(|| self.mute(now))
    }

    fn charge(&mut self, bytes: u64, now: Instant) -> Option<Duration> {
        self.full_at = self.full_at.max(now) + drained_in(bytes);
        let over = self.full_at.duration_since(now) > drained_in(BURST_BYTES);
        over.then(|| self.mute(now))
    }

    fn talk(&mut self, facts: u64, now: Instant) -> Option<Duration> {
        self.quiet_at = self.quiet_at.max(now) + said_in(facts);
        let over = self.quiet_at.duration_since(now) > said_in(BURST_FACTS);
        over.then(|| self.mute(now))
    }

    fn mute(&mut self, now: Instant) -> Duration {
        if self.muted_until + REMEMBERED <= now {
            self.sentences = 0;
        }
        let length = FIRST * 2_u32.pow(self.sentences.min(8));
        let length = length.min(LONGEST);
        self.sentences += 1;
        self.muted_until = now + length;
        self.clean_at = now;
        self.quiet_at = now;
        // What it has brought stays brought: after its time it has as much room as passes meanwhile.
        self.full_at = self.full_at.min(now + drained_in(BURST_BYTES));
        length
    }
}

fn drained_in(bytes: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1000) / BYTES_A_SECOND)
}

fn said_in(facts: u64) -> Duration {
    Duration::from_millis(facts.saturating_mul(1000) / FACTS_A_SECOND)
}

/// Whether a fact is of this moment, by the clock of the node that says it.
#[must_use]
pub fn is_fresh(at_ms: i64, now_ms: i64) -> bool {
    at_ms.abs_diff(now_ms) < FRESH_MS
}

impl Conduct {
    /// Whether this node's words of `kind` are taken now. A second one beside the first is a strike.
    /// # Errors
    /// [`Refusal`], and the sentence that has just been passed with it.
    pub fn upload(
        &self,
        node: NodeId,
        kind: &'static str,
        now: Instant,
    ) -> Result<InHand, (Refusal, Option<Sentence>)> {
        self.with(node, now, |record| {
            if record.muted_until > now {
                let left = record.muted_until.duration_since(now);
                return Err((Refusal::Muted(left), None));
            }
            if record.in_hand.insert(kind) {
                return Ok(());
            }
            let length = record.strike(1, now);
            Err((
                Refusal::InHand,
                length
                    .map(|length| sentence(node, length, "it uploads without waiting for answers")),
            ))
        })
        .map(|()| InHand(self.0.clone(), node, kind))
    }

    /// The node did what no agent does.
    #[must_use]
    pub fn strike(
        &self,
        node: NodeId,
        strikes: u32,
        because: &str,
        now: Instant,
    ) -> Option<Sentence> {
        let length = self.with(node, now, |record| match record.muted_until > now {
            true => None,
            false => record.strike(strikes, now),
        });
        length.map(|length| sentence(node, length, because))
    }

    /// The node brought so many bytes of facts.
    #[must_use]
    pub fn charge(&self, node: NodeId, bytes: u64, now: Instant) -> Option<Sentence> {
        let length = self.with(node, now, |record| record.charge(bytes, now));
        length.map(|length| {
            sentence(
                node,
                length,
                "it brings more facts than an agent's journal can hold",
            )
        })
    }

    /// The node brought so many facts of this moment.
    #[must_use]
    pub fn talk(&self, node: NodeId, facts: u64, now: Instant) -> Option<Sentence> {
        let length = self.with(node, now, |record| record.talk(facts, now));
        let because = "more happens on it in a second than on a thousand servers";
        length.map(|length| sentence(node, length, because))
    }

    fn with<T>(&self, node: NodeId, now: Instant, act: impl FnOnce(&mut Record) -> T) -> T {
        let mut records = self.0.lock();
        if records.len() >= MOST && !records.contains_key(&node) {
            records.retain(|_, record| !record.is_blank(now));
        }
        act(records.entry(node).or_insert_with(|| Record::new(now)))
    }
}

fn sentence(node: NodeId, length: Duration, because: &str) -> Sentence {
    let because = format!(
        "not listened to for {} s: {because}. Its games are not touched. If the machine is not known to be well, \
         revoke its key",
        length.as_secs()
    );
    Sentence {
        node,
        length,
        because,
    }
}

/// Writes a sentence down, for the panel and for those who hear events.
/// # Errors
/// Database.
pub async fn tell(ground: &Ground, sentence: &Sentence) -> Result<(), DbErr> {
    let now_ms = ground.clock.now_ms();
    let length_ms = i64::try_from(sentence.length.as_millis()).unwrap_or(i64::MAX);
    let until_ms = now_ms.saturating_add(length_ms);
    let tx = ground.db.begin(Lane::People).await?;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::MutedUntilMs, Expr::value(until_ms))
        .col_expr(
            nodes::Column::MutedBecause,
            Expr::value(sentence.because.clone()),
        )
        .filter(nodes::Column::Id.eq(sentence.node.to_string()))
        .exec(&*tx)
        .await?;
    let data = json!({"code": "muted", "message": sentence.because, "level": "error", "until_ms": until_ms});
    outbox::write(
        &*tx,
        Event::of_node(sentence.node, "condition", now_ms, data),
    )
    .await?;
    tx.commit().await?;
    ground.nudges.outbox();
    metrics::counter!("warren_control_nodes_muted_total").increment(1);
    tracing::error!(node.id = %sentence.node, "node {} is {}", sentence.node, sentence.because);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn muted(conduct: &Conduct, node: NodeId, now: Instant) -> bool {
        matches!(
            conduct.upload(node, "lifecycle", now),
            Err((Refusal::Muted(_), _))
        )
    }

    #[test]
    fn one_of_a_kind_is_in_hand_and_others_are_not_kept_waiting() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        let first = conduct.upload(node, "lifecycle", now).unwrap();
        let second = conduct.upload(node, "lifecycle", now).unwrap_err();
        assert_eq!(second, (Refusal::InHand, None));
        conduct.upload(node, "console", now).unwrap();
        conduct.upload(NodeId::new(), "lifecycle", now).unwrap();
        drop(first);
        conduct.upload(node, "lifecycle", now).unwrap();
    }

    #[test]
    fn who_does_not_wait_is_muted_once_and_longer_each_time() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        let mut lengths = Vec::new();
        let mut at = now;
        for _ in 0..6 {
            let _hand = conduct.upload(node, "lifecycle", at).unwrap();
            let told: Vec<Sentence> = (0..1000)
                .filter_map(|_| conduct.upload(node, "lifecycle", at).unwrap_err().1)
                .collect();
            assert_eq!(told.len(), 1, "one sentence, however long it goes on");
            assert!(muted(&conduct, node, at));
            lengths.push(told[0].length.as_secs());
            at += told[0].length + Duration::from_secs(1);
        }
        assert_eq!(lengths, [60, 120, 240, 480, 600, 600]);
        assert!(!muted(&conduct, node, at));
        at += REMEMBERED;
        let told = conduct.strike(node, MOST_STRIKES + 1, "x", at).unwrap();
        assert_eq!(told.length, FIRST, "an hour later all is forgiven");
    }

    #[test]
    fn an_agent_whose_answers_are_late_is_never_muted() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        let _stuck = conduct.upload(node, "hello", now).unwrap();
        for n in 0..10_000 {
            let at = now + Duration::from_secs(2) * n;
            let refused = conduct.upload(node, "hello", at).unwrap_err();
            assert_eq!(refused, (Refusal::InHand, None));
        }
    }

    #[test]
    fn a_full_journal_is_taken_and_more_than_that_is_not() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        let mut brought = 0;
        while conduct.charge(node, 1 << 20, now).is_none() {
            brought += 1 << 20;
        }
        assert_eq!(brought, BURST_BYTES);
        let later = now + Duration::from_secs(700);
        assert!(!muted(&conduct, node, later));
        assert!(conduct.charge(node, 100 << 20, later).is_none());
    }

    #[test]
    fn servers_that_start_together_are_heard_and_a_flood_is_not() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        for at in (0..600).step_by(60).map(|s| now + Duration::from_secs(s)) {
            assert_eq!(conduct.talk(node, 8000, at), None);
        }
        let flood = (0..20).find_map(|s| {
            let at = now + Duration::from_secs(3600 + s);
            conduct.talk(node, 2800, at).map(|_| s)
        });
        assert!(flood.is_some_and(|s| s <= 4), "{flood:?}");
        assert!(is_fresh(100_000, 150_000) && is_fresh(150_000, 100_000));
        assert!(!is_fresh(100_000, 170_000) && !is_fresh(i64::MAX, 0));
    }

    #[test]
    fn the_blameless_are_forgotten_and_the_muted_are_not() {
        let (conduct, node, now) = (Conduct::default(), NodeId::new(), Instant::now());
        assert!(conduct.strike(node, 1000, "x", now).is_some());
        for _ in 0..MOST * 3 {
            conduct.upload(NodeId::new(), "lifecycle", now).unwrap();
        }
        assert!(conduct.0.lock().len() <= MOST + 1);
        assert!(muted(&conduct, node, now));
    }
}
