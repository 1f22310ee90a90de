# Sourced by e2e/run and bench: an instance of its own on free ports, ended with the script.
# shellcheck shell=bash

# Four ports that are free now, below the range that the kernel hands out.
free_ports() {
    python3 - "$1" <<'PY'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    port = random.randint(15000, 30000)
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            probe = socket.socket(socket.AF_INET, kind)
            probe.bind(("0.0.0.0", port))
            probe.close()
        if port not in found:
            found.append(port)
    except OSError:
        pass
print(*found)
PY
}

[ "${WARREN_PROFILE:-release}" = release ] && BIN=release || BIN=debug
export WARREN_BIN_DIR=$PWD/target/$BIN WARREN_SOURCE_DIR=$PWD

# Starts it with the given options of ops/up; DATA is its folder.
start_instance() {
    local ports work
    work=$(mktemp -d /tmp/we-XXXXXX)
    DATA=$work/data
    trap end_instance EXIT
    trap 'exit 130' INT TERM
    read -r -a ports < <(free_ports 5)
    PORT=${ports[0]}
    export WARREN_PORT=$PORT WARREN_REGISTRY=${ports[3]}
    local options=(--detach --data "$DATA" --port "${ports[0]}" --gateway-port "${ports[1]}"
        --nats-port "${ports[2]}" --registry-port "${ports[3]}" --agent-port "${ports[4]}" --demo "$@")
    WARREN_UP_ARGS=$(printf '%s\n' "${options[@]}")
    export WARREN_UP_ARGS
    ./ops/up "${options[@]}"
    # `cargo build --workspace` has made it; ops/up's own build has not.
    [ "$BIN" = debug ] || cargo build --locked --release -p warren-harness
}

end_instance() {
    [ -n "${DATA:-}" ] || return 0
    ./ops/down --data "$DATA" --grace 3 || echo "ops/down failed for $DATA"
    if [ -n "${WARREN_KEEP_LOGS:-}" ]; then
        mkdir -p "$WARREN_KEEP_LOGS" && cp -r "$DATA/log/." "$WARREN_KEEP_LOGS/"
    fi
    rm -rf "$(dirname "$DATA")"
    DATA=
}

exec_story() { NODE_TLS_REJECT_UNAUTHORIZED=0 "$@"; }
