//! Games that behave badly on purpose: busybox scripts of [`crate::ImageBuilder::game`].

/// A game by its command line. All but [`FakeGame::stubborn`] and [`FakeGame::crash`] read stdin:
/// a line is answered with `got: <line>`, `stop` ends with 0, `crash N` ends with N.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeGame {
    command: String,
}

impl FakeGame {
    /// Prints `ready`, then `line 000000001` and so on, `rate` lines per second.
    #[must_use]
    pub fn lines(rate: u32) -> Self {
        Self {
            command: format!("/games/lines {rate}"),
        }
    }

    /// Prints `ready`, then every `seconds` a burst of numbered lines of 64 bytes, `bytes` in all.
    #[must_use]
    pub fn burst(bytes: u32, seconds: u32) -> Self {
        Self {
            command: format!("/games/burst {} {seconds}", bytes / 64),
        }
    }

    /// Prints `ready` and answers lines.
    #[must_use]
    pub fn echo() -> Self {
        Self {
            command: "/games/echo".into(),
        }
    }

    /// Prints `ready` and ends with `code` after `seconds`.
    #[must_use]
    pub fn crash(code: u8, seconds: u32) -> Self {
        Self {
            command: format!("/games/crash {code} {seconds}"),
        }
    }

    /// Ignores SIGTERM, SIGINT and its stdin.
    #[must_use]
    pub fn stubborn() -> Self {
        Self {
            command: "/games/stubborn".into(),
        }
    }

    /// Prints `ready`, then takes `megabytes` of memory and holds them.
    #[must_use]
    pub fn eat_memory(megabytes: u32) -> Self {
        Self {
            command: format!("/games/eat {megabytes}"),
        }
    }

    /// Answers TCP connections on `port` with what it is sent, one after the other.
    #[must_use]
    pub fn tcp_echo(port: u16) -> Self {
        Self {
            command: format!("/games/tcp {port}"),
        }
    }

    /// Ends at once, as Minecraft does, until `eula.txt` says that its licence is agreed to.
    #[must_use]
    pub fn eula() -> Self {
        Self {
            command: "/games/eula".into(),
        }
    }

    /// Forks until it may not.
    #[must_use]
    pub fn fork_bomb() -> Self {
        Self {
            command: "/games/forks".into(),
        }
    }

    /// The value for an egg's STARTUP.
    #[must_use]
    pub fn startup(&self) -> &str {
        &self.command
    }

    /// The words for a container's process arguments.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        self.command.split(' ').map(str::to_owned).collect()
    }
}

/// Name below `/games` and text of each script.
pub(crate) const SCRIPTS: [(&str, &str); 10] = [
    ("answer", ANSWER),
    ("lines", LINES),
    ("burst", BURST),
    ("echo", "#!/bin/sh\necho ready\n. /games/answer\n"),
    (
        "crash",
        "#!/bin/sh\necho ready\nsleep ${2:-0}\necho going down with ${1:-1}\nexit ${1:-1}\n",
    ),
    (
        "stubborn",
        "#!/bin/sh\ntrap '' TERM INT HUP\necho ready\nwhile :; do sleep 1; done\n",
    ),
    ("eat", EAT),
    ("eula", EULA),
    (
        "tcp",
        "#!/bin/sh\necho ready\nnc -ll -p $1 -e cat & . /games/answer\n",
    ),
    (
        "forks",
        "#!/bin/sh\necho ready\nwhile sleep 30 & do :; done\nwait\n",
    ),
];

/// Sourced last by the others: the part that reads the console.
const ANSWER: &str = r#"printer=$!
while read -r line; do
    case $line in
        stop) echo stopping; [ -n "$printer" ] && kill $printer 2>/dev/null; exit 0 ;;
        crash\ *) [ -n "$printer" ] && kill $printer 2>/dev/null; exit "${line#crash }" ;;
        *) echo "got: $line" ;;
    esac
done
while :; do sleep 1; done
"#;

/// Fifty batches a second, each line one write, so that a line is never torn.
const LINES: &str = r#"#!/bin/sh
rate=${1:-10}
echo ready
{
    n=0
    batch=$(( (rate + 49) / 50 ))
    pause=$(( 1000000 * batch / rate ))
    while :; do
        i=0
        while [ $i -lt $batch ]; do
            n=$((n + 1)); i=$((i + 1))
            printf 'line %09d\n' $n
        done
        usleep $pause
    done
} </dev/null &
. /games/answer
"#;

const BURST: &str = r#"#!/bin/sh
count=${1:-16384}
echo ready
{
    k=0
    while :; do
        k=$((k + 1))
        awk -v k=$k -v count=$count 'BEGIN {
            for (i = 1; i <= count; i++)
                printf "burst %06d %09d ........................................\n", k, i
        }'
        sleep ${2:-5}
    done
} </dev/null &
. /games/answer
"#;

const EULA: &str = r#"#!/bin/sh
grep -q '^eula=true' /home/container/eula.txt 2>/dev/null || {
    echo 'You need to agree to the EULA in order to run the server. Go to eula.txt for more info.'
    exit 0
}
echo ready
. /games/answer
"#;

const EAT: &str = r#"#!/bin/sh
echo ready
while :; do
    dd if=/dev/zero of=/dev/null bs=${1:-64}M count=1 2>/dev/null || echo "dd ended with $?"
done </dev/null &
. /games/answer
"#;
