import pytest

FIGURES = pytest.StashKey[str]()
WHY_NOT = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table, or why there is none: neither is to be lost among the dots."""
    if FIGURES in config.stash:
        terminalreporter.section("figures")
        terminalreporter.write_line(config.stash[FIGURES])
    if WHY_NOT in config.stash:
        terminalreporter.section("NOT TESTED ON A GPU", red=True, bold=True)
        terminalreporter.write_line(config.stash[WHY_NOT], yellow=True)
