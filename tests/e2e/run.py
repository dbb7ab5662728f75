#!/usr/bin/python3
"""Runs the end-to-end tests: a line per test, then `N passed, N failed, N skipped`.

    tests/e2e/run.py [--peer docker-registry] [--list] [PART...]

PART: run only tests whose full name contains one of the parts. LONGSHORE_BIN names the binary under test.
"""

import argparse
import os
import signal
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEST_SECONDS = 180


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0
        self._began, self._now_failing = 0.0, False

    def startTest(self, test):
        super().startTest(test)
        self._began, self._now_failing = time.monotonic(), False
        signal.alarm(TEST_SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def addSuccess(self, test):
        self.passed += 1
        self._line("PASS", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._report(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._report(subtest, self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("SKIP", test, f": {reason}")

    def failed(self):
        return len({_parent(test) for test, _ in self.errors + self.failures})

    def _report(self, test, text):
        self._now_failing = True
        self._line("FAIL", test)
        print("    " + text.strip().replace("\n", "\n    "), flush=True)

    def _line(self, word, test, more=""):
        seconds = time.monotonic() - self._began if self._began else 0.0
        print(f"{word} {sentence(test)} ({seconds:.1f} s){more}", flush=True)


def _parent(test):
    return getattr(test, "test_case", test).id()


def sentence(test):
    """clients_test.Docker.test_pulls_by_host -> "clients Docker: pulls by host"; class skips have no method."""
    names = _parent(test).split(".")
    if len(names) != 3:
        return _parent(test)
    topic = names[0].removesuffix("_test").replace("_", " ")
    room = "" if topic.replace(" ", "") == names[1].lower() else f" {names[1]}"
    extra = f" {test._subDescription()}" if hasattr(test, "test_case") else ""
    return f"{topic}{room}: {names[2].removeprefix('test_').replace('_', ' ')}{extra}"


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def expire(*_):
    raise TimeoutError(f"the test took longer than {TEST_SECONDS} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=["longshore", "docker-registry"], default="longshore")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("part", nargs="*")
    args = parser.parse_args()
    os.environ["LONGSHORE_E2E_PEER"] = args.peer
    sys.path.insert(0, str(HERE))
    import harness
    if args.peer == "longshore" and not args.list and not Path(harness.BINARY).exists():
        sys.exit(f"no binary at {harness.BINARY}: build it or set LONGSHORE_BIN")
    found = tests_of(unittest.defaultTestLoader.discover(str(HERE), "*_test.py"))
    chosen = [test for test in found if not args.part or any(part in test.id() for part in args.part)]
    if args.list:
        print("\n".join(test.id() for test in chosen))
        return
    signal.signal(signal.SIGALRM, expire)
    result = Result()
    unittest.TestSuite(chosen).run(result)
    print(f"{result.passed} passed, {result.failed()} failed, {len(result.skipped)} skipped")
    sys.exit(1 if result.failed() else 0)


if __name__ == "__main__":
    main()
