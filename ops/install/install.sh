#!/bin/sh
# Makes this machine a Warren node, or brings one up to date. Safe to run again.
#
#   curl -fsSL https://panel.example/install.sh | sh -s -- TOKEN
#
#   TOKEN            join token from the panel; without one an existing node is only updated
#   --url URL        the panel's address (control writes its own into the line below)
#   --sha256 HEX     digest that the agent's binary must have
#   --pin PIN        the panel signed its own certificate: trust the public key with this pin
#                    (sha256//BASE64, as curl's --pinnedpubkey takes it) and no other
#   --remove         leave the panel and remove what this script made; servers' files go too
#
# It needs root. It installs containerd, runc and nftables where they miss, puts the agent at
# /usr/local/bin/warren-agent, its settings at /etc/warren/agent.toml (0600), its data under
# /var/lib/warren, and keeps it running. Nothing listens on this machine for Warren.
set -eu
umask 022
{ # The shell reads to the brace at the end before it does anything: half a download does nothing.

# Control replaces these three when it serves the script.
url='@WARREN_URL@'
agents='@WARREN_AGENTS@'
pin='@WARREN_PIN@'

# Where things go; other places are for tests.
binary=${WARREN_BINARY:-/usr/local/bin/warren-agent}
config=${WARREN_CONFIG:-/etc/warren/agent.toml}
data=${WARREN_DATA:-/var/lib/warren}
socket=${WARREN_CONTAINERD:-/run/containerd/containerd.sock}
unit=/etc/systemd/system/warren-agent.service
reboot=/etc/cron.d/warren-agent

say() { printf 'warren: %s\n' "$*"; }
fail() {
    printf 'warren: %s\n' "$*" >&2
    exit 1
}
# What control did not replace is no value.
case $url in @*) url='' ;; esac
case $agents in @*) agents='' ;; esac
case $pin in @*) pin='' ;; esac

token='' remove='' sha256=''
while [ $# -gt 0 ]; do
    case $1 in
        --url | --sha256 | --pin)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --url) url=$2 ;;
                --sha256) sha256=$2 ;;
                --pin) pin=$2 ;;
            esac
            shift
            ;;
        --remove) remove=yes ;;
        -h | --help)
            echo 'usage: install.sh [--url URL] [--sha256 HEX] [--pin PIN] [TOKEN] | --remove'
            exit 0
            ;;
        -*) fail "unknown option $1" ;;
        *) token=$1 ;;
    esac
    shift
done
url=${url%/}

[ "$(id -u)" -eq 0 ] || fail 'must run as root'
[ "$(uname -s)" = Linux ] || fail "Warren nodes run Linux, this is $(uname -s)"
case $(uname -m) in
    x86_64 | amd64) arch=x86_64 ;;
    aarch64 | arm64) arch=aarch64 ;;
    *) fail "no agent is built for $(uname -m)" ;;
esac
case $pin in
    '' | sha256//*) ;;
    *) fail "--pin takes sha256//BASE64, not $pin" ;;
esac

