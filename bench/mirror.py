#!/usr/bin/python3
"""Longshore's mirror beside nginx and docker-registry, in one run, on this machine.

    ./dev bench mirror [--only FIGURE]... [--peers NAME]... [--rounds 5] [--json FILE]

A local hub and nginx as its CDN are the upstream. Every server runs on one core, the load on another; servers take
turns within each round. Prints a Markdown table of medians, the ratios to nginx, and the configurations.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from hub.client import HubProcess
from hub.fast import FastCdn
from mirror_bench import figures, report, servers
from mirror_bench.load import Load


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(figures.FIGURES), help="these figures; repeatable")
    parser.add_argument("--peers", action="append", choices=[kind.name for kind in servers.ALL],
                        help="these servers; repeatable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="length of one request-rate measurement")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see whether it works")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", default="1", help="core or list of cores for load, hub and CDN")
    parser.add_argument("--json", metavar="FILE", help="all values of all rounds")
    parser.add_argument("--configs", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def sizes_of(args):
    sizes = figures.Sizes(seconds=args.seconds)
    if args.quick:
        sizes.warm, sizes.warm_total, sizes.cold = 16 * figures.MIB, 256 * figures.MIB, 16 * figures.MIB
        sizes.crowd, sizes.first_bytes = 8 * figures.MIB, 5
    return sizes


def token(hub, *names):
    scopes = "".join(f"&scope=repository:{name}:pull" for name in names)
    connection = http.client.HTTPConnection("127.0.0.1", hub.addresses["token"], timeout=10)
    connection.request("GET", f"/token?service=bench{scopes}")
    value = json.loads(connection.getresponse().read())["token"]
    connection.close()
    return value


def measure_all(bench, running, names, rounds):
    """{server: [{key: value} for each round]}"""
    values = {server.name: [{} for _ in range(rounds)] for server in running}
    for name in names:
        measure, needs_cache, needs_tls = figures.FIGURES[name]
        able = [server for server in running if (server.caches or not needs_cache)
                and (server.name != "docker-registry" or not needs_tls)]
        for number in range(rounds):
            for server in able[number % len(able):] + able[:number % len(able)]:
                say(f"{name}, round {number + 1} of {rounds}: {server.name}")
                try:
                    values[server.name][number].update(measure(bench, server, number))
                except RuntimeError as error:
                    say(f"    {server.name} failed: {error}")
    for server in running:
        values[server.name][-1]["rss_mib"] = server.peak_rss() / figures.MIB
    return values


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(args, directory):
    os.sched_setaffinity(0, cores(args.load_core))  # the hub and the CDN inherit it
    storage = directory / "hub"
    started = []
    try:
        with HubProcess(storage, settings={"limit": 1 << 30, "token_seconds": 86400}) as hub:
            cdn = FastCdn(directory / "cdn", hub.addresses["storage"])
            started.append(cdn)
            hub.set(cdn=cdn.url)
            pass_token = token(hub, "library/alpine", "library/blobs")
            world = servers.World(directory, hub, cdn, pass_token, args.server_core)
            running = start(args, world, started)
            bench = figures.Bench(hub, cdn, Load(directory, args.load_core), sizes_of(args), args.server_core)
            bench.token = pass_token
            before = report.environment()
            values = measure_all(bench, running, args.only or list(figures.FIGURES), args.rounds)
            show(args, before, values, running)
            while started:
                started.pop().close()
    finally:
        for one in reversed(started):
            one.close()


def cores(text):
    return {int(part) for part in text.split(",")}


def start(args, world, started):
    running = []
    for kind in servers.ALL:
        if args.peers and kind.name not in args.peers:
            continue
        if servers.absent(kind):
            say(f"{kind.name} is not there: left out")
            continue
        running.append(kind(world))
        started.append(running[-1])
    return running


def show(args, before, values, running):
    table = report.summarise(values)
    after = report.environment()
    print(f"{before['date']}, commit {before['commit']}; {before['cpu']}, {before['cores']} cores, Linux "
          f"{before['kernel']}; load before {before['load']}, after {after['load']}; {before['nginx']}; "
          f"{before['docker-registry']}. Median of {args.rounds} alternating rounds; servers on core "
          f"{args.server_core}, load on {args.load_core}.\n")
    print(report.markdown(table, [server.name for server in running]))
    if args.configs:
        for server in running:
            print(f"\n<details><summary>{server.name}</summary>\n\n```\n{server.config.strip()}\n```\n</details>")
    if args.json:
        Path(args.json).write_text(json.dumps({"environment": before, "load_after": after["load"], "table": table,
                                               "rounds": values}, indent=1) + "\n")


def main():
    args = parse()
    if os.cpu_count() < 2:
        sys.exit("the bench needs two cores: one for the servers, one for the load")
    with tempfile.TemporaryDirectory(prefix="bench-mirror-", ignore_cleanup_errors=True) as directory:
        run(args, Path(directory))


if __name__ == "__main__":
    main()
