"""What is run once to set things up: deploy/."""
