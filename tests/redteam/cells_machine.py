"""The machine around the kernel: namespaces, devices, signals, limits, and what other programs leave."""

from __future__ import annotations

from .suite import CellAttempt

_CAN = "def attempt(actions): return [n for n, action in enumerate(actions) if works(action)]"
_SYSCALL = "def attempt(calls): return [c for c in calls if syscall(*c)[0] >= 0]"
_WRITE = (
    "def attempt(paths): return [p for p in paths if works(lambda: os.close(os.open(p, os.O_WRONLY | os.O_CREAT)))]"
)


def _cell(id: str, sentence: str, code: str, real: str, planted: str, *, process: str = "documented") -> CellAttempt:
    """An attempt whose success is to be allowed; at the veil `process` it is documented, or not tried."""
    return CellAttempt(
        id=id,
        group="machine",
        sentence=sentence,
        code=code,
        real=real,
        planted=planted,
        check="any",
        veils=("sandboxed",) if process == "left out" else ("sandboxed", "process"),
        documented=("process",) if process == "documented" else (),
    )


CELLS = [
    _cell(
        "A11",
        "Names in the folders of the machine: homes, runtime, other users' files",
        "def attempt(folders): return [n for f in folders for n in (maybe(os.listdir, f) if os.path.isdir(f) else []) if n not in ('agent', 'work', 'organism', 'nb')]",
        "['/home', '/root', '/run/user', '/mnt', '/srv', '/media', AT['home'], os.path.dirname(AT['config'])]",
        "[os.path.dirname(planted('home'))]",
        process="left out",
    ),
    _cell(
        "B2",
        "The host's kernel is set or read through /proc",
        _WRITE,
        "['/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/overcommit_memory', '/proc/sys/kernel/hostname', '/proc/irq/0/smp_affinity', '/proc/kcore']",
        "[planted('key')]",
        process="left out",
    ),
    _cell(
        "B6",
        "Namespaces, mounts, other roots, devices and users",
        _SYSCALL,
        "[(272, 0x10000000), (272, 0x20000), (165, b'none', b'/tmp', b'tmpfs', 0, None), (161, b'/tmp'), (105, 0), (106, 0), (155, b'/tmp', b'/tmp'), (304, -1, None, 0), (133, b'/tmp/dev', 0o20600, 0x101), (166, b'/tmp', 2), (246, 0, 0), (169, 1, 2, 3, None)]",
        "[(39,)]",
        process="left out",
    ),
    _cell(
        "R5",
        "A signal is sent to the server",
        "def attempt(pid): return works(os.kill, pid, 0)",
        "AT['server_pid']",
        "os.getpid()",
    ),
    _cell(
        "R6",
        "A descriptor of the server is taken by pidfd",
        "def attempt(pid): return syscall(434, pid, 0)[0] >= 0",
        "AT['server_pid']",
        "os.getpid()",
    ),
    _cell(
        "R7",
        "Where the server may run is asked and set",
        "def attempt(pid): return works(os.sched_getaffinity, pid)",
        "AT['server_pid']",
        "os.getpid()",
    ),
    _cell(
        "R8",
        "Folders of the server are watched by inotify",
        "def attempt(path): return libc.inotify_add_watch(libc.inotify_init(), path.encode(), 0xFFF) >= 0",
        "os.path.dirname(AT['config'])",
        "tempfile.gettempdir()",
    ),
    _cell(
        "R9",
        "Network interfaces of the machine",
        "def attempt(names): return [n for _, n in names if n != 'lo']",
        "socket.if_nameindex()",
        "[(1, 'lo'), (2, 'eth7')]",
        process="left out",
    ),
    _cell(
        "R10",
        "The machine's listening ports are read from /proc/net",
        "def attempt(port): return f':{port:04X} ' in open('/proc/net/tcp').read()",
        "AT['tcp']",
        "greeter(socket.AF_INET, ('127.0.0.1', 0))[1]",
    ),
    _cell(
        "R11",
        "The machine's Unix sockets are read from /proc/net",
        "def attempt(name): return name in open('/proc/net/unix').read()",
        "AT['abstract']",
        "greeter(socket.AF_UNIX, '\\0planted-too')[1:].decode()",
    ),
    _cell(
        "R12",
        "The name of the machine",
        "def attempt(name): return socket.gethostname() == name",
        "AT['hostname']",
        "socket.gethostname()",
    ),
    _cell(
        "R13",
        "Shared memory of System V that a process of the machine holds",
        "def attempt(key): return libc.shmget(key, 0, 0) >= 0",
        "AT['shm_key']",
        "(lambda key: (libc.shmget(key, 4096, 0o1600), key)[1])(0x7ED3)",
    ),
    _cell(
        "R14",
        "Devices beyond those that every program has",
        "def attempt(names): return sorted(set(names) - {'console', 'core', 'fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero'})",
        "os.listdir('/dev')",
        "['null', 'sda1']",
        process="left out",
    ),
    _cell(
        "R15",
        "Memory of the machine is opened",
        _WRITE,
        "['/dev/mem', '/dev/kmem', '/dev/port', '/proc/kcore']",
        "['/dev/null']",
        process="left out",
    ),
    _cell(
        "R16",
        "The package, Python or its start-up files are changed for the next kernel",
        _WRITE,
        "[os.path.join(interp_bench_ext.__path__[0], 'x.py'), interp_bench_ext.__file__, os.path.join(os.path.dirname(np.__path__[0]), 'usercustomize.py'), os.path.join(os.path.dirname(np.__path__[0]), 'x.pth'), os.path.join(os.path.dirname(os.__file__), 'sitecustomize.py')]",
        "[planted('key')]",
        process="left out",
    ),
    _cell(
        "R17",
        "Files that the machine's programs read first",
        _WRITE,
        "['/etc/ld.so.preload', '/etc/passwd', '/etc/hosts', '/usr/lib/x', '/bin/x', '/etc/profile.d/x.sh']",
        "[planted('key')]",
        process="left out",
    ),
    _cell(
        "R18",
        "Cgroups are changed",
        _WRITE,
        "['/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/x', '/proc/self/oom_score_adj_']",
        "[planted('key')]",
        process="left out",
    ),
    _cell(
        "R19",
        "More rights, priority or real time than other programs have",
        _CAN,
        "[lambda: os.setpriority(os.PRIO_PROCESS, 0, -20), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)), lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.chown(planted('key'), 0, 0)]",
        "[lambda: os.setpriority(os.PRIO_PROCESS, child(), 19)]",
        process="left out",
    ),
    _cell(
        "R20",
        "A program of the machine runs as another user",
        "def attempt(command): return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip() not in ('', str(os.getuid()))",
        "['su', '-c', 'id -u']",
        "['echo', '12345']",
        process="left out",
    ),
    _cell(
        "R21",
        "A person is asked for input while the cell runs",
        _CAN,
        "[lambda: input('Password: '), lambda: __import__('getpass').getpass()]",
        "[lambda: 'typed']",
        process="held",
    ),
    _cell(
        "R23",
        "Start-up files and stored variables of the user's IPython",
        "def attempt(folders): return [n for f in folders if os.path.isdir(f) for n in os.listdir(f) if n != 'README']",
        "[os.path.expanduser('~/.ipython/profile_default/' + n) for n in ('startup', 'db/autorestore')]",
        "[os.path.dirname(planted('home'))]",
        process="held",
    ),
    _cell(
        "R24",
        "Configuration of the user's tools: git, ssh, pip, matplotlib, fonts",
        "def attempt(home): return [p for p in files_below(home) if 'ipython' not in p and '/.cache/' not in p]",
        "os.path.expanduser('~')",
        "os.path.dirname(planted('home'))",
    ),
    _cell(
        "R25",
        "Keys of the kernel are listed in /proc",
        "def attempt(path): return b'login' in read(path)",
        "'/proc/keys'",
        "(lambda p: (pathlib.Path(p).write_text('login'), p)[1])(planted('key'))",
        process="left out",
    ),
    _cell(
        "R26",
        "Memory of the server is read across processes",
        "def attempt(pid):\n    buffer = ctypes.create_string_buffer(8)\n    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)\n    return libc.process_vm_readv(pid, vector, 1, vector, 1, 0) == 8 or maybe(read, f'/proc/{pid}/maps', 100).__class__ is bytes",
        "AT['server_pid']",
        "os.getpid()",
    ),
    _cell(
        "R27",
        "Locks and files of the machine in /proc/locks",
        "def attempt(path): return any(int(l.split()[4].replace('-1', '0')) > 1000 for l in open(path) if len(l.split()) > 4)",
        "'/proc/locks'",
        "(lambda p: (pathlib.Path(p).write_text('1: POSIX ADVISORY WRITE 99999 fe:00:1 0 EOF'), p)[1])(planted('key'))",
        process="left out",
    ),
]
CELLS += [
    CellAttempt(
        id="R28",
        group="machine",
        sentence="Every file of /sys and /proc/sys in reach is searched for what is sealed",
        code="def attempt(roots): return b''.join(c for r in roots for f, _, ns in os.walk(r) for n in ns[:200] if isinstance(c := maybe(lambda: open(os.path.join(f, n), 'rb', 0).read(4096)), bytes))",
        real="['/proc/sys', '/sys/kernel', '/sys/class', '/sys/fs']",
        planted="[os.path.dirname(planted('configs'))]",
        veils=("sandboxed",),
    ),
    CellAttempt(
        id="R29",
        group="machine",
        sentence="What a child process inherits: environment and descriptors",
        code="def attempt(environment): return subprocess.run(['sh', '-c', 'env; ls -l /proc/self/fd; for f in 3 4 5 6 7 8 9; do cat <&$f 2>/dev/null | head -c 9999; done'], env=environment, capture_output=True, close_fds=False, timeout=20, stdin=subprocess.DEVNULL).stdout if environment else b''",
        real="dict(os.environ)",
        planted="{**os.environ, 'PLANTED': MARKS['descriptor']}",
    ),
    CellAttempt(
        id="R30",
        group="machine",
        sentence="Temporary files, caches and editors' copies that other programs have left",
        code="def attempt(roots): return search(p for p in files_below(*roots) if not is_planted(p))",
        real="['/var/tmp', '/var/cache', '/run', '/var/lib', os.path.expanduser('~/.cache')]",
        planted="[os.path.dirname(planted('key', 'left-behind'))]",
        veils=("sandboxed",),
    ),
]
