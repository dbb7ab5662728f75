"""The table: medians side by side, ratios from round to round, targets."""

import datetime
import os
import platform
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOISE = 0.03
US, PEER = "longshore", "nginx"

# key, what, decimals, target: ("ratio", ">=" or "<=", x) against nginx, ("value", "<=", x) on our own, or None
ROWS = [
    ("manifest_rate", "warm manifest, GET/s", 0, ("ratio", ">=", 1.0)),
    ("manifest_cpu_us", "warm manifest, CPU µs a request", 1, ("ratio", "<=", 1.0)),
    ("blob_cpu_1", "warm blob, CPU s/GiB, 1 connection", 3, ("ratio", "<=", 1.0)),
    ("blob_cpu_8", "warm blob, CPU s/GiB, 8 connections", 3, ("ratio", "<=", 1.0)),
    ("blob_mbs_1", "warm blob, MB/s, 1 connection", 0, None),
    ("blob_mbs_8", "warm blob, MB/s, 8 connections", 0, None),
    ("cold_mbs", "cold blob, MB/s, SHA-256 time of ours taken off", 0, ("ratio", ">=", 1.0)),
    ("cold_mbs_raw", "cold blob, MB/s as it was", 0, None),
    ("cold_cpu", "cold blob, CPU s/GiB", 3, None),
    ("sha256_ms", "SHA-256 of the same bytes, ms", 1, None),
    ("ttfb_ms", "cold blob, time to first byte, ms", 2, None),
    ("ttfb_upstream_ms", "the same from the upstream itself, ms", 2, None),
    ("ttfb_more_ms", "cold blob, first byte behind the upstream's, ms", 2, ("value", "<=", 1.0)),
    ("crowd_gets", "64 cold clients: upstream GETs", 0, ("value", "<=", 1)),
    ("crowd_wall", "64 cold clients: wall / one upstream stream", 2, ("value", "<=", 1.2)),
    ("rss_mib", "peak RSS over the bench, MiB", 1, ("value", "<=", 48)),
    ("h2_rate", "h2 manifest over TLS, GET/s", 0, ("ratio", ">=", 2.0)),
    ("h2_cpu_us", "h2 manifest over TLS, CPU µs a request", 1, None),
    ("tls_manifest_rate", "h1 manifest over TLS, GET/s", 0, None),
    ("tls_manifest_cpu_us", "h1 manifest over TLS, CPU µs a request", 1, ("ratio", "<=", 1.0)),
    ("tls_blob_cpu_1", "warm blob over TLS, CPU s/GiB, 1 connection", 3, ("ratio", "<=", 1.0)),
    ("tls_blob_cpu_8", "warm blob over TLS, CPU s/GiB, 8 connections", 3, ("ratio", "<=", 1.0)),
    ("tls_blob_mbs_1", "warm blob over TLS, MB/s, 1 connection", 0, None),
    ("tls_blob_mbs_8", "warm blob over TLS, MB/s, 8 connections", 0, None),
]


def summarise(rounds):
    """{server: [{key: value} for each round]} -> {key: {server: median, "ratio": median of the rounds' ratios}}"""
    table = {}
    for key, *_ in ROWS:
        row = {}
        for server, values in rounds.items():
            seen = [one[key] for one in values if key in one]
            if seen:
                row[server] = statistics.median(seen)
        ratios = [ours[key] / peers[key] for ours, peers in zip(rounds.get(US, []), rounds.get(PEER, []))
                  if key in ours and peers.get(key)]
        if ratios:
            row["ratio"] = statistics.median(ratios)
        if row:
            table[key] = row
    return table


def met(target, row):
    """"yes", "no", or "" when there is nothing to judge. Ratios are met within the noise of the bench."""
    if target is None:
        return ""
    kind, direction, limit = target
    value = row.get("ratio" if kind == "ratio" else US)
    if value is None:
        return ""
    slack = NOISE if kind == "ratio" else 0.0
    return "yes" if (value >= limit * (1 - slack) if direction == ">=" else value <= limit * (1 + slack)) else "no"


def markdown(table, servers):
    lines = ["| figure | " + " | ".join(servers) + f" | {US} / {PEER} | target | met |",
             "|---|" + "---:|" * len(servers) + "---:|---|---|"]
    for key, what, decimals, target in ROWS:
        if key not in table:
            continue
        row = table[key]
        cells = [f"{row[server]:,.{decimals}f}" if server in row else "–" for server in servers]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else "–"
        lines.append(f"| {what} | {' | '.join(cells)} | {ratio} | {words(target)} | {met(target, row)} |")
    return "\n".join(lines)


def words(target):
    if target is None:
        return ""
    kind, direction, limit = target
    return f"{'≥' if direction == '>=' else '≤'} {limit}{'×' if kind == 'ratio' else ''}"


def environment():
    cpu = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith("model name")]
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "cpu": cpu[0] if cpu else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "load": " ".join(f"{value:.2f}" for value in os.getloadavg()),
            "commit": _first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]),
            "nginx": _first_line(["nginx", "-v"]), "docker-registry": _first_line(["docker-registry", "--version"])}


def _first_line(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return "not there"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""
