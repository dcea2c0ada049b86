"""Roster's two stacks on AWS and the program that deploys them. It is not part of what is deployed."""
