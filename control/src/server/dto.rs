//! Servers as the API shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::{AllocationId, EggId, NodeId, RunId, UserId};

use crate::{
    access::Key,
    egg::dto::{EggVariable, ImageChoice},
    http::{Sort, Stamp, Version},
    node::dto::NodeState,
    operation::dto::{Named, Operation},
};

/// Limits of a server; 0 = no limit, except for swap, databases and backups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory that the game may use.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Swap beside it; 0 = the game may not swap at all.
    #[serde(default)]
    pub swap_bytes: u64,
    /// Disk.
    #[serde(default)]
    pub disk_bytes: u64,
    /// 100 = one core.
    #[serde(default)]
    pub cpu_percent: f64,
    /// 10 to 1000.
    #[serde(default)]
    pub io_weight: Option<u32>,
    /// `0-1,3`; null: all.
    #[serde(default)]
    pub cpuset: Option<String>,
    /// Processes and threads.
    #[serde(default)]
    pub pids: Option<u32>,
    /// Databases; 0 or left out = none, null = no limit.
    #[serde(default = "no_databases")]
    pub databases: Option<u32>,
    /// Backups; 0 or left out = none, null = no limit.
    #[serde(default = "no_databases")]
    pub backups: Option<u32>,
    /// Bytes of one file that people upload, 1 MiB or more; null or left out: as the panel's settings say.
    #[serde(default)]
    pub upload_bytes: Option<u64>,
}

fn no_databases() -> Option<u32> {
    Some(0)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 0,
            swap_bytes: 0,
            disk_bytes: 0,
            cpu_percent: 0.0,
            io_weight: None,
            cpuset: None,
            pids: None,
            databases: no_databases(),
            backups: no_databases(),
            upload_bytes: None,
        }
    }
}

/// What happens when the game ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashPolicyInfo {
    /// Start it again.
    pub restart: bool,
    /// At most so many times ...
    pub max_restarts: u32,
    /// ... within so long.
    pub window_s: u32,
    /// An exit with 0 counts as a crash too.
    pub clean_exit_is_crash: bool,
}

impl Default for CrashPolicyInfo {
    fn default() -> Self {
        Self {
            restart: true,
            max_restarts: 3,
            window_s: 600,
            clean_exit_is_crash: false,
        }
    }
}

/// What somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PowerAction {
    /// Start it.
    Start,
    /// Stop it with grace.
    Stop,
    /// Stop, then start.
    Restart,
    /// Stop without grace.
    Kill,
}

impl PowerAction {
    /// What one must hold for it.
    #[must_use]
    pub fn key(self) -> Key {
        match self {
            Self::Start => Key::ControlStart,
            Self::Stop | Self::Kill => Key::ControlStop,
            Self::Restart => Key::ControlRestart,
        }
    }

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Start, Self::Stop, Self::Restart, Self::Kill]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

/// An order that is under way.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Intent {
    /// What was asked.
    pub action: PowerAction,
    /// When.
    pub asked_at: Stamp,
}

/// The server's node.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NodeRef {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
    /// How it stands.
    pub state: NodeState,
}

/// The server's egg.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EggRef {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Where an address leads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// Set by an admin for this port.
    Alias,
    /// Set by an admin for the node.
    Node,
    /// From anywhere.
    Public,
    /// From the node's own network.
    Lan,
}

/// One of the addresses of a port.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayerAddress {
    /// Where it leads from.
    pub kind: AddressKind,
    /// What players type.
    #[serde(flatten)]
    pub address: Address,
}

/// What players type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Address {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Both together.
    pub display: String,
}

/// Newest sample.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Usage {
    /// When.
    pub at: Stamp,
    /// 100 = one core.
    pub cpu_percent: f64,
    /// Memory in use.
    pub memory_bytes: u64,
    /// Received.
    pub rx_bytes_per_s: u64,
    /// Sent.
    pub tx_bytes_per_s: u64,
    /// Disk in use.
    pub disk_bytes: u64,
    /// How long it runs.
    pub uptime_ms: u64,
    /// Processes and threads.
    pub pids: u32,
}

/// A server in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerSummary {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Observed: new, installing, stopped, starting, running, stopping, crashed, error.
    pub state: ServerState,
    /// Since when.
    pub state_since: Stamp,
    /// Stable word for why.
    pub reason: Option<String>,
    /// For a person.
    pub detail: Option<String>,
    /// Asked, not yet seen.
    pub intent: Option<Intent>,
    /// Kept down by an admin.
    pub suspended: bool,
    /// Where it is.
    pub node: NodeRef,
    /// What it is.
    pub egg: EggRef,
    /// What players type.
    pub address: Option<Address>,
    /// Limits.
    pub limits: Limits,
    /// Newest sample, while it runs.
    pub usage: Option<Usage>,
    /// Work under way.
    pub operation: Option<Operation>,
    /// When it was made.
    pub created_at: Stamp,
}

