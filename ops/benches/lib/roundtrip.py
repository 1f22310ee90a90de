"""Round trips of `bench command`, all timed by this one client so that its own cost is in both sides.

Reads a JSON line of what to do, answers with a JSON line of milliseconds. Argument: a JSON object with host, port,
keys, server and ticket of the panel, nats (a port), and folder (on the disk that Warren's data lies on).
"""
import base64, itertools, json, os, select, socket, sqlite3, sys, time

told = json.loads(sys.argv[1])


def connect(port, source="127.0.0.1"):
    sock = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Http:
    """One kept connection, as a browser has."""

    def __init__(self, key, source):
        self.key = key
        self.sock = connect(told["port"], source)

    def ask(self, method, path, body=None):
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} /api/v1{path} HTTP/1.1\r\nhost: {told['host']}\r\nauthorization: Bearer {self.key}\r\n"
        if body is not None:
            head += f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n"
        self.sock.sendall(head.encode() + b"\r\n" + payload)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        top, rest = got.split(b"\r\n\r\n", 1)
        lines = top.decode().lower().split("\r\n")
        length = int(next(line[15:] for line in lines if line.startswith("content-length:")))
        while len(rest) < length:
            rest += self.more()
        if int(lines[0].split(" ")[1]) >= 300:
            raise SystemExit(f"{method} {path}: {rest.decode()}")
        return json.loads(rest)

    def more(self):
        part = self.sock.recv(65536)
        if not part:
            raise SystemExit("control closed the connection")
        return part


class Events:
    """A person's own events over the WebSocket."""

    def __init__(self):
        self.sock = connect(told["port"])
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET /ws HTTP/1.1\r\nhost: {told['host']}\r\norigin: http://{told['host']}\r\nconnection: upgrade\r\n"
            f"upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n".encode()
        )
        self.held = b""
        self.lines = self.said = 0
        while b"\r\n\r\n" not in self.held:
            self.held += self.sock.recv(65536)
        head, self.held = self.held.split(b"\r\n\r\n", 1)
        if b" 101 " not in head:
            raise SystemExit(head.decode())
        self.say({"t": "auth", "ticket": told["ticket"]})
        self.say({"t": "sub", "id": 1, "topic": "mine"})
        while self.hear().get("t") != "ok":
            pass

    def say(self, value):
        text = json.dumps(value).encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
        # A mask of zeros leaves the bytes as they are.
        self.sock.sendall(b"\x81" + size + b"\0\0\0\0" + text)

    def take(self, count):
        while len(self.held) < count:
            part = self.sock.recv(65536)
            if not part:
                raise SystemExit("the WebSocket was closed")
            self.held += part
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def hear(self):
        while True:
            kind, size = self.take(2)
            if size >= 126:
                size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            data = self.take(size)
            if kind & 15 == 1:
                return json.loads(data)

    def count(self):
        """Takes one message and counts it if it is about a typed line: it carries no text to know it by."""
        if (self.hear().get("event") or {}).get("type") == "warren.server.input":
            self.lines += 1

    def tidy(self):
        """Takes what has come, and says that this side lives, as browsers do: a silent one is closed."""
        while self.held or select.select([self.sock], [], [], 0)[0]:
            self.count()
        if time.monotonic() - self.said > 1:
            self.said = time.monotonic()
            self.say({"t": "ping", "n": 1})


class Nats:
    """The bare protocol; also what answers at the other end, in a process of its own."""

    def __init__(self):
        self.sock = connect(told["nats"])
        self.held = b""
        self.line()
        self.sock.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')

    def line(self):
        while b"\r\n" not in self.held:
            self.held += self.sock.recv(65536)
        line, self.held = self.held.split(b"\r\n", 1)
        return line

    def message(self):
        while True:
            words = self.line().split(b" ")
            if words[0] == b"PING":
                self.sock.sendall(b"PONG\r\n")
            elif words[0] == b"MSG":
                size = int(words[-1])
                while len(self.held) < size + 2:
                    self.held += self.sock.recv(65536)
                data, self.held = self.held[:size], self.held[size + 2 :]
                return words[3:-1], data

    def ask(self, data):
        self.sock.sendall(b"PUB work inbox %d\r\n%s\r\n" % (len(data), data))
        return self.message()


def answer():
    nats = Nats()
    nats.sock.sendall(b"SUB work 1\r\nPING\r\n")
    nats.line()
    ready.send(b"1")
    while True:
        back, data = nats.message()
        nats.sock.sendall(b"PUB %s %d\r\n%s\r\n" % (back[0], len(data), data))


ready, other = socket.socketpair()
child = os.fork()
if child == 0:
    answer()
other.recv(1)
nats = Nats()
nats.sock.sendall(b"SUB inbox 1\r\n")
db = sqlite3.connect(os.path.join(told["folder"], "reference.db"), isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE command (id INTEGER PRIMARY KEY, server TEXT, at REAL, text TEXT)")
journal = os.open(os.path.join(told["folder"], "reference.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
# Control answers so many requests of one key and of one address a second; several take turns.
people = itertools.cycle([Http(key, f"127.0.0.{n + 2}") for n, key in enumerate(told["keys"])])
events = Events()
server = f"/servers/{told['server']}"


typed = 0


def line():
    global typed
    assert next(people).ask("POST", f"{server}/input", {"line": "say hello"})["result"] == "written"
    typed += 1


def all_told():
    """Waits for the event of each typed line."""
    while events.lines < typed:
        events.count()


def stored():
    line()
    all_told()


def order():
    """Starts what runs: the whole way of an order, and nothing for containerd to do."""
    return next(people).ask("POST", f"{server}/power", {"action": "start"})["generation"]


def power():
    generation = order()
    while True:
        seen = next(people).ask("GET", server)
        if seen["generation"] >= generation and seen["applied"]:
            return


def bare():
    nats.ask(b"x" * 100)


def durable():
    nats.ask(b"x" * 100)
    db.execute("INSERT INTO command (server, at, text) VALUES (?, ?, ?)", ("s", time.time(), "say hello"))
    os.write(journal, b"x" * 100 + b"\n")
    os.fdatasync(journal)


ways = {"line": line, "stored": stored, "order": order, "power": power, "bare": bare, "durable": durable}
try:
    for text in sys.stdin:
        run = json.loads(text)
        took = []
        for _ in range(run["count"]):
            start = time.perf_counter()
            ways[run["way"]]()
            took.append((time.perf_counter() - start) * 1000)
            events.tidy()
        all_told()
        print(json.dumps(took), flush=True)
finally:
    os.kill(child, 9)
