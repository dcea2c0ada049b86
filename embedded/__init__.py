"""Development only: runs Roster on an embedded AWS, on one machine, without an account. The app never imports it."""
