#!/usr/bin/python3
"""A2: HTTP/2 rapid reset (CVE-2023-44487).

Connections that open streams and reset them at once, as fast as the server reads. Each is told ENHANCE_YOUR_CALM and
closed within a second of its budget. An origin behind the HTTP core sees no more requests than the budget and one
connection's streams allow, also when every request gets the time to start. Honest clients get every answer right; in
the full form their rate stays at 90 % or more of what it is without the attack, while each of 100 attackers comes back
as often as a second lets it.
"""

import asyncio

import attacks
import rig

BUDGET = 200         # streams a client may reset at once: src/http/h2/budget.hpp
STREAMS = 256        # concurrent on one connection
AT_ONCE = 100        # requests between two rounds of resets of the patient attack


def patient_load(encoded, rounds=20):
    """Requests, and a moment later their resets."""
    pieces = []
    for first in range(1, 2 * AT_ONCE * rounds, 2 * AT_ONCE):
        streams = range(first, first + 2 * AT_ONCE, 2)
        pieces.append(b"".join(attacks.request(stream, encoded) for stream in streams))
        pieces.append(b"".join(attacks.frame(attacks.RST_STREAM, 0, stream, attacks.CANCEL) for stream in streams))
    return pieces


def judge(name, ended):
    faults = [f"{name}: {sum(not one.closed for one in ended)} connections stayed open"] * any(
        not one.closed for one in ended)
    wrong = {one.goaway for one in ended if one.closed and one.goaway != attacks.CALM}
    faults += [f"{name}: the last word was {sorted(wrong)}"] * bool(wrong)
    slowest = max(one.seconds for one in ended)
    return faults, slowest


def through_an_origin(connections, scratch):
    """The patient attack through the core: what reaches the origin."""
    with attacks.Joint(scratch) as joint:
        pieces = patient_load(attacks.fields("/", joint.port))
        ended = attacks.attack_all(joint.port, pieces, connections, pause=0.1, patience=20)
        faults, _ = judge("patient attack", ended)
        allowed = connections * (BUDGET + STREAMS)
        seen = joint.origin.requests
        faults += [f"the origin saw {seen} requests, allowed {allowed}"] * (seen > allowed)
        faults += ["the attack reached the origin with no request at all"] * (seen == 0)
    return faults, seen


async def waves(port, load, connections, seconds):
    """Each attacker comes back a second after its last start."""
    async def attacker():
        ended = []
        for _ in range(seconds):
            again = asyncio.sleep(1)
            resting = asyncio.ensure_future(again)
            ended.append(await attacks.attack(port, [load]))
            await resting
        return ended
    return [one for some in await asyncio.gather(*(attacker() for _ in range(connections))) for one in some]


def measure(form, scratch):
    connections, seconds = form.pick(20, 100), 10
    with attacks.Warm(scratch, seed=form.seed) as warm:
        load = attacks.rapid_resets(attacks.fields(warm.path, warm.port), 2_000)
        ratio, errors = 1.0, 0
        if form.full:
            before = attacks.Wrk(warm.port, warm.path, seconds).result()
            beside = attacks.Wrk(warm.port, warm.path, seconds)
            ended = asyncio.run(waves(warm.port, load, connections, seconds - 1))
            during = beside.result()
            ratio, errors = during.rate / before.rate, during.errors
        else:
            with attacks.Honest(warm.port, warm.path, warm.size) as honest:
                ended = attacks.attack_all(warm.port, [load], connections)
            errors = len(honest.faults) + (honest.good == 0)
        faults, slowest = judge("rapid reset", ended)
        faults += [f"{errors} honest requests went wrong"] * bool(errors)
        if form.full:
            faults += [f"closed after {slowest:.2f} s"] * (slowest > 1)
            faults += [f"honest rate at {100 * ratio:.0f} %"] * (ratio < 0.9)
        faults += [f"the metric counts {attacks.cuts(warm.mirror)}"] * (
            attacks.cuts(warm.mirror).get("resets", 0) < len(ended))
        faults += warm.alive()
    more, seen = through_an_origin(form.pick(5, 20), scratch)
    share = f", honest rate {100 * ratio:.0f} %" if form.full else ""
    return faults + more, (f"{len(ended)} connections closed, the slowest after {slowest:.2f} s{share}; "
                           f"{form.pick(5, 20)} patient ones brought {seen} requests to the origin")


if __name__ == "__main__":
    rig.run_row("A2", __doc__, measure)
