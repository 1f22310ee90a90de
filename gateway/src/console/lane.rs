//! Makes one stream of one server whole: bytes in order, each once, holes asked for again, and a gap said
//! where they can not be had. Pure: frames and answers in, steps out.

use std::collections::VecDeque;

use warren_proto::ids::RunId;

use super::frame::Piece;

/// Live bytes that wait while a hole is being mended. Beyond it they are dropped and become a hole themselves.
const MAX_HELD: usize = 1024 * 1024;
/// A hole beyond this is not mended: its older part is a gap, and who wants it asks for it.
const MAX_HOLE: u64 = 1024 * 1024;
/// What of such a hole is still fetched.
const HOLE_TAIL: u64 = 256 * 1024;
/// Runs that are over; their late frames are no new run.
const MAX_OVER: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next bytes.
    Emit(Piece),
    /// These bytes are not to be had.
    Gap {
        run: RunId,
        from: u64,
        to: u64,
        reason: &'static str,
    },
    /// Offsets begin at 0 again.
    NewRun(RunId),
    /// Ask for `[from, to)`; answer with [`Lane::mended`]. At most one question is open.
    Ask { run: RunId, from: u64, to: u64 },
    /// A live frame was let go because too many wait.
    HeldBack,
}

/// What came back for an [`Step::Ask`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// In order.
    pub pieces: Vec<Piece>,
    /// `[from, to)` and why, in order.
    pub gaps: Vec<(u64, u64, &'static str)>,
}

#[derive(Debug, Default)]
pub struct Lane {
    run: Option<RunId>,
    next: u64,
    mending: Option<Mending>,
    held: VecDeque<Piece>,
    held_bytes: usize,
    over: VecDeque<RunId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mending {
    /// A hole up to here.
    Hole { to: u64 },
    /// The rest of a run that has ended, before this one begins.
    Finish { then: RunId },
}

impl Lane {
    pub fn run(&self) -> Option<RunId> {
        self.run
    }

    /// The next byte that is expected.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Begins in the middle of a run.
    pub fn begin(&mut self, run: RunId, at: u64) {
        self.run = Some(run);
        self.next = at;
    }

    /// Bytes as an agent publishes them.
    pub fn live(&mut self, piece: Piece) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.mending.is_some() {
            self.hold(piece, &mut steps);
        } else {
            self.take(piece, &mut steps);
        }
        steps
    }

    /// The agent says that `run` reaches to `end`: a lost last frame shows here.
    pub fn reaches(&mut self, run: RunId, end: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.mending.is_some() || self.over.contains(&run) {
            return steps;
        }
        if self.run == Some(run) {
            if end > self.next {
                self.ask_hole(end, &mut steps);
            }
        } else {
            self.change_run(run, &mut steps);
            // Without a run before it there is nothing to finish, and its hole is known already.
            if self.mending.is_none() && end > 0 {
                self.ask_hole(end, &mut steps);
            }
        }
        steps
    }

    /// The answer to the last [`Step::Ask`]; empty when nobody could answer.
    pub fn mended(&mut self, answer: Answer) -> Vec<Step> {
        let mut steps = Vec::new();
        let (Some(mending), Some(run)) = (self.mending.take(), self.run) else {
            return steps;
        };
        let before = self.next;
        self.fill(run, answer, &mut steps);
        match mending {
            Mending::Hole { to } if self.next < to => {
                if self.next > before {
                    self.ask_hole(to, &mut steps);
                } else {
                    self.gap(run, to, "away", &mut steps);
                }
            }
            Mending::Hole { .. } => {}
            // An answer is bounded: there may be more of the old run.
            Mending::Finish { then } if self.next > before => self.ask_rest(run, then, &mut steps),
            Mending::Finish { then } => self.start_run(then, &mut steps),
        }
        self.release(&mut steps);
        steps
    }

