"""The exit table: however a process ends, what the venues see of it and how long that takes, with real processes."""