/// A server in a list, with what was asked for beside it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerListed {
    #[serde(flatten)]
    pub summary: ServerSummary,
    /// Whose it is; with `include=owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Named>,
    /// Its ports, the first one first; with `include=ports`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<ServerAllocation>>,
}

/// What a node observes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// Never installed.
    New,
    /// The install script runs.
    Installing,
    /// Does not run.
    Stopped,
    /// Runs, is not up yet.
    Starting,
    /// Runs and is up.
    Running,
    /// Asked to stop, still runs.
    Stopping,
    /// Ended by itself.
    Crashed,
    /// Could not be installed or started.
    Error,
}

impl From<warren_proto::state::State> for ServerState {
    fn from(state: warren_proto::state::State) -> Self {
        use warren_proto::state::State;
        match state {
            State::New => Self::New,
            State::Installing => Self::Installing,
            State::Stopped => Self::Stopped,
            State::Starting => Self::Starting,
            State::Running => Self::Running,
            State::Stopping => Self::Stopping,
            State::Crashed => Self::Crashed,
            State::Error => Self::Error,
        }
    }
}

/// A variable with this server's value.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerVariable {
    /// The variable.
    #[serde(flatten)]
    pub variable: EggVariable,
    /// Its value here.
    pub value: String,
}

/// A port of the server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerAllocation {
    /// ULID.
    pub id: String,
    /// Address on the node.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// The first one.
    pub primary: bool,
    /// What players see instead of the address.
    pub alias: Option<String>,
    /// What else holds the port on the node.
    pub taken_by: Option<String>,
    /// What players can type, the best one first.
    pub addresses: Vec<PlayerAddress>,
}

/// The run that is or was last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunRef {
    /// ULID.
    pub id: String,
    /// When it began.
    pub started_at: Option<Stamp>,
}

/// How the game ended last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LastExit {
    /// Exit code.
    pub code: i64,
    /// Killed for lack of memory.
    pub oom: bool,
    /// When.
    pub at: Stamp,
}

/// How the last install went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InstallResult {
    /// `done`, `failed`, or null while none has ended.
    pub result: Option<String>,
    /// When.
    pub at: Option<Stamp>,
    /// Of the script.
    pub exit_code: Option<i64>,
    /// For a person.
    pub message: Option<String>,
    /// Which operation.
    pub operation: Option<String>,
}

/// A whole server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Server {
    /// As in lists.
    #[serde(flatten)]
    pub summary: ServerSummary,
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// For people.
    pub description: String,
    /// Whose it is.
    pub owner: Named,
    /// OCI reference.
    pub image: String,
    /// What the egg offers.
    pub images: Vec<ImageChoice>,
    /// Start command, raw; null when the caller may not see it.
    pub startup: Option<String>,
    /// Variables that the caller may see.
    pub variables: Vec<ServerVariable>,
    /// Its ports, the primary first.
    pub allocations: Vec<ServerAllocation>,
    /// Counts changes of the wanted state.
    pub generation: i64,
    /// The node has this generation.
    pub applied: bool,
    /// Current or last run.
    pub run: Option<RunRef>,
    /// What happens when the game ends by itself.
    pub crash_policy: CrashPolicyInfo,
    /// The egg's: `eula`, `java_version`, ...
    pub features: Vec<String>,
    /// Keys that the caller holds on it.
    pub permissions: Vec<String>,
    /// Bytes that one uploaded file may have: the server's own limit, else the panel's; null: no limit.
    pub upload_bytes: Option<u64>,
    /// How the game ended last.
    pub last_exit: Option<LastExit>,
    /// How the last install went.
    pub install: Option<InstallResult>,
}

crate::http::versioned!(Server);

