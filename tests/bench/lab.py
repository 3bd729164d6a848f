# SPDX-License-Identifier: ISC
"""lab.py -- a mesh in namespaces, of our programs or of stock ones, for the benchmarks.

The namespaces are those of tests/lab/topology.sh.  Ours come from the build folder
(BUILD, or the current one); stock ones from the folder that GODWIT_STOCK names.
Ends only what runs inside its own namespaces.
"""
import itertools, json, os, re, shutil, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOPOLOGY = os.path.join(HERE, "..", "lab", "topology.sh")
BUILD = os.path.abspath(os.environ.get("BUILD", "."))
STOCK = os.environ.get("GODWIT_STOCK", "")
LOG = os.environ.get("GODWIT_BENCH_LOG", "warn")  # of our agents, to look into one
URL = "http://192.0.2.100"

NUMBER = itertools.count()  # of labs: their names differ

STOCK_SERVER = """\
server:
  listenAddress: ":{port}"
  exposedAddress: "http://192.0.2.100:80"
  stunPorts: [3478]
  metricsPort: 9090
  healthcheckAddress: ":9000"
  logLevel: warn
  logFile: console
  authSecret: "the relay's secret"
  dataDir: {dir}
  disableAnonymousMetrics: true
  disableGeoliteUpdate: true
  auth:
    issuer: "http://192.0.2.100/oauth2"
  store:
    engine: sqlite
    encryptionKey: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
"""

# One proxy on the server's host that cuts what was idle for too long.  Its log is the judge of
# both kinds: a line for each call when it ends, with its begin, its age when the answer began, and at the end.
PROXY = """\
global
  log stderr format raw local0
defaults
  mode http
  log global
  timeout connect 2s
  timeout client {idle}s
  timeout server {idle}s
  timeout tunnel 1h
frontend all
  bind 192.0.2.100:80
  log-format "call %ci %Ts %ms %TR %Tw %Tc %Tr %Ta %tsc %HP"
  use_backend calls if {{ req.hdr(content-type) -m beg application/grpc }}
  default_backend rest
backend calls
  server one 192.0.2.100:8080 proto h2
backend rest
  server one 192.0.2.100:8080
"""


class Failed(Exception):
    pass


def until(seconds, test, step=0.02):
    """Seconds until test() is true; Failed when it never is."""
    begin = time.monotonic()
    while not test():
        if time.monotonic() - begin > seconds:
            raise Failed("waited %s s for %s" % (seconds, getattr(test, "__doc__", None) or test))
        time.sleep(step)
    return time.monotonic() - begin


