"""The words of ``checktype``, each in a file of its own."""
