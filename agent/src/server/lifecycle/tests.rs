#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn now(mono_ms: i64) -> Now {
    Now {
        mono_ms,
        wall_ms: 1_000_000 + mono_ms,
    }
}

fn want(generation: u64, power: Option<Power>) -> Want {
    Want {
        generation,
        power,
        order: generation,
        restarts: 0,
        suspended: false,
        installable: false,
        moved: false,
        crash: CrashPolicy {
            restart: true,
            max_restarts: 2,
            window_s: 60,
            clean_exit_is_crash: false,
        },
        grace_ms: 1000,
    }
}

/// A server and what it was told to do last.
struct Sim {
    s: Server,
    at: i64,
    last: Vec<Effect>,
}

impl Sim {
    fn new() -> Self {
        Self {
            s: Server::default(),
            at: 0,
            last: Vec::new(),
        }
    }

    fn tell(&mut self, event: Event) -> &mut Self {
        let (s, out) = step(self.s.clone(), event, now(self.at));
        self.s = s;
        self.last = out;
        self
    }

    fn after(&mut self, ms: i64) -> &mut Self {
        self.at += ms;
        self.tell(Event::Tick)
    }

    fn starts(&self) -> bool {
        self.last.iter().any(|e| matches!(e, Effect::Start(_)))
    }

    fn reason(&self) -> String {
        let reports = self.last.iter().rev().find_map(|e| match e {
            Effect::Report(change) => Some(change.reason.clone()),
            _ => None,
        });
        reports.unwrap_or_default()
    }

    fn restart_agent(&mut self) -> &mut Self {
        let text = serde_json::to_string(&self.s).unwrap();
        self.s = serde_json::from_str(&text).unwrap();
        self
    }

    fn running() -> Self {
        let mut sim = Self::new();
        sim.tell(Event::Wanted(want(1, Some(Power::Start))));
        assert!(sim.starts());
        sim.tell(Event::Started).tell(Event::Done);
        assert_eq!((sim.s.state, sim.s.settled), (State::Running, 1));
        sim
    }
}

#[test]
fn a_start_order_runs_once_and_is_settled_by_running() {
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    assert_eq!(sim.last, []);
}

#[test]
fn a_game_that_ends_by_itself_settles_its_start() {
    let mut sim = Sim::running();
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert_eq!(sim.s.state, State::Stopped);
    sim.tell(Event::Wanted(want(1, Some(Power::Start))))
        .after(60_000);
    assert_eq!(sim.s.state, State::Stopped);
    sim.tell(Event::Wanted(want(2, Some(Power::Start))));
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_game_that_never_shows_its_marker_stays_starting_and_can_stop() {
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))))
        .tell(Event::Started)
        .after(100_000);
    assert_eq!(sim.s.state, State::Starting);
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    assert!(sim.last.contains(&Effect::AskStop));
    sim.tell(Event::Exited {
        code: 143,
        oom: false,
    });
    assert_eq!((sim.s.state, sim.s.settled), (State::Stopped, 2));
}

#[test]
fn stop_asks_then_kills_after_the_grace() {
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    assert!(sim.last.contains(&Effect::AskStop));
    assert!(!sim.after(999).last.contains(&Effect::Kill));
    assert!(sim.after(1).last.contains(&Effect::Kill));
    assert!(!sim.after(10).last.contains(&Effect::Kill));
    assert!(sim.after(KILL_AGAIN_MS).last.contains(&Effect::Kill));
    sim.tell(Event::Exited {
        code: 137,
        oom: false,
    });
    assert_eq!((sim.s.state, sim.s.settled), (State::Stopped, 2));
}

#[test]
fn kill_kills_at_once_and_hurries_a_stop() {
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(2, Some(Power::Kill))));
    assert!(sim.last.contains(&Effect::Kill));
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    sim.tell(Event::Wanted(want(3, Some(Power::Kill))));
    assert_eq!(sim.last, [Effect::Kill]);
    sim.after(1);
    assert_eq!(sim.last, []);
}

