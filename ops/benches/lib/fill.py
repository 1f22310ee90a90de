"""Puts servers into control's SQLite database while it runs, for `bench api`.

Argument: a JSON object with path, servers (how many there shall be), people (API keys of each kind) and seed.
The servers belong to a node that never connects, so that no agent is asked to make them; every tenth belongs to a
user without any right but over their own. Prints a JSON object: keys of an admin, keys of that user.
"""
import hashlib, json, os, random, sqlite3, string, sys, time, zlib

told = json.loads(sys.argv[1])
random.seed(told["servers"])
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
now_ms = int(time.time() * 1000)


def ulid(ms):
    value = (ms << 80) | random.getrandbits(80)
    return "".join(DIGITS[(value >> shift) & 31] for shift in range(125, -1, -5))


def api_key():
    body = "".join(random.SystemRandom().choice(BASE62) for _ in range(30))
    left, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        tail = BASE62[digit] + tail
    return f"wrn_usr_{body}{tail}"


db = sqlite3.connect(told["path"], timeout=30, isolation_level=None)
db.row_factory = sqlite3.Row
# Rows that nobody would miss after a loss of power need no fsync each.
db.execute("PRAGMA synchronous=OFF")


def one(table, where):
    return dict(db.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1").fetchone())


def put(table, row):
    marks = ", ".join("?" * len(row))
    columns = ", ".join(f'"{name}"' for name in row)
    db.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', list(row.values()))


admin = one("users", "admin")
db.execute("BEGIN IMMEDIATE")
users = {row["username"]: dict(row) for row in db.execute("SELECT * FROM users")}
if "bench-user" not in users:
    user = {**admin, "id": ulid(now_ms), "username": "bench-user", "username_folded": "bench-user", "email": "bench@warren.invalid", "email_folded": "bench@warren.invalid", "admin": 0, "must_change_password": 0}
    put("users", user)
    users["bench-user"] = user
user = users["bench-user"]
keys = {}
# A person may have so many keys: without these, the one for scripts can be made again.
db.execute("DELETE FROM api_keys WHERE name = 'bench-load'")
pattern = one("api_keys", "revoked_at_ms IS NULL")
for kind, owner in (("admin", admin), ("user", user)):
    keys[kind] = [api_key() for _ in range(told["people"])]
    for key in keys[kind]:
        put("api_keys", {**pattern, "id": ulid(now_ms), "user_id": owner["id"], "name": "bench-load", "prefix": key[:12], "secret_hash": hashlib.sha256(key.encode()).hexdigest(), "last_used_at_ms": None, "expires_at_ms": None})
nodes = {row["name"]: dict(row) for row in db.execute("SELECT * FROM nodes")}
if "bench-node" not in nodes:
    node = {**one("nodes", "deleted_at_ms IS NULL"), "id": ulid(now_ms), "name": "bench-node", "public_key": f"bench-{now_ms}", "join_token_id": None, "online": 0, "current_boot": None, "ledger_id": None, "rev": 0, "applied_rev": 0}
    put("nodes", node)
    nodes["bench-node"] = node
node = nodes["bench-node"]
server = one("servers", "deleted_at_ms IS NULL")
place = one("allocations", "is_primary")
db.execute("COMMIT")

there = db.execute("SELECT count(*) FROM servers WHERE deleted_at_ms IS NULL").fetchone()[0]
STATES = ["stopped", "running", "crashed", "stopped"]
for start in range(there, told["servers"], 2000):
    # Short transactions: control writes to this file too.
    db.execute("BEGIN IMMEDIATE")
    for n in range(start, min(start + 2000, told["servers"])):
        made = now_ms - 1000 * (told["servers"] - n)
        state = STATES[n % 4]
        ident = ulid(made)
        put("servers", {**server, "id": ident, "name": f"Bench {n:06}", "owner_id": (user if n % 10 == 0 else admin)["id"], "node_id": node["id"], "power": "stop", "rev": 0, "state": state, "run_id": None, "intent": None, "created_at_ms": made, "updated_at_ms": made})
        put("server_names", {"server_id": ident, "folded": f"bench {n:06}"})
        put("allocations", {**place, "id": ulid(made), "node_id": node["id"], "ip": f"10.0.{n // 20000}.1", "port": 20000 + n % 20000, "server_id": ident})
    db.execute("COMMIT")
    time.sleep(0.02)
print(json.dumps({**keys, "servers": db.execute("SELECT count(*) FROM servers WHERE deleted_at_ms IS NULL").fetchone()[0]}))
