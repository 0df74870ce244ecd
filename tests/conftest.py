"""Fixtures: `space` is a Workspace for the kind of binaries under test, chosen with --kind (holdfast or redis).

--kind redis runs the same tests against Debian's redis-server and redis-sentinel: it proves the tests, not us.
"""

import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "integration"))

import harness  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--kind", choices=[harness.HOLDFAST, harness.REDIS], default=harness.HOLDFAST)


def pytest_configure(config):
    config.addinivalue_line("markers", "ours: needs something that only Holdfast has")
    config.addinivalue_line("markers", "alone: measures times or the machine, so nothing else runs beside it")


@pytest.fixture(scope="session")
def kind(request):
    return request.config.getoption("--kind")


@pytest.fixture(autouse=True)
def _only_ours(request):
    if request.node.get_closest_marker("ours") and request.config.getoption("--kind") == harness.REDIS:
        pytest.skip("Redis does not have this")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.stash.setdefault(_FAILED, False)
    if outcome.get_result().failed:
        item.stash[_FAILED] = True


_FAILED = pytest.StashKey()


@pytest.fixture
def space(kind, request):
    workspace = harness.Workspace(kind)
    yield workspace
    if request.node.stash.get(_FAILED, False):
        workspace.print_logs()
    complaints = workspace.close()
    assert not complaints, "\n".join(complaints)
