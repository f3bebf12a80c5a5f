"""What this installation and the machine below it tell: pip's notes, modules, paths, keys, calls of Linux."""

from __future__ import annotations

from .suite import CellAttempt

_PACKAGES = "[folder for folder in sys.path if folder.endswith('-packages')]"

CELLS = [
    CellAttempt(
        id="A8",
        group="installation",
        sentence="Names, sizes and hashes of the shipped truths in pip's notes",
        code="def attempt(folders):\n"
        "    notes = [path for folder in folders for path in glob.glob(folder + '/*interp_bench*/*')]\n"
        "    return [path for path in notes if 'configs' in str(maybe(read, path))]",
        real=_PACKAGES,
        planted="[write_below('interp_bench_ext-1.dist-info', 'RECORD', 'share/jupyter/configs/cobalt.yaml,sha256=x,1')]",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="A8b",
        group="installation",
        sentence="Folders of the owner that editable installs name",
        code="def attempt(folders):\n"
        "    names = ('*.pth', '*.egg-link', '*editable*.py', '*.dist-info/direct_url.json')\n"
        "    found = [maybe(read, path) for folder in folders for name in names for path in glob.glob(f'{folder}/{name}')]\n"
        "    return [text for text in found if isinstance(text, bytes) and (text[:1] == b'/' or b'file:///' in text)]",
        real=_PACKAGES,
        planted="[write_below('', 'theirs.pth', '/root/checkout')]",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="A9",
        group="installation",
        sentence="The product's own tables of models, truths and prices",
        code="def attempt(modules):\n"
        "    return [name for name in modules if maybe(__import__('importlib.util').util.find_spec, name).__class__.__name__ == 'ModuleSpec']",
        real="['interp_bench_ext.' + name for name in ('host', 'scoring', 'cli', 'models', 'config', 'runs', 'bench')]",
        planted="['interp_bench_ext.kernel']",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="A10",
        group="installation",
        sentence="Paths of the machine in arguments, environment, module path and prefixes",
        code="def attempt(told): return [text for text in told if os.path.dirname(AT['home']) in text or text.startswith(('/root', '/home/')) and text != '/home/agent']",
        real="[*sys.argv, *sys.path, *os.environ.values(), sys.prefix, sys.base_prefix, sys.executable, os.getcwd(), open('/proc/self/cmdline').read()]",
        planted="['/root/.pyenv']",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="B4",
        group="processes",
        sentence="The session keyring of whoever started the server",
        code="def attempt(call):\n"
        "    buffer = ctypes.create_string_buffer(1000)\n"
        "    length = call(buffer)\n"
        "    return buffer.raw[:max(0, length)]",
        real="lambda buffer: libc.syscall(250, 11, libc.syscall(250, 10, -3, b'user', b'login', 0), buffer, 1000, 0)",
        planted="lambda buffer: libc.read(os.open(planted('keyring'), os.O_RDONLY), buffer, 1000)",
        documented=("process",),
    ),
    CellAttempt(
        id="B4b",
        group="processes",
        sentence="Names of the keys that can be seen",
        code="def attempt(path): return 'keyring' in read(path).decode()",
        real="'/proc/keys'",
        planted="planted('keyring')",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="B7",
        group="processes",
        sentence="Calls of Linux with a history: bpf, perf, io_uring, userfaultfd, keys, ptrace, mounts, namespaces",
        code="def attempt(numbers): return [n for n in numbers if syscall(n, -1, 0, 0, 0, -1)[1] not in (errno.EPERM, errno.ENOSYS)]",
        real="[321, 298, 425, 426, 427, 323, 248, 249, 250, 101, 165, 272, 308, 304, 175]",
        planted="[39]",
        check="any",
        documented=("process",),
    ),
    CellAttempt(
        id="B7b",
        group="processes",
        sentence="The same calls by the numbers of another architecture (x32)",
        code="def attempt(numbers): return [n for n in numbers if syscall(n, -1, 0, 0, 0, -1)[1] != errno.ENOSYS]",
        real="[n | 0x40000000 for n in (321, 298, 425, 323, 250)]",
        planted="[39]",
        check="any",
    ),
    CellAttempt(
        id="C4",
        group="network",
        sentence="A socket to the hypervisor, or of another kind that no namespace holds",
        code="def attempt(families): return [family for family in families if works(socket.socket, family, socket.SOCK_STREAM)]",
        real="[40, 38, 31, 17, 44]",
        planted="[socket.AF_UNIX]",
        check="any",
        documented=("process",),
    ),
]
