"""How long writers stand still when the primary dies or hangs: ours, and redis-sentinel beside it in the same run.

3 sentinels, 2 replicas. The figure is from the fault (kill -9, SIGSTOP) to the first accepted write through discovery,
less down-after; with the crash fast path it is from the kill itself. Each case runs a few rounds; HOLDFAST_FAILOVER_ROUNDS
says how many instead, has all cases run, and holds them to the full goal: median at most 60 ms, maximum at most 200 ms
(fast path: at most 200 ms from the kill). Under the sanitizers (HOLDFAST_SLOW) the failovers must work and no time is asked
of them, nor of Redis.
"""

import os
import statistics
from dataclasses import dataclass

import pytest

import harness
from failover_probe import FailoverProbe
from harness import HOLDFAST, REDIS, Group, Workspace

GOAL_MEDIAN_MS, GOAL_MAX_MS = 60, 200
ASKED_ROUNDS = int(os.environ.get("HOLDFAST_FAILOVER_ROUNDS", "0"))
REDIS_ROUNDS = int(os.environ.get("HOLDFAST_FAILOVER_REDIS_ROUNDS", "2"))  # enough to show the difference


@dataclass
class Case:
    fault: str
    down_after_ms: int
    fast: bool
    rounds: int  # in the short tier

    def __str__(self):
        return f"{self.fault}-{self.down_after_ms}{'-fast' if self.fast else ''}"


CASES = [
    Case("kill", 1000, False, 4),
    Case("stop", 500, False, 2),
    Case("kill", 5000, True, 3),
]
if ASKED_ROUNDS:
    CASES += [
        Case("kill", 500, False, 0),
        Case("kill", 5000, False, 0),
        Case("stop", 1000, False, 0),
        Case("stop", 5000, False, 0),
    ]


def one_round(kind, case):
    extra = "sentinel fast-down myprimary yes\n" if case.fast else ""
    with Workspace(kind) as space:
        group = Group(space, down_after_ms=case.down_after_ms, extra=extra)
        with group.primary.client() as client:
            client.set("before", "the fault")
            assert client.wait(2, 5000) == 2
        probe = FailoverProbe([s.address for s in group.sentinels], group.name, group.primary.address)
        probe.mark()
        if case.fault == "kill":
            group.primary.kill()
        else:
            group.primary.pause()
        seconds, address = probe.wait(30 * harness.SLOW)
        chosen = group.wait_new_primary(group.primary)
        assert chosen.address == address, "the write was accepted by a node that is not the new primary"
        with chosen.client() as client:
            assert client.get("before") == "the fault" and client.get("probe") == "written"
        return seconds * 1000 - (0 if case.fast else case.down_after_ms)


def figures(kind, case, samples):
    ordered = sorted(samples)
    since = "the kill" if case.fast else "down-after"
    return (
        f"{kind:9s} {case!s:14s} ms past {since}: median {statistics.median(ordered):6.0f}  min {ordered[0]:6.0f}  "
        f"max {ordered[-1]:6.0f}  all {' '.join(f'{x:.0f}' for x in samples)}"
    )


@pytest.mark.alone
@pytest.mark.parametrize("case", CASES, ids=str)
def test_failover_time(kind, case, capsys):
    slow = harness.SLOW != 1
    if kind == REDIS and case.fast:
        pytest.skip("ours alone has it")
    rounds = {kind: ASKED_ROUNDS or (1 if slow else case.rounds)}
    if kind == HOLDFAST and not slow and not case.fast and (ASKED_ROUNDS or case.down_after_ms == 1000):
        rounds[REDIS] = REDIS_ROUNDS
    samples = {k: [] for k in rounds if rounds[k] > 0}
    for turn in range(max(rounds.values())):
        for k in samples:  # in turns, so that a busy moment of the machine hits both
            if turn < rounds[k]:
                samples[k].append(one_round(k, case))
    with capsys.disabled():
        print()
        for k in samples:
            print(figures(k, case, samples[k]))
    if slow or kind == REDIS:
        return
    ours = samples[HOLDFAST]
    if ASKED_ROUNDS:
        assert max(ours) <= GOAL_MAX_MS
        assert case.fast or statistics.median(ours) <= GOAL_MEDIAN_MS
    assert statistics.median(ours) <= GOAL_MAX_MS  # of a few rounds one may have met a busy machine
    if REDIS in samples:
        assert statistics.median(ours) < statistics.median(samples[REDIS])
