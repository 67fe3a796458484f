"""`python -m sync_agent` is `sync-agent`."""

from sync_agent.cli import main

main()
