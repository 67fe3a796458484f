"""`make bench`: everything, one after the other."""

from bench import cold_sync, confusion, follow, follow_users, state, sweep

cold_sync.main()
print()
sweep.main()
print()
follow.main()
print()
follow_users.main()
print()
state.main()
print()
confusion.main()