#[test]
fn restart_stops_and_starts_once() {
    let mut sim = Sim::running();
    let mut again = want(2, Some(Power::Start));
    again.restarts = 1;
    sim.tell(Event::Wanted(again.clone()));
    assert_eq!(sim.s.state, State::Stopping);
    sim.restart_agent().tell(Event::Adopted(Found::Ended {
        code: 0,
        oom: false,
    }));
    assert_eq!(sim.s.state, State::Starting);
    assert_eq!(sim.reason(), "restart");
    sim.tell(Event::Started).tell(Event::Done);
    sim.tell(Event::Wanted(again)).after(5000);
    assert_eq!(sim.s.state, State::Running);
}

#[test]
fn restart_of_a_stopped_server_starts_it() {
    let mut sim = Sim::running();
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    let mut again = want(2, Some(Power::Start));
    again.restarts = 1;
    sim.tell(Event::Wanted(again));
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_stop_after_a_restart_wins() {
    let mut sim = Sim::running();
    let mut again = want(2, Some(Power::Start));
    again.restarts = 1;
    sim.tell(Event::Wanted(again));
    let mut stop = want(3, Some(Power::Stop));
    stop.restarts = 1;
    sim.tell(Event::Wanted(stop)).tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert_eq!(sim.s.state, State::Stopped);
    assert!(!sim.after(100_000).starts());
}

#[test]
fn an_unknown_ledger_takes_restarts_over_without_acting() {
    let mut sim = Sim::new();
    sim.tell(Event::Adopted(Found::Up));
    assert_eq!(sim.s.state, State::Starting);
    let mut row = want(9, Some(Power::Start));
    row.restarts = 7;
    sim.tell(Event::Wanted(row));
    assert_eq!((sim.s.state, sim.s.restarts), (State::Starting, Some(7)));
}

#[test]
fn a_crash_is_restarted_by_policy_with_growing_waits_then_stays() {
    let mut sim = Sim::running();
    for wait in [500, 1000] {
        sim.tell(Event::Exited {
            code: 1,
            oom: false,
        });
        assert_eq!(sim.s.state, State::Crashed);
        assert!(!sim.after(wait - 1).starts());
        assert!(sim.after(1).starts());
        assert_eq!(sim.reason(), "crash_policy");
        sim.tell(Event::Started).tell(Event::Done);
    }
    sim.tell(Event::Exited {
        code: 137,
        oom: true,
    });
    assert_eq!(sim.reason(), "oom");
    assert!(!sim.after(100_000).starts());
    assert_eq!(sim.s.state, State::Crashed);
    sim.tell(Event::Wanted(want(2, Some(Power::Start))));
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_clean_exit_is_a_crash_only_where_the_policy_says_so() {
    let mut sim = Sim::running();
    let mut row = want(2, Some(Power::Start));
    row.crash.clean_exit_is_crash = true;
    sim.tell(Event::Wanted(row)).tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert_eq!(sim.s.state, State::Crashed);
}

#[test]
fn a_typed_stop_is_no_crash() {
    let mut sim = Sim::running();
    sim.tell(Event::StopTyped).tell(Event::Exited {
        code: 1,
        oom: false,
    });
    assert_eq!(sim.s.state, State::Stopped);
    assert!(!sim.after(100_000).starts());
}

#[test]
fn a_stop_order_gives_a_typed_stop_its_grace() {
    let mut sim = Sim::running();
    sim.tell(Event::StopTyped);
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    assert_eq!(sim.last, [Effect::AskStop]);
    assert!(sim.after(1000).last.contains(&Effect::Kill));
}

#[test]
fn a_crash_wait_outlives_the_agent() {
    let mut sim = Sim::running();
    sim.tell(Event::Exited {
        code: 1,
        oom: false,
    });
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: false,
    }));
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_stop_order_ends_a_crash_loop() {
    let mut sim = Sim::running();
    sim.tell(Event::Exited {
        code: 1,
        oom: false,
    });
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    assert_eq!(sim.s.state, State::Stopped);
    assert!(!sim.after(100_000).starts());
}