class Lab:
    def __init__(self, kind, nat="cone", proxy_idle=0):
        """proxy_idle: seconds, the limit of an HAProxy in front of the server; 0 for none."""
        self.kind, self.nat, self.proxy_idle = kind, nat, proxy_idle
        self.port = 8080 if proxy_idle else 80
        self.lab = "gb%d%s%d" % (os.getpid(), kind[0], next(NUMBER))
        self.token = None
        self.router_at, self.host_at = 10, 2  # last byte of router a's and host a's address
        self.dir = tempfile.mkdtemp(prefix="godwit-bench.")
        self.procs, self.key, self.serverkey = {}, None, None

    def __enter__(self):
        try:
            self.sh("lab_down; lab_up " + self.nat)
            if self.proxy_idle:
                self.proxy()
            self.server()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        self.sh("lab_down", check=False)
        for p in self.procs.values():
            p.wait()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    # -- the namespaces ------------------------------------------------------------
    def sh(self, script, check=True):
        r = subprocess.run(["sh", "-c", ". '%s'; %s" % (TOPOLOGY, script)], env=dict(os.environ, LAB=self.lab),
                           capture_output=True, text=True)
        if check and r.returncode != 0:
            raise Failed(script + ": " + r.stderr)
        return r.stdout

    def ns(self, where, *cmd, timeout=30, **kw):
        return subprocess.run(["ip", "netns", "exec", self.lab + "-" + where, *cmd], capture_output=True, text=True,
                              timeout=timeout, **kw)

    def must(self, where, *cmd, **kw):
        r = self.ns(where, *cmd, **kw)
        if r.returncode != 0:
            raise Failed("%s: %s" % (" ".join(cmd), r.stderr))

    def spawn(self, name, where, *cmd, env=None):
        log = open(os.path.join(self.dir, name + ".log"), "a")
        self.procs[name] = subprocess.Popen(
            ["ip", "netns", "exec", self.lab + "-" + where, "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh", *cmd],
            stdout=log, stderr=log, env=dict(os.environ, **(env or {})))
        return self.procs[name]

    def kill(self, name, signal=9):
        p = self.procs.pop(name)
        p.send_signal(signal)
        p.wait()

    def end_agents(self):
        for name in ("a", "b"):
            if name in self.procs:
                self.kill(name)

    def log(self, name):
        with open(os.path.join(self.dir, name + ".log")) as f:
            return f.read()

    # -- server ----------------------------------------------------------------------
    def proxy(self):
        path = os.path.join(self.dir, "haproxy.cfg")
        with open(path, "w") as f:
            f.write(PROXY.format(idle=self.proxy_idle))
        self.spawn("proxy", "srv", "haproxy", "-db", "-f", path)

    def listens(self, name, port):
        """Does the program listen on the TCP port?  Read in its own namespace, without entering it."""
        with open("/proc/%d/net/tcp" % self.procs[name].pid) as v4, open("/proc/%d/net/tcp6" % self.procs[name].pid) as v6:
            return re.search(r":%04X [0-9A-F]+:0000 0A " % port, v4.read() + v6.read()) is not None

    def server(self):
        if self.kind == "stock":
            path = os.path.join(self.dir, "server.yaml")
            os.makedirs(os.path.join(self.dir, "data"), exist_ok=True)
            with open(path, "w") as f:
                f.write(STOCK_SERVER.format(dir=os.path.join(self.dir, "data"), port=self.port))
            self.spawn("server", "srv", os.path.join(STOCK, "netbird-server"), "--config", path,
                       env={"NB_DISABLE_GEOLOCATION": "true", "NB_SETUP_PAT_ENABLED": "true"})
            if self.key is None:
                until(30, lambda: self.ns("srv", "curl", "-sf", URL + "/api/instance").returncode == 0)
                self.token = self.api("POST", "setup", email="a@example.org", password="Passw0rd!x", name="admin",
                                      create_pat=True)["personal_access_token"]
                self.key = self.api("POST", "setup-keys", name="lab", type="reusable",
                                    expires_in=86400, auto_groups=[], usage_limit=0)["key"]
            return
        self.spawn("server", "srv", os.path.join(BUILD, "godwit-server"), "run", "--listen", "192.0.2.100:%d" % self.port,
                   "--url", URL, "--data", os.path.join(self.dir, "data"))
        if self.key is None:
            until(10, lambda: "--server-key" in self.log("server"))
            m = re.search(r"--setup-key (\S+) --server-key (\S+)", self.log("server"))
            self.key, self.serverkey = m.group(1), m.group(2)

    def api(self, method, what, **body):
        """Of the stock server."""
        head = ["-H", "Authorization: Token " + self.token] if self.token else []
        r = self.ns("srv", "curl", "-s", "-X", method, "-H", "content-type: application/json", *head,
                    *(["-d", json.dumps(body)] if body else []), URL + "/api/" + what)
        return json.loads(r.stdout)

    def rename(self, address, name):
        """The peer with this address gets another name at the server."""
        if self.kind == "stock":
            peer = [p for p in self.api("GET", "peers") if p["ip"] == address][0]
            self.api("PUT", "peers/" + peer["id"], name=name, ssh_enabled=False, login_expiration_enabled=False)
        else:
            subprocess.run([os.path.join(BUILD, "godwit-server"), "peer", "rename", address, name, "--data",
                            os.path.join(self.dir, "data")], check=True, capture_output=True, timeout=10)

    # -- agents ------------------------------------------------------------------------
    def agent(self, name, where):
        d = os.path.join(self.dir, name)
        os.makedirs(d, exist_ok=True)
        sock = os.path.join(d, "sock")
        if os.path.exists(sock):
            os.unlink(sock)
        if self.kind == "stock":
            self.spawn(name, where, os.path.join(STOCK, "netbird"), "service", "run", "--config", d + "/config.json",
                       "--daemon-addr", "unix://" + sock, "--log-file", "console", "--log-level", "warn",
                       env={"NB_STATE_DIR": d, "HOME": d})
        else:
            self.spawn(name, where, os.path.join(BUILD, "godwitd"), "--foreground", "--state-dir", d,
                       "--daemon-addr", "unix://" + sock, "--log-level", LOG)
        until(15, lambda: os.path.exists(sock))

    def cli(self, name, where, *args, timeout=60):
        prog = os.path.join(STOCK, "netbird") if self.kind == "stock" else os.path.join(BUILD, "godwit")
        return self.ns(where, prog, "--daemon-addr", "unix://" + os.path.join(self.dir, name, "sock"), *args, timeout=timeout)

    def up(self, name, where):
        more = ["--server-key", self.serverkey] if self.serverkey else []
        r = self.cli(name, where, "up", "--management-url", URL, "--setup-key", self.key, "--hostname", name, *more)
        if r.returncode != 0:
            raise Failed("%s up: %s" % (name, r.stderr))

    def status(self, name, where):
        """Our own CLI asks both kinds: it is the same question, and it costs a fifth of the stock one's time."""
        r = subprocess.run([os.path.join(BUILD, "godwit"), "--daemon-addr", "unix://" + os.path.join(self.dir, name, "sock"),
                            "status", "--json"], capture_output=True, text=True, timeout=60)
        return json.loads(r.stdout) if r.returncode == 0 and r.stdout else {}

    def address(self, name, where):
        found = []
        until(20, lambda: found.append(self.status(name, where).get("netbirdIp", "")) or found[-1])
        return found[-1].split("/")[0]

    def path(self, name, where):
        d = (self.status(name, where).get("peers") or {}).get("details") or [{}]
        return d[0].get("connectionType", "-")

    def pair(self):
        """Two agents, joined; -> address of b."""
        self.agent("a", "hosta")
        self.agent("b", "hostb")
        self.up("a", "hosta")
        self.up("b", "hostb")
        b = self.address("b", "hostb")
        # stock peers are lazy: somebody has to say something first
        until(60, lambda: self.ns("hosta", "ping", "-c1", "-W1", b).returncode == 0)
        return b

    def want_path(self, kind, seconds=60):
        until(seconds, lambda: self.path("a", "hosta") == kind and self.path("b", "hostb") == kind, 0.2)

    # -- measuring -----------------------------------------------------------------------
    def outage(self, target, watch, fault, lead=2.0, interval=0.02):
        """The longest silence of a ping around fault(), in seconds; infinite when it never came back."""
        p = subprocess.Popen(["ip", "netns", "exec", self.lab + "-hosta", "ping", "-D", "-n", "-i", str(interval),
                              "-w", str(int(watch + lead + 1)), target], stdout=subprocess.PIPE, text=True)
        time.sleep(lead)
        begin = time.time()
        fault()
        out, _ = p.communicate()
        at = [float(m) for m in re.findall(r"^\[(\d+\.\d+)\].*bytes from", out, re.M)]
        end = begin + watch
        before = [t for t in at if t <= begin]
        after = [t for t in at if t > begin]
        if not before or not after or end - after[-1] > 2:
            return float("inf")
        points = [before[-1]] + after
        return max(b - a for a, b in zip(points, points[1:]))

    def usage(self, name):
        """(resident kB, anonymous kB, CPU seconds) of a program with its children."""
        rss = anon = cpu = 0
        for pid in family(self.procs[name].pid):
            try:
                st = open("/proc/%d/status" % pid).read()
                f = open("/proc/%d/stat" % pid).read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            rss += int(re.search(r"VmRSS:\s+(\d+)", st).group(1))
            anon += int(re.search(r"RssAnon:\s+(\d+)", st).group(1))
            cpu += (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
        return rss, anon, cpu


def family(pid):
    pids = [pid]
    for p in pids:
        try:
            kids = open("/proc/%d/task/%d/children" % (p, p)).read().split()
        except OSError:
            kids = []
        pids.extend(int(k) for k in kids)
    return pids


def kinds():
    return ["godwit"] + (["stock"] if STOCK else [])
