# The distribution's sshd with internal-sftp, one process a connection, on a free port of loopback: prints the port, then for
# each connection that has ended one line of JSON with what its processes used (wait4 knows those that they waited for too).
import json, os, socket, subprocess, sys

conf, sshd = sys.argv[1:3]
listener = socket.create_server(("127.0.0.1", 0), backlog=8)
print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
while True:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    child = subprocess.Popen([sshd, "-i", "-f", conf], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
    connection.close()
    # It ends with 255 whenever its client has hung up.
    _, _, used = os.wait4(child.pid, 0)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime}), flush=True)
