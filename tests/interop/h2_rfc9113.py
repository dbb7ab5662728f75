#!/usr/bin/python3
"""Row P1: HTTP/2 by RFC 9113 and RFC 7541, section by section, with a raw-frame client.

    h2_rfc9113.py                    the joint program, in cleartext and over TLS
    h2_rfc9113.py HOST:PORT [--tls]  any server that answers GET, HEAD and POST of / with 200 and a body of 4 bytes or more
    h2_rfc9113.py --nghttpd          Debian's nghttpd: judges this harness

Cases in h2_exceptions.txt may fail for the joint program; one that passes must leave the file.
"""

import argparse
import concurrent.futures
import contextlib
import pathlib
import subprocess
import sys
import time

import h2_cases_control  # noqa: F401
import h2_cases_frames  # noqa: F401  (they fill the table)
import h2_cases_http    # noqa: F401
import h2_cases_streams  # noqa: F401
import servers
from h2_cases import CASES
from h2wire import Connection, Failed
from recorder import Recorder

AT_ONCE = 8
EXCEPTIONS = pathlib.Path(__file__).with_name("h2_exceptions.txt")


def judge(case, address, tls, patience):
    """What is wrong, or nothing."""
    try:
        connection = Connection(address, tls, patience)
    except OSError as error:
        return f"no connection: {error}"
    try:
        if case.opens:
            connection.open()
        case.run(connection)
        return None
    except Failed as problem:
        return str(problem)
    except Exception as error:   # what the server sent could not be read at all
        return f"{type(error).__name__}: {error}; saw {connection.shown()}"
    finally:
        connection.close()


def run_cases(cases, address, tls, patience):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        problems = pool.map(lambda case: judge(case, address, tls, patience), cases)
        return list(zip(cases, problems))


def read_exceptions():
    lines = EXCEPTIONS.read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def summarise(name, results, excepted, verbose, start):
    failed = [(case.id, problem) for case, problem in results if problem and case.id not in excepted]
    known = {case.id for case, problem in results if problem and case.id in excepted}
    stale = sorted(excepted & {case.id for case, _ in results} - known)
    for case, problem in results:
        if verbose or problem:
            print(f"  {'FAIL' if problem else 'pass'} {case.id}{': ' + problem if problem else ''}")
    for case_id in stale:
        print(f"  {case_id} passes: take it out of {EXCEPTIONS.name}")
    passed = sum(not problem for _, problem in results)
    verdict = "FAIL" if failed or stale else "PASS"
    print(f"{verdict} P1 {passed} of {len(results)} cases ({name}, {len(known)} excepted, {time.monotonic() - start:.1f} s)")
    return 1 if failed or stale else 0


@contextlib.contextmanager
def nghttpd():
    made = servers.Instance("nghttpd")
    made.port = servers.free_port()
    made.write("index.html", "seen\n")
    made.start(["nghttpd", "--no-tls", "-d", str(made.directory), str(made.port)])
    try:
        made.wait_for_port()
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def joint(tls):
    keys = servers.Instance("keys")
    with Recorder() as origin:
        extra = []
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                            str(keys.directory / "key"), "-out", str(keys.directory / "certificate")], check=True, capture_output=True)
            extra = ["--tls", str(keys.directory / "certificate"), str(keys.directory / "key")]
        made = servers.start_joint(origin.port, extra)
        try:
            yield made
        finally:
            made.trouble = made.ended_badly()
            made.code = made.stop()
            keys.stop()


def run_joint(cases, arguments):
    status = 0
    for tls in (False, True):
        start = time.monotonic()
        with joint(tls) as server:
            results = run_cases(cases, ("127.0.0.1", server.port), tls, arguments.patience)
        status |= summarise("TLS" if tls else "cleartext", results, read_exceptions(), arguments.verbose, start)
        if server.trouble or server.code != 0:
            print(f"FAIL P1 the server ended with code {server.code}: {server.trouble}")
            status = 1
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", help="HOST:PORT of another server")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--nghttpd", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the same cases: they are quick")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--patience", type=float, default=2.0, help="seconds to wait for a frame")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.only in case.id]
    start = time.monotonic()
    if arguments.nghttpd:
        with nghttpd() as server:
            results = run_cases(cases, ("127.0.0.1", server.port), False, arguments.patience)
        return summarise("nghttpd", results, set(), arguments.verbose, start)
    if arguments.address:
        host, _, port = arguments.address.rpartition(":")
        results = run_cases(cases, (host, int(port)), arguments.tls, arguments.patience)
        return summarise(arguments.address, results, set(), arguments.verbose, start)
    return run_joint(cases, arguments)


if __name__ == "__main__":
    sys.exit(main())
