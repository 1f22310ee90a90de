# Sourced by up and test: one line per step with its time, and Debian packages where they miss.
# shellcheck shell=bash

# Runs the rest of the arguments under a heading; their output goes to $STEP_LOG.
# On a terminal the line counts seconds; elsewhere a sign of life is printed every 30 s.
step() {
    local title=$1 start=$SECONDS pid status=0 shown=0 waited
    shift
    STEP_NUMBER=$((${STEP_NUMBER:-0} + 1))
    local label
    printf -v label '[%s/%s] %s' "$STEP_NUMBER" "${STEP_COUNT:-?}" "$title"
    [ -t 1 ] || printf '%s ...\n' "$label"
    printf '\n== %s\n' "$title" >>"$STEP_LOG"
    # A process group of its own, so that Ctrl-C can end the step with whatever it started: the signal
    # of the terminal does not reach what runs in the background.
    set -m
    "$@" >>"$STEP_LOG" 2>&1 </dev/null &
    pid=$!
    set +m
    trap 'end_group "$pid"; exit 130' INT TERM HUP
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        waited=$((SECONDS - start))
        [ "$waited" -gt "$shown" ] || continue
        if [ -t 1 ]; then
            printf '\r\033[K%s  %ss  %.60s' "$label" "$waited" "$(step_news)"
            shown=$waited
        elif [ $((waited - shown)) -ge 30 ]; then
            printf '%s ... %ss  %.60s\n' "$label" "$waited" "$(step_news)"
            shown=$waited
        fi
    done
    wait "$pid" || status=$?
    trap - INT TERM HUP
    [ -t 1 ] && printf '\r\033[K'
    if [ "$status" -eq 0 ]; then
        printf '%s  done in %ss\n' "$label" $((SECONDS - start))
        return 0
    fi
    printf '%s  FAILED after %ss (exit %s)\n' "$label" $((SECONDS - start)) "$status"
    printf '%s\n' "--- the last lines of $STEP_LOG:"
    tail -n "${STEP_TAIL:-40}" "$STEP_LOG"
    printf '%s\n' '---'
    return "$status"
}

# Ends a process group: asks it, gives it time to clean up, then kills what is left of it.
end_group() {
    local group=$1 i
    trap '' INT TERM HUP
    kill -TERM -- "-$group" 2>/dev/null
    for ((i = 0; i < 600; i++)); do
        kill -0 -- "-$group" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$group" 2>/dev/null
}

# The newest line of the step's log, without colours.
step_news() {
    tail -c 400 "$STEP_LOG" | tr '\r' '\n' | sed -e 's/\x1b\[[0-9;]*[a-zA-Z]//g' | grep -v '^ *$' | tail -n 1
}

# What running Warren on one machine takes from Debian, and what its tests take more.
# shellcheck disable=SC2034  # read by the scripts that source this
{
    PACKAGES_RUN=(nats-server containerd runc nftables iproute2 procps ca-certificates util-linux)
    PACKAGES_BUILD=(build-essential pkg-config protobuf-compiler)
    PACKAGES_DEMO=(docker-registry mmdebstrap)
    PACKAGES_CHAOS=(docker-registry busybox-static python3 faketime)
    PACKAGES_BENCH=(openssh-server openssh-client openssl curl python3)
    PACKAGES_TEST=(skopeo umoci docker-registry busybox-static postgresql mariadb-server chromium mmdebstrap python3 python3-pip iputils-ping openssl shellcheck strace e2fsprogs systemd curl wget pebble python3-aiosmtpd openssh-client restic sshfs rclone lftp 7zip xz-utils bzip2 zstd)
}

missing_packages() {
    local package
    for package in "$@"; do
        # The status of an unknown package is an error and an empty word.
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

# Installs those of its arguments that are not there. Daemons that a package would start are kept
# from starting: ours are private ones, and a second nats-server on 4222 would be in their way.
install_packages() {
    local missing ours=0 status=0
    command -v dpkg-query >/dev/null || {
        echo "this is no Debian: please install yourself: $*"
        return 0
    }
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || {
        echo "must be root to install: $missing"
        return 1
    }
    echo "installing: $missing"
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
        ours=1
    fi
    # Tests bring their own cluster; the package would make and start one for the whole machine.
    if [[ $missing == *postgresql* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o Acquire::Retries=3 update || echo 'apt-get update failed; trying with the lists that are here'
    # shellcheck disable=SC2086  # the list is words on purpose
    apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install --no-install-recommends $missing || status=$?
    [ "$ours" -eq 0 ] || rm -f /usr/sbin/policy-rc.d
    [ "$status" -eq 0 ] || echo "apt-get could not install: $missing"
    return "$status"
}

# Names of commands that the distribution does not bring in a fitting version.
need_commands() {
    local command missing=()
    for command in "$@"; do command -v "$command" >/dev/null || missing+=("$command"); done
    [ ${#missing[@]} -eq 0 ] || {
        echo "not found: ${missing[*]}. Rust comes from https://rustup.rs, Node.js 20.19 or newer from https://nodejs.org"
        return 1
    }
}

# Builds web/dist when a source is newer than it.
build_web() (
    cd web || return 1
    if [ -f dist/index.html ] && [ -z "$(find src public index.html package.json package-lock.json vite.config.ts \
        -newer dist/index.html -print -quit 2>/dev/null)" ]; then
        echo 'web/dist is up to date'
        return 0
    fi
    install_node_modules && npm run build
)

# npm ci, unless node_modules was made from this very lock file.
install_node_modules() {
    if [ -f node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]; then
        return 0
    fi
    npm ci --no-audit --no-fund --loglevel=warn
}

# Files and folders in `arguments` are meant from where the person stands: makes them absolute.
from_here() {
    local here=$1 i
    for ((i = 0; i < ${#arguments[@]}; i++)); do
        case ${arguments[i]} in
            --data | --cert | --key | --containerd)
                ((i + 1 < ${#arguments[@]})) || continue
                arguments[i + 1]=$(cd "$here" && realpath -ms -- "${arguments[i + 1]}")
                i=$((i + 1))
                ;;
            --data=* | --cert=* | --key=* | --containerd=*)
                arguments[i]=${arguments[i]%%=*}=$(cd "$here" && realpath -ms -- "${arguments[i]#*=}")
                ;;
        esac
    done
}