#[test]
fn what_ran_when_the_host_went_down_starts_again() {
    let mut sim = Sim::running();
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: true,
    }));
    assert_eq!(
        (sim.s.state, sim.reason().as_str()),
        (State::Starting, "host_reboot")
    );
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: true,
    }));
    assert_eq!(sim.s.state, State::Stopped);
}

#[test]
fn a_vanished_container_on_a_host_that_ran_on_is_a_crash() {
    let mut sim = Sim::running();
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: false,
    }));
    assert_eq!(
        (sim.s.state, sim.reason().as_str()),
        (State::Crashed, "vanished")
    );
    let mut sim = Sim::running();
    sim.tell(Event::Vanished);
    assert_eq!(sim.s.state, State::Crashed);
}

#[test]
fn a_start_that_was_cut_short_goes_on() {
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: false,
    }));
    assert_eq!(sim.last, [Effect::Start(Cause::Asked)]);
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_running_container_found_again_changes_nothing() {
    let mut sim = Sim::running();
    sim.restart_agent().tell(Event::Adopted(Found::Up));
    assert_eq!(sim.last, []);
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    sim.restart_agent().tell(Event::Adopted(Found::Up));
    assert_eq!(sim.last, [Effect::AskStop]);
}

#[test]
fn suspension_stops_and_holds_back_starts() {
    let mut sim = Sim::running();
    let mut row = want(2, Some(Power::Start));
    row.suspended = true;
    sim.tell(Event::Wanted(row));
    assert_eq!(
        (sim.s.state, sim.reason().as_str()),
        (State::Stopping, "suspended")
    );
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    let mut row = want(3, Some(Power::Start));
    row.suspended = true;
    sim.tell(Event::Wanted(row));
    assert_eq!(sim.s.state, State::Stopped);
}

#[test]
fn an_abort_of_a_start_in_flight_ends_stopped() {
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))));
    assert!(sim.last.contains(&Effect::AbortStart));
    let cancelled = Event::StartFailed {
        code: "cancelled".into(),
        detail: String::new(),
        passing: false,
    };
    sim.tell(cancelled);
    assert_eq!((sim.s.state, sim.s.settled), (State::Stopped, 2));
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    sim.tell(Event::Wanted(want(2, Some(Power::Stop))))
        .tell(Event::Started);
    assert_eq!(sim.last, [Effect::AskStop]);
}

#[test]
fn a_failed_start_is_an_error_and_not_repeated_unless_it_passes() {
    let failed = |passing| Event::StartFailed {
        code: "image_not_found".into(),
        detail: "no such image".into(),
        passing,
    };
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))))
        .tell(failed(false));
    assert_eq!((sim.s.state, sim.s.settled), (State::Error, 1));
    assert!(!sim.after(100_000).starts());
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))))
        .tell(failed(true));
    assert_eq!(sim.s.state, State::Starting);
    assert!(sim.after(1000).starts());
}

#[test]
fn an_install_holds_the_server_and_a_waiting_start_follows() {
    let mut sim = Sim::new();
    let mut row = want(1, Some(Power::Start));
    row.installable = true;
    sim.tell(Event::Wanted(row));
    assert_eq!(sim.s.state, State::New);
    let job = JobId::new();
    sim.tell(Event::JobWanted { job, quiet: false });
    assert!(sim.last.contains(&Effect::BeginJob(job)));
    assert_eq!(sim.s.state, State::Installing);
    sim.tell(Event::JobEnded {
        job,
        result: Ok(()),
    });
    assert_eq!(sim.s.state, State::Starting);
}

