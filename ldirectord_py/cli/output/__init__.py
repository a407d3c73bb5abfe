"""What commands print: the tables of ``show`` and ``top``, and the terminal that they are on."""
