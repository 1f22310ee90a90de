//! How a viewer is brought up to date: from where it left off, or with the last bytes.

use std::sync::Arc;

use super::Sub;
use super::lane::Lane;
use super::range::serve_range;
use super::ring::Ring;
use crate::edge::Edge;
use crate::ws::message::{self, From, Range, Stream};

/// The most of the past that a viewer can ask for at the beginning, per stream.
const MAX_TAIL: u32 = 256 * 1024;
/// A reconnecting viewer is sent what it missed up to this; beyond it it is told of a gap and may ask.
const MAX_CATCH_UP: u64 = 1024 * 1024;

pub struct Greeting<'a> {
    pub edge: &'a Arc<Edge>,
    pub lanes: &'a [Lane; 3],
    pub rings: &'a [Ring; 3],
}

impl Greeting<'_> {
    pub fn greet(&self, sub: &Arc<Sub>, from: Option<From>, tail_bytes: u32) {
        let game = &self.lanes[Stream::Game.index()];
        let warren = &self.lanes[Stream::Warren.index()];
        sub.viewer
            .send_text(&message::ok(sub.id, game.run(), game.next(), warren.next()));
        sub.viewer.expect_replay();
        for stream in Stream::ALL {
            let known = from.and_then(|f| {
                let at = match stream {
                    Stream::Game => f.game,
                    Stream::Warren => f.warren,
                    Stream::Install => None,
                };
                at.map(|at| (f.run, at))
            });
            self.stream(sub, stream, known, tail_bytes.min(MAX_TAIL));
        }
        sub.viewer.greeted();
    }

    fn stream(
        &self,
        sub: &Arc<Sub>,
        stream: Stream,
        known: Option<(warren_proto::ids::RunId, u64)>,
        tail: u32,
    ) {
        let (lane, ring) = (&self.lanes[stream.index()], &self.rings[stream.index()]);
        let server = sub.line.server;
        let Some(run) = lane.run() else { return };
        // Without bytes in the ring its place is the end.
        let start = if ring.run() == Some(run) {
            ring.start()
        } else {
            None
        }
        .unwrap_or(lane.next());
        match known {
            Some((of, at)) if of == run => {
                if at < start {
                    self.catch_up(sub, stream, run, at, start);
                }
                ring.replay(&sub.viewer, sub.id, stream, server, at);
            }
            Some((old, at)) => {
                // The rest of the run that it saw last; its end is the agent's to say.
                self.ask(sub, stream, old, at, u64::MAX);
                ring.replay(&sub.viewer, sub.id, stream, server, 0);
                if start > 0 {
                    self.catch_up(sub, stream, run, 0, start);
                }
            }
            None => {
                if let Some(from) = ring.tail(u64::from(tail)) {
                    ring.replay(&sub.viewer, sub.id, stream, server, from);
                }
            }
        }
    }

    fn catch_up(
        &self,
        sub: &Arc<Sub>,
        stream: Stream,
        run: warren_proto::ids::RunId,
        from: u64,
        to: u64,
    ) {
        if to - from > MAX_CATCH_UP {
            sub.viewer
                .send_text(&message::gap(sub.id, run, stream, from, to, "away"));
        } else {
            self.ask(sub, stream, run, from, to);
        }
    }

    fn ask(
        &self,
        sub: &Arc<Sub>,
        stream: Stream,
        run: warren_proto::ids::RunId,
        from: u64,
        to: u64,
    ) {
        let range = Range {
            req: 0,
            run,
            stream,
            from,
            to,
        };
        // Each costs the agent or control up to a MiB of reading. A browser that subscribes again and again
        // begins no more of them than it can take in.
        let Ok(place) = sub.viewer.replays.clone().try_acquire_owned() else {
            if to != u64::MAX {
                sub.viewer
                    .send_text(&message::gap(sub.id, run, stream, from, to, "away"));
            }
            return;
        };
        let (edge, sub) = (self.edge.clone(), sub.clone());
        tokio::spawn(async move {
            let _place = place;
            serve_range(edge, sub, range, None).await;
        });
    }
}