#[test]
fn a_failed_install_is_an_error_and_starts_nothing() {
    let mut sim = Sim::new();
    let mut row = want(1, Some(Power::Start));
    row.installable = true;
    let job = JobId::new();
    sim.tell(Event::Wanted(row))
        .tell(Event::JobWanted { job, quiet: false });
    sim.tell(Event::JobEnded {
        job,
        result: Err(("install_failed".into(), "exit code 3".into())),
    });
    assert_eq!(
        (sim.s.state, sim.reason().as_str()),
        (State::Error, "install_failed")
    );
    assert!(!sim.after(100_000).starts());
}

#[test]
fn a_reinstall_stops_the_game_first() {
    let mut sim = Sim::running();
    let job = JobId::new();
    sim.tell(Event::JobWanted { job, quiet: false });
    assert_eq!(sim.s.state, State::Stopping);
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert!(sim.last.contains(&Effect::BeginJob(job)));
    sim.tell(Event::JobEnded {
        job,
        result: Ok(()),
    });
    assert_eq!(sim.s.state, State::Stopped);
}

#[test]
fn a_tombstone_that_a_newer_row_has_overtaken_buries_nothing() {
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(9, None)));
    sim.tell(Event::Bury(8));
    assert_eq!(
        (sim.s.state, sim.s.removing.is_none()),
        (State::Running, true)
    );
    sim.tell(Event::Bury(9));
    assert_eq!(sim.s.state, State::Stopping);
}

#[test]
fn a_game_has_ten_minutes_to_save_but_one_where_its_room_is_needed() {
    let stop = |grace_ms, suspended: bool| {
        let power = (!suspended).then_some(Power::Stop);
        Event::Wanted(Want {
            grace_ms,
            suspended,
            ..want(9, power)
        })
    };
    for (event, ms) in [
        (stop(0, false), 600_000),
        (stop(0, true), 60_000),
        (stop(5_000, true), 5_000),
        (stop(700_000, false), 700_000),
    ] {
        let mut sim = Sim::running();
        sim.tell(event);
        assert_eq!(sim.s.state, State::Stopping);
        sim.after(ms - 1);
        assert!(!sim.last.contains(&Effect::Kill), "{ms}");
        sim.after(1);
        assert!(sim.last.contains(&Effect::Kill), "{ms}");
    }
}

#[test]
fn a_tombstone_stops_then_removes_once() {
    let mut sim = Sim::running();
    sim.tell(Event::Bury(5));
    assert_eq!(sim.s.state, State::Stopping);
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert!(sim.last.contains(&Effect::Remove { generation: 5 }));
    assert_eq!(sim.after(100_000).last, []);
    sim.restart_agent().tell(Event::Adopted(Found::Nothing {
        host_rebooted: false,
    }));
    assert!(sim.last.contains(&Effect::Remove { generation: 5 }));
}

#[test]
fn an_old_row_changes_nothing() {
    let mut sim = Sim::running();
    sim.tell(Event::Wanted(want(5, Some(Power::Start))));
    sim.tell(Event::Wanted(want(4, Some(Power::Stop))));
    assert_eq!(sim.s.state, State::Running);
}

