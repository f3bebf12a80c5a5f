# What cells of the shared kernel have at hand; MARKS and AT are set before it.
# ruff: noqa
import base64, codecs, contextlib, ctypes, errno, glob, io, json, os, pathlib, re, select, signal, socket, stat
import struct, subprocess, sys, tempfile, threading, time, unicodedata, urllib.parse

import numpy as np

import interp_bench_ext

if "organism" not in globals():
    organism = interp_bench_ext.connect()
libc = ctypes.CDLL(None, use_errno=True)


def _squeezed(text):
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _forms(mark):
    raw = mark.encode()
    yield mark
    yield mark[::-1]
    yield raw.hex()
    yield codecs.encode(mark, "rot13")
    yield urllib.parse.quote(mark)
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw).decode()[[0, 2, 3][shift] :].rstrip("=")[:-2]


_FORMS = {name: [form.lower().encode() for form in _forms(mark)] for name, mark in MARKS.items()}


def marks_in(seen):
    """Names of the marks in what an attempt got hold of: text, bytes, or anything with a repr."""
    raw = (
        seen
        if isinstance(seen, bytes)
        else seen.encode("utf-8", "surrogateescape")
        if isinstance(seen, str)
        else repr(seen).encode("utf-8", "replace")
    )
    low = raw.lower()
    return sorted(name for name, forms in _FORMS.items() if any(form in low for form in forms))


def tell(attempt, target, check):
    """Run an attempt against a target, and print what it came to and nothing that it holds."""
    try:
        got = attempt(target())
    except BaseException as error:
        got = f"{type(error).__name__}: {error}"
        print("told:", json.dumps(marks_in(got) if check == "marks" else False))
        print("stopped by", type(error).__name__)
        return
    print("told:", json.dumps(marks_in(got) if check == "marks" else bool(got)))


def read(path, most=50_000_000):
    with open(path, "rb") as file:
        return file.read(most)


def maybe(action, *arguments):
    """What an action returns, or the text of what it raises."""
    try:
        return action(*arguments)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def works(action, *arguments):
    """Whether an action can be done at all."""
    try:
        action(*arguments)
    except BaseException:
        return False
    return True


def planted(mark, name="planted"):
    """A file of the kernel's own that holds a mark, as a control of a search in files."""
    path = pathlib.Path(tempfile.mkdtemp(), name)
    path.write_text(MARKS[mark])
    return str(path)


def write_below(folder, name, text):
    """A folder of the kernel's own in which that file is."""
    base = tempfile.mkdtemp()
    os.makedirs(os.path.join(base, folder), exist_ok=True)
    pathlib.Path(base, folder, name).write_text(text)
    return base


def is_planted(path_or_fd):
    """Whether it is a file that the control of another attempt has left."""
    path = f"/proc/self/fd/{path_or_fd}" if isinstance(path_or_fd, int) else path_or_fd
    return os.path.basename(os.path.realpath(path)) == "planted"


def files_below(*roots, skip=("/proc", "/sys")):
    for root in roots:
        for folder, names, files in os.walk(root):
            names[:] = [name for name in names if not os.path.join(folder, name).startswith(skip)]
            for name in files:
                path = os.path.join(folder, name)
                if maybe(os.path.isfile, path) is True and os.access(path, os.R_OK):
                    yield path


def child(**environment):
    """The id of a child process that has this environment, and lives a while."""
    process = subprocess.Popen(
        ["sh", "-c", "echo; sleep 20; :"], env={"PATH": os.defpath, **environment}, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    return process.pid


def search(paths):
    """Names of the marks that are in files: in every form in small ones, as they are in large ones."""
    found = {}
    for path in paths:
        content = maybe(read, path)
        if not isinstance(content, bytes):
            continue
        plain = [name for name, mark in MARKS.items() if mark.encode() in content]
        hits = marks_in(content) if len(content) < 100_000 else plain
        if hits:
            found[path] = hits
    return [MARKS[name] for hits in found.values() for name in hits]


def syscall(number, *arguments):
    """A raw system call: its result, and the errno it failed with (0: it did not)."""
    result = libc.syscall(number, *arguments)
    return result, (ctypes.get_errno() if result < 0 else 0)


def connected(family, address, kind=socket.SOCK_STREAM):
    """What a listener says to whoever connects."""
    with socket.socket(family, kind) as client:
        client.settimeout(3)
        client.connect(address)
        return client.recv(1000)


def greeter(family, address, mark="listener"):
    """A listener of the kernel's own, as a control; returns its address."""
    server = socket.socket(family)
    server.bind(address)
    server.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                client.sendall(MARKS[mark].encode())
                client.close()

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()