# What the panel offers, as arch:sha256:glibc; looked at before anything is changed on this machine.
if [ -n "$agents" ] && [ -z "$remove" ]; then
    offered=''
    for agent in $agents; do
        [ "${agent%%:*}" = "$arch" ] && offered=${agent#*:}
    done
    [ -n "$offered" ] ||
        fail "this machine is $arch, and the panel has no agent for it: put warren-agent-$arch beside its warren-agent ($url)"
    [ -n "$sha256" ] || sha256=${offered%%:*}
    glibc=${offered#*:}
    # "glibc 2.36"; musl has no such word.
    here=$(getconf GNU_LIBC_VERSION 2>/dev/null) || here=''
    if [ -n "$glibc" ]; then
        [ -n "$here" ] || fail "the panel's agent needs glibc $glibc or newer; this system has none (musl?)"
        oldest=$(printf '%s\n%s\n' "$glibc" "${here#glibc }" | sort -V | head -n 1)
        [ "$oldest" = "$glibc" ] ||
            fail "the panel's agent needs glibc $glibc or newer; this machine has ${here#glibc }. Update the system (Debian 12, Ubuntu 22.04 and newer have it)"
    fi
fi

have() { command -v "$1" >/dev/null 2>&1; }
systemd() { [ -d /run/systemd/system ] && have systemctl; }

fetch() {
    if have curl; then
        # shellcheck disable=SC2086  # words on purpose; a pin has neither spaces nor globs
        curl -fsSL --retry 3 --connect-timeout 15 ${pin:+--insecure --pinnedpubkey $pin} -o "$2" "$1"
    elif have wget; then
        # One that knows no pins (busybox) stops at the option: nothing is fetched unproven.
        # shellcheck disable=SC2086
        wget -q --tries=3 --timeout=30 ${pin:+--no-check-certificate --pinnedpubkey=$pin} -O "$2" "$1"
    else
        fail 'neither curl nor wget is installed'
    fi
}

# A supervisor of an earlier run, if it still lives and is ours.
supervisor_pid() {
    [ -r "$data/supervisor.pid" ] || return 1
    pid=$(cat "$data/supervisor.pid")
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$binary run" || return 1
    echo "$pid"
}

stop_agent() {
    if systemd && [ -e "$unit" ]; then
        systemctl stop warren-agent || true
    elif pid=$(supervisor_pid); then
        kill "$pid" 2>/dev/null || true
        i=0
        while kill -0 "$pid" 2>/dev/null && [ $i -lt 150 ]; do
            sleep 0.1
            i=$((i + 1))
        done
        rm -f "$data/supervisor.pid"
    fi
}

if [ -n "$remove" ]; then
    if [ -x "$binary" ] && [ -e "$config" ]; then
        stop_agent
        "$binary" leave --config "$config" || fail 'the agent could not leave; see above. Nothing was removed'
    fi
    if systemd && [ -e "$unit" ]; then
        systemctl disable warren-agent >/dev/null 2>&1 || true
        rm -f "$unit"
        systemctl daemon-reload
    fi
    rm -f "$reboot" "$binary" "$config"
    rmdir "$(dirname "$config")" 2>/dev/null || true
    say 'removed. containerd, runc and nftables stay: others may use them'
    exit 0
fi

[ -n "$url" ] || fail 'the address of the panel is missing: --url URL'
[ -n "$token" ] || [ -e "$config" ] || fail 'a join token is missing; the panel makes one under Nodes, Add'

# --- what a node needs -----------------------------------------------------------------------
missing=''
have containerd || missing="$missing containerd"
have runc || missing="$missing runc"
have nft || missing="$missing nftables"
if [ -n "$missing" ]; then
    if have apt-get; then
        say "installing$missing"
        apt-get -q update || say 'apt-get update failed; trying with the lists that are here'
        # shellcheck disable=SC2086  # words on purpose
        DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing ca-certificates ||
            fail "apt-get could not install:$missing"
    elif have dnf; then
        fail "please install:$missing (dnf install containerd.io runc nftables; containerd.io comes from Docker's repository)"
    elif have zypper; then
        fail "please install:$missing (zypper install containerd runc nftables)"
    elif have pacman; then
        fail "please install:$missing (pacman -S containerd runc nftables)"
    elif have apk; then
        fail "please install:$missing (apk add containerd runc nftables)"
    else
        fail "please install:$missing"
    fi
fi

# --- containerd runs -------------------------------------------------------------------------
if [ ! -S "$socket" ] && systemd; then
    systemctl enable --now containerd || fail 'systemd could not start containerd: systemctl status containerd'
fi
start_containerd=''
if ! systemd && ! pgrep -x containerd >/dev/null 2>&1; then start_containerd=yes; fi

# --- the agent's binary ----------------------------------------------------------------------
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$sha256" ]; then
    fetch "$url/download/warren-agent-$arch.sha256" "$work/sha256" ||
        fail "could not fetch $url/download/warren-agent-$arch.sha256"
    sha256=$(cut -d' ' -f1 <"$work/sha256")
fi
case $sha256 in
    *[!0-9a-f]* | '') fail "the panel gave no usable digest of the agent: '$sha256'" ;;
esac
digest() { sha256sum "$1" | cut -d' ' -f1; }
changed=''
if [ ! -x "$binary" ] || [ "$(digest "$binary")" != "$sha256" ]; then
    say "fetching the agent from $url"
    fetch "$url/download/warren-agent-$arch" "$work/agent" || fail "could not fetch $url/download/warren-agent-$arch"
    got=$(digest "$work/agent")
    [ "$got" = "$sha256" ] || fail "the agent's digest is $got, expected $sha256: nothing was installed"
    chmod 755 "$work/agent"
    "$work/agent" --version >/dev/null || fail "the agent does not run on this machine ($(uname -m))"
    mkdir -p "$(dirname "$binary")"
    # A rename within one folder: whoever starts it meanwhile gets the old one or the new one, whole.
    cp "$work/agent" "$binary.new"
    mv -f "$binary.new" "$binary"
    changed=yes
fi

# --- containerd without systemd --------------------------------------------------------------
if [ -n "$start_containerd" ] && [ ! -S "$socket" ]; then
    say 'starting containerd (no systemd here)'
    setsid containerd >/var/log/containerd.log 2>&1 </dev/null &
fi
i=0
while [ ! -S "$socket" ]; do
    i=$((i + 1))
    [ $i -le 150 ] || fail "containerd does not listen on $socket"
    sleep 0.1
done

# --- join ------------------------------------------------------------------------------------
mkdir -p "$(dirname "$config")" "$data"
chmod 700 "$data"
if [ ! -e "$config" ]; then
    (umask 077 && printf 'data_dir = "%s"\ncontainerd_address = "%s"\n' "$data" "$socket" >"$config.new")
    mv "$config.new" "$config"
    made_config=yes
fi
chmod 600 "$config"
if [ -n "$token" ]; then
    stop_agent
    if ! "$binary" join "$token" --config "$config"; then
        [ -z "${made_config:-}" ] || rm -f "$config"
        fail 'the panel did not take this machine; the reason stands above'
    fi
    changed=yes
fi

# --- keep it running -------------------------------------------------------------------------
if systemd; then
    cat >"$work/unit" <<UNIT
[Unit]
Description=Warren agent: runs this machine's game servers
Wants=network-online.target containerd.service
After=network-online.target containerd.service

[Service]
ExecStart=$binary run --config $config
Restart=always
RestartSec=1
# Games belong to containerd; ending the agent never ends them.
KillMode=process
LimitNOFILE=1048576
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
UNIT
    if ! cmp -s "$work/unit" "$unit"; then
        cp "$work/unit" "$unit"
        systemctl daemon-reload
        changed=yes
    fi
    systemctl enable warren-agent >/dev/null 2>&1
    if [ -n "$changed" ] || ! systemctl is-active --quiet warren-agent; then
        systemctl restart warren-agent || fail 'systemd could not start the agent: journalctl -u warren-agent'
    fi
    say 'the agent runs; see journalctl -u warren-agent'
else
    if [ -d /etc/cron.d ] && [ "$data" = /var/lib/warren ]; then
        printf '@reboot root pgrep -x containerd >/dev/null || setsid containerd >/var/log/containerd.log 2>&1 </dev/null &\n@reboot root sleep 3; exec %s run --supervise --config %s >>%s/agent.log 2>&1\n' \
            "$binary" "$config" "$data" >"$reboot"
    fi
    if [ -n "$changed" ]; then stop_agent; fi
    if ! supervisor_pid >/dev/null; then
        setsid "$binary" run --supervise --config "$config" >>"$data/agent.log" 2>&1 </dev/null &
        echo $! >"$data/supervisor.pid"
        sleep 1
        kill -0 "$(cat "$data/supervisor.pid")" 2>/dev/null || {
            tail -n 20 "$data/agent.log" >&2
            fail 'the agent did not stay up; its last lines stand above'
        }
    fi
    say "the agent runs under its own supervisor; see $data/agent.log"
fi
[ -z "$token" ] || say 'this machine is in the panel within seconds'
exit 0
}
