//! What the gateway counts, as Prometheus text. Plain atomics: some are raised once per frame and viewer.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

macro_rules! metrics {
    (gauges { $($gauge:ident: $ghelp:literal,)* } counters { $($counter:ident: $chelp:literal,)* }) => {
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(pub $gauge: Gauge,)*
            $(pub $counter: Counter,)*
        }

        impl Metrics {
            /// Prometheus text; `bus` are the connection's own counters.
            pub fn render(&self, bus: &[(&'static str, u64)]) -> String {
                let mut out = String::new();
                $(one(&mut out, stringify!($gauge), "gauge", $ghelp, self.$gauge.get());)*
                $(one(&mut out, concat!(stringify!($counter), "_total"), "counter", $chelp, self.$counter.get());)*
                for (name, value) in bus {
                    one(&mut out, &format!("bus_{name}_total"), "counter", "see the bus counters", value);
                }
                out
            }
        }
    };
}

metrics! {
    gauges {
        viewers: "open WebSockets",
        strangers: "open WebSockets that have shown no ticket yet",
        subscriptions: "topics that browsers watch",
        transfers: "files on their way up or down",
        sftp: "SFTP connections of people who have logged in",
        sftp_bytes: "bytes that SFTP clients may have on their way to us, with their answers",
        consoles: "servers of which at least one viewer watches bytes",
    }
    counters {
        frames_in: "live console frames from agents",
        bytes_in: "live console bytes from agents",
        frames_out: "console frames handed to viewers",
        bytes_skipped: "console bytes that slow viewers did not get",
        cut_slow: "viewers cut off because they read nothing",
        frames_refused: "live messages that were not what their subject says",
        frames_held_back: "live frames dropped while a hole was being mended; they are asked for again",
        repairs: "holes in the live bytes that were asked for again",
        gaps: "holes that could not be mended and were told to viewers",
        tickets_refused: "tickets that did not hold",
        strangers_cut: "WebSockets without a ticket cut off because there were too many in all",
        strangers_cut_by_address: "WebSockets without a ticket cut off because there were too many from their address",
        strangers_late: "WebSockets cut off because they showed no ticket in time",
        sockets_refused: "sockets closed at once because too many were waiting to say anything",
        sockets_silent: "sockets closed because they said nothing",
        revoked: "viewers ended by a revocation",
        audits: "times that all sessions were checked because a revocation may have been missed",
        events_in: "public events heard",
        events_out: "public events handed to viewers",
        events_missed: "times that public events may have been missed and viewers were told to fetch",
        bytes_up: "bytes of files from browsers",
        bytes_down: "bytes of files to browsers",
        transfers_refused: "transfers refused because there were too many at one time",
        transfers_cut: "transfers ended by a revocation or the gateway's end",
        sftp_refused: "log-ins by SFTP that control refused",
        sftp_turned_away: "SFTP connections closed because there were too many",
        sftp_silent: "SFTP connections closed because nobody logged in in time",
        inputs: "console lines sent to agents",
    }
}

fn one(out: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "# HELP warren_gateway_{name} {help}");
    let _ = writeln!(out, "# TYPE warren_gateway_{name} {kind}");
    let _ = writeln!(out, "warren_gateway_{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_prometheus_text() {
        let metrics = Metrics::default();
        metrics.frames_in.add(3);
        let page = metrics.render(&[("dropped", 2)]);
        assert!(page.contains("\nwarren_gateway_frames_in_total 3\n"));
        assert!(page.contains("\nwarren_gateway_bus_dropped_total 2\n"));
    }
}
