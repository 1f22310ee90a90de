//! Faults planted on purpose: each wraps a decision and turns it into the mistake that somebody could make
//! there. A simulator that does not find them proves nothing.

/// Which mistake is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plant {
    /// None.
    #[default]
    Nothing,
    /// Control answers facts before its commit.
    AckBeforeCommit,
    /// A database error moves the node's cursor.
    CursorOnError,
    /// The journal is freed when facts are sent.
    FreeWhenSent,
    /// An apply says that it holds all rows up to the newest, whatever was left out.
    PageJumps,
    /// A row of an older generation replaces a newer one.
    OldGenerationWins,
    /// A new process forgets which orders are settled.
    SettledForgotten,
    /// Control stores console bytes without looking at its cursor.
    ConsoleBelowCursor,
    /// The agent leaves tombstones out.
    TombstoneIgnored,
    /// A process that does not know the one before it is believed.
    ForkCheckOff,
    /// A process that says that it follows another is believed while that one still speaks.
    AliveNotAsked,
    /// Public events are numbered by their time.
    OutboxByTime,
    /// Effects begin before the memory of them is on disk.
    MemoryLate,
    /// Facts decided before a kill are not written after it.
    UnsentForgotten,
}

impl Plant {
    /// All mistakes.
    pub const ALL: [Self; 13] = [
        Self::AckBeforeCommit,
        Self::CursorOnError,
        Self::FreeWhenSent,
        Self::PageJumps,
        Self::OldGenerationWins,
        Self::SettledForgotten,
        Self::ConsoleBelowCursor,
        Self::TombstoneIgnored,
        Self::ForkCheckOff,
        Self::AliveNotAsked,
        Self::OutboxByTime,
        Self::MemoryLate,
        Self::UnsentForgotten,
    ];
}
