"""What a kernel may leave in its work folder for whoever reads that from outside."""

from __future__ import annotations

from .suite import CellAttempt

_LEFT = """def attempt(make):
    name = os.path.join(os.getcwd(), "left-" + os.urandom(4).hex())
    maybe(make, name)
    return os.path.lexists(name)"""

CELLS = [
    CellAttempt(
        id=f"A1{letter}",
        group="files",
        sentence=sentence,
        code=_LEFT,
        real=f"lambda name: {real}",
        planted=f"lambda name: {planted}",
        check="any",
        documented=("process",),
    )
    for letter, sentence, real, planted in (
        ("a", "A link out of the work folder", "os.symlink('/etc', name)", "pathlib.Path(name).touch()"),
        (
            "b",
            "The same by a descriptor of the folder",
            "os.symlink('/etc', name, dir_fd=os.open('.', os.O_RDONLY))",
            "os.close(os.open(name, os.O_CREAT, dir_fd=os.open('.', os.O_RDONLY)))",
        ),
        (
            "c",
            "The same by a program",
            "subprocess.run(['ln', '-s', '/etc', name])",
            "subprocess.run(['touch', name])",
        ),
        (
            "d",
            "A link that comes out of an archive",
            "subprocess.run(['sh', '-c', 'cd /tmp && mkdir -p t && ln -sf /etc t/l; tar c t/l | tar x -C \"$1\";"
            ' mv "$1/t/l" "$2"\', \'sh\', os.getcwd(), name])',
            "subprocess.run(['sh', '-c', 'cd /tmp && mkdir -p u && touch u/l; tar c u/l | tar x -C \"$1\";"
            ' mv "$1/u/l" "$2"\', \'sh\', os.getcwd(), name])',
        ),
    )
] + [
    CellAttempt(
        id="A1e",
        group="files",
        sentence="Another name in the work folder for a file that is shown read-only",
        code=_LEFT,
        real="lambda name: os.link('/etc/passwd', name)",
        planted="lambda name: (pathlib.Path(name + '-own').touch(), os.link(name + '-own', name))",
        check="any",
        veils=("sandboxed",),
    ),
]