    fn fill(&mut self, run: RunId, answer: Answer, steps: &mut Vec<Step>) {
        let mut gaps = answer.gaps.into_iter().peekable();
        for piece in answer.pieces.into_iter().filter(|p| p.run == run) {
            while let Some((from, to, reason)) = gaps.next_if(|g| g.0 <= piece.offset) {
                if from <= self.next {
                    self.gap(run, to, reason, steps);
                }
            }
            // What the node no longer has.
            self.gap(run, piece.offset, "away", steps);
            self.emit(piece, steps);
        }
        for (from, to, reason) in gaps {
            if from <= self.next {
                self.gap(run, to, reason, steps);
            }
        }
    }

    fn take(&mut self, piece: Piece, steps: &mut Vec<Step>) {
        if self.over.contains(&piece.run) {
            return;
        }
        if self.run != Some(piece.run) {
            self.change_run(piece.run, steps);
        }
        if self.mending.is_none() && piece.offset > self.next {
            self.ask_hole(piece.offset, steps);
        }
        if self.mending.is_some() {
            self.hold(piece, steps);
        } else {
            self.emit(piece, steps);
        }
    }

    fn change_run(&mut self, then: RunId, steps: &mut Vec<Step>) {
        match self.run {
            None => self.start_run(then, steps),
            Some(old) => self.ask_rest(old, then, steps),
        }
    }

    fn start_run(&mut self, run: RunId, steps: &mut Vec<Step>) {
        if let Some(old) = self.run.replace(run) {
            self.over.push_back(old);
            if self.over.len() > MAX_OVER {
                self.over.pop_front();
            }
        }
        self.next = 0;
        steps.push(Step::NewRun(run));
    }

    fn ask_rest(&mut self, old: RunId, then: RunId, steps: &mut Vec<Step>) {
        self.mending = Some(Mending::Finish { then });
        steps.push(Step::Ask {
            run: old,
            from: self.next,
            to: u64::MAX,
        });
    }

    fn ask_hole(&mut self, to: u64, steps: &mut Vec<Step>) {
        let Some(run) = self.run else { return };
        if to - self.next > MAX_HOLE {
            self.gap(run, to - HOLE_TAIL, "away", steps);
        }
        self.mending = Some(Mending::Hole { to });
        steps.push(Step::Ask {
            run,
            from: self.next,
            to,
        });
    }

    fn emit(&mut self, piece: Piece, steps: &mut Vec<Step>) {
        if let Some(piece) = piece.from(self.next) {
            self.next = piece.end();
            steps.push(Step::Emit(piece));
        }
    }

    fn gap(&mut self, run: RunId, to: u64, reason: &'static str, steps: &mut Vec<Step>) {
        if to > self.next {
            steps.push(Step::Gap {
                run,
                from: self.next,
                to,
                reason,
            });
            self.next = to;
        }
    }

    fn hold(&mut self, piece: Piece, steps: &mut Vec<Step>) {
        if self.held_bytes + piece.data.len() > MAX_HELD {
            steps.push(Step::HeldBack);
            return;
        }
        self.held_bytes += piece.data.len();
        self.held.push_back(piece);
    }