fn events() -> impl Strategy<Value = Event> {
    let power = prop_oneof![
        Just(None),
        Just(Some(Power::Start)),
        Just(Some(Power::Stop)),
        Just(Some(Power::Kill))
    ];
    let wanted = (
        1_u64..30,
        power,
        0_u64..4,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    prop_oneof![
        4 => wanted.prop_map(|(generation, power, restarts, suspended, installable, clean)| {
            let mut row = want(generation, power);
            row.restarts = restarts;
            row.suspended = suspended;
            row.installable = installable;
            row.crash.clean_exit_is_crash = clean;
            Event::Wanted(row)
        }),
        1 => (1_u64..30).prop_map(Event::Bury),
        4 => Just(Event::Started),
        2 => any::<bool>().prop_map(|passing| Event::StartFailed { code: "x".into(), detail: String::new(), passing }),
        4 => Just(Event::Done),
        4 => (0_i32..3, any::<bool>()).prop_map(|(code, oom)| Event::Exited { code, oom }),
        1 => Just(Event::Vanished),
        1 => Just(Event::StopTyped),
        1 => Just(Event::Halt { reason: "disk".into() }),
        2 => any::<bool>().prop_map(|quiet| Event::JobWanted { job: JobId::new(), quiet }),
        1 => Just(Event::Adopted(Found::Up)),
        1 => any::<bool>().prop_map(|host_rebooted| Event::Adopted(Found::Nothing { host_rebooted })),
        4 => Just(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]
    #[test]
    fn every_walk_stays_on_the_table(events in proptest::collection::vec((events(), 0_i64..5000, any::<bool>()), 1..60)) {
        let mut sim = Sim::new();
        for (event, wait, ends_job) in events {
            sim.at += wait;
            let before = sim.s.state;
            let event = match (&sim.s.hold, ends_job) {
                (Some(hold), true) if hold.begun => Event::JobEnded { job: hold.job, result: Ok(()) },
                _ => event,
            };
            sim.tell(event);
            let mut at = before;
            for effect in &sim.last {
                if let Effect::Report(change) = effect {
                    prop_assert_eq!(change.from, at);
                    prop_assert!(change.from.may_go_to(change.to));
                    at = change.to;
                }
            }
            prop_assert_eq!(at, sim.s.state);
            // Whoever owns the files owns them alone.
            if sim.s.hold.as_ref().is_some_and(|h| h.begun) {
                prop_assert!(!sim.starts());
            }
            if sim.s.want.as_ref().is_some_and(|w| w.suspended) {
                prop_assert!(!matches!(sim.s.state, State::Running));
            }
        }
    }
}

#[test]
fn a_node_that_is_taken_down_brings_back_what_ran_and_nothing_else() {
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    sim.tell(Event::Started).tell(Event::Done);
    sim.tell(Event::NodeDown);
    assert!(sim.last.contains(&Effect::AskStop));
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert_eq!(sim.s.state, State::Stopped);
    assert!(!sim.starts(), "not while it goes down");
    // What the next process reads.
    let text = serde_json::to_string(&sim.s).unwrap();
    let mut next = Sim::new();
    next.s = serde_json::from_str(&text).unwrap();
    next.tell(Event::Adopted(Found::Nothing {
        host_rebooted: false,
    }));
    assert!(next.last.contains(&Effect::Start(Cause::NodeUp)));
    // One that somebody had stopped stays so, and a crashed one is not revived on the way down.
    let mut stopped = Sim::new();
    stopped.tell(Event::Wanted(want(1, Some(Power::Stop))));
    stopped.tell(Event::NodeDown).after(60_000);
    assert_eq!((stopped.s.again, stopped.starts()), (None, false));
    let mut crashed = Sim::new();
    crashed.tell(Event::Wanted(want(1, Some(Power::Start))));
    crashed.tell(Event::Started).tell(Event::Done);
    crashed.tell(Event::Exited {
        code: 1,
        oom: false,
    });
    crashed.tell(Event::NodeDown).after(60_000);
    assert!(crashed.s.state == State::Crashed && !crashed.starts());
    assert_eq!(crashed.s.again, Some(Cause::NodeUp));
}

#[test]
fn a_job_that_installs_nothing_leaves_the_state_and_holds_starts() {
    let mut sim = Sim::new();
    sim.tell(Event::Wanted(want(1, Some(Power::Start))));
    sim.tell(Event::Started).tell(Event::Done);
    let job = JobId::new();
    sim.tell(Event::JobWanted { job, quiet: true });
    assert!(sim.s.state == State::Stopping && !sim.last.contains(&Effect::BeginJob(job)));
    sim.tell(Event::Exited {
        code: 0,
        oom: false,
    });
    assert!(sim.s.state == State::Stopped && sim.last.contains(&Effect::BeginJob(job)));
    sim.tell(Event::Wanted(want(2, Some(Power::Start))));
    assert!(!sim.starts());
    sim.tell(Event::JobEnded {
        job,
        result: Ok(()),
    });
    assert!(sim.starts() && sim.s.state == State::Starting);
}
