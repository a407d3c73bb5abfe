"""The kernel's table over generic netlink."""
