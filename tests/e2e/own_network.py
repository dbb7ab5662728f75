"""Scenes in a network of their own: a child process, a fresh network namespace, loopback with chosen addresses.

Public addresses can then be used without a byte leaving the machine.
"""

import ctypes
import os
import subprocess
import sys
import traceback

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x00020000, 0x40000000, 0x4000, 0x40000


def enter(addresses=(), files=()):
    """Moves this process into new network and mount namespaces. `files`: (path, source) to put over what is there."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare: these tests need root")
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "making mounts private")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    for path, source in files:
        subprocess.run(["mount", "--bind", str(source), str(path)], check=True)


def run_inside(scene, addresses=(), files=()):
    """Runs scene() there; its failure is raised here with its traceback as the text."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status, report = 0, ""
        try:
            enter(addresses, files)
            scene()
        except BaseException:
            status, report = 1, traceback.format_exc()
        os.write(writing, report.encode()[-60_000:])
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if status:
        raise AssertionError(f"in the network of its own:\n{report or f'ended with status {status}'}")
