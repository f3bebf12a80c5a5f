"""What a kernel can take of the machine."""

from __future__ import annotations

from .suite import CellAttempt

CELLS = [
    CellAttempt(
        id="H4",
        group="limits",
        sentence="Memory taken as files: /dev/shm, /tmp, the covers over hidden folders, the root",
        code="def attempt(mounts):\n"
        "    big = [m for m in mounts if os.access(m, os.W_OK) and os.statvfs(m).f_frsize * os.statvfs(m).f_blocks > 2**30]\n"
        "    return big or sum(os.statvfs(m).f_frsize * os.statvfs(m).f_blocks for m in mounts if os.access(m, os.W_OK)) > 2 * 2**30",
        real="[f[1] for f in (l.split() for l in open('/proc/mounts')) if f[2] == 'tmpfs']",
        planted="['/proc/self/cwd', '/work', '/tmp']",
        check="any",
        veils=("sandboxed",),
    ),
    CellAttempt(
        id="H5",
        group="limits",
        sentence="The kernel's raw output fills a disk of the machine",
        code="def attempt(fd):\n"
        "    written = 0\n"
        "    with contextlib.suppress(BlockingIOError):\n"
        "        while written < 2**20: written += os.write(fd, bytes(2**15))\n"
        "    return written >= 2**20",
        real="sys.stdout._original_stdstream_copy",
        planted="os.open(tempfile.mkstemp()[1], os.O_WRONLY)",
        check="any",
    ),
    CellAttempt(
        id="H6",
        group="limits",
        sentence="One file of more than 4 GiB in the work folder",
        code="def attempt(size):\n"
        "    with tempfile.NamedTemporaryFile(dir='.') as file:\n"
        "        return works(os.truncate, file.name, size)",
        real="5 * 2**30",
        planted="2**30",
        check="any",
        documented=("process",),
    ),
]
