"""The words of ``checktype``, one module for each."""