/// Which servers.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServerQuery {
    /// Part of the name, case does not matter; or an id.
    pub search: Option<String>,
    /// Observed state.
    #[param(inline)]
    pub state: Option<ServerState>,
    /// Node id.
    #[param(value_type = Option<String>)]
    pub node: Option<NodeId>,
    /// Egg id.
    #[param(value_type = Option<String>)]
    pub egg: Option<EggId>,
    /// `name`, `-name`, `created_at` or `-created_at`; without it the newest first.
    #[param(inline)]
    pub sort: Option<Sort>,
    /// What is told of each beside itself, by commas: `owner`, `ports`.
    #[param(example = "owner,ports")]
    pub include: Option<String>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A mount as a server stands to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerMount {
    /// ULID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub description: String,
    /// On the node; for those who may set limits there or see mounts, else null.
    pub source: Option<String>,
    /// In the container.
    pub target: String,
    /// The game can't change what is there.
    pub read_only: bool,
    /// Seen from the next start on.
    pub on: bool,
    /// Offered on the server's node and to its egg. One that is on stays so when it is offered no more.
    pub offered: bool,
    /// The caller may switch it.
    pub switchable: bool,
    /// The node's own settings allow its directory, as far as the node has said. Where they do not, a server that has it
    /// switched on does not start.
    pub allowed: bool,
}

/// How many servers there are, by observed state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServerTally {
    /// All.
    pub total: u64,
    /// Never installed.
    pub new: u64,
    /// The install script runs.
    pub installing: u64,
    /// Do not run.
    pub stopped: u64,
    /// Run, are not up yet.
    pub starting: u64,
    /// Run and are up.
    pub running: u64,
    /// Asked to stop, still run.
    pub stopping: u64,
    /// Ended by themselves.
    pub crashed: u64,
    /// Could not be installed or started.
    pub error: u64,
}

impl ServerTally {
    /// The count of a state, by its word in the database.
    pub fn of(&mut self, state: &str) -> Option<&mut u64> {
        Some(match state {
            "new" => &mut self.new,
            "installing" => &mut self.installing,
            "stopped" => &mut self.stopped,
            "starting" => &mut self.starting,
            "running" => &mut self.running,
            "stopping" => &mut self.stopping,
            "crashed" => &mut self.crashed,
            "error" => &mut self.error,
            _ => return None,
        })
    }
}

/// A certain port of the node.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortChoice {
    /// Address on the node; left out: the one that the port is offered on, else all.
    pub ip: Option<String>,
    /// Port.
    pub port: u16,
}

/// Ports to be added, given back or made the first one.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortChange {
    /// Allocation id of the port that is the first one from now on.
    #[schema(value_type = Option<String>)]
    pub primary: Option<AllocationId>,
    /// Certain ports more.
    #[serde(default)]
    pub add: Vec<PortChoice>,
    /// How many more, whichever are free.
    #[serde(default)]
    #[schema(maximum = 32)]
    pub extra: u16,
    /// Allocation ids of ports that are given back, each once; not while the game runs.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub remove: BTreeSet<AllocationId>,
}

/// Ports that a new server gets.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortRequest {
    /// A certain first port; null: the first free one.
    pub primary: Option<u16>,
    /// Certain ports beside it.
    #[serde(default)]
    pub more: Vec<PortChoice>,
    /// How many more.
    #[serde(default)]
    #[schema(maximum = 32)]
    pub extra: u16,
}

/// A server to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerCreate {
    /// 1 to 64 characters.
    pub name: String,
    /// At most 1024 characters.
    #[serde(default)]
    pub description: String,
    /// Egg id.
    #[schema(value_type = String)]
    pub egg: EggId,
    /// Node id.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Whose it will be; left out: one's own.
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserId>,
    /// One of the egg's images; null: its first.
    pub image: Option<String>,
    /// Start command; null: the egg's.
    pub startup: Option<String>,
    /// Values by name; what is left out has the egg's default.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Limits.
    pub limits: Limits,
    /// Ports.
    #[serde(default)]
    pub ports: PortRequest,
    /// Start once installed.
    #[serde(default)]
    pub start_after_install: bool,
}

/// A new server and the work that installs it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServerCreated {
    /// The server.
    pub server: Server,
    /// Its install.
    pub operation: Operation,
}

/// Left-out members stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerPatch {
    /// 1 to 64 characters.
    pub name: Option<String>,
    /// At most 1024 characters.
    pub description: Option<String>,
    /// All limits anew.
    pub limits: Option<Limits>,
    /// One of the egg's images (an admin: any).
    pub image: Option<String>,
    /// Start command.
    pub startup: Option<String>,
    /// Values by name; others stay.
    pub variables: Option<BTreeMap<String, String>>,
    /// What happens when the game ends by itself.
    pub crash_policy: Option<CrashPolicyInfo>,
    /// Keep it down.
    pub suspended: Option<bool>,
    /// Whose it is from now on.
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserId>,
    /// Ports; the game has them from its next start on.
    pub ports: Option<PortChange>,
}

