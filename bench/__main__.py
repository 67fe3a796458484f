"""`make bench`: everything, one after the other."""

from bench import cold_sync, sweep

cold_sync.main()
print()
sweep.main()
