"""Roster on AWS: its two stacks and the small program that deploys them. Development and operations only."""
