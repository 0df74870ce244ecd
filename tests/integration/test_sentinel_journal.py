"""The votes journal beside sentinel.conf: what it holds at once, what the file holds soon after, and crashes between."""

import signal

import pytest

from harness import REDIS, Workspace, free_port, poll

NAME = "mymaster"
FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


class Voter:
    """One sentinel whose primary nobody has to be, asked for its vote."""

    def __init__(self, space):
        self.space = space
        self.monitored = free_port()
        self.sentinel = space.sentinel("sentinel", f"sentinel monitor {NAME} 127.0.0.1 {self.monitored} 2\n")
        self.conf = self.sentinel.folder / "sentinel.conf"
        self.journal = self.sentinel.folder / "sentinel.conf.journal"

    def ask(self, epoch, candidate):
        with self.sentinel.client() as client:
            return client.execute_command(
                "SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", self.monitored, epoch, candidate
            )[1:]

    def start_again(self, kind=None):
        self.sentinel = self.space.sentinel("sentinel", port=self.sentinel.port, kind=kind)

    def leader_epoch_in_file(self):
        return f"sentinel leader-epoch {NAME} 7\n" in self.conf.read_text()


def test_a_vote_is_in_the_journal_at_once_and_soon_in_the_file(space):
    voter = Voter(space)
    assert voter.ask(7, FIRST) == [FIRST, 7]
    assert voter.journal.read_text().count("\n") == 1 or voter.leader_epoch_in_file()
    poll(voter.leader_epoch_in_file, 2, "the file has caught up")
    poll(lambda: voter.journal.read_text() == "", 2, "the journal is empty then")
    assert voter.ask(8, FIRST) == [FIRST, 8]
    assert voter.sentinel.stop() == 0
    assert f"sentinel leader-epoch {NAME} 8\n" in voter.conf.read_text() and not voter.journal.exists()


def test_a_vote_outlives_a_crash_before_the_file_has_caught_up(space):
    voter = Voter(space)
    for epoch in range(7, 12):
        assert voter.ask(epoch, FIRST) == [FIRST, epoch]
        voter.sentinel.kill()
        if epoch % 2:  # a record torn by the crash, behind the whole one
            with open(voter.journal, "ab") as journal:
                journal.write(b"12345678 " + b"c" * 20)
        voter.start_again()
        assert voter.ask(epoch, SECOND) == [None, epoch] or voter.ask(epoch, SECOND) == ["*", epoch]
    assert voter.ask(12, SECOND) == [SECOND, 12]


def test_a_real_sentinel_starts_from_our_file(space):
    voter = Voter(space)
    assert voter.ask(7, FIRST) == [FIRST, 7]
    poll(voter.leader_epoch_in_file, 2, "the file has caught up")
    voter.sentinel.kill()
    voter.start_again(REDIS)
    assert voter.ask(7, SECOND)[0] != SECOND
    voter.sentinel.stop()
    voter.start_again()
    assert voter.ask(8, FIRST) == [FIRST, 8]
    assert voter.sentinel.stop() == 0  # at once: nothing is left in the journal
    voter.start_again(REDIS)
    assert voter.ask(8, SECOND)[0] != SECOND


def test_a_journal_that_cannot_be_read_is_refused(space):
    voter = Voter(space)
    voter.sentinel.signal(signal.SIGTERM)
    assert voter.sentinel.wait_exit() == 0
    voter.journal.mkdir()
    refused = space.sentinel("sentinel", port=voter.sentinel.port, wait=False)
    assert refused.wait_exit() == 1
    assert "can't read the votes journal" in refused.log()


def test_without_its_journal_a_vote_goes_to_the_file(space):
    voter = Voter(space)
    for epoch in (7, 8):
        voter.journal.unlink()
        assert voter.ask(epoch, FIRST) == [FIRST, epoch]
        assert f"sentinel leader-epoch {NAME} {epoch}\n" in voter.conf.read_text()
        assert voter.journal.exists()
