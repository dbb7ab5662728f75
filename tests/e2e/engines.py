"""Real clients in rooms of their own: dockerd with its containerd, podman, skopeo.

Each works under a scratch directory, sees its own /etc/hosts (a private mount namespace) and can reach only
loopback names: Docker Hub's own names point at a closed port, so that nothing can pass by the mirror.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from harness import Program

HOSTS = """127.0.0.1 localhost docker.localhost quay.localhost
127.0.0.1 registry-1.docker.io auth.docker.io index.docker.io docker.io
"""
ROOM = 'mount --bind "$0" /etc/hosts && exec "$@"'
CONTAINERD = """version = 2
root = "{0}/containerd"
state = "{0}/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{0}/containerd.sock"
[ttrpc]
address = "{0}/containerd.ttrpc"
"""


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]


class Room:
    """A directory and a private /etc/hosts. Needs root."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._hosts = self.directory / "hosts"
        self._hosts.write_text(HOSTS)

    def command(self, *command):
        """unshare and sh both exec, so the process started is the program itself."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ROOM, str(self._hosts), *command]

    def run(self, *command, env=None, check=True):
        done = subprocess.run(self.command(*command), capture_output=True, text=True, timeout=150,
                              env={**os.environ, **(env or {})})
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done


class Docker:
    """A dockerd of our own. `mirror`: the URL for registry-mirrors."""

    def __init__(self, directory, mirror):
        self._room = Room(directory)
        self._home = self._room.directory
        self._socket = f"unix://{self._home}/docker.sock"
        self._programs = []
        (self._home / "client").mkdir()
        try:
            self._start_containerd()
            self._start_dockerd(mirror)
        except BaseException:
            self.close()
            raise

    def _start_containerd(self):
        config = self._home / "containerd.toml"
        config.write_text(CONTAINERD.format(self._home))
        self._start("containerd", ["--config", str(config)], (self._home / "containerd.sock").exists)

    def _start_dockerd(self, mirror):
        (self._home / "daemon.json").write_text("{}")
        paths = {"config-file": "daemon.json", "data-root": "data", "exec-root": "run", "pidfile": "docker.pid",
                 "containerd": "containerd.sock"}
        options = [f"--{name}={self._home}/{path}" for name, path in paths.items()]
        options += ["--host", self._socket, "--storage-driver=vfs", "--iptables=false", "--ip6tables=false",
                    "--bridge=none", f"--registry-mirror={mirror}"]
        self._start("dockerd", options, lambda: self.docker("version", check=False).returncode == 0)

    def docker(self, *args, check=True):
        return self._room.run("docker", "--config", str(self._room.directory / "client"), "--host", self._socket,
                              *args, check=check)

    def close(self):
        for program in reversed(self._programs):
            program.end()

    def _start(self, name, options, ready):
        program = Program(self._room.command(name, *options), self._home / f"{name}.log")
        self._programs.append(program)
        deadline = time.monotonic() + 60
        while not ready():
            if not program.running() or time.monotonic() > deadline:
                raise AssertionError(f"{name} did not start\n{program.tail()}")
            time.sleep(0.1)


class Podman:
    def __init__(self, directory):
        self._room = Room(directory)
        self._home = self._room.directory
        self._registries = self._home / "registries.conf"
        self.mirror_docker_hub_at("127.0.0.1:1")

    def mirror_docker_hub_at(self, location):
        self._registries.write_text(f"""[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "{location}"
insecure = true
""")

    def podman(self, *args, check=True):
        return self._room.run("podman", "--root", f"{self._home}/root", "--runroot", f"{self._home}/run",
                              "--tmpdir", f"{self._home}/tmp", "--storage-driver", "vfs", "--cgroup-manager",
                              "cgroupfs", "--events-backend", "none", *args, check=check,
                              env={"CONTAINERS_REGISTRIES_CONF": str(self._registries), "HOME": str(self._home),
                                   "XDG_RUNTIME_DIR": f"{self._home}/run"})


class Skopeo:
    def __init__(self, directory):
        self._room = Room(directory)
        self._count = 0

    def copy(self, source, kind="dir", check=True):
        """Copies docker://source with all its platforms into a fresh directory; gives the directory."""
        self._count += 1
        target = self._room.directory / f"copy-{self._count}"
        done = self._room.run("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{source}",
                              f"{kind}:{target}" + (":image" if kind == "oci" else ""), check=check)
        return target if done.returncode == 0 else None
