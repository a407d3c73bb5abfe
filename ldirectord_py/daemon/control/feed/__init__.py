"""The changes of servers, made once for all who follow them."""
