"""`make bench`: everything, one after the other."""

from bench import cold_sync, follow, follow_users, sweep

cold_sync.main()
print()
sweep.main()
print()
follow.main()
print()
follow_users.main()
