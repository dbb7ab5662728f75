"""Starts and commands longshore_gate, the relay that spoils what passes.

    with Gate(target=("127.0.0.1", 8080), seed=7) as gate:
        connect_to(gate.address)
        gate.command("down delay 50 10")
        gate.stats()["up"]["bytes"]

The program is $LONGSHORE_GATE, or build/asan/tests/gate/longshore_gate in this checkout. Commands: control.hpp.
"""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


class GateError(Exception):
    """The gate refused a command, or did not start."""


def program():
    return os.environ.get("LONGSHORE_GATE", str(ROOT / "build/asan/tests/gate/longshore_gate"))


class Gate:
    def __init__(self, target, listen="127.0.0.1:0", protocol="tcp", seed=1):
        arguments = [program(), "--listen", listen, "--target", f"{target[0]}:{target[1]}",
                     "--protocol", protocol, "--seed", str(seed)]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self._process.stdout.readline()
        if not first:
            raise GateError(f"the gate did not start: exit code {self._process.wait()}")
        host, _, port = json.loads(first)["listen"].rpartition(":")
        self.address = (host.strip("[]"), int(port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def command(self, line):
        """Sends one command; its answer, parsed when it is JSON. GateError when it was refused."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n")
        if answer.startswith("{"):
            return json.loads(answer)
        if not answer.startswith("ok"):
            raise GateError(f"{line}: {answer or 'the gate has ended'}")
        return answer[3:]

    def stats(self):
        return self.command("stats")

    def reset(self):
        """Resets every connection and forgets every session; how many there were."""
        return int(self.command("reset"))

    def stop(self):
        if self._process.poll() is None:
            self._process.stdin.close()
        try:
            return self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process.stdout.close()