/// Proof that it is meant.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServerDelete {
    /// The server's name, as typed.
    pub name: String,
}

/// Work that was begun.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationStarted {
    /// The work.
    pub operation: Operation,
}

/// A power order.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerRequest {
    /// What to do.
    pub action: PowerAction,
}

/// An order was taken.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct PowerAccepted {
    /// Generation that carries it.
    pub generation: i64,
}

/// A line for the console.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputRequest {
    /// Without line end, at most 4094 bytes.
    pub line: String,
    /// ULID; asking again with the same one types nothing twice.
    #[schema(value_type = Option<String>)]
    pub id: Option<warren_proto::ids::CommandId>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputResult {
    /// It went into the game's stdin, whole.
    Written,
    /// The game does not read: its pipe was full for 2 s.
    Busy,
    /// The game does not run.
    Off,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct InputAnswer {
    /// The result.
    pub result: InputResult,
}

/// A reinstall.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinstallRequest {
    /// Remove all files first.
    pub wipe: bool,
}

/// Which install.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstallLogQuery {
    /// Operation id; the last install by default.
    #[param(value_type = Option<String>)]
    pub operation: Option<warren_proto::ids::JobId>,
}

/// One run of a server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Run {
    /// ULID.
    pub id: String,
    /// `game` or `install`.
    pub kind: String,
    /// When it began.
    pub started_at: Stamp,
    /// Null: it still runs.
    pub ended_at: Option<Stamp>,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// Killed for lack of memory.
    pub oom: bool,
    /// How far control has its game stream.
    pub bytes: i64,
    /// First offset that is still kept.
    pub first_kept: i64,
}

/// Which part of the console.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsoleQuery {
    /// Run id; the last by default.
    #[param(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// Stream; all by default with `tail`, else `game`.
    #[param(inline)]
    pub stream: Option<StreamName>,
    /// First offset.
    pub from: Option<u64>,
    /// Offset behind the last byte.
    pub to: Option<u64>,
    /// Instead: the last so many bytes of each stream, at most 262144.
    pub tail: Option<u32>,
}

/// A stream of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Bytes of the game's terminal.
    Game,
    /// Warren's own lines.
    Warren,
    /// Output of the install script.
    Install,
}

impl StreamName {
    /// Number in the database and on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Game => 0,
            Self::Warren => 1,
            Self::Install => 2,
        }
    }

    /// Reads the number.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Warren,
            2 => Self::Install,
            _ => Self::Game,
        }
    }
}

/// Bytes of a stream, or a hole in it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsoleChunk {
    /// Which stream.
    pub stream: StreamName,
    /// Offset of the first byte.
    pub offset: u64,
    /// Bytes, base64.
    #[schema(format = Byte)]
    pub data: String,
    /// `[offset, unix_ms]`: when bytes were seen.
    #[schema(value_type = Vec<Vec<i64>>)]
    pub times: Vec<(u64, i64)>,
    /// Bytes from `offset` up to here are lost for good.
    pub gap_to: Option<u64>,
}

/// A stretch of a run's console.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsolePage {
    /// Which run; null: it never ran.
    pub run: Option<String>,
    /// In order of stream, then offset; at most 1 MiB of bytes.
    pub chunks: Vec<ConsoleChunk>,
}

/// What to look for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Text, 1 to 256 characters; case does not matter.
    pub q: String,
    /// Run id; all runs by default.
    #[param(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// Most hits, 1 to 500.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub limit: Option<u64>,
}

/// A line that holds the text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchHit {
    /// Run id.
    pub run: String,
    /// Stream.
    pub stream: StreamName,
    /// Where the line begins.
    pub offset: u64,
    /// When it was seen.
    pub at: Option<Stamp>,
    /// The line without colours, cut at 8 KiB.
    pub line: String,
}

/// Found lines, newest run first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchResult {
    /// Hits.
    pub items: Vec<SearchHit>,
    /// There are more than `limit`.
    pub more: bool,
}

/// Which run.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DownloadQuery {
    /// Run id; the last by default.
    #[param(value_type = Option<String>)]
    pub run: Option<RunId>,
    /// Stream; `game` by default.
    #[param(inline)]
    pub stream: Option<StreamName>,
}

/// A ticket for the WebSocket.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ticket {
    /// JWT; good for at most 5 minutes.
    pub ticket: String,
    /// When it ends.
    pub expires_at: Stamp,
    /// Where to connect, same origin.
    pub ws: String,
    /// Of the topic `mine`: servers beyond the newest 500, of which no events come. Read `/events` for them.
    pub left_out: u64,
}
