from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.sandbox.control_groups import V1, V2, OwnGroup, own_groups

MOUNT = "31 23 0:28 {root} {place} rw,relatime shared:9 - {kind} none {options}\n"


class Machine:
    """The files in which Linux says where a process and the groups are."""

    def __init__(self, folder: Path) -> None:
        self.process, self.groups = folder / "self", folder / "groups"
        self.process.mkdir()
        self.groups.mkdir()
        (self.process / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/vda rw\n")

    def stands(self, lines: str) -> None:
        (self.process / "cgroup").write_text(lines)

    def mount(self, kind: str, options: str = "rw", root: str = "/", place: str = "") -> None:
        line = MOUNT.format(root=root, place=place or self.groups, kind=kind, options=options)
        with (self.process / "mountinfo").open("a") as file:
            file.write(line)

    def group(self, name: str, **files: str) -> Path:
        folder = self.groups / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file.replace("__", ".")).write_text(text + "\n")
        return folder

    def own(self) -> OwnGroup:
        [own] = own_groups(self.process)
        return own


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_v2_a_group_is_made_beside_the_own_one_which_has_processes(machine: Machine) -> None:
    machine.stands("0::/user.slice/app.slice/lab.service\n")
    machine.mount("cgroup2")
    lab = machine.group("user.slice/app.slice/lab.service", cgroup__subtree_control="", cgroup__procs="17")
    machine.group("user.slice/app.slice", cgroup__subtree_control="cpu memory pids")
    assert (machine.own().folder, machine.own().files) == (lab, V2)
    assert list(machine.own().parents()) == [lab.parent]


def test_v2_a_group_that_passes_no_memory_on_is_passed_over(machine: Machine) -> None:
    machine.stands("0::/system.slice/hub.service\n")
    machine.mount("cgroup2")
    machine.group("system.slice/hub.service", cgroup__subtree_control="")
    machine.group("system.slice", cgroup__subtree_control="pids cpu", cgroup__controllers="pids cpu memory")
    assert list(machine.own().parents()) == []
    assert (machine.groups / "system.slice/cgroup.subtree_control").read_text() == "pids cpu\n"


def test_v2_below_the_own_group_where_that_passes_memory_on_and_never_above_the_mount(machine: Machine) -> None:
    machine.stands("0::/\n")
    machine.mount("cgroup2")
    own = machine.group(".", cgroup__subtree_control="memory")
    (machine.groups.parent / "cgroup.subtree_control").write_text("memory\n")
    assert list(machine.own().parents()) == [own]


def test_v1_below_the_own_group_of_memory_beside_a_v2_without_it(machine: Machine) -> None:
    machine.stands("5:cpuset:/elsewhere\n4:cpu,memory:/a\n0::/\n")
    machine.mount("cgroup", "rw,cpu,memory")
    machine.mount("cgroup", "rw,cpuset", place="/sys/cpuset")
    machine.mount("cgroup2", place=str(machine.group("unified", cgroup__controllers="", cgroup__subtree_control="")))
    a = machine.group("a")
    first, second = own_groups(machine.process)
    assert (first.folder, first.files, list(first.parents())) == (a, V1, [a])
    assert (second.files, list(second.parents())) == (V2, [])


def test_a_mount_that_shows_a_part_of_the_groups(machine: Machine) -> None:
    machine.stands("0::/pod/a b/c\n")
    machine.mount("cgroup2", root="/pod/a\\040b")
    assert machine.own().folder == machine.groups / "c"
    machine.stands("0::/other\n")
    assert list(own_groups(machine.process)) == []
    machine.stands("0::/../other\n")
    assert list(own_groups(machine.process)) == []


def test_a_limit_is_the_own_group_s_or_one_of_those_above_it(machine: Machine) -> None:
    machine.stands("0::/a/b\n")
    machine.mount("cgroup2")
    machine.group("a/b", memory__max="max")
    machine.group("a", memory__max="1000")
    (machine.groups.parent / "memory.max").write_text("1\n")
    assert list(machine.own().limits()) == [1000]


def test_a_system_without_groups(tmp_path: Path) -> None:
    assert list(own_groups(tmp_path)) == []