    fn release(&mut self, steps: &mut Vec<Step>) {
        while self.mending.is_none() {
            let Some(piece) = self.held.pop_front() else {
                return;
            };
            self.held_bytes -= piece.data.len();
            // `take` may find the next hole and hold this very piece again, at the front.
            let waiting = std::mem::take(&mut self.held);
            self.take(piece, steps);
            self.held.extend(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_in_order_pass_and_doubles_vanish() {
        let run = RunId::new();
        let mut lane = lane(run, 0);
        assert_eq!(text(&lane.live(piece(run, 0, "abc"))), "abc");
        assert_eq!(text(&lane.live(piece(run, 0, "abc"))), "");
        assert_eq!(text(&lane.live(piece(run, 2, "cde"))), "de");
    }

    #[test]
    fn a_hole_is_mended_before_what_follows() {
        let run = RunId::new();
        let mut lane = lane(run, 0);
        let steps = lane.live(piece(run, 3, "def"));
        assert_eq!(
            steps,
            [Step::Ask {
                run,
                from: 0,
                to: 3
            }]
        );
        assert_eq!(lane.live(piece(run, 6, "ghi")), []);
        assert_eq!(
            text(&lane.mended(pieces(vec![piece(run, 0, "abcd")]))),
            "abcdefghi"
        );
    }

    #[test]
    fn what_nobody_has_is_a_gap() {
        let run = RunId::new();
        let mut lane = lane(run, 0);
        lane.live(piece(run, 5, "fg"));
        let steps = lane.mended(Answer::default());
        assert_eq!(
            steps[0],
            Step::Gap {
                run,
                from: 0,
                to: 5,
                reason: "away"
            }
        );
        assert_eq!(text(&steps), "fg");
        lane.live(piece(run, 20, "x"));
        let answer = Answer {
            pieces: vec![piece(run, 18, "yz")],
            gaps: vec![(7, 12, "rate")],
        };
        let steps = lane.mended(answer);
        assert_eq!(
            steps[0],
            Step::Gap {
                run,
                from: 7,
                to: 12,
                reason: "rate"
            }
        );
        assert_eq!(
            steps[1],
            Step::Gap {
                run,
                from: 12,
                to: 18,
                reason: "away"
            }
        );
        assert_eq!(text(&steps), "yzx");
    }

    #[test]
    fn a_new_run_begins_after_the_rest_of_the_old_one() {
        let (old, new) = (RunId::new(), RunId::new());
        let mut lane = lane(old, 10);
        let steps = lane.live(piece(new, 0, "hello"));
        assert_eq!(
            steps,
            [Step::Ask {
                run: old,
                from: 10,
                to: u64::MAX
            }]
        );
        let steps = lane.mended(pieces(vec![piece(old, 10, "bye")]));
        assert_eq!(text(&steps), "bye");
        assert_eq!(
            *steps.last().unwrap(),
            Step::Ask {
                run: old,
                from: 13,
                to: u64::MAX
            }
        );
        let steps = lane.mended(Answer::default());
        assert_eq!(steps[0], Step::NewRun(new));
        assert_eq!(text(&steps), "hello");
        // A late frame of the old run changes nothing.
        assert_eq!(lane.live(piece(old, 13, "late")), []);
        assert_eq!(lane.reaches(old, 99), []);
    }

    #[test]
    fn a_lost_last_frame_is_found_by_its_end() {
        let run = RunId::new();
        let mut lane = lane(run, 4);
        assert_eq!(lane.reaches(run, 4), []);
        assert_eq!(
            lane.reaches(run, 9),
            [Step::Ask {
                run,
                from: 4,
                to: 9
            }]
        );
        assert_eq!(lane.reaches(run, 12), [], "one question at a time");
        assert_eq!(
            text(&lane.mended(pieces(vec![piece(run, 4, "abcde")]))),
            "abcde"
        );
    }

    #[test]
    fn a_stream_that_begins_while_watched_starts_at_its_first_byte() {
        let run = RunId::new();
        let mut lane = Lane::default();
        let steps = lane.live(piece(run, 0, "a"));
        assert_eq!(
            (steps[0].clone(), text(&steps)),
            (Step::NewRun(run), "a".into())
        );
        let mut lane = Lane::default();
        let steps = lane.live(piece(run, 3, "d"));
        assert_eq!(
            steps,
            [
                Step::NewRun(run),
                Step::Ask {
                    run,
                    from: 0,
                    to: 3
                }
            ]
        );
        let mut lane = Lane::default();
        assert_eq!(
            lane.reaches(run, 3),
            [
                Step::NewRun(run),
                Step::Ask {
                    run,
                    from: 0,
                    to: 3
                }
            ]
        );
    }

    #[test]
    fn of_a_huge_hole_only_the_end_is_fetched() {
        let run = RunId::new();
        let mut lane = lane(run, 0);
        let steps = lane.reaches(run, 100 << 20);
        let from = (100 << 20) - HOLE_TAIL;
        assert_eq!(
            steps[0],
            Step::Gap {
                run,
                from: 0,
                to: from,
                reason: "away"
            }
        );
        assert_eq!(
            steps[1],
            Step::Ask {
                run,
                from,
                to: 100 << 20
            }
        );
    }

    #[test]
    fn what_waits_is_bounded_and_comes_back_as_a_hole() {
        let run = RunId::new();
        let mut lane = lane(run, 0);
        lane.live(piece(run, 1, "b"));
        let big = "x".repeat(600 * 1024);
        let second = 2 + big.len() as u64;
        assert_eq!(lane.live(piece(run, 2, &big)), []);
        assert_eq!(lane.live(piece(run, second, &big)), [Step::HeldBack]);
        lane.mended(pieces(vec![piece(run, 0, "a")]));
        let third = second + big.len() as u64;
        let steps = lane.live(piece(run, third, "end"));
        assert_eq!(
            steps,
            [Step::Ask {
                run,
                from: second,
                to: third
            }]
        );
    }

    proptest! {
        /// Whatever is lost, doubled or late: a viewer gets every byte once and in order.
        #[test]
        fn every_byte_comes_once_and_in_order(
            sizes in prop::collection::vec(1usize..30, 1..40),
            fate in prop::collection::vec(0u8..4, 40),
            delay in prop::collection::vec(0usize..3, 40),
        ) {
            let run = RunId::new();
            let total: usize = sizes.iter().sum();
            let source: Vec<u8> = (0..total).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut lane = lane(run, 0);
            let (mut got, mut open, mut offset) = (Vec::new(), VecDeque::new(), 0usize);
            let mut run_steps = |lane: &mut Lane, steps: Vec<Step>, open: &mut VecDeque<(u64, u64)>| {
                let _ = lane;
                for step in steps {
                    match step {
                        Step::Emit(p) => {
                            assert_eq!(p.offset, got.len() as u64);
                            got.extend_from_slice(&p.data);
                        }
                        Step::Ask { from, to, .. } => open.push_back((from, to)),
                        other => panic!("{other:?}"),
                    }
                }
                assert!(open.len() <= 1);
            };
            let answer = |from: u64, to: u64| {
                let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
                // At most ten bytes at a time.
                let to = to.min(from + 10);
                pieces(vec![Piece { run, offset: from as u64, at_ms: 0, data: Bytes::copy_from_slice(&source[from..to]) }])
            };
            for (i, size) in sizes.iter().enumerate() {
                let piece = Piece { run, offset: offset as u64, at_ms: 0, data: Bytes::copy_from_slice(&source[offset..offset + size]) };
                offset += size;
                let times = match fate[i] { 0 => 0, 1 => 2, _ => 1 };
                for _ in 0..times {
                    let steps = lane.live(piece.clone());
                    run_steps(&mut lane, steps, &mut open);
                }
                if delay[i] == 0 && let Some((from, to)) = open.pop_front() {
                    let steps = lane.mended(answer(from, to));
                    run_steps(&mut lane, steps, &mut open);
                }
            }
            while let Some((from, to)) = open.pop_front() {
                let steps = lane.mended(answer(from, to));
                run_steps(&mut lane, steps, &mut open);
            }
            let steps = lane.reaches(run, total as u64);
            run_steps(&mut lane, steps, &mut open);
            while let Some((from, to)) = open.pop_front() {
                let steps = lane.mended(answer(from, to));
                run_steps(&mut lane, steps, &mut open);
            }
            prop_assert_eq!(got, source);
        }
    }

    fn lane(run: RunId, at: u64) -> Lane {
        let mut lane = Lane::default();
        lane.begin(run, at);
        lane
    }

    fn piece(run: RunId, offset: u64, data: &str) -> Piece {
        Piece {
            run,
            offset,
            at_ms: 0,
            data: Bytes::copy_from_slice(data.as_bytes()),
        }
    }

    fn pieces(pieces: Vec<Piece>) -> Answer {
        Answer {
            pieces,
            gaps: Vec::new(),
        }
    }

    fn text(steps: &[Step]) -> String {
        let emitted = steps.iter().filter_map(|s| match s {
            Step::Emit(p) => Some(String::from_utf8_lossy(&p.data).into_owned()),
            _ => None,
        });
        emitted.collect()
    }
}
